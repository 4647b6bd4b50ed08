"""MuJoCo and its OpenGL renderer without a screen, wherever else MuJoCo is imported and whatever else draws."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

mujoco: Any = import_module("mujoco")  # its names come from a compiled module, which type checkers can't see into


class Canvas:
    """An OpenGL context with a model's meshes and textures in it; (size, size) pictures, used by one thread.

    On Linux it is an EGL context unless MUJOCO_GL says otherwise. What was the thread's context stays it: other
    worlds draw with libraries of their own.
    """

    def __init__(self, model: Any, size: int):
        self._process = os.getpid()
        self._model, self._size = model, size
        self._scene = mujoco.MjvScene(model=model, maxgeom=200)
        self._option = mujoco.MjvOption()
        self._rectangle = mujoco.MjrRect(0, 0, size, size)
        self._pixels = np.empty((size, size, 3), np.uint8)
        with _keeping_current():
            self._context = _context_class()(size, size)
            self._context.make_current()
            self._resources = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._resources)

    def draw(self, data: Any, camera: Any) -> NDArray[np.uint8]:
        """The picture (size, size, 3), which the next call overwrites."""
        every = mujoco.mjtCatBit.mjCAT_ALL.value
        mujoco.mjv_updateScene(self._model, data, self._option, None, camera, every, self._scene)
        with _keeping_current():
            self._context.make_current()
            mujoco.mjr_render(self._rectangle, self._scene, self._resources)
            mujoco.mjr_readPixels(self._pixels, None, self._rectangle, self._resources)
        return self._pixels[::-1]

    def upload(self, texture: int) -> None:
        """Take over what was written into the model's texture data."""
        with _keeping_current():
            self._context.make_current()
            mujoco.mjr_uploadTexture(self._model, self._resources, texture)

    def __del__(self):
        if sys.is_finalizing() or os.getpid() != self._process or not hasattr(self, "_resources"):
            return  # the driver is gone, or was never here
        with suppress(Exception), _keeping_current():
            self._context.make_current()
            self._resources.free()
            self._context.free()


def _context_class() -> Any:
    if _has_egl():
        return import_module("mujoco.egl").GLContext
    return mujoco.GLContext


def _has_egl() -> bool:
    return sys.platform == "linux" and os.environ.get("MUJOCO_GL", "egl").lower() in ("egl", "")


@contextmanager
def _keeping_current() -> Iterator[None]:
    """Give the thread back the OpenGL context that it had."""
    if not _has_egl():
        yield
        return
    egl = import_module("mujoco.egl").EGL
    display, context = egl.eglGetCurrentDisplay(), egl.eglGetCurrentContext()
    surfaces = egl.eglGetCurrentSurface(egl.EGL_DRAW), egl.eglGetCurrentSurface(egl.EGL_READ)
    try:
        yield
    finally:
        if context:
            egl.eglMakeCurrent(display, *surfaces, context)
