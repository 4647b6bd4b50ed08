"""Things that nobody made, for the autoencoder to see beside its worlds, so that it can draw what it never saw.

An autoencoder that saw six worlds learns their things by heart: a hero of another game, or a photograph, comes out as
pieces of those. So some windows of film are recoloured, some get sprites of random pixels that stand or move, and some
are replaced by leaves: random shapes of all sizes that lie over each other, whose statistics are much like those of
photographs (the dead leaves model; learning from it alone goes far, 2106.05963).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Film = NDArray[np.uint8]  # (T, H, W, 3)
_SPRITES = (2, 9)  # in a window
_ROWS, _HALF = (4, 15), (2, 8)  # of a sprite, in its own pixels
_LEAVES = 160
_SMALLEST, _LARGEST = 3, 60  # radius of a leaf, in pixels
_DRIFT = 1.5  # pixels a frame, at most


def vary(films: NDArray[np.uint8], share: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Windows (B, T, H, W, 3) uint8 of which about `share` are changed, each in one of the ways."""
    films = films.copy()
    for row in np.flatnonzero(rng.random(len(films)) < share):
        films[row] = _WAYS[rng.choice(len(_WAYS), p=_CHANCES)](films[row], rng)
    return films


def recolour(film: Film, rng: np.random.Generator) -> Film:
    """Channels change places, some turn over, and all get another gamma."""
    values = film[..., rng.permutation(3)] / 255.0
    turned = rng.random(3) < 0.3
    values = np.where(turned, 1 - values, values) ** np.exp(rng.uniform(-0.5, 0.5, 3))
    return np.round(255 * values).astype(np.uint8)


def sprites(film: Film, rng: np.random.Generator) -> Film:
    """Small figures of random pixels in few colours, most of them symmetric, that stand, move or come and go."""
    film = film.copy()
    length, height, width = film.shape[:3]
    for _ in range(rng.integers(*_SPRITES)):
        sprite, shown = _sprite(rng)
        rows, columns = shown.shape
        at = rng.uniform((0, 0), (height - rows, width - columns))
        speed = rng.uniform(-4, 4, 2) * (rng.random() < 0.5)
        for t in range(length):
            y, x = np.clip(at + speed * t, 0, (height - rows, width - columns)).astype(int)
            part = film[t, y : y + rows, x : x + columns]
            part[shown] = sprite[shown]
    return film


def leaves(film: Film, rng: np.random.Generator) -> Film:
    """A film of random shapes that drifts, of the size of the one given."""
    length, height, width = film.shape[:3]
    margin = int(np.ceil(_DRIFT * length)) + 1
    canvas = Image.new("RGB", (width + 2 * margin, height + 2 * margin), _colour(rng))
    draw = ImageDraw.Draw(canvas)
    sizes = 1 / np.sqrt(rng.uniform(1 / _LARGEST**2, 1 / _SMALLEST**2, _LEAVES))  # as likely at every scale
    for size in sizes:
        x, y = rng.uniform(0, canvas.size)
        corners = int(rng.integers(3, 7))
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radii = size * rng.uniform(0.5, 1.0, 2)
        if rng.random() < 0.4:
            draw.ellipse((x - radii[0], y - radii[1], x + radii[0], y + radii[1]), fill=_colour(rng))
        else:
            outline = [(x + radii[0] * np.cos(a), y + radii[1] * np.sin(a)) for a in angles]
            draw.polygon(outline, fill=_colour(rng))
    picture = np.asarray(canvas, np.float32)
    across, down = np.meshgrid(np.arange(picture.shape[1]), np.arange(picture.shape[0]))
    slope = rng.uniform(-0.5, 0.5, 2)
    shade = 1 + (slope[0] * across / picture.shape[1] + slope[1] * down / picture.shape[0])[..., None]
    grain = rng.normal(0, rng.uniform(0, 8), (*picture.shape[:2], 1))
    picture = np.clip(picture * shade + grain, 0, 255).astype(np.uint8)
    speed = rng.uniform(-_DRIFT, _DRIFT, 2) * (rng.random() < 0.7)
    corners_yx = np.round(margin + np.outer(np.arange(length), speed)).astype(int)
    return np.stack([picture[y : y + height, x : x + width] for y, x in corners_yx])


def _sprite(rng: np.random.Generator) -> tuple[Film, NDArray[np.bool_]]:
    """A figure (h, w, 3) uint8 of pixels or of patches of them, and which are shown (h, w)."""
    rows, half = int(rng.integers(*_ROWS)), int(rng.integers(*_HALF))
    palette = np.array([_colour(rng) for _ in range(rng.integers(2, 5))], np.uint8)
    patch = int(rng.integers(1, 4))
    indices = rng.integers(len(palette), size=(-(-rows // patch), -(-half // patch)))
    indices = indices.repeat(patch, 0).repeat(patch, 1)[:rows, :half]
    shown: NDArray[np.bool_] = np.asarray(rng.random((rows, half)) < rng.uniform(0.6, 1.1))
    if rng.random() < 0.7:
        indices = np.concatenate([indices[:, ::-1], indices], 1)
        shown = np.concatenate([shown[:, ::-1], shown], 1)
    scale = int(rng.choice([1, 1, 1, 2]))
    indices, shown = indices.repeat(scale, 0).repeat(scale, 1), shown.repeat(scale, 0).repeat(scale, 1)
    return palette[indices], shown


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = rng.integers(0, 256, 3)
    return int(red), int(green), int(blue)


_WAYS: tuple[Callable[[Film, np.random.Generator], Film], ...] = (recolour, sprites, leaves)
_CHANCES = (0.25, 0.5, 0.25)
