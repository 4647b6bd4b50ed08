"""The speed bench on tiny parts: every row of the issue is there, counted by the parts' own sizes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pandora.cli.bench_speed import TARGETS
from pandora.cli.main import create_app
from pandora.evaluation import speed
from pandora.large import Speed
from pandora.large import config as presets
from pandora.large.loading import Loaded
from pandora.runtime import Runtime
from pandora.video.transformer import CausalVideoTransformer
from tests.large.conftest import CONFIG, TRANSFORMER, parts

CPU = Runtime.resolve("cpu", "float32", 1)
FEW = speed.Effort(clips=3, runs=1)


def test_every_row_is_measured() -> None:
    said: list[str] = []
    case = speed.Case(name="clip64", config=CONFIG, plain=True, branches=(1, 2), worlds=(1, 2))
    rows = {row.name: row for row in speed.measure(parts(), CPU, [case], Speed(), FEW, said.append)}
    first, whole = rows["clip64.first_frame_p50_ms"], rows["clip64.frames_per_second"]
    assert 0 < first.value <= rows["clip64.first_frame_p95_ms"].value
    assert first.value < 1000 * CONFIG.frames_per_action / whole.value, "the first frame does not wait for the last"
    stages = sum(rows[f"clip64.{stage}_ms"].value for stage in speed.STAGES)
    assert stages == pytest.approx(1000 * CONFIG.frames_per_action / whole.value, rel=0.6)
    assert 0 < rows["clip64.share_of_peak"].value < 1
    assert rows["clip64.speedup_plain"].value > 0
    assert {"branches1.time_ratio", "branches2.time_ratio", "branches2.memory_share"} <= rows.keys()
    assert rows["branches2.memory_share"].value == 0.0
    assert rows["worlds2.frames_per_second"].value > 0
    assert any("plain way" in line for line in said)


def test_sentences_are_never_said_twice() -> None:
    from pandora.large.loading import assemble

    clock = speed.Clock(assemble(CONFIG, parts(), CPU))
    assert len({clock.say() for _ in range(50)}) == 50
    assert clock.state.latents.shape[1] == CONFIG.window, "the window is full before anything is timed"


def test_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def tiny(config: object, runtime: Runtime, seed: int = 0) -> Loaded:
        return parts()

    monkeypatch.setitem(presets.PRESETS, "tiny-large", lambda: CONFIG)
    monkeypatch.setattr("pandora.large.stand_in.random_parts", tiny)
    monkeypatch.setattr("pandora.large.loading.host_bytes", lambda: 2**50)
    small = [speed.Case(name="clip480", config=replace(CONFIG, road="both"), branches=(1, 16))]
    monkeypatch.setattr(speed, "cases", lambda config: small)
    path = tmp_path / "rows.json"
    asked = ["bench", "--preset", "tiny-large", "--random", "--quick", "--device", "cpu", "--json", str(path)]
    told = CliRunner().invoke(create_app(), asked)
    assert told.exit_code == 0, told.output
    assert "at most 250" in told.output
    content = json.loads(path.read_text())
    names = {row["name"] for row in content["rows"]}
    assert {name for name in TARGETS if name.startswith(("clip480", "branches"))} - names == {"clip480.speedup_plain"}
    assert content["settings"]["weights"] == "random"
    assert "Usage" in CliRunner().invoke(create_app(), ["bench"]).output


def test_quantised_weights_are_measured_beside_the_plain_ones() -> None:
    cases = [speed.Case(name=name, config=CONFIG, plain=plain) for name, plain in (("first", True), ("second", False))]
    kept: list[int] = []
    wide = CausalVideoTransformer(replace(TRANSFORMER, attention_head_dim=16))
    rows = speed.measure(
        parts(transformer=wide),
        CPU,
        cases,
        Speed(quantized="int8"),
        FEW,
        lambda line: None,
        lambda rows: kept.append(len(rows)),
    )
    names = {row.name for row in rows}
    assert {"first.speedup_plain", "second.first_frame_p95_ms"} <= names
    assert kept[0] < kept[1] == len(rows), "what is there is kept after every case"
