"""The sky: colours by hour, sun, moon, stars, clouds by weather."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pandora.worlds.nature.noise import Array, fbm, smooth
from pandora.worlds.nature.place import HORIZON, SIZE, WIDTH, Place
from pandora.worlds.nature.pose import Pose
from pandora.worlds.nature.state import CLOUD_PERIOD, HOURS, WEATHERS

_ROWS = 84  # the sky is never seen lower


def _table(**rows: tuple[float, float, float]) -> Array:
    return np.array([rows[name] for name in HOURS], np.float32)


ZENITH = _table(day=(0.20, 0.44, 0.80), dusk=(0.24, 0.20, 0.40), night=(0.02, 0.035, 0.10), dawn=(0.50, 0.58, 0.80))
LOW = _table(day=(0.70, 0.84, 0.95), dusk=(0.98, 0.52, 0.22), night=(0.09, 0.13, 0.25), dawn=(0.99, 0.80, 0.76))
GREY = _table(day=(0.66, 0.69, 0.72), dusk=(0.66, 0.46, 0.36), night=(0.18, 0.21, 0.30), dawn=(0.66, 0.49, 0.60))
CLOUD = _table(day=(1.0, 1.0, 1.0), dusk=(0.98, 0.56, 0.42), night=(0.13, 0.16, 0.25), dawn=(1.0, 0.86, 0.86))
AMBIENT = _table(day=(0.58, 0.64, 0.72), dusk=(0.46, 0.34, 0.37), night=(0.20, 0.25, 0.39), dawn=(0.52, 0.44, 0.55))
DIRECT = _table(day=(0.86, 0.82, 0.70), dusk=(1.00, 0.50, 0.20), night=(0.12, 0.15, 0.22), dawn=(0.62, 0.46, 0.44))
_SUN = _table(day=(1.0, 0.96, 0.82), dusk=(1.0, 0.62, 0.25), night=(0.0, 0.0, 0.0), dawn=(1.0, 0.84, 0.72))


def _by_weather(**values: float) -> Array:
    return np.array([values[name] for name in WEATHERS], np.float32)


OVERCAST = _by_weather(clear=0, rain=1, snow=1, fog=1, storm=1)
TONE = _by_weather(clear=1, rain=0.80, snow=1.12, fog=1.08, storm=0.60)  # of the grey sky
DIM = _by_weather(clear=1, rain=0.82, snow=1.0, fog=0.95, storm=0.76)  # of the light from all sides
SUNNY = _by_weather(clear=1, rain=0.08, snow=0.15, fog=0.1, storm=0.0)
_TEXTURE = _by_weather(clear=0, rain=0.22, snow=0.10, fog=0.0, storm=0.62)


@dataclass(frozen=True)
class Heaven:
    """What a place's sky is made of, (_ROWS, CLOUD_PERIOD) or (_ROWS, WIDTH), float32."""

    clouds: Array
    shade: Array
    stars: Array


@lru_cache(maxsize=12)
def make_heaven(place: Place) -> Heaven:
    """Clouds that come round again, and stars."""
    rng = np.random.default_rng([place.seed, 0x5C1])
    y = np.arange(_ROWS, dtype=np.float32)[:, None]
    x = np.arange(CLOUD_PERIOD, dtype=np.float32)[None]
    lift = np.clip((HORIZON - y) / HORIZON, 0.02, 1)
    seed = place.seed % 4096
    across, up = x / CLOUD_PERIOD * 16, 2.2 / (lift + 0.16)
    clouds = fbm(across, up, seed + 51, 5, 16)
    lower = fbm(across + 0.12, up + 0.25, seed + 51, 4, 16)
    stars = np.zeros((_ROWS, WIDTH), np.float32)
    for _ in range(70):
        row, column = rng.integers(0, 44), rng.integers(0, WIDTH - 1)
        stars[row, column] = rng.uniform(0.3, 0.95)
        stars[row, column + 1] += rng.uniform(0.1, 0.3)
    return Heaven(clouds, np.clip(0.5 + (clouds - lower) * 3.0, 0, 1), stars)


def sky(place: Place, pose: Pose, rows: int) -> Array:
    """(rows, SIZE, 3) of the sky behind the land, as far as it is looked at."""
    heaven = make_heaven(place)
    hour, weather = pose.hour, pose.weather
    left = pose.offset
    y = np.arange(rows, dtype=np.float32)[:, None]
    x = np.arange(left, left + SIZE, dtype=np.float32)[None]
    lift = np.clip((HORIZON - y) / HORIZON, 0, 1) ** np.float32(0.75)
    clear = (hour @ LOW) * (1 - lift)[..., None] + (hour @ ZENITH) * lift[..., None]
    sun_x, sun_y = pose.sun
    away = np.sqrt((x - sun_x) ** 2 + (y - sun_y) ** 2)
    shine = hour @ _SUN
    halo = np.exp(-away / 20)[..., None] * 0.55 * (1 - hour[2])
    picture = clear + (shine - clear) * np.minimum(halo + 0.25 * (1 - hour[2]) * np.exp(-away / 60)[..., None], 1)
    start = int(pose.drift - left) % CLOUD_PERIOD
    columns = (np.arange(SIZE) - start) % CLOUD_PERIOD
    clouds, shade = heaven.clouds[:rows, columns], heaven.shade[:rows, columns]
    night = float(hour[2])
    calm = 1 - float(weather @ OVERCAST)
    if night > 0:
        picture = picture + (heaven.stars[:rows, left : left + SIZE] * night)[..., None]
        picture = picture + _moon(x - pose.moon[0], y - pose.moon[1])
    disc = smooth(5.2 - away, 0, 1.4)[..., None] * (shine.max() > 0.02)
    picture = picture + (shine * 1.25 - picture) * disc
    puffs = (smooth(clouds, 0.54, 0.74) * smooth(HORIZON - y, -2, 14) * 0.92)[..., None]
    lit = (hour @ CLOUD) * (0.72 + 0.34 * shade[..., None])
    picture = picture + (lit - picture) * puffs
    if calm < 1:
        tone = float(weather @ (TONE * OVERCAST)) / max(1e-6, float(weather @ OVERCAST))
        rough = float(weather @ _TEXTURE)
        grey = (hour @ GREY) * tone * (1 + rough * (clouds - 0.52) * 2.4)[..., None]
        picture = picture * calm + grey * (1 - calm)
    return picture


def _moon(x: Array, y: Array) -> Array:
    away = np.sqrt(x * x + y * y)
    face = smooth(6.0 - away, 0, 1.3) * (
        0.86 - 0.16 * (np.hypot(x - 1.5, y + 1) < 1.6) - 0.12 * (np.hypot(x + 2, y - 1.8) < 1.3)
    )
    glow = np.exp(-away / 13) * 0.16
    return face[..., None] * np.array([0.95, 0.95, 0.88], np.float32) + glow[..., None] * np.array(
        [0.6, 0.7, 1.0], np.float32
    )
