"""Unit meshes: x and y in -0.5..0.5, z in 0..1, so that a thing's position is the middle of its base.

Front faces are counter-clockwise seen from outside.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pandora.errors import InvalidInput, UnknownName

Triangles = NDArray[np.float32]  # (3 n, 6): position and normal of every corner
COARSE = {"crown": "crown_far", "cone": "cone_far", "sphere": "sphere_far", "cylinder": "trunk"}  # for what looks small
_custom: dict[str, Triangles] = {}


def register_mesh(name: str, triangles: ArrayLike, smooth: NDArray[np.float32] | None = None) -> None:
    """Add a mesh by its triangles, (n, 3, 3) corners in unit coordinates, counter-clockwise seen from outside.

    `smooth` gives the corners' normals in the same shape; without it faces are flat. Raises InvalidInput for other
    shapes and for a name that another mesh has.
    """
    corners = np.asarray(triangles, np.float32)
    if corners.ndim != 3 or corners.shape[1:] != (3, 3):
        raise InvalidInput(f"A mesh is an array (n, 3, 3) of triangles' corners, not {corners.shape}.")
    made = _flat(corners) if smooth is None else np.concatenate([corners, smooth], 2).reshape(-1, 6)
    if name in _BUILT_IN or (name in _custom and not np.array_equal(_custom[name], made)):
        raise InvalidInput(f"There is a mesh named {name!r} already. Choose another name.")
    _custom[name] = made


def mesh_names() -> list[str]:
    return [*_BUILT_IN, *_custom]


def mesh(name: str) -> Triangles:
    """(3 n, 6) float32: position and normal of every corner. Raises UnknownName."""
    if name in _custom:
        return _custom[name]
    if name not in _BUILT_IN:
        raise UnknownName("mesh", name, mesh_names())
    return _built(name)


def indexed(name: str) -> tuple[Triangles, NDArray[np.uint32]]:
    """The mesh with every corner once, (m, 6), and the (3 n,) indices of its triangles' corners."""
    corners, index = np.unique(np.round(mesh(name), 5), axis=0, return_inverse=True)
    return corners.astype(np.float32), index.reshape(-1).astype(np.uint32)


@lru_cache
def _built(name: str) -> Triangles:
    return _BUILT_IN[name]()


def _flat(corners: NDArray[np.float32]) -> Triangles:
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    return np.concatenate([corners, np.repeat(normal[:, None], 3, 1)], 2).reshape(-1, 6).astype(np.float32)


def _faces(points: list[tuple[float, float, float]], faces: list[tuple[int, ...]]) -> Triangles:
    """Convex polygons as fans, with flat normals."""
    corners = [[points[f[0]], points[f[i]], points[f[i + 1]]] for f in faces for i in range(1, len(f) - 1)]
    return _flat(np.asarray(corners, np.float32))


_BASE = [(-0.5, -0.5, 0.0), (0.5, -0.5, 0.0), (0.5, 0.5, 0.0), (-0.5, 0.5, 0.0)]


def _box() -> Triangles:
    top = [(x, y, 1.0) for x, y, _ in _BASE]
    sides = [(0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    return _faces(_BASE + top, [(3, 2, 1, 0), (4, 5, 6, 7), *sides])


def _plane() -> Triangles:
    return _faces(_BASE, [(0, 1, 2, 3)])


def _quad() -> Triangles:
    """Upright, facing +x, in the middle of the depth."""
    return _faces([(0, -0.5, 0), (0, 0.5, 0), (0, 0.5, 1), (0, -0.5, 1)], [(0, 1, 2, 3)])


def _prism() -> Triangles:
    """A gable roof: the ridge runs along x."""
    points = [*_BASE, (-0.5, 0.0, 1.0), (0.5, 0.0, 1.0)]
    return _faces(points, [(3, 2, 1, 0), (0, 1, 5, 4), (2, 3, 4, 5), (1, 2, 5), (3, 0, 4)])


def _wedge() -> Triangles:
    """A ramp that rises along +x."""
    points = [*_BASE, (0.5, -0.5, 1.0), (0.5, 0.5, 1.0)]
    return _faces(points, [(3, 2, 1, 0), (0, 4, 5, 3), (1, 2, 5, 4), (0, 1, 4), (2, 3, 5)])


def _pyramid() -> Triangles:
    return _faces([*_BASE, (0.0, 0.0, 1.0)], [(3, 2, 1, 0), (0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)])


def _turned(profile: list[tuple[float, float]], sides: int, slopes: list[tuple[float, float]]) -> Triangles:
    """A surface of revolution; `profile` is (radius, z) from bottom to top, `slopes` its (outward, up) normals."""
    angle = np.arange(sides) * (2 * np.pi / sides)
    ring = np.stack([np.cos(angle), np.sin(angle)], 1)

    def at(k: int, i: int) -> list[float]:
        (radius, z), (out, up) = profile[k], slopes[k]
        c, s = ring[i % sides]
        return [radius * c, radius * s, z, out * c, out * s, up]

    corners = []
    for k in range(len(profile) - 1):
        for i in range(sides):
            a, b, c, d = at(k, i), at(k, i + 1), at(k + 1, i + 1), at(k + 1, i)
            if profile[k][0] > 1e-6:
                corners += [a, b, c]
            if profile[k + 1][0] > 1e-6:
                corners += [a, c, d]
    return np.asarray(corners, np.float32)


def _cylinder(sides: int = 10) -> Triangles:
    wall = _turned([(0.5, 0.0), (0.5, 1.0)], sides, [(1, 0), (1, 0)])
    top = _turned([(0.5, 1.0), (0.0, 1.0)], sides, [(0, 1), (0, 1)])
    return np.concatenate([wall, top])


def _trunk() -> Triangles:
    """A pole without ends, for what is thin or covered: six sides."""
    return _turned([(0.5, 0.0), (0.5, 1.0)], 6, [(1, 0), (1, 0)])


def _cone(sides: int = 10) -> Triangles:
    slope = (0.9, 0.44)
    return _turned([(0.5, 0.0), (0.0, 1.0)], sides, [slope, slope])


def _ball(sides: int, rings: int) -> Triangles:
    angle = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)
    profile = [(0.5 * max(float(np.cos(a)), 0.0), 0.5 + 0.5 * float(np.sin(a))) for a in angle]
    return _turned(profile, sides, [(float(np.cos(a)), float(np.sin(a))) for a in angle])


def _sphere() -> Triangles:
    return _ball(14, 8)


def _crown(sides: int = 8, rings: int = 6) -> Triangles:
    """A tree's leaves: a bumpy ball."""
    made = _ball(sides, rings)
    x, y, z = made[:, 0], made[:, 1], made[:, 2]
    wave = np.sin(9 * x + 4 * z) + np.sin(8 * y - 5 * z + 1) + np.sin(7 * z + 3 * x - 4 * y + 2)
    middle = np.asarray([0, 0, 0.5], np.float32)
    made[:, :3] = (made[:, :3] - middle) * (1 + 0.06 * wave[:, None]) + middle
    return made


_BUILT_IN: dict[str, Callable[[], Triangles]] = {
    "box": _box, "plane": _plane, "quad": _quad, "prism": _prism, "wedge": _wedge, "pyramid": _pyramid,
    "crown_far": lambda: _crown(5, 3), "cone_far": lambda: _cone(5), "sphere_far": lambda: _ball(8, 4),
    "cylinder": _cylinder, "trunk": _trunk, "cone": _cone, "sphere": _sphere, "crown": _crown,
}  # fmt: skip
