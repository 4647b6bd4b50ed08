"""Actions and their history as token ids: history sentences, each closed by [SEP], then [CLS] action [SEP]."""

import re
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from pandora.errors import InvalidCheckpoint

ACTION_TOKENS = 160  # of an action, the rest of it is cut
HISTORY_TOKENS = 40  # of one earlier action

_KNOWN, _SHORT = 50_000, 200  # texts, characters of one


class ActionTokenizer:
    """Wraps a fast tokenizer; pads on the left so that the end of the action stands before the queries in every row."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        self.tokenizer = tokenizer
        self.known: dict[str, list[int]] = {}  # training says the same sentences again and again
        self.pad = tokenizer.pad_token_id or 0
        start = tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id
        end = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
        self.start = [] if start is None else [int(start)]  # type: ignore[arg-type]
        self.end = [] if end is None else [int(end)]  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.tokenizer)

    @property
    def vocabulary(self) -> list[str]:
        """Its word pieces, in the order of their ids."""
        ids = self.tokenizer.get_vocab()
        return sorted(ids, key=ids.__getitem__)

    def __call__(self, actions: list[str], histories: list[tuple[str, ...]]) -> tuple[Tensor, Tensor]:
        """B actions and as many histories (oldest first) -> ids (B, S) int64 and mask (B, S) int64, 1 where real."""
        return self.pad_left([self._row(action, history) for action, history in zip(actions, histories, strict=True)])

    def pad_left(self, rows: list[list[int]]) -> tuple[Tensor, Tensor]:
        """Rows of ids of any length -> ids (B, S) int64 and mask (B, S) int64, 1 where real."""
        length = max(map(len, rows))
        ids_BS = torch.full((len(rows), length), int(self.pad), dtype=torch.int64)  # type: ignore[arg-type]
        mask_BS = torch.zeros_like(ids_BS)
        for index, row in enumerate(rows):
            ids_BS[index, length - len(row) :] = torch.tensor(row)
            mask_BS[index, length - len(row) :] = 1
        return ids_BS, mask_BS

    def _row(self, action: str, history: tuple[str, ...]) -> list[int]:
        earlier = [piece for text in history for piece in (*self.pieces(text, HISTORY_TOKENS), *self.end)]
        return [*earlier, *self.start, *self.pieces(action, ACTION_TOKENS), *self.end]

    def read(self, rows: list[list[int]]) -> list[str]:
        """The texts of rows of ids, up to the first end in each, without spaces before punctuation."""
        ends = set(self.end)
        cut = [row[: next((i for i, piece in enumerate(row) if piece in ends), len(row))] for row in rows]
        return [re.sub(r" +([;,.:!?])", r"\1", str(self.tokenizer.decode(row))) for row in cut]

    def pieces(self, text: str, limit: int) -> list[int]:
        """The ids of a text, the first `limit` of them, without start and end."""
        ids = self.known.get(text)
        if ids is None:
            ids = list(self.tokenizer(text, add_special_tokens=False)["input_ids"])  # type: ignore[arg-type]
            if len(self.known) < _KNOWN and len(text) <= _SHORT:
                self.known[text] = ids
        return ids[:limit]

    def save(self, folder: str | Path) -> None:
        """Write the tokenizer's files into `folder`."""
        self.tokenizer.save_pretrained(str(folder))

    @classmethod
    def load(cls, folder: str | Path) -> "ActionTokenizer":
        """Read a folder that `save` wrote. Raises InvalidCheckpoint when it holds no tokenizer."""
        if not (Path(folder) / "tokenizer.json").is_file():
            raise InvalidCheckpoint(f"{folder} holds no tokenizer.json; expected a saved tokenizer's folder.")
        return cls(PreTrainedTokenizerFast.from_pretrained(str(folder)))
