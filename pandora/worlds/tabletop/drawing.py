"""Pictures of moments, by MuJoCo's own OpenGL renderer: one for each thread, dressed in one look at a time."""

import os
import threading
from typing import Any

import numpy as np

from pandora.errors import InvalidInput
from pandora.worlds.base import Frame
from pandora.worlds.tabletop.engine import Canvas, mujoco
from pandora.worlds.tabletop.look import Colour, Look, look_of, top_picture
from pandora.worlds.tabletop.model import DRAWN, block_geom
from pandora.worlds.tabletop.physics import Moment, Physics
from pandora.worlds.towers import COLOURS

_ADVICE = (
    "The world tabletop draws with OpenGL and needs EGL on a machine without a screen. "
    "Debian, Ubuntu: apt install libegl1 libgl1-mesa-dri; with an NVIDIA driver libegl1 is enough."
)
_DARK, _GLIMMER = 0.14, 0.62  # what is left of the lamp, and of the light from everywhere, when the light is off
_LAMP = 16.0  # how far the lamp is, in block edges
_local = threading.local()
_drawn_in: list[int] = []  # the process that drew first; in a fork of it OpenGL's threads are missing
_lock = threading.Lock()  # EGL's display is one for the process


class Painter:
    """A renderer and the model whose colours, lights and textures it dresses."""

    def __init__(self):
        self.process = os.getpid()
        self._physics = Physics()
        self._model = self._physics.model
        self._worn: tuple[int, str | None, tuple[str, ...]] | None = None
        self._look: Look | None = None
        self._camera: Any = mujoco.MjvCamera()
        try:
            with _lock:
                self._canvas = Canvas(self._model, DRAWN)
        except Exception as error:  # whatever the driver raises
            raise InvalidInput(f"{_ADVICE} ({type(error).__name__}: {error})") from error

    def paint(self, moment: Moment, seed: int, table: str | None) -> Frame:
        """The picture, (128, 128, 3) uint8: drawn twice as large and shrunk."""
        look = self._dress(seed, table, tuple(moment.poses))
        self._shine(look, moment.light)
        with _lock:
            large = self._canvas.draw(self._physics.show(moment), self._camera)
            rows = large[0::2].astype(np.uint16) + large[1::2]
        return ((rows[:, 0::2] + rows[:, 1::2] + 2) >> 2).astype(np.uint8)

    def _dress(self, seed: int, table: str | None, blocks: tuple[str, ...]) -> Look:
        if self._look is not None and self._worn == (seed, table, blocks):
            return self._look
        look, model = look_of(seed, table), self._model
        for colour in COLOURS:
            model.geom(block_geom(colour)).rgba = (*look.blocks[colour], float(colour in blocks))
        self._colour("wall", look.wall)
        self._colour("floor", look.floor)
        self._colour("arm", look.arm)
        self._colour("edge", tuple(0.62 * c for c in look.tone))
        texture = model.texture("top").id
        first = model.tex_adr[texture]
        picture = top_picture(look)
        model.tex_data[first : first + picture.size] = picture.ravel()
        with _lock:
            self._canvas.upload(texture)
        sun, way = model.light("sun"), np.asarray(look.sun) / np.linalg.norm(look.sun)
        sun.dir, sun.pos = way, np.asarray(look.centre) - _LAMP * way
        camera = self._camera
        camera.azimuth, camera.elevation, camera.distance = look.azimuth, look.elevation, look.distance
        camera.lookat[:] = look.centre
        self._worn, self._look = (seed, table, blocks), look
        return look

    def _colour(self, material: str, colour: Colour | tuple[float, ...]) -> None:
        self._model.material(material).rgba = (*colour, 1.0)

    def _shine(self, look: Look, light: float) -> None:
        """Lamp and ambience, between the dark (bluish) and the look's own light."""
        lamp = _DARK + (1 - _DARK) * light
        glow = _GLIMMER + (1 - _GLIMMER) * light
        night = np.array([0.86, 0.95, 1.18]) * (1 - light) + light
        sun = self._model.light("sun")
        sun.diffuse = lamp * np.asarray(look.sunlight) * night
        sun.specular = np.full(3, 0.3 * lamp)
        self._model.vis.headlight.ambient[:] = glow * np.asarray(look.ambient) * night
        self._model.vis.headlight.diffuse[:] = 0.16 * glow * night


def painter() -> Painter:
    """This thread's painter. Raises InvalidInput without OpenGL, and in a fork of a process that drew before."""
    process = os.getpid()
    if _drawn_in and process not in _drawn_in:
        raise InvalidInput(
            "This process was forked from one that draws with OpenGL, which can't go on in a fork. Start workers with "
            "multiprocessing's 'spawn', or fork before the first picture is drawn."
        )
    if not hasattr(_local, "painter"):
        _local.painter = Painter()
        _drawn_in.append(process)
    return _local.painter
