"""The README's films: one command, small files, nothing else of the README touched."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pandora import gallery
from pandora.cli.main import create_app
from pandora.errors import InvalidInput
from pandora.media import encode_png, read_film
from pandora.presets import tiny_model

KINDS = ("blocks", "road")


def write_weights(folder: Path, kinds: tuple[str, ...]) -> Path:
    model = tiny_model()
    (folder / "scenes").mkdir(parents=True)
    entries = [
        {
            "id": f"{kind}-{i}", "world": kind, "world_title": kind.title(), "title": f"Scene {i}",
            "image": f"{kind}-{i}.png", "suggestions": ["wait", "go on | now", "stop"],
        }
        for kind in kinds
        for i in range(4)
    ]  # fmt: skip
    (folder / "scenes" / "scenes.json").write_text(json.dumps(entries))
    for seed, entry in enumerate(entries):
        picture = np.full((128, 128, 3), 20 * seed, np.uint8)
        (folder / "scenes" / entry["image"]).write_bytes(encode_png(picture))
    return model.save_pretrained(folder)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("gallery") / "weights", KINDS)


def test_one_command_films_every_kind_of_world_and_shows_it(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(weights.parent)
    readme = Path("README.md")
    readme.write_text(f"# Title\n\n{gallery.BEGIN}\nold\n{gallery.END}\n\nThe rest.\n")
    before = (weights / "manifest.json").read_bytes()
    done = CliRunner().invoke(create_app(), ["gallery", "--weights", "weights", "--sentences", "2", "--steps", "1"])
    assert done.exit_code == 0, done.output
    text = readme.read_text()
    assert text.startswith("# Title\n\n<!--")
    assert text.endswith("-->\n\nThe rest.\n")
    assert "old" not in text
    assert "| **Blocks** | **Road** |" in text
    assert r"![wait; go on \| now]" in text
    for kind in KINDS:
        path = weights / "gallery" / f"{kind}-0.webp"
        assert f"](weights/gallery/{kind}-0.webp)" in text
        assert path.stat().st_size < 600_000, "even of noise, which is what a random model makes"
        frames, _ = read_film(path)
        assert frames.shape[1:] == (296, 256, 3)
        assert len(frames) > 2 * 8
        strip = frames[:, 256:].astype(int)
        assert (strip[0] != strip[-1]).any(), "the words change"
    assert (weights / "manifest.json").read_bytes() == before, "films are no part of the weights"


def test_an_only_kind_shows_a_few_scenes_and_others_can_be_asked_for(tmp_path: Path) -> None:
    weights = write_weights(tmp_path / "weights", ("blocks",))
    assert [scene.id for scene in gallery.choose(weights)] == ["blocks-0", "blocks-1", "blocks-2"]
    assert [scene.id for scene in gallery.choose(weights, ["blocks-3"])] == ["blocks-3"]
    with pytest.raises(InvalidInput, match="no scene nowhere"):
        gallery.choose(weights, ["nowhere"])


def test_a_readme_without_a_place_is_left_alone(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"{gallery.BEGIN} and no end")
    with pytest.raises(InvalidInput, match="no place for a gallery"):
        gallery.write(readme, "new")
    assert readme.read_text() == f"{gallery.BEGIN} and no end"


def test_only_what_can_be_done_is_filmed(tmp_path: Path) -> None:
    from pandora.scenes import read_scenes
    from pandora.training.export import write_scenes

    write_scenes(tmp_path / "scenes", ("blocks",))
    scenes = read_scenes(tmp_path)
    assert gallery.fitting(scenes["blocks-tower"])[:2] == (
        "take the red block off the green block", "put it down on the table",
    )  # fmt: skip
    assert "pick up the blue block" not in gallery.fitting(scenes["blocks-tower"]), "it carries others"
    assert "hold still" not in gallery.fitting(scenes["blocks-held"])
    assert len(gallery.fitting(gallery.choose(tmp_path)[0])) >= 4
