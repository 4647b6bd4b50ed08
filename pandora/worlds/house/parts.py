"""A workbench for furniture: parts are placed relative to the piece and turned with it."""

from dataclasses import dataclass, field
from math import pi

from pandora.worlds.house.furnish import FURNITURE, Piece
from pandora.worlds.house.looks import Colour, Look
from pandora.worlds.stage import Thing

WHITE: Colour = (0.94, 0.94, 0.92)
BLACK: Colour = (0.10, 0.10, 0.12)
STEEL: Colour = (0.72, 0.74, 0.77)
BRASS: Colour = (0.83, 0.66, 0.30)
LEAF: Colour = (0.22, 0.50, 0.24)
_SHADE = 0.45  # how dark the floor is under a piece
_TURNS = ((1, 0), (0, 1), (-1, 0), (0, -1))


@dataclass
class Bench:
    """Collects the parts of one piece. `front` and `left` are metres from its middle, `up` from the floor."""

    piece: Piece
    look: Look
    things: list[Thing] = field(default_factory=list)
    lamps: list[tuple[float, float, float]] = field(default_factory=list)  # where a lamp shines
    fires: list[tuple[float, float, float]] = field(default_factory=list)  # where it burns, lamps on or off

    @property
    def back(self) -> float:
        """The wall behind the piece, as `front`."""
        return -FURNITURE[self.piece.kind].depth / 2 + 0.07

    def place(self, front: float, left: float, up: float) -> tuple[float, float, float]:
        cos, sin = _TURNS[self.piece.facing]
        x, y = self.piece.middle
        return x + cos * front - sin * left, y + sin * front + cos * left, up

    def add(
        self,
        mesh: str,
        at: tuple[float, float, float],
        size: tuple[float, float, float],
        colour: Colour,
        material: str = "flat",
        *,
        colour2: Colour | None = None,
        turn: float = 0.0,
        scale: float = 1.0,
        glow: float = 0.0,
    ) -> None:
        """A part at (front, left, up), with its extents in the same order; `turn` in radians."""
        second = shade(colour, 0.82) if colour2 is None else colour2
        yaw = self.piece.facing * pi / 2 + turn
        on_floor = at[2] < 0.12 and min(size[:2]) > 0.25
        seed = self.piece.variant / 65536
        self.things.append(
            Thing(
                mesh, self.place(*at), size, yaw, colour, material, second, scale, glow, _SHADE * on_floor, seed
            )
        )  # fmt: skip

    def box(
        self, at: tuple[float, float, float], size: tuple[float, float, float], colour: Colour, material: str = "flat"
    ) -> None:
        self.add("box", at, size, colour, material)

    def legs(self, front: float, left: float, height: float, colour: Colour, thick: float = 0.06) -> None:
        """Four legs at the corners of a rectangle of that half-size."""
        for f in (-front, front):
            for s in (-left, left):
                self.box((f, s, 0.0), (thick, thick, height), colour)

    def pick(self, *choices: Colour) -> Colour:
        """One of the colours, by the piece's own chance."""
        return choices[self.piece.variant % len(choices)]


def shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(1.0, channel * factor) for channel in colour)
    return red, green, blue
