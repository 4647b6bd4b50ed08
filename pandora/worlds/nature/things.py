"""What people left: a fireplace, a pole for the flag, a tent, a jetty, a boat, a cabin."""

import numpy as np

from pandora.worlds.nature.noise import Array, noise
from pandora.worlds.nature.place import EYE, FOCAL, HORIZON, SCALE, Place, Rgb
from pandora.worlds.nature.terrain import COLUMNS, ROWS, Canvas, azimuth, height
from pandora.worlds.nature.trees import foot

POLE_HEIGHT, POLE_DISTANCE = 3.3, 7.6  # metres


def furnish(canvas: Canvas, place: Place) -> None:
    """Draws the things, far ones first."""
    if place.cabin:
        _cabin(canvas, place, *place.cabin)
    if place.boat:
        _boat(canvas, *place.boat)
    if place.jetty is not None:
        _jetty(canvas, place, place.jetty)
    if place.tent:
        _tent(canvas, place, *place.tent)
    _pole(canvas, place)
    if place.fire is not None:
        _fireplace(canvas, place, place.fire)


def pole_top(place: Place) -> tuple[float, float]:
    """Column and row of the pole's top, in panorama pixels."""
    row = float(foot(place, place.pole, POLE_DISTANCE)) / SCALE
    return place.pole, row - FOCAL * POLE_HEIGHT / POLE_DISTANCE


def hearth(place: Place) -> tuple[float, float]:
    """Column and row of the fire's foot, in panorama pixels; only for places with a fireplace."""
    assert place.fire is not None
    return place.fire, float(foot(place, place.fire, place.fire_distance)) / SCALE


class _Brush:
    """Paints shapes given in metres around a point on the land, at one distance."""

    def __init__(self, canvas: Canvas, column: float, row: float, distance: float):
        self.canvas, self.distance, self.unit = canvas, distance, FOCAL * SCALE / distance
        self.x = (np.arange(COLUMNS, dtype=np.float32)[None] + 0.5 - column * SCALE) / self.unit
        self.y = (row - np.arange(ROWS, dtype=np.float32)[:, None] - 0.5) / self.unit  # up

    def box(self, left: float, right: float, bottom: float, top: float) -> tuple[slice, slice]:
        columns = np.flatnonzero((self.x[0] > left) & (self.x[0] < right))
        rows = np.flatnonzero((self.y[:, 0] > bottom) & (self.y[:, 0] < top))
        if not len(columns) or not len(rows):
            return slice(0, 0), slice(0, 0)
        return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

    def paint(self, at: tuple[slice, slice], mask: Array, colour: Rgb, normal: Rgb, snow: float, rough: float = 0.0):
        canvas = self.canvas
        mask = mask & (canvas.depth[at] > self.distance - 0.3)
        grain = 1 + rough * (noise(self.x[:, at[1]] * 9, self.y[at[0]] * 9, 77) - 0.5)
        canvas.albedo[at][mask] = (np.asarray(colour, np.float32) * grain[..., None])[mask]
        canvas.normal[at][mask] = np.asarray(normal, np.float32) / np.float32(np.linalg.norm(normal))
        canvas.depth[at][mask] = self.distance
        canvas.snow[at][mask] = snow
        canvas.water[at][mask] = False
        canvas.light[at][mask] = 0

    def shape(self, box: tuple[float, float, float, float]):
        at = self.box(*box)
        return at, self.x[:, at[1]], self.y[at[0]]


def _fireplace(canvas: Canvas, place: Place, column: float) -> None:
    brush = _Brush(canvas, column, float(foot(place, column, place.fire_distance)), place.fire_distance)
    for k in range(9):  # a ring of stones, the far ones first
        turn = np.pi * (0.5 + (k + 0.5) / 9 * 2) if k < 0 else 2 * np.pi * ((k * 4) % 9) / 9
        x0, y0 = 0.55 * np.cos(turn), 0.16 * np.sin(turn)
        if y0 < -0.02:
            continue
        at, x, y = brush.shape((x0 - 0.15, x0 + 0.15, y0 - 0.1, y0 + 0.12))
        brush.paint(
            at, ((x - x0) / 0.13) ** 2 + ((y - y0) / 0.09) ** 2 < 1, (0.42, 0.41, 0.40), (0, 0.8, -0.6), 0.4, 0.6
        )
    for lean, shade in ((0.5, 0.8), (-0.55, 1.0), (0.12, 0.9)):  # logs
        at, x, y = brush.shape((-0.5, 0.5, 0.0, 0.42))
        across = x * lean - (y - 0.16)
        brown = (0.34 * shade, 0.22 * shade, 0.13 * shade)
        brush.paint(at, (np.abs(across) < 0.07) & (np.abs(x) < 0.42), brown, (0, 0.7, -0.7), 0.35, 0.7)
    for x0, y0 in ((-0.5, -0.05), (-0.2, -0.12), (0.14, -0.13), (0.47, -0.06)):
        at, x, y = brush.shape((x0 - 0.17, x0 + 0.17, y0 - 0.12, y0 + 0.12))
        brush.paint(at, ((x - x0) / 0.15) ** 2 + ((y - y0) / 0.1) ** 2 < 1, (0.5, 0.48, 0.46), (0, 0.8, -0.6), 0.5, 0.6)


def _pole(canvas: Canvas, place: Place) -> None:
    brush = _Brush(canvas, place.pole, float(foot(place, place.pole, POLE_DISTANCE)), POLE_DISTANCE)
    at, x, _ = brush.shape((-0.06, 0.06, -0.05, POLE_HEIGHT))
    brush.paint(
        at, np.broadcast_to(np.abs(x) < 0.045, canvas.depth[at].shape), (0.62, 0.55, 0.45), (0.3, 0.2, -0.9), 0.0
    )


