"""Other people's films become our shards: what is cut, what it is called, what is left out; LeRobot in each layout."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from pandora.cli.main import create_app
from pandora.errors import InvalidConfig, InvalidInput, UnknownName
from pandora.media import save_film
from pandora.training.filmcodec import decode_film
from pandora.training.films import Label, Span
from pandora.training.importing import Import, bring, pieces
from pandora.training.lerobot import open_dataset
from pandora.training.shards import samples

SIZE = 32


def film(path: Path, frames: int, fps: float = 8.0, first: int = 0) -> Path:
    """Frame i is of shade 4 * (first + i)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = 4 * np.arange(first, first + frames, dtype=np.uint8)[:, None, None, None]
    return save_film(path, np.broadcast_to(grey, (frames, SIZE, 48, 3)).astype(np.uint8), fps)


def near(found: tuple[list[str], list[int]], texts: list[str], frames: Sequence[int]) -> bool:
    """Whether texts and frames are these; a film's codec may take a frame's shade for the next one's."""
    return found[0] == texts and max(abs(a - b) for a, b in zip(found[1], frames, strict=True)) <= 1


def brought(source: Path, out: Path, **options: Any) -> dict[str, tuple[list[str], list[int]]]:
    """By key what is said, and which frame of `film` each frame is."""
    config = Import(source=str(source), out=str(out), size=SIZE, processes=1, **options)
    found = {}
    for shard in sorted(bring(config).glob("*.tar")):
        for sample in samples(shard):
            label, frames = sample.label(), decode_film(sample.film().read())
            texts = [action["text"] for action in label["actions"]]
            assert frames.shape == (1 + config.frames_per_action * len(texts), SIZE, SIZE, 3)
            found[sample.key.split("/")[1]] = (texts, [round(float(frame.mean()) / 4) for frame in frames])
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A film with actions, one with a caption, one at another rate, and three that can't be used."""
    folder = tmp_path / "films"
    film(folder / "acted.mp4", 40)
    film(folder / "told.mp4", 18)
    film(folder / "fast.mp4", 36, fps=16.0)
    film(folder / "short.mp4", 8)
    actions = [("lift it", 0.5, 1.5), ("push it", 1.5, 2.4), ("drop it", 3.5, 4.5)]
    spans = [{"text": text, "start": start, "end": end} for text, start, end in actions]
    lines = [
        {"file": "acted.mp4", "actions": spans}, {"file": "told.mp4", "caption": "a grey wall"},
        {"file": "fast.mp4", "caption": "quickly"}, {"file": "short.mp4", "caption": "too short"},
        {"file": "gone.mp4", "caption": "missing"}, {"file": "../x.mp4", "caption": "elsewhere"},
    ]  # fmt: skip
    (folder / "films.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def test_films_with_jsonl(folder: Path, tmp_path: Path) -> None:
    found = brought(folder, tmp_path / "mine", films=2)
    assert near(found["film-0000000-0"], ["lift it", "push it"], range(4, 21))
    assert near(found["film-0000000-1"], ["drop it"], range(28, 37)), "where nothing is said it is cut apart"
    assert near(found["film-0000001-0"], ["a grey wall"] * 2, range(17))
    assert near(found["film-0000002-0"], ["quickly"] * 2, range(0, 34, 2)), "resampled"
    assert len(found) == 4
    lines = [json.loads(line) for line in (tmp_path / "mine" / "skipped.jsonl").read_text().splitlines()]
    assert {line["film"].split()[-1] for line in lines} == {"short.mp4", "gone.mp4", "films.jsonl:6"}
    card = (tmp_path / "mine" / "README.md").read_text()
    assert "license: other" in card
    assert "labelled films" in card
    before = {path.name: path.read_bytes() for path in (tmp_path / "mine").glob("*.tar")}
    (tmp_path / "mine" / "00001.tar").unlink()
    again = brought(folder, tmp_path / "mine", films=2)
    assert again.keys() == found.keys()
    assert all(near(again[key], *found[key]) for key in found), "decoders differ in the last bit from run to run"
    after = {path.name: path.read_bytes() for path in (tmp_path / "mine").glob("*.tar")}
    assert after.keys() == before.keys()
    assert {name for name in before if after[name] == before[name]} >= before.keys() - {"00001.tar"}, "made again"
    with pytest.raises(InvalidInput, match="size 32, now 64"):
        bring(Import(source=str(folder), out=str(tmp_path / "mine"), films=2, size=64))


def test_our_shards_are_a_source_as_well(folder: Path, tmp_path: Path) -> None:
    first = brought(folder, tmp_path / "mine")
    again = brought(tmp_path / "mine", tmp_path / "again")
    for (texts, frames), expected in zip(again.values(), first.values(), strict=True):
        assert near(expected, texts, frames)


def test_labels_become_sentences(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text('{"lift it": ["raise it", "up with it"], "quickly": "fast"}')
    found = brought(folder, tmp_path / "mine", labels=str(tmp_path / "labels.json"), name="desk")
    assert {key: texts for key, (texts, _) in found.items()} == {
        "film-0000000-0": ["raise it"], "film-0000002-0": ["fast"] * 2,
    }  # fmt: skip
    sample = next(iter(samples(tmp_path / "mine" / "00000.tar")))
    action = sample.label()["actions"][0]
    assert (sample.label()["world"], action["verb"]) == ("desk", "lift it")
    assert action["sentences"] == ["raise it", "up with it"]
    (tmp_path / "labels.json").write_text('{"lift it": []}')
    with pytest.raises(InvalidInput, match="no sentence for the label 'lift it'"):
        bring(Import(source=str(folder), out=str(tmp_path / "x"), labels=str(tmp_path / "labels.json")))


def test_cutting() -> None:
    config = Import(source="", out="", length=2)
    label = Label("", (Span("a", 1.0, 4.0), Span("b", 4.0, 5.0)))
    assert [(p.start, p.texts) for p in pieces(label, 6.2, config)] == [(1.0, ("a", "a")), (3.0, ("a", "b"))]
    assert pieces(label, 1.9, config) == []
    assert [p.texts for p in pieces(Label("c", ()), 3.125, config)] == [("c", "c"), ("c",)]
    assert [p.texts for p in pieces(Label("c", ()), 3.0, config)] == [("c", "c")], "the last frame would be missing"


def test_what_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="neither"):
        bring(Import(source=str(tmp_path / "empty"), out=str(tmp_path / "out")))
    with pytest.raises(InvalidConfig, match="no LeRobot dataset"):
        bring(Import(source=str(tmp_path / "empty"), out=str(tmp_path / "out"), camera="top"))
    with pytest.raises(InvalidConfig, match="more than 0"):
        bring(Import(source=str(tmp_path / "empty"), out=str(tmp_path / "out"), fps=0))


CAMERA = "observation.images.top"
TASKS = ["pour the water", "wipe the table"]
LENGTHS = [40, 20]  # frames at 10 fps: 4 s and 2 s


def info(version: str, dtype: str, **more: Any) -> dict[str, Any]:
    features = {
        "observation.state": {"dtype": "float32", "shape": [2]}, CAMERA: {"dtype": dtype, "shape": [SIZE, 48, 3]},
        "key": {"dtype": "int64", "shape": [1]}, "said": {"dtype": "string", "shape": [1]},
        "task_index": {"dtype": "int64", "shape": [1]},
    }  # fmt: skip
    values = {"codebase_version": version, "fps": 10, "features": features, "total_episodes": 2, "chunks_size": 1000}
    return values | more


def rows(episode: int) -> dict[str, list[Any]]:
    """Columns of an episode: task 1 in the first and task 0 in the second; keys and texts change halfway."""
    count = LENGTHS[episode]
    late = [int(i >= count // 2) for i in range(count)]
    return {
        "observation.state": [[0.0, 1.0]] * count, "frame_index": [*range(count)], "episode_index": [episode] * count,
        "task_index": [1 - episode] * count, "key": [[k] for k in late], "said": [("reach", "grasp")[k] for k in late],
    }  # fmt: skip


def version_2(folder: Path) -> Path:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for episode, count in enumerate(LENGTHS):
        path = folder / f"data/chunk-000/episode_{episode:06d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(rows(episode)), path)
        film(folder / f"videos/chunk-000/{CAMERA}/episode_{episode:06d}.mp4", count, 10.0, first=20 * episode)
    described = info(
        "v2.1", "video", data_path="data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        video_path="videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    )  # fmt: skip
    (folder / "meta").mkdir()
    (folder / "meta/info.json").write_text(json.dumps(described))
    (folder / "meta/tasks.jsonl").write_text(
        "\n".join(json.dumps({"task_index": i, "task": task}) for i, task in enumerate(TASKS))
    )
    return folder


def version_3(folder: Path, dtype: str = "video") -> Path:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for name in ("data/chunk-000", "meta/episodes/chunk-000"):
        (folder / name).mkdir(parents=True)
    columns = [rows(episode) for episode in range(2)]
    table = {name: [value for few in columns for value in few[name]] for name in columns[0]}
    if dtype == "image":
        shades = [*range(40), *range(40, 60)]
        table[CAMERA] = [{"bytes": png(4 * shade), "path": None} for shade in shades]
    pq.write_table(pa.table(table), folder / "data/chunk-000/file-000.parquet")
    film(folder / f"videos/{CAMERA}/chunk-000/file-000.mp4", 60, 10.0)  # both episodes, one after the other
    episodes = {
        "episode_index": [0, 1], "length": LENGTHS, f"videos/{CAMERA}/chunk_index": [0, 0],
        f"videos/{CAMERA}/file_index": [0, 0], f"videos/{CAMERA}/from_timestamp": [0.0, 4.0],
        f"videos/{CAMERA}/to_timestamp": [4.0, 6.0],
    }  # fmt: skip
    pq.write_table(pa.table(episodes), folder / "meta/episodes/chunk-000/file-000.parquet")
    tasks = {"task_index": [0, 1], "__index_level_0__": TASKS}
    pq.write_table(pa.table(tasks), folder / "meta/tasks.parquet")
    described = info("v3.0", dtype, video_path="videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4")
    (folder / "meta/info.json").write_text(json.dumps(described))
    return folder


def png(shade: int) -> bytes:
    Image.new("RGB", (48, SIZE), (shade,) * 3).save(buffer := io.BytesIO(), "PNG")
    return buffer.getvalue()


def shown(start: int, clips: int) -> list[int]:
    """Frames of 10 fps that are shown at 8 fps."""
    return [start + int(10 * i / 8 + 1e-6) for i in range(1 + 8 * clips)]


@pytest.mark.parametrize("layout", ["v2.1", "v3.0", "v3.0 with pictures"])
def test_lerobot(layout: str, tmp_path: Path) -> None:
    dtype = "image" if "pictures" in layout else "video"
    source = version_2(tmp_path / "robot") if layout == "v2.1" else version_3(tmp_path / "robot", dtype)
    found = brought(source, tmp_path / "mine")
    assert found.keys() == {"film-0000000-0", "film-0000001-0"}
    begin = 20 if layout == "v2.1" else 40  # where the second episode's film begins
    first, second = found.values()
    assert near(first, ["wipe the table"] * 3, shown(0, 3))
    assert near(second, ["pour the water"], shown(begin, 1))
    assert f"LeRobot {layout[:4]}" in (tmp_path / "mine" / "README.md").read_text()
    texts = [episode.label().actions for episode in open_dataset(source, text="said")[1]]
    assert texts[0] == (Span("reach", 0.0, 2.0), Span("grasp", 2.0, 4.0))
    (tmp_path / "keys.json").write_text('{"0": "go left", "1": ["jump", "hop"]}')
    keyed = brought(source, tmp_path / "keyed", text="key", labels=str(tmp_path / "keys.json"))
    assert [texts for texts, _ in keyed.values()] == [["go left", "go left", "jump"], ["go left"]]
    with pytest.raises(UnknownName, match=CAMERA):
        open_dataset(source, camera="wrist")
    with pytest.raises(UnknownName, match="said"):
        open_dataset(source, text="sayd")


def test_subtasks_come_first(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    source = version_3(tmp_path / "robot")
    path = source / "data/chunk-000/file-000.parquet"
    table = pq.read_table(path)
    halves = pa.array([int(i >= 20) for i in range(60)])
    pq.write_table(table.append_column("subtask_index", halves), path)
    subtasks = {"subtask": ["take the cloth", "rub"], "subtask_index": [0, 1]}
    pq.write_table(pa.table(subtasks), source / "meta/subtasks.parquet")
    described = json.loads((source / "meta/info.json").read_text())
    described["features"]["subtask_index"] = {"dtype": "int64", "shape": [1]}
    (source / "meta/info.json").write_text(json.dumps(described))
    texts = [[span.text for span in episode.spans] for episode in open_dataset(source)[1]]
    assert texts == [["take the cloth", "rub"], ["rub"]]
    tasks = [[span.text for span in episode.spans] for episode in open_dataset(source, text="task_index")[1]]
    assert tasks == [["wipe the table"], ["pour the water"]]


def test_datasets_that_cannot_be_read(tmp_path: Path) -> None:
    source = version_2(tmp_path / "robot")
    path = source / "meta/info.json"
    described = json.loads(path.read_text())
    path.write_text(json.dumps(described | {"video_path": "../../{episode_index}.mp4"}))
    with pytest.raises(InvalidInput, match="lies outside"):
        open_dataset(source)
    path.write_text(json.dumps(described | {"codebase_version": "v1.6"}))
    with pytest.raises(InvalidInput, match=r"layout v1\.6; v2\.0, v2\.1, v3\.0 can be read"):
        open_dataset(source)
    path.write_text(json.dumps(described | {"features": {}}))
    with pytest.raises(InvalidInput, match="no camera"):
        open_dataset(source)
    path.write_text("{")
    with pytest.raises(InvalidInput, match="no description of a LeRobot dataset"):
        open_dataset(source)


def test_the_command(folder: Path, tmp_path: Path) -> None:
    said = ["data", "import", str(folder), "--out", str(tmp_path / "m"), "--size", "32", "--processes", "1"]
    asked = CliRunner().invoke(create_app(), said)
    assert asked.exit_code == 0, asked.output
    assert "3 films were left out" in asked.output
    assert (tmp_path / "m" / "00000.tar").exists()
