"""Pictures of the house: its stage, made once, and the light of a pose."""

from dataclasses import dataclass, replace
from functools import lru_cache

from pandora.worlds.base import Frame
from pandora.worlds.house import fixtures, furniture
from pandora.worlds.house.motion import Pose
from pandora.worlds.house.parts import Bench
from pandora.worlds.house.shell import HEIGHT, leaf, shell
from pandora.worlds.house.state import House, house
from pandora.worlds.stage import Camera, Light, Sky, Stage, Thing, render

FOV = 84.0  # degrees
_BUILDERS = {**furniture.BUILDERS, **fixtures.BUILDERS}
_WARM = (1.0, 0.86, 0.66)
_FIRE = (0.75, 0.38, 0.14)
_SKIES = (
    Sky(top=(0.26, 0.50, 0.85), horizon=(0.74, 0.85, 0.94), clouds=0.35, sun_colour=(0.30, 0.28, 0.24)),
    Sky(top=(0.42, 0.46, 0.72), horizon=(0.98, 0.70, 0.48), clouds=0.45, sun_colour=(0.36, 0.26, 0.16)),
    Sky(top=(0.58, 0.66, 0.74), horizon=(0.84, 0.87, 0.90), clouds=0.7, sun_colour=(0.20, 0.20, 0.20)),
)


@dataclass(frozen=True)
class _Built:
    things: tuple[Thing, ...]
    lamps: tuple[tuple[float, float, float], ...]
    fires: tuple[tuple[float, float, float], ...]
    ceilings: tuple[tuple[float, float, float], ...]
    sky: Sky


def draw(seed: int, held_out: bool, pose: Pose, size: int = 128) -> Frame:
    """What the viewer of that house sees: (size, size, 3) uint8."""
    built, home = _built(seed, held_out), house(seed, held_out)
    shut = dict(pose.doors)
    leaves = [thing for door in sorted(home.plan.doors) for thing in leaf(home, door, shut.get(door, 0.0))]
    stage = Stage(built.things, _lights(built, pose.light), _sky(built.sky, pose.light))
    return render(stage, Camera(pose.eye, pose.yaw, pose.pitch, FOV), size, leaves)


def _sky(sky: Sky, light: float) -> Sky:
    """Daylight, and what the lamps add everywhere."""
    day = (0.15, 0.18, 0.26)
    lamps = (0.52, 0.48, 0.43)
    red, green, blue = (d + (a - d) * light for d, a in zip(day, lamps, strict=True))
    sun = tuple(channel * (0.3 + 0.7 * light) for channel in sky.sun_colour)
    return replace(sky, ambient=(red, green, blue), sun_colour=(sun[0], sun[1], sun[2]), lit=light)


def _lights(built: _Built, light: float) -> tuple[Light, ...]:
    fires = tuple(Light(place, _FIRE, 3.2) for place in built.fires)
    if light <= 0:
        return fires
    on = [Light(place, _times(_WARM, 0.70 * light), 6.5) for place in built.ceilings]
    return (*fires, *on, *(Light(place, _times(_WARM, 0.5 * light), 2.6) for place in built.lamps))


def _times(colour: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


@lru_cache(maxsize=24)
def _built(seed: int, held_out: bool) -> _Built:
    home = house(seed, held_out)
    things, lamps, fires = shell(home), [], []
    for piece in home.furnishing.pieces:
        room = home.plan.room_of(piece.cells[0])
        assert room is not None
        bench = Bench(piece, home.looks[home.plan.rooms.index(room)])
        _BUILDERS[piece.kind](bench)
        things += bench.things
        lamps += [bench.place(*lamp) for lamp in bench.lamps]
        fires += [bench.place(*fire) for fire in bench.fires]
    ceilings = tuple((*room.centre, HEIGHT - 0.75) for room in home.plan.rooms)
    sky = replace(_SKIES[_sky_number(home)], sun_direction=(0.45, 0.3, 0.6))
    return _Built(tuple(things), tuple(lamps), tuple(fires), ceilings, sky)


def _sky_number(home: House) -> int:
    return home.outdoors % len(_SKIES)
