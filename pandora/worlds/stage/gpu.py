"""The OpenGL side: one context for each thread, programs and meshes made once in it."""

import os
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pandora.errors import InvalidInput, UnknownName
from pandora.worlds.stage import effects, shaders
from pandora.worlds.stage.materials import MATERIALS
from pandora.worlds.stage.meshes import indexed

SHADOW_SIZE = 1024
_ADVICE = (
    "Install OpenGL for machines without a screen (Debian, Ubuntu: apt install libegl1 libgl1-mesa-dri; "
    "with an NVIDIA driver libegl1 is enough)"
)
_local = threading.local()
_drawn_in: list[int] = []  # the process that drew first; a copy of it by fork finds its own id missing


def gpu() -> "Gpu":
    """This thread's context; ModuleNotFoundError where moderngl is missing.

    Raises InvalidInput, with what to do, where no context can be had, and in a fork of a process that drew before:
    OpenGL's threads are not copied, so that drawing would wait for them for ever.
    """
    process = os.getpid()
    if _drawn_in and process not in _drawn_in:
        if os.environ.get("LP_NUM_THREADS") != "0":
            raise InvalidInput(
                "This process was forked from one that draws with OpenGL, which can't go on in a fork. Start workers "
                "with multiprocessing's 'spawn', or before the first picture is drawn, or set LP_NUM_THREADS=0."
            )
        _drawn_in.append(process)
    made = getattr(_local, "gpu", None)
    if made is None or made.process != process:
        made = _local.gpu = Gpu()
        _drawn_in.append(process)
    return made


@dataclass
class Canvas:
    """Where a picture of one size is drawn, twice as large, and where it is shrunk."""

    large: Any
    picture: Any
    small: Any


@dataclass
class Batch:
    """One mesh in one material: its own buffer of instances and how they are drawn."""

    buffer: Any
    colour: Any
    depth: Any
    room: int


class Gpu:
    """Everything that lives in one context; use it in the thread that made it, inside `with gpu().context`."""

    def __init__(self) -> None:
        import moderngl

        self.process = os.getpid()
        try:
            settings: dict[str, Any] = {"backend": "egl"}
            self.context: Any = moderngl.create_context(require=330, standalone=True, **settings)
        except Exception as error:  # moderngl raises plain Exceptions
            raise InvalidInput(f"No OpenGL 3.3 context can be made ({error}). {_ADVICE}.") from error
        self._programs: dict[str, Any] = {}
        self._meshes: dict[str, Any] = {}
        self._batches: dict[tuple[str, str], Batch] = {}
        self._canvases: dict[int, Canvas] = {}
        self.shadow_of: tuple[Any, ...] | None = None  # what the shadow map was drawn for
        self.shadow_matrix = np.eye(4, dtype=np.float32).reshape(16)
        self.frame = self.context.buffer(reserve=4 * (2 * 16 + 7 * 4 + 3 * 4 * shaders.MAX_LIGHTS), dynamic=True)

    def program(self, material: str) -> Any:
        """The program of a material. Raises UnknownName."""
        if material not in self._programs:
            if material not in MATERIALS:
                raise UnknownName("material", material, MATERIALS)
            made = self._programs[material] = self._compile(shaders.VERTEX, shaders.fragment(material))
            made["Frame"].binding = 0
            made["shadow_map"].value = 1
        return self._programs[material]

    @cached_property
    def depth(self) -> Any:
        return self._compile(shaders.DEPTH_VERTEX, shaders.DEPTH_FRAGMENT)

    @cached_property
    def sky(self) -> tuple[Any, Any]:
        program = self._compile(effects.SCREEN_VERTEX, effects.SKY_FRAGMENT)
        return program, self._screen(program)

    @cached_property
    def resolve(self) -> tuple[Any, Any]:
        program = self._compile(effects.SCREEN_VERTEX, effects.RESOLVE_FRAGMENT)
        return program, self._screen(program)

    @cached_property
    def fall(self) -> tuple[Any, Any]:
        program = self._compile(effects.FALL_VERTEX, effects.FALL_FRAGMENT)
        corners, index = self._mesh("plane")
        return program, self.context.vertex_array(program, [(corners, "3f 12x", "in_pos")], index)

    @cached_property
    def blobs(self) -> tuple[Any, Any, Any]:
        program = self._compile(effects.BLOB_VERTEX, effects.BLOB_FRAGMENT)
        buffer = self.context.buffer(reserve=4096 * 32, dynamic=True)
        corners, index = self._mesh("plane")
        content = [(corners, "3f 12x", "in_pos"), (buffer, "4f 4f/i", "i_place", "i_size")]
        return program, self.context.vertex_array(program, content, index), buffer

    @cached_property
    def shadow(self) -> tuple[Any, Any]:
        """The shadow map: a depth texture that compares, and its framebuffer."""
        texture = self.context.depth_texture((SHADOW_SIZE, SHADOW_SIZE))
        texture.compare_func = "<="
        texture.repeat_x = texture.repeat_y = False
        return texture, self.context.framebuffer(depth_attachment=texture)

    def canvas(self, size: int) -> Canvas:
        if size not in self._canvases:
            context, twice = self.context, (2 * size, 2 * size)
            picture = context.texture(twice, 4)
            large = context.framebuffer([picture], context.depth_renderbuffer(twice))
            self._canvases[size] = Canvas(large, picture, context.simple_framebuffer((size, size), 3))
        return self._canvases[size]

    def batch(self, material: str, name: str, instances: NDArray[np.float32]) -> Batch:
        """The batch of this material and mesh, filled with `instances`, (n, 16) float32."""
        made = self._batches.get((material, name))
        if made is None or made.room < len(instances):
            room = max(64, 2 * len(instances))
            buffer = self.context.buffer(reserve=room * 64, dynamic=True)
            form = (buffer, "4f 4f 4f 4f/i", "i_place", "i_size", "i_colour", "i_colour2")
            corners, index = self._mesh(name)
            shape = (corners, "3f 3f", "in_pos", "in_normal")
            colour = self.context.vertex_array(self.program(material), [shape, form], index, skip_errors=True)
            bare = (buffer, "4f 4f 32x/i", "i_place", "i_size")
            depth = self.context.vertex_array(
                self.depth, [(corners, "3f 12x", "in_pos"), bare], index, skip_errors=True
            )
            made = self._batches[material, name] = Batch(buffer, colour, depth, room)
        made.buffer.write(instances)
        return made

    def _mesh(self, name: str) -> tuple[Any, Any]:
        """The buffers of a mesh: its corners and its triangles' indices."""
        if name not in self._meshes:
            corners, index = indexed(name)
            self._meshes[name] = self.context.buffer(corners.tobytes()), self.context.buffer(index.tobytes())
        return self._meshes[name]

    def _screen(self, program: Any) -> Any:
        corners = np.asarray([[-1, -1], [3, -1], [-1, 3]], np.float32)
        return self.context.vertex_array(
            program, [(self.context.buffer(corners.tobytes()), "2f", "in_at")], skip_errors=True
        )

    def _compile(self, vertex: str, fragment: str) -> Any:
        return self.context.program(vertex_shader=vertex.strip(), fragment_shader=fragment.strip())
