"""The shared renderer: geometry, light, and scenes as values."""

import multiprocessing
import warnings
from dataclasses import replace

import numpy as np
import pytest

from pandora.errors import InvalidInput, UnknownName

pytest.importorskip("moderngl")

from pandora.worlds.stage import MATERIALS, Camera, Fall, Light, Sky, Stage, Thing, mesh_names, register_mesh, render
from pandora.worlds.stage.gpu import gpu

try:
    gpu()
except InvalidInput as missing:
    pytest.skip(str(missing), allow_module_level=True)

PLAIN = Sky(
    top=(0, 0, 0), horizon=(0, 0, 0), sun_direction=(0, 0, 1), sun_colour=(0, 0, 0), ambient=(1, 1, 1),
    fog_colour=(0, 0, 0), disc=0,
)  # fmt: skip
DARK = replace(PLAIN, ambient=(0, 0, 0))
AHEAD = Camera((0, 0, 1), fov=60)
FLOOR = Thing("plane", (0, 0, 0), (60, 60, 0), colour=(0.6, 0.6, 0.6))


def brightness(stage: Stage, camera: Camera = AHEAD, **options) -> np.ndarray:
    return render(stage, camera, **options).astype(int).sum(2)


def test_a_thing_is_where_its_position_says():
    red = Thing("box", (5, 1, 0.5), (1, 1, 1), colour=(1, 0, 0))  # in front, to the left, around eye level
    seen = render(Stage((red,), (), PLAIN), AHEAD)[..., 0] > 60
    rows, columns = np.nonzero(seen)
    assert seen.any()
    assert columns.max() < 64  # positive y is to the left
    focal = 64 / np.tan(np.radians(30))
    assert columns.min() == pytest.approx(64 - focal * 1.5 / 4.5, abs=2)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(63.5, abs=2)


def test_turning_the_camera_to_the_left_moves_things_to_the_right():
    stage = Stage((Thing("box", (5, 0, 0.5), (1, 1, 1), colour=(1, 1, 1)),), (), PLAIN)
    straight, turned = (np.nonzero(brightness(stage, replace(AHEAD, yaw=a)) > 100)[1].mean() for a in (0.0, 0.2))
    assert turned > straight + 10


def test_what_is_near_hides_what_is_far_in_any_order():
    near, far = (Thing("box", (x, 0, 0), (1, 2, 2), colour=c) for x, c in ((4, (1, 0, 0)), (8, (0, 1, 0))))
    for things in ((near, far), (far, near)):
        middle = render(Stage(things, (), PLAIN), AHEAD)[64, 64]
        assert middle[0] > 100 > middle[1]


def test_pictures_are_deterministic_and_moving_things_are_drawn():
    stage = Stage((FLOOR,), (), PLAIN)
    mover = Thing("sphere", (4, 0, 0.5), (1, 1, 1), colour=(1, 1, 0))
    first = render(stage, AHEAD, moving=[mover])
    assert first.shape == (128, 128, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, render(stage, AHEAD, moving=[mover]))
    assert np.array_equal(first, render(Stage((FLOOR, mover), (), PLAIN), AHEAD))
    assert not np.array_equal(first, render(stage, AHEAD))


@pytest.mark.parametrize("material", MATERIALS)
def test_materials_show_their_colour(material: str):
    blue = (0.05, 0.05, 0.9)
    wall = Thing("box", (4, 0, -2), (1, 8, 8), colour=blue, colour2=blue, material=material)
    picture = render(Stage((wall,), (), PLAIN), AHEAD).reshape(-1, 3).mean(0)
    if material not in ("books", "picture"):  # those choose their own
        assert picture[2] > 1.5 * picture[0]
    assert picture.sum() > 60


@pytest.mark.parametrize("mesh", ["box", "prism", "wedge", "pyramid", "cylinder", "trunk", "cone", "sphere", "crown"])
def test_meshes_are_closed_from_all_sides_and_face_outwards(mesh: str):
    thing = Thing(mesh, (0, 0, 0), (2, 2, 2), colour=(1, 1, 1))
    sky = replace(PLAIN, ambient=(0.4, 0.4, 0.4), sun_direction=(1, 0, 0.2), sun_colour=(1, 1, 1))
    lit, shaded = (
        brightness(Stage((thing,), (), sky), Camera((x, 0, 1.2), yaw, 0, 50))[60:90, 58:70].mean()
        for x, yaw in ((5, np.pi), (-5, 0))
    )
    assert lit > shaded * 1.2
    assert shaded > 100


