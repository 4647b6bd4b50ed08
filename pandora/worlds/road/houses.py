"""Buildings along a street: gabled houses, flats, shops and barns."""

from dataclasses import dataclass

import numpy as np

from pandora.worlds.road.look import Colour, Look
from pandora.worlds.stage import Thing

_GLASS = (0.17, 0.23, 0.30)


@dataclass(frozen=True)
class Side:
    """One side of a street as a frame of its own: `u` metres along it, `v` metres away from its middle."""

    x: float
    y: float
    yaw: float  # the street's
    sign: int  # 1: left of it, -1: right of it

    def at(self, u: float, v: float, z: float = 0.0) -> tuple[float, float, float]:
        c, s = float(np.cos(self.yaw)), float(np.sin(self.yaw))
        w = v * self.sign
        return self.x + c * u - s * w, self.y + s * u + c * w, z


def house(side: Side, u: float, wide: float, deep: float, look: Look, rng: np.random.Generator) -> list[Thing]:
    """Something to live in at `u` along the street, its front 11 m from the middle of the road."""
    wall = look.walls[rng.integers(len(look.walls))]
    kind = rng.random()
    if kind < 0.45:
        return _gabled(side, u, wide, deep, wall, look, rng)
    return _flats(side, u, wide, deep, wall, rng, shop=kind > 0.75)


def _gabled(
    side: Side, u: float, wide: float, deep: float, wall: Colour, look: Look, rng: np.random.Generator
) -> list[Thing]:
    floors = int(rng.integers(1, 3))
    high, roof = 3.0 * floors, float(rng.uniform(2.4, 3.6))
    v = 11.0 + deep / 2
    seed = float(rng.random())
    along = side.yaw + (0.0 if rng.random() < 0.6 else np.pi / 2)  # the ridge along the street, or across it
    size = (wide + 0.7, deep + 0.7) if along == side.yaw else (deep + 0.7, wide + 0.7)
    things = [
        Thing("box", side.at(u, v), (wide, deep, high), side.yaw, wall, "windows", _GLASS, seed=seed, shadow=0.5),
        Thing("prism", side.at(u, v, high - 0.05), (*size, roof), along, look.roof, "shingles"),
        Thing(
            "box", side.at(u + wide * 0.22, v - 1.0, high), (0.7, 0.7, roof + 0.3), side.yaw, (0.5, 0.32, 0.27), "flat"
        ),
        Thing("box", side.at(u, 11.0), (1.1, 0.24, 2.2), side.yaw, (0.35, 0.2, 0.14), "flat"),
    ]
    if rng.random() < 0.7:
        hedge = side.at(u - wide * 0.28, 10.75)
        things.append(Thing("box", hedge, (wide * 0.4, 0.5, 0.9), side.yaw, look.green, "leaves", (0.42, 0.56, 0.24)))
    return things


def _flats(
    side: Side, u: float, wide: float, deep: float, wall: Colour, rng: np.random.Generator, shop: bool
) -> list[Thing]:
    floors = int(rng.integers(2, 5))
    base = 3.3 if shop else 0.0
    v = 11.0 + deep / 2
    high = 3.0 * floors
    seed = float(rng.random())
    things = [
        Thing("box", side.at(u, v, base), (wide, deep, high), side.yaw, wall, "windows", _GLASS, seed=seed, shadow=0.5),
        Thing("box", side.at(u, v, base + high), (wide + 0.4, deep + 0.4, 0.45), side.yaw, _dark(wall, 0.8), "flat"),
    ]
    if shop:
        cloth = ((0.75, 0.16, 0.14), (0.14, 0.40, 0.32), (0.18, 0.28, 0.55), (0.85, 0.58, 0.15))[rng.integers(4)]
        face = side.yaw + (np.pi / 2 if side.sign > 0 else -np.pi / 2)  # up towards the wall
        things += [
            Thing("box", side.at(u, v), (wide, deep, base), side.yaw, _dark(wall, 0.55), "flat", shadow=0.5),
            Thing(
                "box",
                side.at(u, 10.97),
                (wide * 0.84, 0.1, 2.3),
                side.yaw,
                (0.20, 0.22, 0.24),
                "lamp",
                (1.0, 0.82, 0.52),
            ),
            Thing("wedge", side.at(u, 10.4, 2.55), (1.2, wide * 0.92, 0.6), face, cloth, "awning", (0.94, 0.93, 0.9)),
        ]
    return things


def barn(side: Side, u: float, v: float, rng: np.random.Generator) -> list[Thing]:
    wall = ((0.58, 0.18, 0.14), (0.78, 0.74, 0.66), (0.45, 0.33, 0.24))[rng.integers(3)]
    roof = (0.32, 0.30, 0.30)
    return [
        Thing("box", side.at(u, v), (12, 8, 4.2), side.yaw, wall, "planks", _dark(wall, 0.6), shadow=0.5),
        Thing("prism", side.at(u, v, 4.15), (12.8, 9, 3.2), side.yaw, roof, "shingles"),
        Thing("box", side.at(u, v - 4.0), (3, 0.2, 3), side.yaw, _dark(wall, 0.55), "flat"),
    ]


def _dark(colour: Colour, k: float) -> Colour:
    return colour[0] * k, colour[1] * k, colour[2] * k
