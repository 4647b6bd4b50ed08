"""LeRobot datasets, layouts v2.0, v2.1 and v3.0, as films with what is said of each moment.

    v2.x  meta/info.json  meta/tasks.jsonl    data/chunk-000/episode_000000.parquet  (one an episode)
          videos/chunk-000/CAMERA/episode_000000.mp4
    v3.0  meta/info.json  meta/tasks.parquet  data/chunk-000/file-000.parquet        (many episodes in a file)
          meta/episodes/chunk-000/file-000.parquet: where in which film an episode lies
          videos/CAMERA/chunk-000/file-000.mp4

What is said of a frame is its task, or its subtask where the dataset has some (`subtask_index`, meta/subtasks.parquet),
or whatever a column of the caller's choice holds: text, or a number, such as a discrete action, that is told apart by
its digits. Cameras are films, or pictures in the Parquet files. Reading them needs pyarrow.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from pandora.errors import InvalidInput, UnknownName
from pandora.media import Frames, fit, load_image, read_clip
from pandora.training.films import Label, Span

VERSIONS = ("v2.0", "v2.1", "v3.0")
_INFO = "meta/info.json"


@dataclass(frozen=True)
class RobotEpisode:
    """An episode of one camera. `path` is its film, of which it begins at second `begin`, or a Parquet file."""

    key: str
    path: Path
    begin: float
    frames: int
    fps: float
    spans: tuple[Span, ...]
    pictures: tuple[str, int] | None = None  # column of the Parquet file, and the episode's number

    def label(self) -> Label:
        if not self.spans:
            raise InvalidInput("nothing is said of it")
        return Label("", self.spans)

    def seconds(self) -> float:
        return self.frames / self.fps

    def cut(self, start: float, fps: float, count: int, size: int) -> Frames:
        """See `Source.cut`. Raises InvalidImage."""
        if self.pictures is None:
            return read_clip(self.path, fps=fps, count=count, size=size, start=self.begin + start)
        wanted = [min(self.frames - 1, int((start + i / fps) * self.fps + 0.25)) for i in range(count)]
        column, number = self.pictures
        table = _read(self.path, [column, "frame_index"], [("episode_index", "==", number)])
        rows = {int(frame): row for row, frame in enumerate(table["frame_index"].to_pylist())}
        pictures = {frame: _picture(table[column][rows[frame]].as_py(), self.path) for frame in set(wanted)}
        return np.stack([fit(pictures[frame], size) for frame in wanted])


def is_dataset(folder: Path) -> bool:
    return (folder / _INFO).is_file()


def open_dataset(folder: Path, text: str = "", camera: str = "") -> tuple[str, list[RobotEpisode]]:
    """The layout's name and every episode, by number. `text` names a column, `camera` a key of the features.

    Raises InvalidInput where the layout is another one or something is missing, UnknownName for column and camera.
    """
    info = _info(folder)
    features, fps = info["features"], float(info["fps"])
    cameras = [name for name, feature in features.items() if feature.get("dtype") in ("video", "image")]
    if not cameras:
        raise InvalidInput(f"{folder} has no camera: no feature of dtype video or image.")
    if camera and camera not in cameras:
        raise UnknownName("camera", camera, cameras)
    camera = camera or cameras[0]
    column, texts = _texts(folder, features, text)
    is_film = features[camera]["dtype"] == "video"
    places = _places(folder, info, camera) if is_film else {}
    episodes = []
    for path in sorted((folder / "data").glob("*/*.parquet")):
        for number, values in _by_episode(path, column):
            said = [texts.get(value, "") if texts is not None else _text(value) for value in values]
            where, begin = places.get(number, (path, 0.0))
            if is_film and number not in places:
                raise InvalidInput(f"{folder} says nothing of where the film of episode {number} is.")
            if not where.resolve().is_relative_to(folder.resolve()):
                raise InvalidInput(f"{where}, the film of episode {number}, lies outside {folder}.")
            episodes.append(
                RobotEpisode(
                    f"episode {number}", where, begin, len(values), fps, _spans(said, fps),
                    None if is_film else (camera, number),
                )
            )  # fmt: skip
    if not episodes:
        raise InvalidInput(f"{folder} has no data/*/*.parquet with episodes. Download all of it, not only meta/.")
    return f"LeRobot {info['codebase_version']}", sorted(episodes, key=lambda episode: int(episode.key.split()[1]))


def _info(folder: Path) -> dict[str, Any]:
    try:
        info = json.loads((folder / _INFO).read_text())
        version = info["codebase_version"]
        if float(info["fps"]) <= 0 or not isinstance(info["features"], dict):
            raise ValueError("it needs fps above 0, and features")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{folder / _INFO} is no description of a LeRobot dataset: {error!r}") from error
    if version not in VERSIONS:
        raise InvalidInput(
            f"{folder} is a LeRobot dataset of layout {version}; {', '.join(VERSIONS)} can be read. LeRobot has "
            "scripts that convert between layouts."
        )
    return info


def _texts(folder: Path, features: Mapping[str, Any], text: str) -> tuple[str, dict[Any, str] | None]:
    """The column that tells what is done, and what its numbers mean; None where it holds the text itself."""
    if text and text not in features:
        raise UnknownName("column", text, features)
    if text not in ("", "task_index", "subtask_index"):
        return text, None
    subtasks = folder / "meta/subtasks.parquet"
    if text != "task_index" and "subtask_index" in features and subtasks.exists():
        return "subtask_index", _numbered(subtasks, "subtask_index")
    tasks = folder / "meta/tasks.jsonl"
    if not tasks.exists():
        return "task_index", _numbered(folder / "meta/tasks.parquet", "task_index")
    try:
        entries = [json.loads(line) for line in tasks.read_text().splitlines() if line.strip()]
        return "task_index", {entry["task_index"]: str(entry["task"]) for entry in entries}
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f'{tasks} is no JSONL of {{"task_index", "task"}}: {error!r}') from error


def _numbered(path: Path, number: str) -> dict[Any, str]:
    """Texts by number. They are the table's index, as pandas keeps it: a column of whatever name."""
    table = _read(path).to_pydict()
    names = [name for name, values in table.items() if name != number and any(isinstance(v, str) for v in values)]
    if number not in table or not names:
        raise InvalidInput(f"{path} has no column {number} with texts beside it.")
    return dict(zip(table[number], table[names[0]], strict=True))


