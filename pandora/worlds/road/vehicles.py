"""The shapes of cars: a silhouette pulled to a width, glass, wheels, lights; and the own car's bonnet."""

from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pandora.worlds.stage import Thing, register_mesh

Colour = tuple[float, float, float]
_SIDE = [
    (-0.5, 0.16), (-0.49, 0.60), (-0.36, 0.66), (-0.22, 0.98), (0.10, 1.0), (0.26, 0.64), (0.47, 0.54), (0.5, 0.36),
    (0.5, 0.16),
]  # fmt: skip
_LENGTH, _WIDTH, _HEIGHT = 4.3, 1.8, 1.42


def car(x: float, y: float, yaw: float, colour: Colour) -> tuple[Thing, ...]:
    """A parked car whose middle is at (x, y)."""
    _shapes()
    size = (_LENGTH, _WIDTH, _HEIGHT)
    dark = (0.07, 0.08, 0.10)
    return (
        Thing("car", (x, y, 0.16), size, yaw, colour, "metal", shadow=0.75),
        Thing("car_glass", (x, y, 0.16), size, yaw, dark, "glass"),
        Thing("car_wheels", (x, y, 0.1), size, yaw, (0.06, 0.06, 0.07), "flat"),
        Thing("car_tail", (x, y, 0.16), size, yaw, (0.75, 0.08, 0.07), "flat", glow=0.25),
        Thing("car_front", (x, y, 0.16), size, yaw, (0.92, 0.92, 0.86), "flat", glow=0.1),
    )


def bonnet(x: float, y: float, yaw: float, colour: Colour) -> tuple[Thing, ...]:
    """The own car's front, seen from behind the windscreen at (x, y)."""
    _shapes()
    at = (x + 1.45 * np.cos(yaw), y + 1.45 * np.sin(yaw), 0.27)
    return (Thing("bonnet", (float(at[0]), float(at[1]), at[2]), (1.8, 2.0, 0.62), yaw, colour, "enamel"),)


@cache
def _shapes() -> None:
    """Register the meshes, once for the process."""
    side = np.asarray(_SIDE)
    top = (1 - 0.22 * np.clip((side[:, 1] - 0.6) / 0.4, 0, 1)) * 0.5  # the roof is narrower
    left = np.stack([side[:, 0], top, side[:, 1]], 1)
    right = left * [1, -1, 1]
    register_mesh("car", _hull(left, right))
    register_mesh("car_glass", _glass(side, top))
    wheels = [_wheel(x, y) for x in (-0.30, 0.31) for y in (-0.46, 0.46)]
    register_mesh("car_wheels", np.concatenate(wheels))
    register_mesh("car_tail", np.concatenate([_box(-0.505, -0.47, s * 0.38, 0.10, 0.44, 0.56) for s in (-1, 1)]))
    register_mesh("car_front", np.concatenate([_box(0.47, 0.505, s * 0.37, 0.10, 0.36, 0.46) for s in (-1, 1)]))
    corners, normals = _bonnet()
    register_mesh("bonnet", corners, normals)


def _hull(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float32]:
    """The band between two outlines, and both sides as fans around their middle."""
    faces = []
    count = len(left)
    for i in range(count):
        j = (i + 1) % count
        faces += [[left[i], left[j], right[j]], [left[i], right[j], right[i]]]
        middle = np.asarray([0.0, left[:, 1].min(), 0.45])
        faces.append([left[j], left[i], middle])
        faces.append([right[i], right[j], middle * [1, -1, 1]])
    return np.asarray(faces, np.float32)


def _glass(side: NDArray[np.float64], top: NDArray[np.float64]) -> NDArray[np.float32]:
    """Panes a little in front of the body: rear, front and both sides."""
    faces = []
    for a, b, out in ((2, 3, (-0.01, 0.012)), (5, 4, (0.012, 0.012))):
        low, high = side[a] * 0.9 + side[b] * 0.1 + out, side[a] * 0.12 + side[b] * 0.88 + out
        wide = 0.84
        p = [(low[0], top[a] * wide, low[1]), (low[0], -top[a] * wide, low[1])]
        q = [(high[0], top[b] * wide, high[1]), (high[0], -top[b] * wide, high[1])]
        one, two = [p[0], p[1], q[1]], [p[0], q[1], q[0]]
        faces += [one, two] if a == 2 else [one[::-1], two[::-1]]
    for s in (-1, 1):
        points = [
            (x, s * (w + 0.012), z)
            for x, w, z in ((-0.30, 0.485, 0.68), (0.21, 0.485, 0.68), (0.07, 0.40, 0.95), (-0.20, 0.40, 0.95))
        ]
        if s > 0:
            points = points[::-1]
        faces += [[points[0], points[1], points[2]], [points[0], points[2], points[3]]]
    return np.asarray(faces, np.float32)


def _wheel(x: float, y: float) -> NDArray[np.float32]:
    """A short cylinder across the car; radius 0.32 m in the unit shape of a car."""
    angle = np.linspace(0, 2 * np.pi, 11)
    ring = np.stack([x + 0.32 / _LENGTH * np.cos(angle), 0.2 + 0.32 / _HEIGHT * np.sin(angle)], 1)
    faces = []
    near, far = y - 0.05, y + 0.05
    for (x0, z0), (x1, z1) in pairwise(ring):
        faces += [[(x0, near, z0), (x0, far, z0), (x1, far, z1)], [(x0, near, z0), (x1, far, z1), (x1, near, z1)]]
        faces += [[(x, near, 0.2), (x0, near, z0), (x1, near, z1)], [(x, far, 0.2), (x1, far, z1), (x0, far, z0)]]
    return np.asarray(faces, np.float32)


def _box(x0: float, x1: float, y: float, half: float, z0: float, z1: float) -> NDArray[np.float32]:
    low, high = y - half, y + half
    c = [(a, b, z) for z in (z0, z1) for a, b in ((x0, low), (x1, low), (x1, high), (x0, high))]
    quads = [(3, 2, 1, 0), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    return np.asarray([[c[q[0]], c[q[i]], c[q[i + 1]]] for q in quads for i in (1, 2)], np.float32)


def _bonnet() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A curved sheet that falls to the front and the sides, with two soft ridges; corners and their normals."""
    xs, ys = np.linspace(-0.5, 0.5, 9), np.linspace(-0.5, 0.5, 17)

    def height(x: float, y: float) -> float:
        ridge = 0.05 * np.exp(-(((abs(y) - 0.26) / 0.05) ** 2))
        return float(1 - 0.34 * max(0.0, x + 0.5) ** 1.6 - 5.5 * y**4 - 0.5 * max(0.0, x - 0.3) ** 2 * 8 + ridge)

    def corner(x: float, y: float) -> tuple[list[float], list[float]]:
        e = 1e-3
        slope_x = (height(x + e, y) - height(x - e, y)) / (2 * e)
        slope_y = (height(x, y + e) - height(x, y - e)) / (2 * e)
        normal = np.asarray([-slope_x, -slope_y, 1.0])
        return [x, y, height(x, y)], list(normal / np.linalg.norm(normal))

    corners, normals = [], []
    for x0, x1 in pairwise(xs):
        for y0, y1 in pairwise(ys):
            a, b, c, d = corner(x0, y0), corner(x1, y0), corner(x1, y1), corner(x0, y1)
            for triangle in ((a, b, c), (a, c, d)):
                corners.append([p for p, _ in triangle])
                normals.append([n for _, n in triangle])
    return np.asarray(corners, np.float32), np.asarray(normals, np.float32)
