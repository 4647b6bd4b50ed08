"""Worlds with known truth: simulators that make text-action video. One module or folder each, behind `World`."""

from pandora.errors import UnknownName
from pandora.worlds.base import World


def make_world(name: str) -> World:
    """The world of that name. Raises UnknownName, which lists the valid ones."""
    if name == "blocks":
        from pandora.worlds.blocks.world import Blocks

        return Blocks()
    raise UnknownName("world", name, world_names())


def world_names() -> list[str]:
    return ["blocks"]
