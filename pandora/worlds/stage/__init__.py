"""A small 3D renderer that worlds share: scenes as immutable values in, 128x128 pictures out, on any OpenGL."""

from pandora.worlds.stage.materials import MATERIALS
from pandora.worlds.stage.meshes import mesh_names, register_mesh
from pandora.worlds.stage.render import render
from pandora.worlds.stage.values import Camera, Fall, Light, Sky, Stage, Thing

__all__ = [
    "MATERIALS",
    "Camera",
    "Fall",
    "Light",
    "Sky",
    "Stage",
    "Thing",
    "mesh_names",
    "register_mesh",
    "render",
]
