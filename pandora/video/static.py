"""Passes of the video transformer at fixed shapes and addresses: compiled blocks, replayed as CUDA graphs.

Below a few thousand tokens a chunk the transformer waits for its kernels to be launched, not for their results. Here
each pass is recorded once at the shapes a service will use and then replayed as one launch. Shapes that were not
recorded run as ever, so nothing is compiled while somebody waits.
"""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from weakref import ReferenceType, ref

import torch
from torch import Tensor, nn

from pandora.video.cache import Buffers, Cache, Page, Past, Placement, RollingCache, allocate, place
from pandora.video.flow import VideoConfig, VideoModel
from pandora.video.passes import Denoise, Passes, Told
from pandora.video.transformer import CausalVideoTransformer, Memory

_LIMIT = 64  # shapes that one block may be compiled for


@dataclass(frozen=True, kw_only=True)
class Step:
    """The shapes of one step: what `StaticPasses` records a denoising and a cache pass for.

    Latent frames and sizes; `shared` of the `past` frames are remembered by all worlds of the batch alike.
    """

    batch: int = 1
    past: int
    shared: int = 0
    chunk: int
    height: int
    width: int
    text: int | None = None  # tokens
    state: int | None = None


Key = tuple[object, ...]


class Recording:
    """A pass over fixed memory: a CUDA graph where it was captured, else called again."""

    def __init__(self, run: Callable[[Sequence[Tensor]], Sequence[Tensor]], inputs: Sequence[Tensor], pool: object):
        with torch.inference_mode(False):  # memory that may be written in any mode
            self.inputs = [torch.empty_like(x).copy_(x) for x in inputs]
        self._run, self._graph = run, None
        self.outputs = run(self.inputs)
        if pool is not None:
            self._capture(pool)

    def _capture(self, pool: object) -> None:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):  # kernels are chosen and memory is found before the capture
                self._run(self.inputs)
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=pool):  # type: ignore[arg-type]
            self.outputs = self._run(self.inputs)

    def load(self, inputs: Sequence[Tensor], first: int = 0) -> None:
        """Copy inputs to the addresses of those from number `first` on."""
        torch._foreach_copy_(self.inputs[first : first + len(inputs)], list(inputs))

    def replay(self) -> Sequence[Tensor]:
        """The outputs, at addresses that the next replay writes to."""
        if self._graph is None:
            self.outputs = self._run(self.inputs)
        else:
            self._graph.replay()
        return self.outputs


