"""Published video transformers by name: where they are, their exact shape, and how they are sampled."""

from dataclasses import dataclass, replace
from typing import Any

from pandora.errors import InvalidCheckpoint, UnknownName
from pandora.video.flow import VideoConfig
from pandora.video.sampling import SamplerName
from pandora.video.transformer import TransformerConfig

_WAN_1B = TransformerConfig(
    num_attention_heads=12, attention_head_dim=128, in_channels=16, out_channels=16, text_dim=4096, freq_dim=256,
    ffn_dim=8960, num_layers=30, action_dim=None,
)  # fmt: skip
_WAN_5B = replace(_WAN_1B, num_attention_heads=24, in_channels=48, out_channels=48, ffn_dim=14336)


@dataclass(frozen=True, kw_only=True)
class PublishedVideo:
    """A checkpoint's repository, the files in it that hold the transformer, its config, and its size in parameters."""

    repository: str
    files: str  # pattern of the safetensors
    transformer: TransformerConfig
    parameters: int
    steps: int  # with which it was made to sample
    autoencoder: str  # repository of its autoencoder, in diffusers' layout
    chunk: int  # latent frames made at once
    time_shift: float
    history: int  # latent frames that a chunk attends to besides itself: as in training, where that was causal
    sink: int = 0  # of them, the first ones, for good
    sampler: SamplerName = "euler"

    def video_config(self, state_dim: int | None = None) -> VideoConfig:
        """How it samples, as a config; with `state_dim`, both roads are open: to a text encoder and to an adapter."""
        return VideoConfig(
            chunk=self.chunk, history=self.history, sink=self.sink, prediction="velocity", coordinates=False,
            time_shift=self.time_shift, sampler=self.sampler, road="text" if state_dim is None else "both",
            transformer=replace(self.transformer, state_dim=state_dim),
        )  # fmt: skip


_WAN_VAE, _WAN22_VAE = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "Wan-AI/Wan2.2-TI2V-5B-Diffusers"
VIDEO: dict[str, PublishedVideo] = {
    "wan2.1-t2v-1.3b": PublishedVideo(
        repository=_WAN_VAE, files="transformer/*.safetensors", transformer=_WAN_1B, parameters=1_418_996_800,
        steps=50, autoencoder=_WAN_VAE, chunk=21, time_shift=3.0, history=21,
    ),
    "anyflow-far-wan2.1-1.3b": PublishedVideo(
        repository="nvidia/AnyFlow-FAR-Wan2.1-1.3B-Diffusers", files="transformer/*.safetensors",
        transformer=replace(_WAN_1B, flow_map=True), parameters=1_421_752_384, steps=4, autoencoder=_WAN_VAE, chunk=3,
        time_shift=5.0, history=6, sampler="flow_map",
    ),
    "self-forcing-1.3b": PublishedVideo(
        repository="gdhe17/Self-Forcing", files="checkpoints/self_forcing_dmd*.safetensors", transformer=_WAN_1B,
        parameters=1_418_996_800, steps=4, autoencoder=_WAN_VAE, chunk=3, time_shift=5.0,
        history=18, sampler="renoise",
    ),
    "longlive-1.3b": PublishedVideo(
        repository="Efficient-Large-Model/LongLive-1.3B", files="models/*.safetensors", transformer=_WAN_1B,
        parameters=1_418_996_800, steps=4, autoencoder=_WAN_VAE, chunk=3, time_shift=5.0,
        history=9, sink=3, sampler="renoise",
    ),
    "wan2.2-ti2v-5b": PublishedVideo(
        repository=_WAN22_VAE, files="transformer/*.safetensors", transformer=_WAN_5B, parameters=4_999_787_712,
        steps=50, autoencoder=_WAN22_VAE, chunk=8, time_shift=5.0,
        history=24,
    ),
}  # fmt: skip


def published_video(name: str) -> PublishedVideo:
    """Raises UnknownName, listing the valid ones."""
    if name not in VIDEO:
        raise UnknownName("published video model", name, VIDEO)
    return VIDEO[name]


_SAME = (
    "num_attention_heads", "attention_head_dim", "in_channels", "out_channels", "text_dim", "freq_dim", "ffn_dim",
    "num_layers", "cross_attn_norm", "eps", "rope_max_seq_len",
)  # fmt: skip
_UNSUPPORTED = ("image_dim", "added_kv_proj_dim", "pos_embed_seq_len")


def read_config(values: dict[str, Any], source: object) -> TransformerConfig:
    """Our config for a `config.json` of diffusers' Wan or AnyFlow transformers. Raises InvalidCheckpoint."""
    kind = values.get("_class_name", "WanTransformer3DModel")
    if kind not in ("WanTransformer3DModel", "AnyFlowTransformer3DModel", "AnyFlowFARTransformer3DModel"):
        raise InvalidCheckpoint(f"{source} holds a {kind}; a Wan or AnyFlow text-to-video transformer is needed.")
    for name in _UNSUPPORTED:
        if values.get(name) is not None:
            raise InvalidCheckpoint(f"{source} has {name} = {values[name]}: image-conditioned variants don't fit.")
    if values.get("qk_norm", "rms_norm_across_heads") != "rms_norm_across_heads":
        raise InvalidCheckpoint(f"{source} has qk_norm = {values['qk_norm']!r}; only 'rms_norm_across_heads' fits.")
    if values.get("deltatime_type", "r") != "r":
        raise InvalidCheckpoint(f"{source} has deltatime_type = {values['deltatime_type']!r}; only 'r' fits.")
    missing = [name for name in _SAME[:8] if name not in values]
    if missing:
        raise InvalidCheckpoint(f"{source} lacks {', '.join(missing)}.")
    fields: dict[str, Any] = {name: values[name] for name in _SAME if name in values}
    if kind.startswith("AnyFlow"):
        fields |= {"flow_map": True, "flow_map_gate": values.get("gate_value", 0.25)}
    patch = tuple(values.get("patch_size", (1, 2, 2)))
    return TransformerConfig(patch_size=patch, action_dim=None, **fields)  # type: ignore[arg-type]
