"""Draws a moment: light on the land, sky, what the water mirrors, fire, and the weather in front."""

import numpy as np

from pandora.worlds.base import Frame
from pandora.worlds.nature import sky as heaven
from pandora.worlds.nature.falling import draw_falling, draw_lightning
from pandora.worlds.nature.fire import draw_flag, draw_flames, draw_smoke, flicker
from pandora.worlds.nature.layers import Layers, make_layers
from pandora.worlds.nature.noise import Array, noise
from pandora.worlds.nature.place import EYE, FOCAL, HORIZON, SIZE, WIDTH, Place
from pandora.worlds.nature.pose import Pose
from pandora.worlds.nature.state import HOURS, WEATHERS

_LEVELS = 4096
_BRIGHTEST = 2.5
_FIRE = np.array([1.9, 0.92, 0.34], np.float32)


def _tones() -> Frame:
    """Display value by brightness 0.._BRIGHTEST: as it is up to 0.75, then ever slower."""
    x = np.linspace(0, _BRIGHTEST, _LEVELS)
    y = np.where(x < 0.75, x, 1 - 0.25 * np.exp(-(x - 0.75) / 0.25))
    return np.rint(y * 255).astype(np.uint8)


_TONES = _tones()
_CURVE = np.float32((_LEVELS - 1) / _BRIGHTEST)


def render(place: Place, pose: Pose) -> Frame:
    """(SIZE, SIZE, 3) uint8 of the moment."""
    layers = make_layers(place)
    view = slice(pose.offset, pose.offset + SIZE)
    ambient, veil_colour, frame = _land(layers, pose, view)
    rows = layers.sky_rows
    background = heaven.sky(place, pose, max(rows, int(HORIZON) + 1))
    free = 1 - layers.land[:rows, view] - layers.water[:rows, view]
    frame[:rows] += background[:rows] * free[..., None]
    _water(frame, background, layers, pose, ambient, view)
    veil = sum(float(pose.weather[WEATHERS.index(name)]) * picture[:, view] for name, picture in layers.veil.items())
    frame += (veil_colour - frame) * np.asarray(veil)[..., None] if not isinstance(veil, int) else 0
    lit = ambient + 0.25 * (pose.hour @ heaven.DIRECT) + _near_fire(place, pose)
    draw_flag(frame, place, pose, np.maximum(lit, 0.36))
    draw_smoke(frame, place, pose, ambient)
    draw_flames(frame, place, pose)
    draw_lightning(frame, place, pose)
    draw_falling(frame, pose, ambient)
    return _TONES[np.clip(frame * _CURVE, 0, _LEVELS - 1).astype(np.int32)]


def _land(layers: Layers, pose: Pose, view: slice) -> tuple[Array, Array, Array]:
    """The light from all sides, the colour of thick air, and the land as it is lit."""
    cover = float(pose.weather[WEATHERS.index("snow")])
    ambient = (pose.hour @ heaven.AMBIENT) * (pose.weather @ heaven.DIM)
    sunny = float(pose.weather @ heaven.SUNNY)

    def covered(pair: tuple[Array, Array]) -> Array:
        bare, snowy = (picture[:, view] for picture in pair)
        return bare if cover == 0 else snowy if cover == 1 else bare + (snowy - bare) * np.float32(cover)

    frame = covered(layers.ambient) * ambient
    for index, hour in enumerate(HOURS):
        if pose.hour[index] > 0:
            frame += covered(layers.direct[hour]) * (heaven.DIRECT[index] * (pose.hour[index] * np.float32(sunny)))
    clear_air = (pose.hour @ heaven.LOW) * np.float32(0.82) + (pose.hour @ heaven.ZENITH) * np.float32(0.1)
    overcast = np.float32(pose.weather @ heaven.OVERCAST)
    grey = pose.hour @ heaven.GREY
    tone = float(pose.weather @ (heaven.TONE * heaven.OVERCAST)) / max(1e-6, float(overcast))
    thick = grey * np.float32(tone)
    air = clear_air * (1 - overcast) + thick * overcast
    frame += layers.haze[:, view, None] * air
    dark = float(pose.hour[HOURS.index("night")]) + 0.6 * float(pose.hour[HOURS.index("dusk")])
    if dark > 0:
        frame += layers.light[:, view] * np.float32(dark)
    if pose.fire > 0 and layers.place.fire is not None:
        frame += covered(layers.glow) * (_FIRE * np.float32(flicker(pose) * (0.45 + 0.55 * min(1.0, dark))))
    return ambient, thick, frame


def _near_fire(place: Place, pose: Pose) -> Array:
    return _FIRE * np.float32(0.12 * flicker(pose) if place.fire is not None else 0.0)


def _water(frame: Array, background: Array, layers: Layers, pose: Pose, ambient: Array, view: slice) -> None:
    """Adds the water: its own colour, and what lies behind it upside down, shaken by the waves."""
    water = layers.water[:, view]
    rows, columns = np.nonzero(water > 0)
    if not len(rows):
        return
    shore = layers.mirror[view][columns]
    below = np.maximum(rows + 0.5 - HORIZON, 0.7).astype(np.float32)
    near = np.log(below)  # waves are as many rows high as they are near
    across = (columns + view.start - WIDTH / 2).astype(np.float32) / FOCAL * (EYE * FOCAL / below)
    turn = np.float32(2 * np.pi * pose.phase / 8)
    blow = abs(pose.wind)
    bumps = noise(across * 0.30 + 100, near * 9, 81)
    calm = np.sin(near * 22 + bumps * 7 + turn)
    side = np.sign(pose.wind) if pose.wind else 0.0
    gusts = np.sin(across * 1.7 + near * 26 + bumps * 8 - turn * side)
    wave = calm * (1 - blow) + gusts * blow
    size = (0.25 + 1.1 * blow) * np.clip(below / 14, 0.2, 1.6)
    source = np.rint(2 * shore - rows - 1 + wave * size * 1.4).astype(np.int64)
    source = np.clip(source, 0, np.minimum(shore, SIZE) - 1)
    columns_behind = np.clip(layers.behind[source, columns + view.start] - view.start, 0, SIZE - 1)
    mirrored = frame[source, columns_behind]
    body = np.asarray(layers.place.water, np.float32) * ambient * np.float32(1.35)
    clarity = np.clip(0.80 - 0.011 * below - 0.22 * blow, 0.2, 0.9)[:, None]
    colour = body + (mirrored - body) * clarity
    crests = np.clip(wave - (0.93 - 0.20 * blow), 0, 1) * (0.12 + 0.45 * blow) * np.clip(below / 10, 0, 1)
    colour = colour + (crests * 1.2)[:, None] * ambient
    frame[rows, columns] += colour * water[rows, columns][:, None]
