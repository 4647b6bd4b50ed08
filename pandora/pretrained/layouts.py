"""How published checkpoints name the tensors of a Wan transformer, and the way from there to our names.

A layout is strict: every key must be one that it knows. Our names are those of diffusers' `WanTransformer3DModel`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from pandora.errors import InvalidCheckpoint

_WRAPPERS = ("model.diffusion_model.", "generator_ema.model.", "generator.model.", "model.")  # of training checkpoints


@dataclass(frozen=True)
class Layout:
    """`renames` are whole-key patterns and what they become; `unused` are patterns of keys that we have no use for."""

    name: str
    mark: str  # a key that only this layout has
    renames: Mapping[str, str]
    unused: tuple[str, ...] = ()

    def rename(self, key: str) -> str | None:
        """Our name for a key; None where it is of no use to us. Raises KeyError where the layout has no such key."""
        if any(re.fullmatch(pattern, key) for pattern in self.unused):
            return None
        for pattern, ours in self.renames.items():
            if match := re.fullmatch(pattern, key):
                return match.expand(ours)
        raise KeyError(key)


_PARAMETER = r"(weight|bias)"
DIFFUSERS = Layout(
    name="diffusers",
    mark="condition_embedder.time_proj.weight",
    renames={
        rf"((?:patch_embedding|proj_out)\.{_PARAMETER})": r"\1",
        rf"(condition_embedder\.(?:time_embedder|text_embedder|delta_embedder)\.linear_[12]\.{_PARAMETER})": r"\1",
        rf"(condition_embedder\.time_proj\.{_PARAMETER})": r"\1",
        r"((?:blocks\.\d+\.)?scale_shift_table)": r"\1",
        rf"(blocks\.\d+\.attn[12]\.(?:to_[qkv]|to_out\.0)\.{_PARAMETER})": r"\1",
        r"(blocks\.\d+\.attn[12]\.norm_[qk]\.weight)": r"\1",
        rf"(blocks\.\d+\.norm2\.{_PARAMETER})": r"\1",
        rf"(blocks\.\d+\.ffn\.net\.(?:0\.proj|2)\.{_PARAMETER})": r"\1",
        # ours alone, in what was trained from a published one
        rf"(blocks\.\d+\.(?:attn_state\.(?:to_[qkv]|to_out\.0)|norm_state)\.{_PARAMETER})": r"\1",
        r"(blocks\.\d+\.attn_state\.norm_[qk]\.weight)": r"\1",
        rf"(condition_embedder\.(?:state_embedder\.linear_[12]|action_embedder\.[02])\.{_PARAMETER})": r"\1",
    },
    # AnyFlow-FAR reads far history through coarser patches; our window keeps every frame whole
    unused=(rf"far_patch_embedding\.{_PARAMETER}", r"rope\..*"),
)
_LINEAR = {"0": "1", "2": "2"}
WAN = Layout(
    name="wan",
    mark="time_projection.1.weight",
    renames={
        rf"patch_embedding\.{_PARAMETER}": r"patch_embedding.\1",
        **{
            rf"{theirs}\.{place}\.{_PARAMETER}": rf"condition_embedder.{ours}.linear_{number}.\1"
            for theirs, ours in (("time_embedding", "time_embedder"), ("text_embedding", "text_embedder"))
            for place, number in _LINEAR.items()
        },
        rf"time_projection\.1\.{_PARAMETER}": r"condition_embedder.time_proj.\1",
        r"head\.modulation": "scale_shift_table",
        rf"head\.head\.{_PARAMETER}": r"proj_out.\1",
        r"(blocks\.\d+)\.modulation": r"\1.scale_shift_table",
        **{
            pattern.format(attention): rf"\1.{ours}.{place}"
            for attention, ours in (("self_attn", "attn1"), ("cross_attn", "attn2"))
            for pattern, place in (
                (r"(blocks\.\d+)\.{}\.([qkv])\.(weight|bias)", r"to_\2.\3"),
                (r"(blocks\.\d+)\.{}\.o\.(weight|bias)", r"to_out.0.\2"),
                (r"(blocks\.\d+)\.{}\.(norm_[qk])\.weight", r"\2.weight"),
            )
        },
        rf"(blocks\.\d+)\.norm3\.{_PARAMETER}": r"\1.norm2.\2",  # theirs counts in the order of use
        rf"(blocks\.\d+)\.ffn\.0\.{_PARAMETER}": r"\1.ffn.net.0.proj.\2",
        rf"(blocks\.\d+)\.ffn\.2\.{_PARAMETER}": r"\1.ffn.net.2.\2",
    },
    unused=(r"freqs", r"rope\..*"),
)
LAYOUTS = (DIFFUSERS, WAN)


def detect(keys: Iterable[str], source: object) -> Layout:
    """The layout whose mark is among the keys. Raises InvalidCheckpoint where there is none."""
    bare = {unwrap(key) for key in keys}
    for layout in LAYOUTS:
        if layout.mark in bare:
            return layout
    shown = ", ".join(sorted(bare)[:5])
    raise InvalidCheckpoint(
        f"{source} is no Wan transformer: it has none of {', '.join(layout.mark for layout in LAYOUTS)}, but {shown}, …"
    )


def unwrap(key: str) -> str:
    """A key without the prefix that a training program put before it."""
    for wrapper in _WRAPPERS:
        if key.startswith(wrapper):
            return key.removeprefix(wrapper).removeprefix("_fsdp_wrapped_module.")
    return key


def translate(tensors: Mapping[str, Tensor], source: object) -> dict[str, Tensor]:
    """Tensors under our names. Raises InvalidCheckpoint, naming every key that the layout does not know."""
    layout = detect(tensors, source)
    ours: dict[str, Tensor] = {}
    strange: list[str] = []
    for key, tensor in tensors.items():
        try:
            name = layout.rename(unwrap(key))
        except KeyError:
            strange.append(key)
            continue
        if name is not None:
            ours[name] = tensor
    if strange:
        raise InvalidCheckpoint(
            f"{source} has {len(strange)} tensors that the layout {layout.name!r} does not know: "
            f"{', '.join(sorted(strange)[:8])}{', …' if len(strange) > 8 else ''}. "
            f"Image-conditioned variants (I2V, VACE, Animate) are not supported; use a text-to-video checkpoint."
        )
    return ours
