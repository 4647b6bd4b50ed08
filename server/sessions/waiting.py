"""The actions of one world that have not begun, in the order in which they will."""

from collections.abc import Iterable

from server.sessions.turn import Turn


class Waiting:
    """At most one live action waits at a time; of the others, as many as are let in."""

    def __init__(self) -> None:
        self._turns: list[Turn] = []

    def __len__(self) -> int:
        return len(self._turns)

    def add(self, turns: Iterable[Turn]) -> None:
        self._turns.extend(turns)

    def supersede(self, turn: Turn) -> Turn | None:
        """Put a live action in the place of the one that waits, which is returned, or at the end."""
        for index, other in enumerate(self._turns):
            if other.live:
                self._turns[index] = turn
                return other
        self._turns.append(turn)
        return None

    def first(self, paused: bool) -> Turn | None:
        """The one that may begin first: a pause holds live actions."""
        return next((turn for turn in self._turns if not (turn.live and paused)), None)

    def take_out(self, turns: Iterable[Turn] | None = None) -> list[Turn]:
        """Those of the turns that wait, or all, which wait no more."""
        out = list(self._turns) if turns is None else [turn for turn in turns if turn in self._turns]
        self._turns = [turn for turn in self._turns if turn not in out]
        return out