class StaticPasses(Passes):
    """Replays what was recorded with `record`; anything else runs as in `Passes`. For one caller at a time."""

    def __init__(self, transformer: CausalVideoTransformer, backend: str | None = "inductor", capture: bool = True):
        """`backend` of torch.compile for the blocks, None for none; `capture` CUDA graphs."""
        super().__init__(transformer)
        self._fast = transformer if backend is None else compile_blocks(transformer, backend)
        self._pool = torch.cuda.graph_pool_handle() if capture else None
        self._recordings: dict[Key, Recording] = {}
        self._buffers: dict[Key, Buffers] = {}
        self._held: dict[Key, list[ReferenceType[Page]]] = {}  # the pages whose keys and values the buffers hold

    def tell(self, text: Tensor | None, state: Tensor | None, action: Tensor | None) -> Told:
        recording = self._recordings.get(_key("tell", text, state))
        if recording is None:
            return super().tell(text, state, action)
        recording.load([x for x in (text, state) if x is not None])
        told = recording.replay()
        half = 2 * self.transformer.config.num_layers if text is not None else 0
        return Told(_pairs(told[:half]), _pairs(told[half:]), action)

    def denoise(self, shape: torch.Size, told: Told, memory: Memory | None, flow_map: bool = False) -> Denoise:
        placement = _placement(memory)
        recording = (
            None if placement is None else self._recordings.get(_key("denoise", shape, placement, told, flow_map))
        )
        if placement is None or recording is None:
            return super().denoise(shape, told, memory, flow_map)
        self._fill(shape, memory, placement)
        recording.load(_flat(told), first=2 + flow_map)

        def run(latents: Tensor, timestep: Tensor, end_timestep: Tensor | None) -> Tensor:
            recording.load([latents, timestep] if end_timestep is None else [latents, timestep, end_timestep])
            return recording.replay()[0].clone()

        return run

    def remember(self, latents: Tensor, told: Told, memory: Memory | None) -> Cache:
        placement = _placement(memory)
        recording = (
            None if placement is None else self._recordings.get(_key("remember", latents.shape, placement, told))
        )
        if placement is None or recording is None:
            return super().remember(latents, told, memory)
        self._fill(latents.shape, memory, placement)
        recording.load([latents, *_flat(told)])
        entries = _pairs(recording.replay())
        assert entries is not None
        return entries

    @torch.inference_mode()
    def record(self, step: Step, flow_map: bool = False) -> None:
        """Compile and capture the passes of a step; `flow_map` as in `denoise`.

        Raises RuntimeError where torch's compiler or CUDA can't.
        """
        from torch._dynamo import config as compiler

        config, weight = self.transformer.config, self.transformer.proj_out.weight
        text, state = (
            None if tokens is None else weight.new_zeros(step.batch, tokens, width or 0)
            for tokens, width in ((step.text, config.text_dim), (step.state, config.state_dim))
        )
        action = None if config.action_dim is None else weight.new_zeros(step.batch, config.action_dim)
        latents = weight.new_zeros(step.batch, config.in_channels, step.chunk, step.height, step.width)
        caches = _blank(step, self.transformer)
        with compiler.patch(recompile_limit=_LIMIT):
            told = self._record_tell(text, state, action)
            past = self._prepare(latents.shape, caches, place(caches))
            self._record_denoise(latents.float(), told, place(caches), past, flow_map)
            self._record_remember(latents, told._replace(action=None), place(caches), past)

    def _record_tell(self, text: Tensor | None, state: Tensor | None, action: Tensor | None) -> Told:
        model, given = self.transformer, [x for x in (text, state) if x is not None]

        def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
            rest = list(inputs)
            entries = [model.embed_context(rest.pop(0))] if text is not None else []
            entries += [model.embed_state(rest.pop(0))] if state is not None else []
            return [x for cache in entries for layer in cache for x in layer]

        key = _key("tell", text, state)
        if given and key not in self._recordings:
            self._recordings[key] = Recording(run, given, self._pool)
        return self.tell(text, state, action)

    def _record_denoise(self, latents: Tensor, told: Told, placement: Placement, past: Past, flow_map: bool) -> None:
        model = self._fast
        times = [latents.new_zeros(latents.shape[0])] * (1 + flow_map)

        def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
            noisy, time, *rest = inputs
            end = rest.pop(0) if flow_map else None
            text, state, action = _unflat(rest, told)
            return [model.denoise(noisy, time, text, action, past, end, state)]

        key = _key("denoise", latents.shape, placement, told, flow_map)
        self._recordings[key] = Recording(run, [latents, *times, *_flat(told)], self._pool)

    def _record_remember(self, latents: Tensor, told: Told, placement: Placement, past: Past) -> None:
        model = self._fast

        def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
            clean, *rest = inputs
            text, state, _ = _unflat(rest, told)
            return [x for layer in model.remember(clean, text, past, state) for x in layer]

        key = _key("remember", latents.shape, placement, told)
        self._recordings[key] = Recording(run, [latents, *_flat(told)], self._pool)

    def _fill(self, shape: torch.Size, memory: Memory | None, placement: Placement) -> None:
        """Have the past where recordings read it: a chunk that was denoised is then remembered beside the same past."""
        pages, held = _pages(placement), self._held.get((shape, *_sizes(placement)), [])
        if len(held) != len(pages) or any(was() is not page for was, page in zip(held, pages, strict=True)):
            self._prepare(shape, memory, placement)

    def _prepare(self, shape: torch.Size, memory: Memory | None, placement: Placement) -> Past:
        """Gather the past into the memory that all recordings of its shapes read."""
        _, patch_h, patch_w = self.transformer.config.patch_size
        room = shape[2] * (shape[3] // patch_h) * (shape[4] // patch_w)
        key = (shape, *_sizes(placement))
        if key not in self._buffers:
            with torch.inference_mode(False):
                self._buffers[key] = allocate(placement, room, self.transformer.proj_out.weight.dtype)
        self._held[key] = [ref(page) for page in _pages(placement)]
        return self.transformer.prepare(memory, shape[2:], room=True, into=self._buffers[key])


def accelerate(video: VideoModel, steps: Sequence[Step], report: Callable[[str], None]) -> bool:
    """Record these steps and have `video` replay them; where that can't be, say why and leave it as it is."""
    device = video.transformer.proj_out.weight.device
    if device.type != "cuda":
        report(f"static passes: off, for CUDA graphs need a CUDA device and the weights are on {device}")
        return False
    since, flow_map = time.perf_counter(), video.config.sampler == "flow_map"
    reason = "" if find_spec("triton") else "triton is not installed"
    for backend in ("inductor", None) if not reason else (None,):
        passes = StaticPasses(video.transformer, backend)
        try:
            for step in steps:
                passes.record(step, flow_map)
        except Exception as error:  # whatever a compiler or a capture may raise, the passes run without them
            reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}" if str(error) else repr(error)
            continue
        video.static = passes
        blocks = f"blocks compiled by {backend}" if backend else f"blocks not compiled ({reason})"
        report(f"static passes: {len(steps)} steps recorded in {time.perf_counter() - since:.0f} s, {blocks}")
        return True
    report(f"static passes: off, for recording them failed ({reason})")
    return False


