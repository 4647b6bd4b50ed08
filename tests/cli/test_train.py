"""`pandora train` on published models: every stage has its options, and a run goes from films to a release."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pandora.cli.main import create_app
from tests.training.published import ADAPTER, FORM, PAST, READING, save_all

ADAPTER_OPTIONS = [
    f"--adapter.{name.replace('_', '-')}={value}"
    for name, value in ADAPTER.to_dict().items()
    if name not in ("backbone_width",)
]


def run(*arguments: object) -> str:
    result = CliRunner().invoke(create_app(), ["train", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    ("stage", "options"),
    {
        "text-alignment": ["--text-encoder", "--padding", "--steps", "--max-grad-norm", "--adapter.layers"],
        "instruction": ["--video-rank", "--road", "--ewc", "--ema", "--dropout.image", "--past.sink", "--accumulate"],
        "judge": ["--world", "--judge", "--processes"],
        "recipe": ["--worlds", "--start-from", "--ahead", "--autoencoder", "--minutes"],
        "study": ["--what", "--worlds", "--kept-out"],
        "alignment": ["--start-from", "--keep"],
        "autoencoder": ["--keep-weight", "--model.frame-blocks"],
        "anchor": ["--texts"],
        "merge": ["--release"],
        "publish": ["--repository"],
        "launch-config": ["--kind", "--processes"],
    }.items(),
)
def test_stages_have_options_with_help(stage: str, options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    shown = run(stage, "--help")
    for option in options:
        assert option in shown
    if stage in ("text-alignment", "instruction"):
        assert "tar shards" in shown, "inherited options keep their help"


def test_films_to_a_merged_release(tmp_path: Path) -> None:
    home = save_all(tmp_path)
    shared = [
        "--data", home / "films", "--backbone", home / "backbone", "--steps", 2, "--batch", 1, "--precision", "no",
        "--log-every", 1, "--workers", 1, "--device", "cpu", *ADAPTER_OPTIONS, "--form.fps", FORM.fps,
        "--form.height", FORM.height, "--form.width", FORM.width, "--reading.queries", READING.queries,
        "--reading.turn-tokens", READING.turn_tokens,
    ]  # fmt: skip
    aligned = run("text-alignment", *shared, "--text-encoder", home / "pipeline", "--out", tmp_path / "align")
    assert aligned.strip().endswith("release")
    tuned = [
        "instruction", *shared, "--start-from", tmp_path / "align" / "release", "--out", tmp_path / "tune",
        "--video", home / "pipeline" / "transformer", "--autoencoder", home / "pipeline", "--past.chunk", PAST.chunk,
        "--past.history", PAST.history, "--form.frames-per-action", FORM.frames_per_action, "--video-rank", 2,
    ]  # fmt: skip
    run(*tuned)
    assert "step 3/3" in run(*tuned, "--steps", 3), "it goes on where it stopped"
    card = (tmp_path / "tune" / "release" / "README.md").read_text()
    assert "pandora train instruction" in card
    assert "--steps 3" in card
    run("merge", "--release", tmp_path / "tune" / "release", "--out", tmp_path / "merged", "--dtype", "float32")
    assert (tmp_path / "merged" / "transformer" / "diffusion_pytorch_model.safetensors").exists()
    run("launch-config", "--kind", "ddp", "--processes", 2, "--out", tmp_path / "launch.json")
    assert "MULTI_GPU" in (tmp_path / "launch.json").read_text()
