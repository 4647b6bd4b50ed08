import itertools

import pytest

from server.engine import engine
from server.sessions.lifecycle import MOVES, Status, move


@pytest.mark.parametrize(("old", "new"), list(itertools.product(Status, Status)))
def test_only_legal_moves(old: Status, new: Status) -> None:
    if new in MOVES[old]:
        assert move(old, new) is new
    else:
        with pytest.raises(RuntimeError, match="can't become"):
            move(old, new)


def test_every_status_has_its_moves() -> None:
    assert set(MOVES) == set(Status)
    assert set(engine.MOVES) == set(engine.EngineStatus)
