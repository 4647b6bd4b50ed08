"""Draws a stage: cull, shadows, things, sky, contact shadows, rain and snow; twice as large, then shrunk."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pandora.worlds.stage.gpu import Gpu, gpu
from pandora.worlds.stage.meshes import COARSE
from pandora.worlds.stage.packing import Packed, pack, packed
from pandora.worlds.stage.shaders import MAX_LIGHTS
from pandora.worlds.stage.values import Camera, Fall, Light, Sky, Stage, Thing, Vector
from pandora.worlds.stage.view import View, look, overhead

Matrix = NDArray[np.float32]
_SHADOW_SPAN = 64.0  # half the side, in metres, of the square that the shadow map covers
_SMALLEST = 0.6 / 64  # what is smaller than this share of half the picture is left out
_NO_SHADOW = 0.35  # radius in metres; what is smaller casts no shadow of its own
_COARSE_BELOW = 5 / 64
_HIDDEN = 4.0  # fog lets exp(-4) of the light through
_SHADOW_STEP = 16.0  # the square moves in steps, so that a drive seldom draws it anew


def render(
    stage: Stage, camera: Camera, size: int = 128, moving: Sequence[Thing] = (), fall: Fall | None = None
) -> NDArray[np.uint8]:
    """A picture (size, size, 3) uint8 RGB of the stage, of what moves in it, and of what falls from the sky.

    What moves casts no shadow but its own blob (`Thing.shadow`). Raises InvalidInput where there is no OpenGL, and
    UnknownName for a mesh or a material.
    """
    device = gpu()
    with device.context:
        return _render(device, stage, camera, size, moving, fall)


def _render(
    device: Gpu, stage: Stage, camera: Camera, size: int, moving: Sequence[Thing], fall: Fall | None
) -> NDArray[np.uint8]:
    context = device.context
    view = look(camera)
    still = packed(stage.things)
    parts = [still] + ([pack(moving)] if moving else [])
    if stage.sky.shadows > 0:
        _draw_shadows(device, stage, still, view)
    canvas = device.canvas(size)
    canvas.large.use()
    context.enable_only(context.DEPTH_TEST | context.CULL_FACE)
    context.depth_func = "<="
    canvas.large.clear(depth=1.0)
    lights = _nearest(stage.lights, view)
    device.frame.write(frame_block(stage.sky, view, device.shadow_matrix, lights))
    device.frame.bind_to_uniform_block(0)
    device.shadow[0].use(1)
    for material, name, instances in _visible(parts, view, stage.sky.fog_density):
        device.batch(material, name, instances).colour.render(instances=len(instances))
    _draw_sky(device, stage.sky, view)
    context.enable_only(context.DEPTH_TEST | context.BLEND)
    context.blend_func = context.SRC_ALPHA, context.ONE_MINUS_SRC_ALPHA
    canvas.large.depth_mask = False
    _draw_blobs(device, parts, stage.sky, view)
    if fall is not None:
        _draw_fall(device, fall, stage.sky, view)
    canvas.large.depth_mask = True
    canvas.small.use()
    context.enable_only(context.NOTHING)
    canvas.picture.use(0)
    program, screen = device.resolve
    program["picture"], program["size"] = 0, size
    screen.render()
    return np.frombuffer(canvas.small.read(components=3, alignment=1), np.uint8).reshape(size, size, 3).copy()


def _visible(parts: list[Packed], view: View, fog: float) -> list[tuple[str, str, Matrix]]:
    """What the camera sees, by material and mesh; near groups and near instances first, so that they hide the rest."""
    found: dict[tuple[str, str], list[tuple[Matrix, Matrix]]] = {}
    for part in parts:
        seen, distance = view.sees(part.middle, part.radius)
        behind = distance + part.radius  # large things last: most of the ground is hidden
        large = part.radius / (np.maximum(distance, 0.1) * view.half_fov)
        seen &= (large > _SMALLEST) & ((distance - part.radius) * fog < _HIDDEN)
        for material, name, start, end in part.groups:
            chosen = np.flatnonzero(seen[start:end]) + start
            small = large[chosen] < _COARSE_BELOW
            for mesh, those in ((name, chosen[~small]), (COARSE.get(name, name), chosen[small])):
                if len(those):
                    found.setdefault((material, mesh), []).append((part.data[those], behind[those]))
    groups = []
    for (material, name), pieces in found.items():
        data = np.concatenate([piece[0] for piece in pieces])
        far = np.concatenate([piece[1] for piece in pieces])
        order = np.argsort(far, kind="stable")
        groups.append((float(far.min()), material, name, np.ascontiguousarray(data[order])))
    groups.sort(key=lambda group: group[:3])
    return [group[1:] for group in groups]


def _nearest(lights: Sequence[Light], view: View) -> list[Light]:
    """Those lamps whose light reaches what is in view, the most important ones where there are too many."""
    if not lights:
        return []
    places = np.asarray([light.position for light in lights], np.float32)
    reach = np.asarray([light.reach for light in lights], np.float32)
    seen, distance = view.sees(places, reach)
    chosen = np.flatnonzero(seen)
    return [lights[i] for i in chosen[np.argsort((distance - reach)[chosen], kind="stable")][:MAX_LIGHTS]]


def frame_block(sky: Sky, view: View, to_shadow: Matrix, lights: Sequence[Light]) -> Matrix:
    """What the shaders' block `Frame` holds, float32: two matrices, 7 vectors of 4, 3 tables of MAX_LIGHTS x 4."""
    head = (
        (*view.eye, sky.fog_density),
        (*sky.top, sky.lit),
        (*sky.horizon, sky.wet),
        (*unit(sky.sun_direction), sky.snow),
        (*sky.sun_colour, sky.shadows),
        (*sky.ambient, float(len(lights))),
        (*sky.fog_colour, 0.0),
    )
    table = np.zeros((3, MAX_LIGHTS, 4), np.float32)
    for i, light in enumerate(lights):
        table[0, i] = (*light.position, light.reach)
        table[1, i] = (*light.colour, -2.0 if light.direction is None else np.cos(light.cone or 0.6))
        table[2, i, :3] = unit(light.direction or (0.0, 0.0, -1.0))
    return np.concatenate([view.matrix, to_shadow, np.asarray(head, np.float32).ravel(), table.ravel()])


