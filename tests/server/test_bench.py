"""The benches at a tiny size; that what they watch for would be seen."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pandora.errors import UnknownName
from server.bench import kill, rows, service, soak, stream
from server.bench.ledger import BEGUN, Act, Birth, Entry, Ledger, Rewind, State, outcomes
from server.cli import bench

WALKED = Act("b").apply(Act("a").apply(BEGUN))
BACK = Act("c").apply(Rewind(1).apply(WALKED))


def test_the_stream_of_a_real_server(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "QUICK", (10, 10))
    out = tmp_path / "out" / "bench.json"
    arguments = ["stream", "--quick", "--weights", str(weights), "--threads", "1", "--json", str(out)]
    result = CliRunner().invoke(bench, arguments)
    assert result.exit_code == 0, result.output
    written = json.loads(out.read_text())
    found = {row["name"]: row for row in written["rows"]}
    streamed = {f"stream.{name}" for name in ("frames_per_second", "first_frame_p50_ms", "first_frame_p95_ms")}
    assert set(found) == {*streamed, "server.peak_memory_bytes"}
    assert all(set(row) == {"name", "value", "unit", "low", "high", "n"} for row in found.values())
    assert all(0 < row["low"] <= row["value"] <= row["high"] for row in found.values())
    assert written["settings"]["model"] == "pandora-tiny"
    assert "stream.frames_per_second" in result.output


@pytest.mark.slow
def test_what_the_service_adds_and_what_forks_cost(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extent = replace(service.QUICK, rounds=2, seconds=0.2, forks=2, families=1, worlds=70)
    monkeypatch.setattr(service, "QUICK", extent)
    out = tmp_path / "bench.json"
    only = [part for name in ("share", "eight", "fork", "restart") for part in ("--only", name)]
    arguments = ["service", "--quick", *only, "--weights", str(weights), "--threads", "1", "--json", str(out)]
    result = CliRunner().invoke(bench, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    found = {row["name"]: row["value"] for row in json.loads(out.read_text())["rows"]}
    names = ("service.share_of_model", "service.eight_worlds", "fork.64_ms", "fork.memory_share", "restart.seconds")
    assert list(found) == list(names)
    assert all(found[name] > 0 for name in names[:3])
    assert 0 <= found["fork.memory_share"] < 1


def test_a_part_measured_again_leaves_the_other_rows(tmp_path: Path) -> None:
    path, settings = tmp_path / "bench.json", {"cpus": 2}
    one, two = rows.single("fork.64_ms", "ms", 9.0), rows.single("restart.seconds", "s", 1.0)

    def names() -> list[tuple[str, float]]:
        return [(row["name"], row["value"]) for row in json.loads(path.read_text())["rows"]]

    rows.report([one, two], settings, path)
    rows.report([replace(two, value=2.0)], settings, path, part=True)
    assert names() == [("fork.64_ms", 9.0), ("restart.seconds", 2.0)]
    rows.report([two], {"cpus": 64}, path, part=True)
    assert names() == [("restart.seconds", 1.0)], "what another machine did is not kept beside it"


def test_a_group_that_is_not_there() -> None:
    with pytest.raises(UnknownName, match="share"):
        service.measure({}, only=["shares"])


def test_nothing_is_lost_when_the_service_is_killed() -> None:
    found = {row.name: row.value for row in kill.measure(6, seed=3)}
    assert found["kill.lost_steps"] == 0
    assert found["kill.broken_promises"] == 0
    assert found["kill.answered_steps"] > 0


def test_a_soak(weights: Path) -> None:
    extent = soak.Extent(worlds=2, viewers=8, seconds=4.0, settled=1.0)
    found = {row.name: row.value for row in soak.measure({"weights": str(weights), "threads": "1"}, extent)}
    assert found["soak.viewers_lost"] == 0
    assert found["soak.worlds_that_stood_still"] == 0
    assert found["soak.frames_per_second"] > 0
    assert found["soak.memory_growth"] > 0


# --- the ledger ------------------------------------------------------------------------------------------------------


def test_what_unanswered_changes_may_lead_to() -> None:
    after = list(outcomes(BEGUN, [Act("a"), Act("b"), Rewind(0)]))
    assert BEGUN in after
    assert Act("a").apply(BEGUN) in after
    assert Rewind(0).apply(WALKED) in after
    assert Rewind(0).apply(Act("a").apply(BEGUN)) in after  # the rewind cancelled the action before it
    assert Act("b").apply(BEGUN) not in after
    assert BACK.steps[3] == (1, "c")
    assert BACK.path(3) == State(3, {0: (None, None), 1: (0, "a"), 3: (1, "c")})


@pytest.mark.parametrize(
    ("found", "lost", "complaints"),
    [
        (WALKED, 0, 0),
        (Act("c").apply(WALKED), 0, 0),
        (Act("x").apply(WALKED), 0, 1),
        (Act("c").apply(Act("c").apply(WALKED)), 0, 1),
        (Rewind(1).apply(WALKED), 0, 1),
        (Act("a").apply(BEGUN), 1, 1),
        (BEGUN, 2, 1),
        (State(2, {**WALKED.steps, 1: (0, "z")}), 1, 1),
    ],
)
def test_what_was_answered_must_be_there(found: State, lost: int, complaints: int) -> None:
    ledger = Ledger({"w": Entry("w", WALKED, asked=[Act("c")])})
    ledger.compare({"w": found}, {"w": "w"})
    assert (ledger.lost, len(ledger.complaints)) == (lost, complaints)
    assert ledger.entries["w"].state == found


def test_what_was_shown_must_be_there() -> None:
    ledger = Ledger({"w": Entry("w", WALKED, asked=[Act("c")], seen={3})})
    ledger.compare({"w": WALKED}, {"w": "w"})
    assert (ledger.lost, len(ledger.complaints)) == (1, 1)


def test_worlds_come_and_go_as_they_were_asked_to() -> None:
    def compare(*found: str, leaving: bool = False) -> int:
        ledger = Ledger({"w": Entry("w", WALKED, leaving=leaving)}, {"f": Birth("f", 2, WALKED.path(1), {})})
        state = {"w": WALKED}
        ledger.compare({world: state.get(world, WALKED.path(1)) for world in found}, dict.fromkeys(found, "f"))
        return len(ledger.complaints)

    assert compare("w") == 0
    assert compare("w", "x", "y") == 0
    assert compare("w", "x") == 1  # half of the forks
    assert compare() == 1
    assert compare(leaving=True) == 0
    assert compare("w", leaving=True) == 0


def test_a_row_knows_how_sure_it_is() -> None:
    dice = random.Random(0)
    row = rows.median("m", "ms", [dice.gauss(10, 1) for _ in range(200)])
    assert row.low < row.value < row.high
    assert row.high - row.low < 1