def _tent(canvas: Canvas, place: Place, column: float, distance: float, colour: Rgb) -> None:
    brush = _Brush(canvas, column, float(foot(place, column, distance)), distance)
    tall, half, long = 1.75, 1.25, 1.5
    side = 1.0 if column < place.pole else -1.0  # the long side turns to the middle
    dark: Rgb = (colour[0] * 0.78, colour[1] * 0.78, colour[2] * 0.78)
    at, x, y = brush.shape((-half - long, half + long, -0.05, tall + 0.2))
    x = x * side
    rise = np.clip((x - half * (1 - y / tall)) / long, 0, 1)
    slope = (x > 0) & (y < tall) & (y > 0.12 * rise) & (x - half * (1 - y / tall) < long * (1 - 0.25 * y / tall))
    brush.paint(at, slope, dark, (0.6 * side, 0.6, -0.5), 0.8, 0.1)
    front = np.abs(x) < half * (1 - y / tall)
    brush.paint(at, front & (y > 0), colour, (-0.2 * side, 0.2, -1.0), 0.12, 0.1)
    door = np.abs(x) < 0.42 * (1 - y / (tall * 0.8))
    brush.paint(at, door & (y > 0), (0.12, 0.09, 0.08), (0, 0, -1.0), 0.0)
    lamp = door & (y > 0)
    canvas.light[at][lamp & (np.abs(canvas.depth[at] - distance) < 0.01)] = (0.55, 0.36, 0.12)


def _cabin(canvas: Canvas, place: Place, column: float, behind: float) -> None:
    distances = np.linspace(place.far * 0.6, place.far * 1.8, 60, dtype=np.float32)
    dry = np.flatnonzero(height(place, azimuth(column) + 0 * distances, distances) > 0.9)
    if not len(dry):
        return
    distance = min(float(distances[dry[0]]) + behind, 110.0)
    brush = _Brush(canvas, column, float(foot(place, column, distance)), distance)
    size = 1.0 + distance / 90
    at, x, y = brush.shape((-4.2 * size, 4.2 * size, -0.5, 6 * size))
    x, y = x / size, y / size
    brush.paint(at, (np.abs(x) < 3) & (y < 2.6), (0.46, 0.26, 0.17), (-0.2, 0.1, -1), 0.0, 0.2)
    brush.paint(
        at, (y >= 2.5) & (y < 4.6) & (np.abs(x) < 3.9 - (y - 2.5) * 1.2), (0.30, 0.16, 0.14), (0, 0.8, -0.6), 1.0
    )
    for middle in (-1.5, 1.4):
        window = (np.abs(x - middle) < 0.75) & (np.abs(y - 1.4) < 0.65)
        brush.paint(at, window, (0.25, 0.28, 0.32), (0, 0, -1), 0.0)
        canvas.light[at][window & (np.abs(canvas.depth[at] - distance) < 0.01)] = (1.0, 0.72, 0.28)


def _boat(canvas: Canvas, column: float, distance: float) -> None:
    row = (HORIZON + FOCAL * EYE / distance) * SCALE
    if not canvas.water[int(row), int(column * SCALE)]:
        return
    brush = _Brush(canvas, column, row, distance)
    at, x, y = brush.shape((-2.6, 2.6, -0.4, 7.6))
    brush.paint(
        at, (np.abs(x) < 2.2 - 0.6 * (0.7 - y)) & (y < 0.75) & (y > -0.05), (0.72, 0.24, 0.18), (0, 0.2, -1), 0.1
    )
    brush.paint(at, (y > 1.0) & (x > 0.12) & (x < 2.2 * (1 - (y - 1) / 6.2)), (0.96, 0.95, 0.90), (0.4, 0.3, -0.8), 0.0)
    brush.paint(
        at, (y > 1.2) & (x < -0.1) & (x > -1.7 * (1 - (y - 1.2) / 4.6)), (0.88, 0.87, 0.84), (-0.4, 0.3, -0.8), 0.0
    )


def _jetty(canvas: Canvas, place: Place, column: float) -> None:
    """Planks on the water, from the near ground out into it, seen in perspective."""
    angle = float(azimuth(column))
    deck, reach = 0.55, (place.shore - 4.0, place.shore + 6.0)
    rows = np.arange(ROWS, dtype=np.float32)[:, None] + 0.5
    distance = FOCAL * SCALE * (EYE - deck) / np.maximum(rows - HORIZON * SCALE, 1)
    x = (np.arange(COLUMNS, dtype=np.float32)[None] + 0.5 - column * SCALE) / (FOCAL * SCALE) * distance
    x = x - np.tan(angle) * 0.35 * (distance - reach[0])
    on = (np.abs(x) < 0.75) & (distance > reach[0]) & (distance < reach[1])
    post = (
        (np.abs(np.abs(x) - 0.7) < 0.09) & (distance > reach[0]) & (distance < reach[1] + 2.5) & (distance > reach[1])
    )
    plank = (distance * 2.2) % 1
    colour = np.array([0.56, 0.45, 0.33], np.float32) * (0.75 + 0.35 * (plank > 0.2))[..., None]
    mask = (on | post) & (canvas.depth > distance * 0.9)
    shape = (*mask.shape, 3)
    canvas.albedo[mask] = np.broadcast_to(np.where(post[..., None], colour * 0.5, colour), shape)[mask]
    canvas.normal[mask] = (0.0, 1.0, 0.0)
    canvas.depth[mask] = np.broadcast_to(distance, mask.shape)[mask]
    canvas.snow[mask] = 0.8
    canvas.water[mask] = False