def steps_of(
    config: VideoConfig,
    height: int,
    width: int,
    batches: Sequence[int] = (1,),
    text: int | None = None,
    state: int | None = None,
    young: bool = False,
) -> list[Step]:
    """The steps of worlds with a whole window behind them, for each size of batch; `young`: on the way there, too.

    height and width are those of the latents; text and state count tokens.
    """
    pasts = [*range(1, config.history, config.chunk), config.history] if young else [config.history]
    return [
        Step(batch=batch, past=past, chunk=config.chunk, height=height, width=width, text=text, state=state)
        for batch in batches
        for past in pasts
    ]


def compile_blocks(transformer: CausalVideoTransformer, backend: str) -> CausalVideoTransformer:
    """The same transformer, same weights, whose blocks run compiled: one block is compiled, and serves for all."""
    view = copy.copy(transformer)
    view._modules = dict(transformer._modules)
    view.blocks = nn.ModuleList(
        torch.compile(block, backend=backend, fullgraph=True, dynamic=False)  # type: ignore[arg-type]
        for block in transformer.blocks
    )
    return view


def _blank(step: Step, transformer: CausalVideoTransformer) -> list[RollingCache]:
    """Memories of the step's sizes that take no memory."""
    config, weight = transformer.config, transformer.proj_out.weight
    cells = (step.height // config.patch_size[1]) * (step.width // config.patch_size[2])

    def page(frames: int) -> Page:
        shape = (config.num_layers, frames * cells, config.num_attention_heads, config.attention_head_dim)
        keys, values = (weight.new_zeros(shape[-1]).expand(shape) for _ in range(2))
        return Page(keys, values, frames)

    shared = (page(step.shared),) if step.shared else ()
    own = step.past - step.shared
    return [RollingCache(window=step.past, pages=(*shared, page(own)) if own else shared) for _ in range(step.batch)]


def _placement(memory: Memory | None) -> Placement | None:
    rolling = memory is not None and isinstance(memory[0], RollingCache) and bool(memory[0].pages)
    return place(memory) if rolling else None  # type: ignore[arg-type]


def _pages(placement: Placement) -> list[Page]:
    return [page for placed in (placement.shared, *placement.own) for page, _ in placed]


def _sizes(placement: Placement) -> tuple[int, ...]:
    return (len(placement.own), *placement.tokens)


def _key(name: str, *parts: object) -> Key:
    """What tells one recording from another: shapes, never values."""
    key: list[object] = [name]
    for part in parts:
        if isinstance(part, Tensor):
            key.append(tuple(part.shape))
        elif isinstance(part, Placement):
            key.append(_sizes(part))
        elif isinstance(part, Told):
            key.append(tuple(None if cache is None else tuple(cache[0][0].shape) for cache in (part.text, part.state)))
            key.append(part.action is not None)
        else:
            key.append(part)
    return tuple(key)


def _flat(told: Told) -> list[Tensor]:
    """Every tensor of it, in order."""
    entries = [x for cache in (told.text, told.state) if cache is not None for layer in cache for x in layer]
    return entries if told.action is None else [*entries, told.action]


def _unflat(tensors: Sequence[Tensor], like: Told) -> Told:
    """Inverse of `_flat` for one with the same parts."""
    rest = list(tensors)
    caches = []
    for cache in (like.text, like.state):
        size = 0 if cache is None else 2 * len(cache)
        caches.append(_pairs(rest[:size]))
        rest = rest[size:]
    return Told(caches[0], caches[1], rest[0] if like.action is not None else None)


def _pairs(tensors: Sequence[Tensor]) -> Cache | None:
    """k, v, k, v, … -> a cache; None for nothing."""
    return tuple(zip(tensors[::2], tensors[1::2], strict=True)) or None
