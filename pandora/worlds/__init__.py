"""Worlds with known truth: simulators that make text-action video. One module or folder each, behind `World`."""

from importlib import import_module

from pandora.errors import InvalidInput, UnknownName
from pandora.worlds.base import World

_CLASSES = {
    "blocks": "pandora.worlds.blocks.world:Blocks",
    "tabletop": "pandora.worlds.tabletop.world:Tabletop",
    "road": "pandora.worlds.road.world:Road",
    "house": "pandora.worlds.house.world:House",
    "platformer": "pandora.worlds.platformer.world:Platformer",
    "nature": "pandora.worlds.nature.world:Nature",
}

_TITLES = {  # as a person would call them
    "blocks": "Blocks on a table",
    "tabletop": "A robot arm at work",
    "road": "On the road",
    "house": "In the house",
    "platformer": "Jump and run",
    "nature": "Out in nature",
}


def make_world(name: str) -> World:
    """The world of that name.

    Raises UnknownName, which lists the valid ones, and InvalidInput where its simulator is not installed.
    """
    if name not in _CLASSES:
        raise UnknownName("world", name, world_names())
    module, kind = _CLASSES[name].split(":")
    try:
        return getattr(import_module(module), kind)()
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("pandora"):
            raise
        raise InvalidInput(
            f"The world {name} needs {error.name}, which is not installed. Install it: pip install 'pandora[worlds]'"
        ) from error


def world_names() -> list[str]:
    return list(_CLASSES)


def world_title(name: str) -> str:
    """What a person would call a kind of world."""
    return _TITLES.get(name, name.capitalize())
