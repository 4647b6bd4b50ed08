"""What a language model has read of a world so far, as a value: its turns and the keys and values they left."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Picture:
    """One frame as the decoder reads it: visual tokens in rows and columns, row by row.

    `deepstack` are features that a decoder adds to these tokens after its first layers (DeepStack, arXiv 2406.04334).
    """

    tokens_ND: Tensor  # (N, D) in the model's dtype
    deepstack: tuple[Tensor, ...]  # (N, D) a layer; most models have none
    grid: tuple[int, int]  # rows, columns; rows * columns = N

    @property
    def count(self) -> int:
        return self.grid[0] * self.grid[1]


@dataclass(frozen=True, eq=False)
class Turn:
    """An action and what it led to; the first turn of a world has no action."""

    action: str | None
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, eq=False)
class Prefix:
    """A value: to extend it is to make another one, and nothing that reads it changes it.

    `turns` are those that it holds, oldest first: earlier ones are forgotten where the budget is spent. `keys` and
    `values` are (1, heads, N, head_dim) a layer, in the model's dtype, on its device.
    """

    turns: tuple[Turn, ...]
    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    position: int  # of the token that comes next; with pictures in it, less than `length`

    @property
    def length(self) -> int:
        """Tokens N that were read."""
        return self.keys[0].shape[2]

    @property
    def nbytes(self) -> int:
        """Memory that the keys and values take."""
        return sum(tensor.nbytes for tensor in (*self.keys, *self.values))

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that it holds, oldest first."""
        return tuple(turn.action for turn in self.turns if turn.action is not None)
