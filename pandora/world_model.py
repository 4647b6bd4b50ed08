"""The whole model: a state and a sentence go in, the next state and the clip that leads there come out.

    state --frame, earlier actions, action--> backbone -> adapter -> video model --latents--> decoder -> frames

Nothing about a world lives in here: `WorldModel` holds weights, `WorldState` is a value. A model may have experts,
whole models for other worlds: a picture is given to the one whose worlds it is most like, and its world stays with it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, overload

import numpy as np
import torch
from torch import Tensor

from pandora import checkpoint
from pandora.adapter import Adapter, AdapterConfig
from pandora.backbone import ActionTokenizer, Backbone, BackboneConfig, Said
from pandora.config import Config
from pandora.errors import Cancelled, InvalidAction, InvalidInput
from pandora.experts import check as check_experts
from pandora.media import Frame, ImageSource, fit, load_image, to_tensor, to_uint8
from pandora.novelty import PART as NOVELTY
from pandora.novelty import Novelty, NoveltyModel, view
from pandora.runtime import Runtime
from pandora.step import Clock, Imagined, Share, gathered
from pandora.types import Clip, Frames, Part, Sampler, WorldState, noise
from pandora.video import Autoencoder, AutoencoderConfig, VideoConfig, VideoModel

MAX_ACTION_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True)
class WorldModelConfig(Config):
    name: str = "pandora-small"
    worlds: tuple[str, ...] = ("blocks",)  # that the weights were trained on
    frame_size: int = 128
    fps: int = 8
    frames_per_action: int = 8
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    video: VideoConfig = field(default_factory=VideoConfig)
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)

    @property
    def height(self) -> int:
        """Of frames, in pixels."""
        return self.frame_size

    @property
    def width(self) -> int:
        """Of frames, in pixels."""
        return self.frame_size


class WorldModel:
    """Backbone, adapter, video model and autoencoder, composed."""

    novelty_model: NoveltyModel | None = None  # what the trained worlds look like, for weights that come with it
    experts: Mapping[str, "WorldModel"] = MappingProxyType({})  # by name, as `WorldState.expert` has it
    _own = ""  # the fingerprint without that of experts
    carries = False  # whether the next states take work that may follow when the frames are out; see `stream`

    def __init__(self, config: WorldModelConfig, tokenizer: ActionTokenizer, runtime: Runtime | None = None):
        self.config = config
        self.runtime = Runtime.resolve() if runtime is None else runtime
        self.backbone = Backbone(config.backbone, tokenizer)
        self.adapter = Adapter(config.adapter)
        self.video = VideoModel(config.video)
        self.autoencoder = Autoencoder(config.autoencoder)
        self.fingerprint = "untrained"
        for module in self.modules().values():
            module.to(self.runtime.device, self.runtime.dtype).eval().requires_grad_(False)

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, device: str = "auto", dtype: str = "auto", threads: int | str = "auto"
    ) -> "WorldModel":
        """Load a weights folder, with its experts. Raises InvalidCheckpoint where a file is missing or damaged."""
        values, states = checkpoint.load(folder)
        tokenizer = ActionTokenizer.load(Path(folder) / "tokenizer")
        runtime = Runtime.resolve(device, dtype, threads)
        model = cls(WorldModelConfig.from_dict(values), tokenizer, runtime)
        for name, module in model.modules().items():
            checkpoint.fill(module, states.get(name, {}), Path(folder) / name)
        model.fingerprint = checkpoint.fingerprint(folder)
        model.novelty_model = NoveltyModel.of(states[NOVELTY]) if NOVELTY in states else None
        experts = {
            name: cls.from_pretrained(place, device, dtype, threads)
            for name, place in checkpoint.experts(folder).items()
        }
        return model.with_experts(experts)

    def with_experts(self, experts: Mapping[str, "WorldModel"]) -> Self:
        """Leave other worlds to these whole models, by name; returns the model itself. Raises InvalidCheckpoint."""
        check_experts(self, experts)
        self.experts, self._own = MappingProxyType(dict(experts)), self._own or self.fingerprint
        of_experts = {name: one.fingerprint for name, one in experts.items()}
        self.fingerprint = checkpoint.joint_fingerprint(self._own, of_experts) if experts else self._own
        return self

    def save_pretrained(self, folder: str | Path, bits: checkpoint.Bits | None = 16) -> Path:
        """Write a weights folder that `from_pretrained` reads."""
        (path := Path(folder)).mkdir(parents=True, exist_ok=True)
        self.backbone.tokenizer.save(path / "tokenizer")
        return checkpoint.save(path, self.modules(), self.config.to_dict(), bits)

    def modules(self) -> dict[str, torch.nn.Module]:
        """The trained parts by name, as they are stored."""
        return {
            "backbone": self.backbone, "adapter": self.adapter, "video": self.video, "autoencoder": self.autoencoder,
        }  # fmt: skip

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def worlds(self) -> tuple[str, ...]:
        """The kinds of world that the weights were trained on."""
        return (*self.config.worlds, *(world for one in self.experts.values() for world in one.worlds))

    @property
    def clip_shape(self) -> tuple[int, ...]:
        """Of the clips that it makes: height, width, frames, frames a second and latent frames."""
        config = self.config
        return config.height, config.width, config.frames_per_action, config.fps, config.video.chunk

    def fingerprint_of(self, expert: str) -> str:
        """Of the weights that draw the states of an expert, or, named "", of the model itself without its experts."""
        return self.expert(expert).fingerprint if expert else self._own or self.fingerprint

    @property
    def fingerprints(self) -> frozenset[str]:
        """Of the whole and of its parts: a state that one of them made goes on here."""
        return frozenset((self.fingerprint, *map(self.fingerprint_of, ("", *self.experts))))

    def expert(self, name: str) -> "WorldModel":
        """What draws the states that have this `WorldState.expert`. Raises InvalidInput where it isn't there."""
        if name and name not in self.experts:
            raise InvalidInput(f"A world was begun with the expert {name!r}, which {self.name} lacks. Begin it again.")
        return self.experts[name] if name else self

    def expert_for(self, world: str) -> str:
        """The name of the expert that was trained on a kind of world; empty where it is the model itself, or none."""
        return next((name for name, one in self.experts.items() if world in one.worlds), "")

    def novelty(self, image: ImageSource) -> Novelty | None:
        """How unlike a picture is to what the weights were trained on; None where they can't tell.

        Raises InvalidImage.
        """
        found = self._judgements(self._pixels(image))
        return min(found.values(), key=attrgetter("excess")) if found else None

    def _judgements(self, pixels: Tensor) -> dict[str, Novelty]:
        """What the model itself and each expert, by name, find of a picture (3, H, W); none where it can't be told."""
        models = {"": self, **self.experts}
        return {
            name: one.novelty_model.judge(view(one.autoencoder, pixels[None]))[0]
            for name, one in models.items()
            if one.novelty_model is not None
        }

    @torch.inference_mode()
    def begin(
        self, image: ImageSource, seed: int = 0, look: str | None = None, expert: str | None = None
    ) -> WorldState:
        """A world that starts from a picture (path, bytes, PIL image or (H, W, 3) uint8), cropped to the frame's shape.

        With `look`, the name of a trained world, the picture is taken some of the way into that world's look: for
        drawings and other strange pictures, if the weights know how. The state's frame is the picture as the model
        sees it. `expert` says whose it is, where that is known. Raises InvalidImage, InvalidInput.
        """
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**53:
            raise InvalidInput(f"A seed is a whole number from 0 to 2**53 - 1, not {seed!r}.")
        pixels = self._pixels(image)
        if (name := expert) is None:
            name = self._nearest(pixels) if look is None else self.expert_for(look)
        return replace(self.expert(name)._begin(pixels, seed, look), expert=name)

    def given_to(self, image: ImageSource) -> "WorldModel":
        """The model itself, or that of its experts, that a world of this picture is begun with. Raises InvalidImage."""
        return self.expert(self._nearest(self._pixels(image)))

    def _nearest(self, pixels: Tensor) -> str:
        """The name of the expert whose worlds a picture (3, H, W) is most like; empty for the model itself."""
        if not self.experts:
            return ""
        found = self._judgements(pixels)
        return min(found, key=lambda name: found[name].excess)

    def _begin(self, pixels: Tensor, seed: int, look: str | None) -> WorldState:
        """`begin` by this model's own parts, from a picture (3, H, W) in -1..1."""
        latent = self.autoencoder.encode(pixels[None, :, None])
        if look is not None and self.novelty_model is not None:
            latent = self.novelty_model.approach(latent, look)
        memory = self.autoencoder.begin_memory(1, *latent.shape[-2:])
        frames, memory = self.autoencoder.decode_step(latent, memory)
        return self._begun(seed, latent, to_uint8(frames[0, :, -1].float()).cpu(), memory)

    def _pixels(self, image: ImageSource) -> Tensor:
        """(3, H, W) in -1..1, of the frame's shape."""
        picture = fit(load_image(image), (self.config.height, self.config.width))
        return to_tensor(picture, self.runtime.device).to(self.runtime.dtype)

    def _begun(self, seed: int, latent: Tensor, frame: Tensor, memory: tuple[Tensor, ...]) -> WorldState:
        """The first state: of a picture's latent (1, C, 1, h, w), its frame (H, W, 3) uint8, the decoder's memory."""
        return WorldState(
            seed=seed,
            step=0,
            actions=(),
            latents=self.video.begin(latent[0].float().cpu()),
            frame=frame,
            decoder_memory=tuple(m[0].float().cpu() for m in memory),
        )

    @property
    def speaks(self) -> bool:
        """Whether the backbone writes states in words: `describe` and `foresee`."""
        return self.backbone.voice is not None

    @torch.inference_mode()
    def describe(self, frames: Sequence[Frame]) -> list[Said]:
        """The states that B pictures (H, W, 3) uint8 show, in words, by the backbone's own eyes; one batch.

        Raises InvalidConfig where the weights have no voice.
        """
        speaker = self.backbone.speaker
        pixels = torch.stack([torch.from_numpy(np.array(frame)) for frame in frames])
        return speaker.write(speaker.see(pixels.to(self.runtime.device)))

    @torch.inference_mode()
    def foresee(self, texts: Sequence[str], actions: Sequence[str]) -> list[Said]:
        """The next states, in words, of B states in words (as `describe` writes them) and B actions; nothing is drawn.

        Raises InvalidAction, InvalidInput for lists of different lengths, and InvalidConfig without a voice.
        """
        if len(texts) != len(actions):
            raise InvalidInput(f"{len(texts)} states need as many actions, not {len(actions)}.")
        speaker = self.backbone.speaker
        return speaker.write(speaker.think(list(texts), [self.check_action(action) for action in actions]))

    def check_action(self, text: Any) -> str:
        """The sentence with its white space tidied. Raises InvalidAction where it can't be one."""
        if not isinstance(text, str):
            raise InvalidAction(f"An action is a sentence, not {type(text).__name__}.")
        if len(text) > MAX_ACTION_CHARACTERS:
            raise InvalidAction(
                f"An action has at most {MAX_ACTION_CHARACTERS} characters, not {len(text):,}. Shorten it."
            )
        tidy = printable(text)
        if not tidy:
            raise InvalidAction('The action is empty. Say what happens next, such as "pick up the red block".')
        return tidy

    def anticipate(self, text: str) -> None:
        """Hear of an action before its turn, from any thread: what depends on the sentence alone may be begun."""

    @overload
    def step(self, states: WorldState, actions: str, sampler: Sampler | None = None) -> tuple[WorldState, Clip]: ...
    @overload
    def step(
        self, states: Sequence[WorldState], actions: Sequence[str], sampler: Sampler | None = None
    ) -> tuple[list[WorldState], list[Clip]]: ...
    def step(self, states: Any, actions: Any, sampler: Sampler | None = None) -> Any:
        """Apply one action to one state, or B actions to B states in one batch; the states given stay as they are."""
        if isinstance(states, WorldState):
            after, clips = self.step([states], [actions], sampler)
            return after[0], clips[0]
        timings: dict[str, float] = {}
        parts = list(self.stream(states, actions, sampler, timings=timings))
        clips = [
            Clip(frames=np.concatenate([part.frames[i] for part in parts]), fps=self.config.fps, timings=timings)
            for i in range(len(states))
        ]
        return (parts[-1].states if parts else []), clips

    def stream(
        self,
        states: Sequence[WorldState],
        actions: Sequence[str],
        sampler: Sampler | None = None,
        should_stop: Callable[[], bool] | None = None,
        timings: dict[str, float] | None = None,
    ) -> Iterator[Part]:
        """As `step`, but frames come as soon as they are decoded; the last part, maybe of no frames, has the states.

        `timings` is filled with milliseconds by stage. Raises Cancelled, between denoising steps or parts, once
        `should_stop()` is true; InvalidAction for a bad sentence; InvalidInput for lists of different lengths.
        """
        if len(states) != len(actions):
            raise InvalidInput(f"{len(states)} states need as many actions, not {len(actions)}.")
        texts = [self.check_action(action) for action in actions]
        if not states:
            return
        stop = should_stop or (lambda: False)
        clock = Clock({} if timings is None else timings)
        with torch.inference_mode():
            shares = self._shares(states, texts, sampler or Sampler(), stop, clock)
        last, after = shares[0].made.chunk.shape[2] - 1, None
        for index in range(last + 1):
            if stop():
                raise Cancelled("The caller stopped this step while it was decoded; the world is unchanged.")
            with torch.inference_mode():
                for share in shares:
                    share.made.frames.append(next(share.pieces))
                clock("decode_ms")
                if index == last and not self.carries:
                    after = gathered(shares, _after)
            yield Part(index=index, frames=gathered(shares, _arrays), states=after)
        if self.carries:
            with torch.inference_mode():
                after = gathered(shares, _after)
            clock("carry_ms")
            nothing = gathered(shares, lambda share: [_array(row[:0]) for row in share.made.frames[-1]])
            yield Part(index=last + 1, frames=nothing, states=after)

    def _shares(
        self, states: Sequence[WorldState], texts: list[str], sampler: Sampler, stop: Callable[[], bool], clock: Clock
    ) -> "list[Share[WorldModel]]":
        """The batch's latents, made by the model that each state belongs to."""
        rows: dict[str, list[int]] = {}
        for row, state in enumerate(states):
            rows.setdefault(state.expert, []).append(row)
        shares: list[Share[WorldModel]] = []
        for name, places in rows.items():
            model, own, said = self.expert(name), [states[i] for i in places], [texts[i] for i in places]
            made = model._imagine(own, said, sampler, stop, clock)
            shares.append(Share(model, places, own, said, made, model._decode(own, made)))
        return shares

    def _imagine(
        self, states: Sequence[WorldState], texts: list[str], sampler: Sampler, stop: Callable[[], bool], clock: Clock
    ) -> Imagined:
        """The next chunk of latents for every state."""
        device, dtype = self.runtime.device, self.runtime.dtype
        ids, mask = self.backbone.tokenize(texts, [state.actions for state in states])
        frames = torch.stack([state.frame for state in states]).to(device)
        conditioning = self.adapter(self.backbone(frames, ids, mask))
        clock("read_ms")
        history = torch.stack([state.latents for state in states]).to(device, dtype)
        shape = (history.shape[1], self.config.video.chunk, *history.shape[3:])
        start = noise(list(states), shape).to(device)
        context, pooled = conditioning.context_BND, conditioning.pooled_BD
        chunk = self.video.sample(history, context, pooled, start, sampler.steps, stop)
        clock("denoise_ms")
        return Imagined(chunk)

    def _decode(self, states: Sequence[WorldState], made: Imagined) -> Iterator[Tensor]:
        """The frames (B, T, H, W, 3) uint8 of each latent frame, on the CPU; then the decoder's memory is `made`'s."""
        layers = zip(*(state.decoder_memory for state in states), strict=True)
        memory = tuple(torch.stack(layer).to(self.runtime.device, self.runtime.dtype) for layer in layers)
        for latent in made.chunk.split(1, 2):
            pixels, memory = self.autoencoder.decode_step(latent, memory)
            made.memory = memory
            yield to_uint8(pixels.float().transpose(1, 2)).cpu()

    def _after(self, states: Sequence[WorldState], texts: list[str], made: Imagined) -> list[WorldState]:
        """The next states, once all frames are there."""
        chunks = made.chunk.cpu()
        kept, frames = [m.float().cpu() for m in made.memory], made.frames[-1]
        return [
            WorldState(
                seed=state.seed,
                step=state.step + 1,
                actions=(*state.actions, text),
                latents=self.video.carry(state.latents, chunks[row]).clone(),
                frame=frames[row, -1].clone(),
                decoder_memory=tuple(m[row].clone() for m in kept),
                expert=state.expert,
            )
            for row, (state, text) in enumerate(zip(states, texts, strict=True))
        ]


def printable(text: str) -> str:
    """The text without control characters, its white space made single."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _after(share: Share[WorldModel]) -> list[WorldState]:
    return share.model._after(share.states, share.texts, share.made)


def _arrays(share: Share[WorldModel]) -> list[Frames]:
    return [_array(row) for row in share.made.frames[-1]]


def _array(frames: Tensor) -> Frames:
    return np.ascontiguousarray(frames.numpy())
