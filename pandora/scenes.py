"""The start pictures that ship with the weights: `scenes/scenes.json` and the pictures beside it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pandora.errors import InvalidCheckpoint, UnknownName


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A picture to begin a world from, and sentences that fit it."""

    id: str
    world: str
    world_title: str  # the kind of world in words, "Blocks on a table"
    title: str
    image: Path
    suggestions: tuple[str, ...]


def read_scenes(weights: str | Path) -> dict[str, Scene]:
    """The scenes of a weights folder and its experts by id, in order; none is fine. Raises InvalidCheckpoint."""
    if not Path(weights).is_dir():
        raise InvalidCheckpoint(f"There is no folder of weights at {weights}. Give one such as weights/pandora-small.")
    own = Path(weights) / "scenes" / "scenes.json"
    return {
        scene.id: scene
        for path in (own, *sorted(Path(weights).glob("experts/*/scenes/scenes.json")))
        if path.is_file()
        for scene in _read_list(path)
    }


def _read_list(path: Path) -> list[Scene]:
    """Raises InvalidCheckpoint."""
    try:
        return [_read(path.parent, entry) for entry in json.loads(path.read_text())]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidCheckpoint(
            f"{path} can't be read as a list of scenes ({str(error) or error!r:.200}). Fetch the folder again."
        ) from error


def _read(folder: Path, entry: Any) -> Scene:
    """Raises KeyError, TypeError and ValueError where it is no scene whose picture lies in the folder."""
    texts = {name: entry[name] for name in ("id", "world", "title", "image")}
    texts["world_title"] = entry.get("world_title", "")
    suggestions = entry["suggestions"]
    if not isinstance(suggestions, list) or not all(isinstance(text, str) for text in (*texts.values(), *suggestions)):
        raise TypeError("a scene has texts alone, and a list of suggestions")
    if Path(texts["image"]).name != texts["image"] or "\0" in texts["image"]:
        raise ValueError(f"the picture {texts['image']!r:.80} does not lie beside it")
    texts["world_title"] = texts["world_title"] or texts["world"].replace("_", " ").capitalize()
    return Scene(**texts | {"image": folder / texts["image"], "suggestions": tuple(suggestions)})


def by_world(scenes: Iterable[Scene]) -> dict[str, list[Scene]]:
    """The scenes of each kind of world, by its title, in their order."""
    groups: dict[str, list[Scene]] = {}
    for scene in scenes:
        groups.setdefault(scene.world_title, []).append(scene)
    return groups


def find_scene(weights: str | Path, name: str) -> Scene:
    """The scene of that id. Raises UnknownName, which lists the valid ones."""
    scenes = read_scenes(weights)
    if name not in scenes:
        raise UnknownName("scene", name, scenes)
    return scenes[name]
