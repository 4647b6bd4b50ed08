"""Light and air for every hour and weather, and everything in between."""

from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np

from pandora.worlds.road.motion import Pose
from pandora.worlds.stage import Sky

_SUN_AT = (0.95, 0.10, -0.25)  # the sun's height (radians) by day, at dusk and at night
_DAY = Sky(
    top=(0.20, 0.44, 0.80), horizon=(0.70, 0.83, 0.93), sun_colour=(1.35, 1.25, 1.05), ambient=(0.46, 0.50, 0.58),
    fog_colour=(0.70, 0.81, 0.90), fog_density=0.0028, clouds=0.42, shadows=0.62,
)  # fmt: skip
_DUSK = Sky(
    top=(0.26, 0.22, 0.46), horizon=(1.0, 0.56, 0.28), sun_colour=(1.05, 0.50, 0.22), ambient=(0.30, 0.24, 0.28),
    fog_colour=(0.82, 0.47, 0.32), fog_density=0.0038, clouds=0.45, lit=0.75, shadows=0.5,
)  # fmt: skip
_LATE = Sky(
    top=(0.08, 0.09, 0.24), horizon=(0.42, 0.24, 0.28), sun_colour=(0.0, 0.0, 0.0), ambient=(0.13, 0.12, 0.19),
    fog_colour=(0.26, 0.18, 0.24), fog_density=0.0040, clouds=0.35, stars=0.4, lit=1.0, shadows=0.0, disc=0.0,
)  # fmt: skip
_NIGHT = Sky(
    top=(0.015, 0.025, 0.08), horizon=(0.06, 0.08, 0.16), sun_colour=(0.12, 0.15, 0.24), ambient=(0.11, 0.12, 0.19),
    fog_colour=(0.045, 0.055, 0.10), fog_density=0.0042, clouds=0.3, stars=1.0, lit=1.0, shadows=0.0, moon=1.0,
)  # fmt: skip
_KEYS = ((0.0, _DAY), (1.0, _DUSK), (1.45, _LATE), (2.0, _NIGHT))
_GREY = ((0.0, (0.66, 0.69, 0.73)), (1.0, (0.50, 0.42, 0.44)), (1.45, (0.24, 0.22, 0.27)), (2.0, (0.13, 0.145, 0.19)))


def sky(pose: Pose, azimuth: float) -> Sky:
    """The sky of a moment; `azimuth` (radians) is where the sun sets."""
    _, rain, snow, fog = pose.weather
    base = _between(pose.hour)
    grey = np.asarray([np.interp(pose.hour, [k for k, _ in _GREY], [c[i] for _, c in _GREY]) for i in range(3)])
    cover = min(1.0, 0.95 * rain + 0.9 * snow + fog)
    moon = pose.hour > 1.45
    height = 0.33 if moon else float(np.interp(pose.hour, (0, 1, 1.45), _SUN_AT))
    side = azimuth + (2.4 if moon else 0.0)
    direction = (np.cos(side) * np.cos(height), np.sin(side) * np.cos(height), np.sin(height))
    thick = 1 + 0.5 * float(np.clip(pose.hour - 1, 0, 1))  # at night fog shines in the lamps' light
    bright = (0.85 * rain + 1.06 * snow + thick * fog) / max(rain + snow + fog, 1e-6)

    def veil(colour: tuple[float, float, float], shade: float = 1.0) -> tuple[float, float, float]:
        return _colour(np.asarray(colour) * (1 - cover) + grey * shade * bright)

    return Sky(
        top=veil(base.top, 0.86 * cover),
        horizon=veil(base.horizon, cover),
        sun_direction=(float(direction[0]), float(direction[1]), float(direction[2])),
        sun_colour=_colour(np.asarray(base.sun_colour) * (1 - 0.93 * cover)),
        ambient=_colour(np.asarray(base.ambient) * (1 + cover * (0.25 + 0.15 * snow)) + 0.12 * cover * grey),
        fog_colour=veil(base.fog_colour, cover),
        fog_density=base.fog_density + 0.009 * rain + 0.011 * snow + 0.038 * fog,
        stars=base.stars * (1 - cover),
        clouds=base.clouds * (1 - cover),
        lit=min(1.0, base.lit + 0.35 * cover),
        wet=rain,
        snow=snow,
        shadows=base.shadows * (1 - cover),
        disc=base.disc * max(0.0, 1 - 1.4 * cover),
        moon=float(moon),
        drift=7.0 * azimuth,
    )


def _between(hour: float) -> Sky:
    for (low, a), (high, b) in pairwise(_KEYS):
        if hour <= high:
            k = (hour - low) / (high - low)
            return Sky(**{f.name: _mix(getattr(a, f.name), getattr(b, f.name), k) for f in fields(Sky)})
    return _NIGHT


def _mix(a: Any, b: Any, k: float) -> Any:
    mixed = np.asarray(a) * (1 - k) + np.asarray(b) * k
    return float(mixed) if mixed.ndim == 0 else tuple(float(v) for v in mixed)


def _colour(values: object) -> tuple[float, float, float]:
    r, g, b = np.clip(np.asarray(values, float), 0.0, 2.0)
    return float(r), float(g), float(b)
