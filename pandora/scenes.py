"""The start pictures that ship with the weights: `scenes/scenes.json` and the pictures beside it."""

import json
from dataclasses import dataclass
from pathlib import Path

from pandora.errors import InvalidCheckpoint, UnknownName


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A picture to begin a world from, and sentences that fit it."""

    id: str
    world: str
    title: str
    image: Path
    suggestions: tuple[str, ...]


def read_scenes(weights: str | Path) -> dict[str, Scene]:
    """The scenes of a weights folder by id, in their order; none is fine. Raises InvalidCheckpoint."""
    if not Path(weights).is_dir():
        raise InvalidCheckpoint(f"There is no folder of weights at {weights}. Give one such as weights/pandora-small.")
    path = Path(weights) / "scenes" / "scenes.json"
    if not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_text())
        scenes = [
            Scene(
                id=entry["id"],
                world=entry["world"],
                title=entry["title"],
                image=path.parent / entry["image"],
                suggestions=tuple(entry["suggestions"]),
            )
            for entry in entries
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidCheckpoint(
            f"{path} can't be read as a list of scenes ({error!r}). Fetch the folder again."
        ) from error
    return {scene.id: scene for scene in scenes}


def find_scene(weights: str | Path, name: str) -> Scene:
    """The scene of that id. Raises UnknownName, which lists the valid ones."""
    scenes = read_scenes(weights)
    if name not in scenes:
        raise UnknownName("scene", name, scenes)
    return scenes[name]
