"""Which published parts make a model, and how it films; presets by name."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pandora.config import Config
from pandora.errors import InvalidConfig, UnknownName
from pandora.pretrained.backbone import ReadingConfig
from pandora.pretrained.latents import TIME
from pandora.pretrained.published import VIDEO
from pandora.video.flow import Road, VideoConfig
from pandora.video.sampling import SamplerName

ROADS = ("auto", "off", "text", "state", "both")


@dataclass(frozen=True, kw_only=True)
class LargeConfig(Config):
    """Parts are names of `pandora.pretrained`, hub names or folders; an empty one is left out."""

    name: str = "pandora-7b"
    backbone: str = "qwen2.5-vl-7b"
    video: str = "anyflow-far-wan2.1-1.3b"
    shape: str = ""  # the published video model whose shape a bare file of weights has
    prompts: str = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"  # whose text encoder reads what happens
    autoencoder: str = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
    tiny_decoder: str = "lighttaew2_1"  # decodes live; without it the autoencoder does
    release: str = ""  # what `pandora train instruction` made: adapter, queries, low-rank updates
    road: Literal["auto", "off", "text", "state", "both"] = "auto"  # the release's own; without one, text
    told_past: bool = True  # whether the past is remembered with what was said, or, as releases are trained, without
    rewrite: int = 0  # tokens in which the backbone may describe what an action leads to; 0: the action is the prompt
    height: int = 480
    width: int = 832
    fps: int = 16
    chunk: int = 3  # latent frames an action
    window: int = 9  # latent frames attended to, besides those that are made
    sink: int = 3  # of them: the world's first, which never leave
    steps: int = 4  # denoising steps a clip, as the checkpoint was made for
    time_shift: float = 5.0
    sampler: SamplerName = "renoise"
    reading: ReadingConfig = field(default_factory=ReadingConfig)

    def __post_init__(self) -> None:
        if self.height % 16 or self.width % 16 or min(self.height, self.width) < 64:
            raise InvalidConfig(f"Frames have sides of at least 64, multiples of 16, not {self.height}x{self.width}.")
        if self.road not in ROADS:
            raise InvalidConfig(f"The road is {', '.join(ROADS)}, not {self.road!r}.")
        if self.rewrite < 0:
            raise InvalidConfig(f"rewrite is a number of tokens, at least 0, not {self.rewrite}.")
        if self.rewrite and not self.backbone:
            raise InvalidConfig(
                "rewrite asks the backbone to describe, and there is none. Name one, or set rewrite to 0."
            )
        if self.chunk + self.sink > self.window:
            raise InvalidConfig(
                f"A window of {self.window} latent frames can't hold a sink of {self.sink} and a chunk of {self.chunk}."
            )

    @property
    def frames_per_action(self) -> int:
        return TIME * self.chunk

    def video_config(self, transformer: Any, road: Road) -> VideoConfig:
        """What the `VideoModel` around a transformer of that config is made with."""
        return VideoConfig(
            chunk=self.chunk, history=self.window, sink=self.sink, prediction="velocity", coordinates=False,
            time_shift=self.time_shift, sampler=self.sampler, road=road, transformer=transformer,
        )  # fmt: skip


def _make(name: str, video: str = "anyflow-far-wan2.1-1.3b", **changes: Any) -> LargeConfig:
    """Sampled as the video model was made for, unless `changes` say otherwise."""
    return LargeConfig(name=name, **_of_video(video) | changes)


def _of_video(video: str) -> dict[str, Any]:
    """What goes with a published video model: its autoencoder and text encoder, and how it samples."""
    found = VIDEO[video]
    return {
        "video": video, "shape": video, "prompts": found.autoencoder, "autoencoder": found.autoencoder,
        "tiny_decoder": "taew2_2" if found.transformer.in_channels == 48 else "lighttaew2_1",
        "chunk": found.chunk, "window": found.history, "sink": found.sink, "steps": found.steps,
        "time_shift": found.time_shift, "sampler": found.sampler,
    }  # fmt: skip


PRESETS: dict[str, Callable[[], LargeConfig]] = {
    "pandora-7b": lambda: _make("pandora-7b"),
    "pandora-7b-256": lambda: _make("pandora-7b-256", height=256, width=256),
    "pandora-7b-frame": lambda: _make("pandora-7b-frame", chunk=1, steps=2),
    "pandora-7b-vicuna": lambda: _make("pandora-7b-vicuna", backbone="llava-next-video-7b"),
    "pandora-7b-longlive": lambda: _make("pandora-7b-longlive", "longlive-1.3b"),
    "pandora-7b-selfforcing": lambda: _make("pandora-7b-selfforcing", "self-forcing-1.3b"),
    "pandora-7b-wan2.2": lambda: _make("pandora-7b-wan2.2", "wan2.2-ti2v-5b", height=704, width=1280, fps=24),
    "pandora-text": lambda: _make("pandora-text", backbone=""),
}


def preset_names() -> list[str]:
    return list(PRESETS)


def preset(name: str) -> LargeConfig:
    """Raises UnknownName, listing the valid ones."""
    if name not in PRESETS:
        raise UnknownName("preset", name, PRESETS)
    return PRESETS[name]()


def choose(name: str, **given: Any) -> LargeConfig:
    """A preset with other parts; empty ones leave it as it is. With another published video goes what belongs to it.

    Raises UnknownName, InvalidConfig.
    """
    config = preset(name)
    chosen = {part: value for part, value in given.items() if value}
    video = chosen.get("video", config.video)
    if video in VIDEO and video != config.video:
        chosen = _of_video(video) | chosen
    return replace(config, **chosen)