def test_lamps_light_what_they_reach_and_spots_only_where_they_point():
    lamp = Light((6, 0, 2), (1, 1, 1), 5)
    away = replace(lamp, direction=(0, 0, 1), cone=0.3)
    dark, lit, spot = (brightness(Stage((FLOOR,), lamps, DARK)).sum() for lamps in ((), (lamp,), (away,)))
    assert lit > 20_000 > dark
    assert spot < lit / 3


def test_the_sun_casts_shadows():
    wall = Thing("box", (8, 0, 0), (0.5, 20, 6), colour=(1, 1, 1))
    sky = replace(DARK, sun_direction=(1, 0, 1), sun_colour=(1, 1, 1))
    floor = [brightness(Stage((FLOOR, wall), (), replace(sky, shadows=s)))[110, 64] for s in (0.0, 1.0)]
    assert floor[1] < floor[0] / 4


def test_fog_hides_what_is_far_and_snow_covers_what_faces_up():
    far = Stage((Thing("box", (30, 0, -5), (1, 20, 20), colour=(1, 1, 1)),), (), PLAIN)
    assert brightness(replace(far, sky=replace(PLAIN, fog_density=0.2)))[64, 64] < 40
    floor = Stage((replace(FLOOR, colour=(0.1, 0.1, 0.1)),), (), PLAIN)
    assert brightness(replace(floor, sky=replace(PLAIN, snow=1.0)))[100, 64] > 2 * brightness(floor)[100, 64]


def test_rain_and_snow_follow_from_seed_and_time():
    stage = Stage((FLOOR,), (), PLAIN)
    dry = render(stage, AHEAD)
    for kind in (Fall(1.0, rain=1.0), Fall(1.0, snow=1.0)):
        kinds = {"now": kind, "again": replace(kind), "later": replace(kind, time=1.1), "other": replace(kind, seed=5)}
        falls = {name: render(stage, AHEAD, fall=fall) for name, fall in kinds.items()}
        assert np.array_equal(falls["now"], falls["again"])
        for changed in (dry, falls["later"], falls["other"]):
            assert (falls["now"] != changed).any(2).sum() > 200


def test_registered_meshes_are_drawn_and_names_are_taken_once():
    triangle = np.asarray([[[0, -0.5, 0], [0, 0, 1], [0, 0.5, 0]]], float)
    register_mesh("test_triangle", triangle)
    register_mesh("test_triangle", triangle)  # the same again is no harm
    assert "test_triangle" in mesh_names()
    flag = Thing("test_triangle", (4, 0, 0.5), (1, 1, 1), colour=(1, 1, 1))
    assert 300 < (brightness(Stage((flag,), (), PLAIN)) > 100).sum() < 700
    with pytest.raises(InvalidInput, match="another name"):
        register_mesh("test_triangle", triangle * 2)
    with pytest.raises(InvalidInput, match=r"\(n, 3, 3\)"):
        register_mesh("test_other", np.zeros((4, 3)))


def test_unknown_names_are_told():
    with pytest.raises(UnknownName, match="mesh"):
        render(Stage((replace(FLOOR, mesh="ball"),)), AHEAD)
    with pytest.raises(UnknownName, match="brick"):
        render(Stage((replace(FLOOR, material="bricks"),)), AHEAD)


def _draws(queue) -> None:
    try:
        render(Stage((FLOOR,)), AHEAD)
    except InvalidInput as error:
        queue.put(str(error))


def test_a_fork_of_a_drawing_process_says_what_to_do_instead_of_hanging(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LP_NUM_THREADS", "1")
    render(Stage((FLOOR,)), AHEAD)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=_draws, args=(queue,))
    with warnings.catch_warnings(action="ignore"):  # Python 3.12 warns of forks beside threads
        process.start()
    try:
        assert "spawn" in queue.get(timeout=5)
    finally:
        process.kill()