def _places(folder: Path, info: Mapping[str, Any], camera: str) -> dict[int, tuple[Path, float]]:
    """Each episode's film, and the second at which it begins there."""
    pattern = info["video_path"]
    try:
        if info["codebase_version"] != "v3.0":
            size, total = int(info.get("chunks_size", 1000)), int(info["total_episodes"])
            paths = [pattern.format(episode_chunk=n // size, video_key=camera, episode_index=n) for n in range(total)]
            return {number: (folder / path, 0.0) for number, path in enumerate(paths)}
        places = {}
        for path in sorted((folder / "meta/episodes").glob("*/*.parquet")):
            prefix = f"videos/{camera}/"
            names = [f"{prefix}{name}" for name in ("chunk_index", "file_index", "from_timestamp")]
            table = _read(path, ["episode_index", *names]).to_pydict()
            for number, chunk, file, begin in zip(table["episode_index"], *(table[n] for n in names), strict=True):
                film = pattern.format(video_key=camera, chunk_index=chunk, file_index=file)
                places[number] = (folder / film, float(begin))
        return places
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise InvalidInput(f"{folder} doesn't say where its films are: {error!r}") from error


def _by_episode(path: Path, column: str) -> Iterator[tuple[int, list[Any]]]:
    """The values of a column for each episode of a file, frame by frame."""
    table = _read(path, ["episode_index", "frame_index", column]).to_pydict()
    values = map(_plain, table[column])
    rows = sorted(zip(table["episode_index"], table["frame_index"], values, strict=True), key=lambda row: row[:2])
    for number, some in groupby(rows, key=lambda row: row[0]):
        yield int(number), [value for _, _, value in some]


def _plain(value: Any) -> Any:
    """Features of shape (1,) are lists of one value; a whole number as float is told by its digits."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, bool) else value


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _spans(said: list[str], fps: float) -> tuple[Span, ...]:
    """Runs of frames of which the same is said."""
    spans, first = [], 0
    for text, run in groupby(said):
        count = len(list(run))
        if text.strip():
            spans.append(Span(text.strip(), first / fps, (first + count) / fps))
        first += count
    return tuple(spans)


def _picture(value: Any, path: Path) -> Frames:
    data = value.get("bytes") if isinstance(value, dict) else None
    if not data:
        raise InvalidInput(f"the pictures of {path.name} lie outside of it")
    return load_image(data)


def _read(path: Path, columns: list[str] | None = None, filters: Any = None) -> Any:
    """A table of a Parquet file. Raises InvalidInput."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise InvalidInput(
            "LeRobot datasets are Parquet files, and reading those needs pyarrow: pip install 'pandora[lerobot]'"
        ) from error
    try:
        return parquet.read_table(path, columns=columns, filters=filters)
    except (OSError, pa.ArrowException) as error:
        raise InvalidInput(f"{path} can't be read as Parquet: {error}") from error
