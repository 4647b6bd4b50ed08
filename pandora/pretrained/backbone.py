"""A published language model that sees: [what was seen and done] as a cached prefix, then [action][queries].

The frame of PAN (arXiv 2511.09057, section 2) and of Pandora (arXiv 2406.09455, section 3): a frozen vision-language
model, asked by an action, answers in the hidden states of learned query tokens. What was read before is kept as a
value, so an action costs one short prefill, and many actions from one state share what it remembers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from pandora.config import Config
from pandora.errors import InvalidCheckpoint, InvalidConfig, InvalidInput
from pandora.pretrained.decoder import Passes, Span
from pandora.pretrained.dialogue import Words, dialogue_of
from pandora.pretrained.eyes import Optics, eyes_of
from pandora.pretrained.prefix import Picture, Prefix, Turn
from pandora.pretrained.writing import write

SYSTEM = "You imagine how a world goes on. You are shown what it looked like and told what was done in it."
REWRITE = (
    "Describe in one or two plain sentences what the next seconds of the video show because of this action: "
    "what moves, how, and what it looks like at the end. Write the description alone.\n"
)


@dataclass(frozen=True, kw_only=True)
class ReadingConfig(Config):
    """What a backbone reads, in tokens; the same for every family.

    A `pad_to` of 64 lets `backbone.decoder.compile(dynamic=False)` serve most actions with one graph, and keeps masks
    aligned for a GPU's kernels.
    """

    queries: int = 64  # hidden states that come out
    turn_tokens: int = 128  # visual tokens of one turn, shared by its frames
    action_tokens: int = 160  # of one action, the rest of it is cut
    prefix_tokens: int = 1024  # beyond these, the newest turns that fill half of them are read anew
    pad_to: int = 1  # prefixes and what follows them are padded to multiples of it
    system: str = SYSTEM

    def __post_init__(self) -> None:
        least = 2 * (self.turn_tokens + self.action_tokens)
        if min(self.queries, self.turn_tokens, self.action_tokens, self.pad_to) < 1 or self.prefix_tokens < least:
            raise InvalidConfig(
                "A backbone needs at least 1 query, 1 token a turn and an action, padding to multiples of 1 or more, "
                f"and {least} tokens of prefix for two turns; got queries = {self.queries}, turn_tokens = "
                f"{self.turn_tokens}, action_tokens = {self.action_tokens}, pad_to = {self.pad_to}, prefix_tokens = "
                f"{self.prefix_tokens}."
            )


class PretrainedBackbone(nn.Module):
    """Any decoder of `transformers`, with eyes or without; holds weights and its tokenizer, no state.

    The learned queries are a parameter of their own, and every position is given, so the embedding table stays as it
    was published. Gradients flow through every method but `rewrite` where the caller allows them.
    """

    def __init__(
        self, model: Any, tokenizer: PreTrainedTokenizerBase, config: ReadingConfig, optics: Optics | None = None
    ):
        super().__init__()
        check_attention(model.config, config)
        self.model, self.config = model, config
        self.eyes = eyes_of(model.base_model, optics or Optics())
        dialogue = dialogue_of(model.config.model_type, tokenizer)
        self.words = Words(tokenizer, dialogue, config.system, config.action_tokens)
        self._rewrite = self.words.trusted(REWRITE)
        text: Any = model.config.get_text_config(decoder=True)
        self.width: int = text.hidden_size
        seeded = torch.Generator("cpu").manual_seed(0)
        start = torch.randn(config.queries, self.width, generator=seeded, device="cpu", dtype=torch.float32)
        std = getattr(text, "initializer_range", 0.02)
        self.queries_QD = nn.Parameter((start * std).to(model.device, model.dtype))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Casts and moves the weights; rotary frequencies move along and keep their precision."""
        exact = [
            (module, name, buffer)
            for module in self.modules()
            for name, buffer in module.named_buffers(recurse=False)
            if name.endswith("inv_freq")
        ]
        super()._apply(fn, recurse)
        for module, name, buffer in exact:
            setattr(module, name, buffer.to(getattr(module, name).device))
        return self

    def see(self, frames: Sequence[Tensor], actions: Sequence[str]) -> tuple[Turn, ...]:
        """Turns of what was seen and done. Raises InvalidInput.

        Args:
            frames: a clip (T, H, W, 3) uint8 RGB a turn, T from 0: what the world began with, then what each action
                led to. A clip's frames share `turn_tokens`: the more there are, the smaller each is seen.
            actions: one fewer than clips, oldest first.
        """
        if len(frames) != len(actions) + 1:
            raise InvalidInput(f"{len(actions)} actions lie between {len(actions) + 1} clips, not {len(frames)}.")
        return self._look(frames, (None, *actions))

    def prefix(self, frames: Sequence[Tensor], actions: Sequence[str] = ()) -> Prefix:
        """What was seen and done, read from the start; arguments as of `see`. Equal to extending turn by turn."""
        kept: tuple[Turn, ...] = ()
        for turn in self.see(frames, actions):
            kept = self._remember(kept, turn)
        return self._prefill([None], [kept])[0]

    def extend(self, prefixes: Sequence[Prefix], actions: Sequence[str], frames: Sequence[Tensor]) -> list[Prefix]:
        """B prefixes, each with what an action led to: a clip (T, H, W, 3) uint8. Only what is new is read.

        Where a prefix would have more than `prefix_tokens`, its newest turns that fill half of them are read anew from
        position 0; their frames are not looked at again. Raises InvalidInput.
        """
        _check_lengths(prefixes, actions, frames)
        turns = self._look(frames, actions)
        kept = [self._remember(prefix.turns, turn) for prefix, turn in zip(prefixes, turns, strict=True)]
        grown = [len(turns) == len(prefix.turns) + 1 for turns, prefix in zip(kept, prefixes, strict=True)]
        pasts = [prefix if grows else None for prefix, grows in zip(prefixes, grown, strict=True)]
        return self._prefill(pasts, kept)

    def read(self, prefixes: Sequence[Prefix], actions: Sequence[str]) -> Tensor:
        """Hidden states (B, Q, D) of the queries after B actions, each from its prefix; the prefixes stay as they are.

        Actions from one and the same prefix share its keys and values. Raises InvalidInput.
        """
        _check_lengths(prefixes, actions)
        rows, places = _group(prefixes)
        spans = [[self._ask(prefixes[i], actions[i]) for i in row] for row in rows]
        hidden_BSD = self._passes([prefixes[row[0]] for row in rows], keep=False).read(spans)
        ends = [[sum(span.length for span in row[: n + 1]) for n in range(len(row))] for row in spans]
        found = [hidden_BSD[row, ends[row][n] - self.config.queries : ends[row][n]] for row, n in places]
        return torch.stack(found)

    def forward(
        self, frames: Sequence[Tensor] | Tensor, actions: Sequence[str], histories: Sequence[Sequence[str]]
    ) -> Tensor:
        """Hidden states (B, Q, D) without a cache: for training, where gradient checkpointing wants none.

        Args:
            frames: what B worlds look like now, each (T, H, W, 3) uint8; or one tensor (B, H, W, 3).
            histories: the earlier actions of each, oldest first; frames that they led to are not shown.
        """
        clips = list(frames[:, None]) if isinstance(frames, Tensor) else frames
        _check_lengths(clips, actions, histories)
        newest = self._look(clips, [history[-1] if history else None for history in histories])
        worlds = [
            [*(Turn(action, ()) for action in (None, *history)[:-1]), turn]
            for history, turn in zip(histories, newest, strict=True)
        ]
        return self.read_turns(worlds, actions)

    def read_turns(self, worlds: Sequence[Sequence[Turn]], actions: Sequence[str]) -> Tensor:
        """As `read`, of turns instead of prefixes, all of it in one pass without a cache: (B, Q, D)."""
        spans = []
        for turns, action in zip(worlds, actions, strict=True):
            kept: tuple[Turn, ...] = ()
            for turn in turns:
                kept = self._remember(kept, turn)
            pieces = [self.words.head, *self._pieces(kept), self.words.action(action), self.words.tail]
            spans.append(self._span(pieces, 0, queries=True))
        hidden_BSD = self._passes([None] * len(spans), keep=False).read([[span] for span in spans])
        return torch.stack(
            [hidden_BSD[row, span.length - self.config.queries : span.length] for row, span in enumerate(spans)]
        )

    @torch.no_grad()
    def rewrite(
        self,
        prefixes: Sequence[Prefix],
        actions: Sequence[str],
        max_tokens: int = 96,
        should_stop: Callable[[], bool] | None = None,
    ) -> list[str]:
        """What happens next in words, as a prompt for a video model: B texts of at most `max_tokens` tokens.

        Greedy, all B at once. Raises Cancelled between tokens once `should_stop()` is true, and InvalidInput.
        """
        _check_lengths(prefixes, actions)
        if max_tokens < 1:
            raise InvalidInput(f"A description has at least 1 token, not {max_tokens}.")
        rows, places = _group(prefixes)
        spans = [
            [
                self._span([self.words.action(actions[i]), self._rewrite, self.words.tail], prefixes[i].position)
                for i in row
            ]
            for row in rows
        ]
        passes = self._passes([prefixes[row[0]] for row in rows])
        written = write(self.model, passes, spans, self.stops, max_tokens, should_stop or (lambda: False))
        return [self.words.text(written[row][n]) for row, n in places]

    @property
    def decoder(self) -> Any:
        """The language model's layers, without its output projection."""
        return self.model.get_decoder()

    @property
    def stops(self) -> frozenset[int]:
        """The tokens that end a text."""
        said = self.model.generation_config.eos_token_id
        ids = said if isinstance(said, list) else [said]
        return frozenset(int(i) for i in (*ids, self.words.tokenizer.eos_token_id) if i is not None)  # type: ignore[arg-type]

    def _passes(self, prefixes: Sequence[Prefix | None], keep: bool = True) -> Passes:
        return Passes(self.decoder, prefixes, self.queries_QD.device, keep, self.config.pad_to)

    def _look(self, frames: Sequence[Tensor], actions: Sequence[str | None]) -> tuple[Turn, ...]:
        for clip in frames:
            if clip.ndim != 4 or clip.shape[-1] != 3 or clip.dtype != torch.uint8:
                raise InvalidInput(f"A clip is (T, H, W, 3) uint8, not {list(clip.shape)} {clip.dtype}.")
            if len(clip) > self.config.turn_tokens:
                raise InvalidInput(f"A turn has at most {self.config.turn_tokens} frames, not {len(clip)}; thin them.")
            if len(clip) and self.eyes is None:
                kind = self.model.config.model_type
                raise InvalidInput(f"A {kind} model sees nothing: give clips of no frames, or load one with eyes.")
        if self.eyes is None:
            return tuple(Turn(action, ()) for action in actions)
        seen = self.eyes(frames, [self.config.turn_tokens // max(1, len(clip)) for clip in frames])
        return tuple(Turn(action, pictures) for action, pictures in zip(actions, seen, strict=True))

    def _remember(self, turns: tuple[Turn, ...], turn: Turn) -> tuple[Turn, ...]:
        """The turns and the new one; where that is more than the budget, the newest that fill half of it."""
        kept = [*turns, turn]
        lengths = [sum(_length(piece) for piece in self._pieces([one])) for one in kept]
        most = self.config.prefix_tokens - len(self.words.head)
        if sum(lengths) > most:
            while len(kept) > 1 and sum(lengths) > most // 2:
                del kept[0], lengths[0]
        return tuple(kept)

    def _prefill(self, pasts: Sequence[Prefix | None], turns: Sequence[tuple[Turn, ...]]) -> list[Prefix]:
        """A prefix a row: what its past lacks of its turns is read, in one pass for all."""
        spans = [
            self._span([self.words.head, *self._pieces(kept)], 0)
            if past is None
            else self._span(self._pieces(kept[len(past.turns) :]), past.position)
            for past, kept in zip(pasts, turns, strict=True)
        ]
        passes = self._passes(pasts)
        passes.read([[span] for span in spans])
        made = []
        for row, (span, kept) in enumerate(zip(spans, turns, strict=True)):
            keys, values = passes.kept(row, span.length)
            made.append(Prefix(kept, keys, values, int(span.positions_PS.max()) + 1))
        return made

    def _pieces(self, turns: Sequence[Turn]) -> list[list[int] | Picture]:
        pieces: list[list[int] | Picture] = []
        for turn in turns:
            if turn.action is not None:
                pieces.append(self.words.action(turn.action))
            for picture in turn.pictures:
                pieces += [self.words.before_frame, picture, self.words.after_frame]
        return pieces

    def _ask(self, prefix: Prefix, action: str) -> Span:
        return self._span([self.words.action(action), self.words.tail], prefix.position, queries=True)

    def _span(self, pieces: Sequence[list[int] | Picture], start: int, queries: bool = False) -> Span:
        """Pieces as embeddings at positions from `start`, and after them the queries, which count as text."""
        ids = [i for piece in pieces for i in (piece if isinstance(piece, list) else [0] * piece.count)]
        kinds = [int(isinstance(piece, Picture)) for piece in pieces for _ in range(_length(piece))]
        pictures = [piece for piece in pieces if isinstance(piece, Picture)]
        words_SD = self.model.get_input_embeddings()(torch.tensor(ids, device=self.queries_QD.device))
        parts, at = [], 0
        for piece in pieces:
            length = _length(piece)
            parts.append(piece.tokens_ND.to(words_SD) if isinstance(piece, Picture) else words_SD[at : at + length])
            at += length
        if queries:
            parts.append(self.queries_QD.to(words_SD.dtype))
            kinds += [0] * self.config.queries
        layers = zip(*(picture.deepstack for picture in pictures), strict=True)
        deepstack = tuple(torch.cat(layer) for layer in layers)
        positions_PS = self._positions(kinds, pictures) + start
        return Span(torch.cat(parts), positions_PS, torch.tensor(kinds, dtype=torch.bool), deepstack)

    def _positions(self, kinds: list[int], pictures: Sequence[Picture]) -> Tensor:
        """(1, S) int64, or (3, S) for time, row and column as the model's own `get_rope_index` counts them (M-RoPE)."""
        if not hasattr(self.model.base_model, "get_rope_index"):
            return torch.arange(len(kinds))[None]
        merge = self.model.config.vision_config.spatial_merge_size
        grids = [(1, rows * merge, columns * merge) for rows, columns in (picture.grid for picture in pictures)]
        positions_31S, _ = self.model.base_model.get_rope_index(
            torch.zeros(1, len(kinds), dtype=torch.int64),
            torch.tensor([kinds]),
            image_grid_thw=torch.tensor(grids) if grids else None,
        )
        return positions_31S[:, 0]


def check_attention(model_config: Any, config: ReadingConfig) -> None:
    """Raises InvalidCheckpoint for a decoder that doesn't keep all keys and values of what it has read."""
    text = model_config.get_text_config(decoder=True)
    kinds = set(getattr(text, "layer_types", None) or ["full_attention"]) - {"full_attention"}
    window = getattr(text, "sliding_window", None)
    longest = config.prefix_tokens + config.action_tokens + config.queries
    if kinds - {"sliding_attention"} or (window is not None and window < longest):
        raise InvalidCheckpoint(
            f"A {model_config.model_type} model forgets within its layers ({', '.join(sorted(kinds)) or 'sliding'}"
            f"{f', window {window}' if window else ''}), and {longest} tokens are to be read. Use a decoder with full "
            "attention, such as Qwen2.5-VL, Qwen3-VL, LLaVA or Llama, or a smaller prefix_tokens."
        )


def _length(piece: list[int] | Picture) -> int:
    return len(piece) if isinstance(piece, list) else piece.count


def _group(prefixes: Sequence[Prefix]) -> tuple[list[list[int]], list[tuple[int, int]]]:
    """Indices by prefix, and for each index its row and its place in it."""
    rows: dict[int, list[int]] = {}
    places = []
    for index, prefix in enumerate(prefixes):
        row = rows.setdefault(id(prefix), [])
        places.append((list(rows).index(id(prefix)), len(row)))
        row.append(index)
    return list(rows.values()), places


def _check_lengths(*lists: Sequence[Any]) -> None:
    if len({len(one) for one in lists}) != 1 or not len(lists[0]):
        raise InvalidInput(f"A batch takes as many of each, at least one; got {', '.join(str(len(x)) for x in lists)}.")