def _draw_shadows(device: Gpu, stage: Stage, still: Packed, view: View) -> None:
    """The map of what the sun sees; kept while the things, the sun and the square on the ground are the same."""
    ahead = np.asarray(view.eye[:2]) + np.asarray(view.forward[:2]) * _SHADOW_SPAN * 0.7
    middle = np.round(ahead / _SHADOW_STEP) * _SHADOW_STEP
    sun = unit(stage.sky.sun_direction)
    key = (stage.things, tuple(middle), tuple(np.round(sun, 4)))
    old = device.shadow_of
    if old is not None and old[0] is key[0] and old[1:] == key[1:]:
        return
    context, (_, target) = device.context, device.shadow
    matrix = overhead((float(middle[0]), float(middle[1])), sun, _SHADOW_SPAN)
    device.shadow_of, device.shadow_matrix = key, matrix
    near = np.linalg.norm(still.middle[:, :2] - middle, axis=1) < _SHADOW_SPAN * 1.3 + still.radius
    near &= still.radius > _NO_SHADOW
    target.use()
    target.clear(depth=1.0)
    context.enable_only(context.DEPTH_TEST)
    device.depth["view_projection"].write(matrix.tobytes())
    for material, name, start, end in still.groups:
        if name in ("plane", "quad"):
            continue
        chosen = still.data[start:end][near[start:end]]
        if len(chosen):
            batch = device.batch(material, COARSE.get(name, name), np.ascontiguousarray(chosen))
            batch.depth.render(instances=len(chosen))


def _draw_sky(device: Gpu, sky: Sky, view: View) -> None:
    program, screen = device.sky
    values: dict[str, object] = {
        "forward": view.forward,
        "right": view.right,
        "upward": view.upward,
        "half_fov": view.half_fov,
        "sky_top": sky.top,
        "sky_horizon": sky.horizon,
        "sun_direction": unit(sky.sun_direction),
        "sun_colour": sky.sun_colour,
        "fog_colour": sky.fog_colour,
        "air": (sky.stars, sky.clouds, sky.disc, sky.moon),
        "drift": sky.drift,
        "haze": float(min(1.0, sky.fog_density * 30)),
    }
    _set(program, values)
    screen.render()


def _draw_blobs(device: Gpu, parts: list[Packed], sky: Sky, view: View) -> None:
    rows = []
    for part in parts:
        dark = np.flatnonzero(part.shadow > 0)
        if len(dark):
            seen, distance = view.sees(part.middle[dark], part.radius[dark] * 1.5)
            dark = dark[seen & (part.radius[dark] > distance * (3 * _SMALLEST * view.half_fov))]
            rows.append(np.concatenate([part.data[dark, :7], part.shadow[dark, None]], 1))
    data = np.concatenate(rows)[:4096] if rows else np.zeros((0, 8), np.float32)
    if not len(data):
        return
    program, array, buffer = device.blobs
    buffer.write(np.ascontiguousarray(data))
    _set(program, {"view_projection": view.matrix, "eye": view.eye, "fog_density": sky.fog_density})
    array.render(instances=len(data))


def _draw_fall(device: Gpu, fall: Fall, sky: Sky, view: View) -> None:
    program, array = device.fall
    bright = 0.5 + 0.5 * min(1.0, sum(sky.ambient) / 1.2)
    for amount, speed, kind, tint, most in (
        (fall.rain, 9.0, (0.022, 0.055, 0.0), (0.78 * bright, 0.83 * bright, 0.92 * bright, 0.5), 900),
        (fall.snow, 1.5, (0.085, 0.0, 0.35), (bright, bright, bright, 0.95), 1000),
    ):
        if amount <= 0:
            continue
        streak = (fall.wind[0] - fall.rush[0], fall.wind[1] - fall.rush[1], -speed)
        values: dict[str, object] = {
            "view_projection": view.matrix,
            "eye": view.eye,
            "right": view.right,
            "upward": view.upward,
            "drift": (*fall.wind, speed, fall.time),
            "streak": streak,
            "kind": (*kind, float(fall.seed % 65521)),
            "tint": tint,
            "round_": float(kind[1] == 0),
        }
        _set(program, values)
        array.render(instances=max(1, int(amount * most)))


def _set(program: Any, values: Mapping[str, object]) -> None:
    """Uniforms that the compiler dropped, as the program makes no use of them, are left out."""
    for name, value in values.items():
        if name in program:
            if isinstance(value, np.ndarray):
                program[name].write(value.tobytes())
            else:
                program[name].value = value


def unit(vector: Vector) -> Vector:
    x, y, z = vector
    length = max(float(np.sqrt(x * x + y * y + z * z)), 1e-9)
    return x / length, y / length, z / length
