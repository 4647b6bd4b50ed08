"""A world model of published parts: what it remembers of a world stays on the device, beside the state."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pandora.errors import InvalidInput
from pandora.large.config import LargeConfig
from pandora.large.reading import Reader, Told
from pandora.media import to_uint8
from pandora.pretrained.autoencoder import TieredAutoencoder, WanAutoencoder
from pandora.pretrained.prefix import Prefix
from pandora.runtime import Runtime
from pandora.step import Clock, Imagined
from pandora.types import Sampler, WorldState, noise
from pandora.video.cache import RollingCache
from pandora.video.flow import VideoModel
from pandora.world_model import WorldModel, printable

_SEEN = 2  # frames of a clip that the backbone is shown: how it went, and how it ended


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """What is kept of a world on the device: memories of video model and decoder, and what the backbone has read."""

    cache: RollingCache
    decoder: tuple[Tensor, ...]  # without a batch axis
    prefix: Prefix | None

    @property
    def nbytes(self) -> int:
        own = self.cache.nbytes + sum(tensor.nbytes for tensor in self.decoder)
        return own + (0 if self.prefix is None else self.prefix.nbytes)


@dataclass(eq=False)
class _Turn:
    """A step of the large tier on its way: what was kept, what is told, and what is remembered, once it is."""

    kept: list[Kept]
    told: Told
    caches: dict[int, RollingCache] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class LargeParts:
    """Put together by `pandora.large.loading`."""

    reader: Reader
    video: VideoModel
    autoencoder: WanAutoencoder | TieredAutoencoder


class LargeWorldModel(WorldModel):
    """`begin`, `step` and `stream` as of `WorldModel`.

    A state holds the latents of its window (the sink's, then the newest), at most `window` of them, and carries what
    is computed from them. Where that is missing (the state was stored) it is made again: the video model's memory by
    one pass over the window, which after frames have left it is not to the last bit the one that was there.
    """

    carries = True
    config: LargeConfig  # type: ignore[assignment]  # of the fields that callers read, both have the same

    def __init__(self, config: LargeConfig, parts: LargeParts, runtime: Runtime, fingerprint: str = "untrained"):
        self.config, self.runtime, self.fingerprint = config, runtime, fingerprint
        self.reader, self.video, self.autoencoder = parts.reader, parts.video, parts.autoencoder  # type: ignore[assignment]

    def modules(self) -> dict[str, nn.Module]:
        reader = self.reader
        parts = {
            "prompts": reader.prompts, "backbone": reader.backbone, "adapter": reader.adapter, "video": self.video,
            "autoencoder": self.autoencoder,
        }  # fmt: skip
        return {name: module for name, module in parts.items() if module is not None}

    def save_pretrained(self, folder: Any, dtype: Any = None) -> Any:
        """Published parts are not copied. Raises InvalidInput."""
        raise InvalidInput(
            "A model of published parts is kept by name. `pandora train instruction` writes what training added to "
            "them, and `pandora train merge` both together."
        )

    @property
    def speaks(self) -> bool:
        return False

    @property
    def worlds(self) -> tuple[str, ...]:
        """None of ours: it was trained on films of everything."""
        return ()

    def anticipate(self, text: str) -> None:
        self.reader.anticipate(text)

    def _begun(self, seed: int, latent: Tensor, frame: Tensor, memory: tuple[Tensor, ...]) -> WorldState:
        latents = latent[0].float()
        kept = Kept(
            cache=self._recall(latents[None])[0],
            decoder=tuple(layer[0] for layer in memory),
            prefix=self._look(frame, ()),
        )
        return WorldState(
            seed=seed, step=0, actions=(), latents=latents.cpu(), frame=frame, decoder_memory=(), carried=kept
        )

    def _imagine(
        self, states: Sequence[WorldState], texts: list[str], sampler: Sampler, stop: Callable[[], bool], clock: Clock
    ) -> Imagined:
        kept = [self._kept(state) for state in states]
        clock("restore_ms")
        device, before = self.runtime.device, states[0].latents
        shape = (before.shape[0], self.config.chunk, *before.shape[2:])
        draws = noise(list(states), (self.video.draws(sampler.steps), *shape), device)
        last = torch.stack([state.latents[:, -1:] for state in states]).to(device)
        told = self.reader.read([one.prefix for one in kept], texts, stop)
        stop = self._awaited(stop)
        stop()
        clock("read_ms")
        chunks: dict[int, Tensor] = {}
        for rows in _alike([one.cache.frames for one in kept]):
            part = told.rows(rows)
            made = self.video.sample(
                _take(last, rows), part.text, None, _take(draws, rows)[:, 0], sampler.steps, stop,
                [kept[row].cache for row in rows], part.state, _take(draws, rows)[:, 1:],
            )  # fmt: skip
            chunks |= zip(rows, made, strict=True)
        chunk = made if len(made) == len(states) else torch.stack([chunks[row] for row in range(len(states))])
        stop()
        clock("denoise_ms")
        return Imagined(chunk, _Turn(kept, told))

    def _awaited(self, stop: Callable[[], bool]) -> Callable[[], bool]:
        """Asks when the device has done what it was given; else all steps are queued before anybody can stop them."""
        if self.runtime.device.type != "cuda":
            return stop
        stream = torch.cuda.current_stream(self.runtime.device)

        def ask() -> bool:
            stream.synchronize()
            return stop()

        return ask

    def _decode(self, states: Sequence[WorldState], made: Imagined) -> Iterator[Tensor]:
        """On a GPU all that is left of the step is queued at once, and frames are handed on as they are done.

        The first frames are encoded and sent while later ones are decoded and the chunk is remembered.
        """
        turn: _Turn = made.told
        memory = tuple(torch.stack(layer) for layer in zip(*(one.decoder for one in turn.kept), strict=True))
        queued, pieces = self.runtime.device.type == "cuda", []
        for latent in made.chunk.to(self.runtime.dtype).split(1, 2):
            pixels, memory = self.autoencoder.decode_step(latent, memory)
            made.memory = memory
            frames = to_uint8(pixels.float().transpose(1, 2))
            if queued:
                pieces.append(_hand_over(frames))
            else:
                yield frames
        for index, (frames, done) in enumerate(pieces):
            done.synchronize()
            yield frames
            if index == 0:  # nothing may come before the first frames
                turn.caches = self._remember(turn, made.chunk)

    def _remember(self, turn: "_Turn", chunk: Tensor) -> dict[int, RollingCache]:
        """The video model's memories after the chunk, by row."""
        caches: dict[int, RollingCache] = {}
        chunk = chunk.to(self.video.transformer.proj_out.weight.dtype)
        for rows in _alike([one.cache.frames for one in turn.kept]):
            part, before = turn.told.rows(rows), [turn.kept[row].cache for row in rows]
            text, state = (part.text, part.state) if self.config.told_past else (self.video.silence(len(rows)), None)
            caches |= zip(rows, self.video.extend(before, _take(chunk, rows), text, state), strict=True)
        return caches

    def _after(self, states: Sequence[WorldState], texts: list[str], made: Imagined) -> list[WorldState]:
        turn: _Turn = made.told
        caches = self._remember(turn, made.chunk) if turn.caches is None else turn.caches
        films = torch.cat(made.frames, 1)
        prefixes = self._read_on([one.prefix for one in turn.kept], texts, films)
        chunk, alone = made.chunk.cpu(), len(states) == 1
        return [
            WorldState(
                seed=state.seed,
                step=state.step + 1,
                actions=(*state.actions, text),
                latents=self._window(state.latents, chunk[row]),
                frame=films[row, -1].clone(),
                decoder_memory=(),
                description=printable(turn.told.prompts[row]) if self.config.rewrite else None,
                carried=Kept(
                    cache=caches[row],
                    # a view would keep the memory of the whole batch alive
                    decoder=tuple(layer[row] if alone else layer[row].clone() for layer in made.memory),
                    prefix=prefixes[row],
                ),
            )
            for row, (state, text) in enumerate(zip(states, texts, strict=True))
        ]

    # --- what is kept of a world ---

    def _kept(self, state: WorldState) -> Kept:
        """What the state carries, or the same made again from its latents, its last frame and what was said."""
        if isinstance(state.carried, Kept):
            return state.carried
        latents = state.latents[None].to(self.runtime.device)
        memory = self.autoencoder.begin_memory(1, *latents.shape[-2:])
        for latent in latents.to(self.runtime.dtype).split(1, 2):
            _, memory = self.autoencoder.decode_step(latent, memory)
        return Kept(
            cache=self._recall(latents)[0],
            decoder=tuple(layer[0] for layer in memory),
            prefix=self._look(state.frame, state.actions),
        )

    def _recall(self, latents: Tensor) -> list[RollingCache]:
        """The video model's memory of (1, C, L, h, w), told nothing."""
        dtype = self.video.transformer.proj_out.weight.dtype
        nothing = self.reader.encode([""]) if self.config.told_past else self.video.silence(1)
        return self.video.recall(latents.to(dtype), nothing)

    def _look(self, frame: Tensor, actions: tuple[str, ...]) -> Prefix | None:
        """What the backbone knows of a world of which only the last frame is at hand."""
        backbone = self.reader.backbone
        if backbone is None:
            return None
        nothing = frame.new_zeros(0, *frame.shape)
        shown = frame[None] if backbone.eyes is not None else nothing
        device = self.runtime.device
        clips = [*(nothing for _ in actions), shown]
        return backbone.prefix([clip.to(device) for clip in clips], actions)

    def _read_on(self, prefixes: Sequence[Prefix | None], texts: list[str], films: Tensor) -> Sequence[Prefix | None]:
        """The prefixes with the new turn; films (B, T, H, W, 3) uint8."""
        backbone, known = self.reader.backbone, [prefix for prefix in prefixes if prefix is not None]
        if backbone is None or len(known) < len(texts):
            return prefixes
        places = torch.linspace(0, films.shape[1] - 1, _SEEN + 1).long()[1:]
        shown = films[:, places] if backbone.eyes is not None else films[:, :0]
        return backbone.extend(known, texts, list(shown.to(self.runtime.device)))

    def _window(self, before: Tensor, chunk: Tensor) -> Tensor:
        """Latents (C, L, h, w) float32 of the sink and the newest frames, as the cache holds them."""
        latents = torch.cat([before, chunk], 1)
        over = latents.shape[1] - self.config.window
        sink = self.config.sink
        return latents if over <= 0 else torch.cat([latents[:, :sink], latents[:, sink + over :]], 1)


def _hand_over(frames: Tensor) -> tuple[Tensor, torch.cuda.Event]:
    """A copy on its way to the host, and the event that says it is there."""
    host = torch.empty(frames.shape, dtype=frames.dtype, pin_memory=True)
    host.copy_(frames, non_blocking=True)
    done = torch.cuda.Event()
    done.record()
    return host, done


def _take(x: Tensor, rows: list[int]) -> Tensor:
    """Some rows; all of them without asking the device, which would have to wait for the list."""
    return x if len(rows) == len(x) else torch.stack([x[row] for row in rows])


def _alike(lengths: list[int]) -> list[list[int]]:
    """Rows by how much their worlds remember: those of one batch must remember equally much."""
    rows: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        rows.setdefault(length, []).append(row)
    return list(rows.values())
