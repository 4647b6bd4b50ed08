"""The driver's view of one moment."""

import numpy as np

from pandora.worlds.base import Frame
from pandora.worlds.road import scenery
from pandora.worlds.road.dash import overlay
from pandora.worlds.road.look import look
from pandora.worlds.road.motion import Pose
from pandora.worlds.road.skies import sky
from pandora.worlds.road.state import BLOCK, PACE, STEPS, RoadState
from pandora.worlds.road.vehicles import bonnet
from pandora.worlds.stage import Camera, Fall, Light, Stage, render

_EYE, _PITCH, _FIELD = 1.45, -0.075, 66.0  # the eye's height in metres, its pitch in radians, degrees
_LAMPS = 7  # street lamps that shine at once: the nearest ones ahead


def draw(state: RoadState, pose: Pose) -> Frame:
    """The picture (128, 128, 3) uint8 of a moment in the scene of `state`."""
    here = look(state.seed, state.style)
    air = sky(pose, here.azimuth)
    forward = np.asarray([np.cos(pose.yaw), np.sin(pose.yaw)])
    things, lamps = scenery.street(state.seed, state.style, *_window(pose))
    lights: list[Light] = []
    if air.lit > 0.02:
        lights = [_dimmed(lamp, air.lit) for lamp in _ahead(lamps, pose, forward)]
        lights += _headlights(pose, forward, air.lit * (1 - 0.4 * air.snow))
    stage = Stage(things, tuple(lights), air)
    moving = [*scenery.hills(state.seed, state.style, pose.x, pose.y), *bonnet(pose.x, pose.y, pose.yaw, here.bonnet)]
    camera = Camera((pose.x, pose.y, _EYE), pose.yaw, _PITCH, _FIELD)
    _, rain, snow, _ = pose.weather
    fall = None
    if rain > 0 or snow > 0:
        rush = (float(forward[0]) * pose.speed * PACE, float(forward[1]) * pose.speed * PACE)
        fall = Fall(pose.time, rain, snow, (1.0, 0.4), rush, state.seed)
    return overlay(render(stage, camera, moving=moving, fall=fall), pose.speed, pose.signal, air.lit)


def _window(pose: Pose) -> tuple[int, int, tuple[int, int]]:
    """The junction behind the car and the way it goes; on the turn the nearest junction and all around."""
    quarter = pose.yaw / (np.pi / 2)
    if abs(quarter - round(quarter)) > 0.25:
        return round(pose.x / BLOCK), round(pose.y / BLOCK), (0, 0)
    dx, dy = STEPS[round(quarter) % 4]
    x = int(np.floor(dx * pose.x / BLOCK)) * dx if dx else round(pose.x / BLOCK)
    y = int(np.floor(dy * pose.y / BLOCK)) * dy if dy else round(pose.y / BLOCK)
    return x, y, (dx, dy)


def _ahead(lamps: tuple[Light, ...], pose: Pose, forward: np.ndarray) -> list[Light]:
    if not lamps:
        return []
    away = np.asarray([lamp.position[:2] for lamp in lamps]) - (pose.x, pose.y)
    deep, far = away @ forward, np.linalg.norm(away, axis=1)
    order = np.argsort(np.where(deep > -12, far, 1e6), kind="stable")
    return [lamps[i] for i in order[:_LAMPS] if deep[i] > -12 and far[i] < 75]


def _dimmed(lamp: Light, lit: float) -> Light:
    r, g, b = lamp.colour
    return Light(lamp.position, (r * lit, g * lit, b * lit), lamp.reach)


def _headlights(pose: Pose, forward: np.ndarray, lit: float) -> list[Light]:
    x, y = pose.x + 1.6 * forward[0], pose.y + 1.6 * forward[1]
    towards = (float(forward[0]), float(forward[1]), -0.10)
    colour = (4.6 * lit, 4.2 * lit, 3.3 * lit)
    return [Light((float(x), float(y), 1.1), colour, 52.0, towards, 0.40)]
