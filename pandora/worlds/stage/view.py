"""Cameras as matrices, and which spheres they see. Matrices are laid out as OpenGL reads them, column by column."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pandora.worlds.stage.values import Camera, Vector

_NEAR, _FAR = 0.08, 400.0


@dataclass(frozen=True)
class View:
    """A camera's matrix (16 float32) and its axes."""

    matrix: NDArray[np.float32]
    eye: Vector
    forward: Vector
    right: Vector
    upward: Vector
    half_fov: float  # the tangent of half the field of view

    def sees(
        self, middle: NDArray[np.float32], radius: NDArray[np.float32]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Which of n spheres are at least partly in view, and how far their middles are: both (n,)."""
        to = middle - np.asarray(self.eye, np.float32)
        deep = to @ np.asarray(self.forward, np.float32)
        slack = radius * float(np.sqrt(1 + self.half_fov**2))
        seen = (deep > -radius) & (deep < _FAR + radius)
        for axis in (self.right, self.upward):
            seen &= np.abs(to @ np.asarray(axis, np.float32)) <= deep * self.half_fov + slack
        return seen, np.linalg.norm(to, axis=1)


def look(camera: Camera) -> View:
    cy, sy, cp, sp = np.cos(camera.yaw), np.sin(camera.yaw), np.cos(camera.pitch), np.sin(camera.pitch)
    forward = np.asarray([cp * cy, cp * sy, sp])
    right = np.asarray([sy, -cy, 0.0])
    upward = np.cross(right, forward)
    half = float(np.tan(np.radians(camera.fov) / 2))
    turn = np.eye(4)
    turn[0, :3], turn[1, :3], turn[2, :3] = right, upward, -forward
    turn[:3, 3] = -turn[:3, :3] @ np.asarray(camera.position)
    lens = np.zeros((4, 4))
    lens[0, 0] = lens[1, 1] = 1 / half
    lens[2, 2], lens[2, 3] = (_FAR + _NEAR) / (_NEAR - _FAR), 2 * _FAR * _NEAR / (_NEAR - _FAR)
    lens[3, 2] = -1
    return View(_columns(lens @ turn), camera.position, _tuple(forward), _tuple(right), _tuple(upward), half)


def overhead(middle: tuple[float, float], sun: Vector, span: float) -> NDArray[np.float32]:
    """The matrix of a view along the sun's rays onto a square of the ground, `span` metres to each side."""
    forward = -np.asarray(sun)
    right = np.cross(forward, [0.0, 0.0, 1.0] if abs(forward[2]) < 0.99 else [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    upward = np.cross(right, forward)
    matrix = np.eye(4)
    matrix[0, :3], matrix[1, :3], matrix[2, :3] = right / span, upward / span, forward / (span * 2)
    matrix[:3, 3] = -matrix[:3, :3] @ np.asarray([*middle, 0.0])
    return _columns(matrix)


def _columns(matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.ascontiguousarray(matrix.T, np.float32).reshape(16)


def _tuple(vector: NDArray[np.float64]) -> Vector:
    return float(vector[0]), float(vector[1]), float(vector[2])
