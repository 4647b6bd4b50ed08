"""What a stage is made of: immutable values. Metres, z up; angles in radians unless said; colours sRGB 0..1."""

from dataclasses import dataclass

Vector = tuple[float, float, float]
Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Thing:
    """One instance of a mesh.

    `position` is the middle of its base (x and y in its middle, z at its bottom), `size` its full extents before it is
    turned by `yaw` (radians, counter-clockwise from above). `colour2` is what the material's pattern mixes in, `scale`
    repeats the pattern so many times more often. `glow` 0..1 is light of its own; `shadow` 0..1 darkens the ground
    right under it. `seed` varies patterns that are random, such as which windows are lit.
    """

    mesh: str
    position: Vector
    size: Vector
    yaw: float = 0.0
    colour: Colour = (0.8, 0.8, 0.8)
    material: str = "flat"
    colour2: Colour = (0.5, 0.5, 0.5)
    scale: float = 1.0
    glow: float = 0.0
    shadow: float = 0.0
    seed: float = 0.0


@dataclass(frozen=True, slots=True)
class Camera:
    """`yaw` 0 looks along +x and grows to the left, `pitch` grows upwards (radians); `fov` in degrees."""

    position: Vector
    yaw: float = 0.0
    pitch: float = 0.0
    fov: float = 65.0


@dataclass(frozen=True, slots=True)
class Light:
    """A lamp: brightness falls to nothing at `reach` metres. With a `direction` a spot of half-angle `cone` radians."""

    position: Vector
    colour: Colour
    reach: float
    direction: Vector | None = None
    cone: float | None = None


@dataclass(frozen=True, slots=True)
class Sky:
    """Light and weather of the whole stage.

    `sun_direction` points to the sun (or moon); `ambient` is the light from everywhere; fog thickens by
    exp(-fog_density x metres). `stars` and `clouds` 0..1, and `drift` moves the clouds; `disc` is the brightness of the
    sun's disc, `moon` 1 makes it a moon. `lit` 0..1 is how brightly lamps and windows shine; `wet` and `snow` cover
    what faces upwards. `shadows` 0..1 is the strength of the shadows that the sun casts (0 costs nothing; in closed
    rooms keep it 0).
    """

    top: Colour = (0.25, 0.47, 0.8)
    horizon: Colour = (0.72, 0.82, 0.9)
    sun_direction: Vector = (0.4, 0.3, 0.8)
    sun_colour: Colour = (1.0, 0.95, 0.85)
    ambient: Colour = (0.45, 0.48, 0.55)
    fog_colour: Colour = (0.72, 0.8, 0.88)
    fog_density: float = 0.0
    stars: float = 0.0
    clouds: float = 0.0
    lit: float = 0.0
    wet: float = 0.0
    snow: float = 0.0
    shadows: float = 0.0
    disc: float = 1.0
    moon: float = 0.0
    drift: float = 0.0


@dataclass(frozen=True, slots=True)
class Fall:
    """Rain or snow around the camera, a function of `seed` and `time` (seconds) alone.

    `rain` and `snow` 0..1 are how much of each falls; `wind` in metres a second along x and y; `rush` is the camera's
    own velocity, which slants the streaks.
    """

    time: float
    rain: float = 0.0
    snow: float = 0.0
    wind: tuple[float, float] = (0.0, 0.0)
    rush: tuple[float, float] = (0.0, 0.0)
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Stage:
    """Everything that stands still, its lamps and the sky.

    Compared by identity; stages that share the tuple `things` share what was prepared for drawing it, so change
    the light with `dataclasses.replace(stage, sky=...)`.
    """

    things: tuple[Thing, ...]
    lights: tuple[Light, ...] = ()
    sky: Sky = Sky()
