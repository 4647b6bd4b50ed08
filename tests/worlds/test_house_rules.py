"""The house world's plans, rules, sight and behaviour; nothing is drawn."""

from dataclasses import replace

import numpy as np
import pytest

from pandora.errors import InvalidInput, UnknownName
from pandora.worlds.base import Meaning
from pandora.worlds.house import roaming, rules, sight
from pandora.worlds.house.furnish import FURNITURE, is_connected
from pandora.worlds.house.looks import FLOORS, WALLS, is_held_out
from pandora.worlds.house.plan import edge, neighbour
from pandora.worlds.house.state import HouseState, house
from pandora.worlds.house.world import House

WORLD = House()
SEEDS = range(12)


def free(state: HouseState) -> list[tuple[int, int]]:
    return [c for room in state.house.plan.rooms for c in room.cells if c not in state.house.blocked]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_free_cell_can_be_reached_through_doors_and_arches(seed: int) -> None:
    scene = replace(WORLD.reset(seed), closed=frozenset())
    reached, todo = {scene.cell}, [scene.cell]
    while todo:
        here = todo.pop()
        for heading in (0, 2, 4, 6):
            there = neighbour(here, heading // 2)
            if replace(scene, cell=here).can_step(heading) and there not in reached:
                reached.add(there)
                todo.append(there)
    assert reached == set(free(scene))


@pytest.mark.parametrize("seed", SEEDS)
def test_furniture_stands_alone_inside_one_room_and_leaves_doorways_free(seed: int) -> None:
    home = house(seed, False)
    cells = [cell for piece in home.furnishing.pieces for cell in piece.cells]
    assert len(cells) == len(set(cells))
    for piece in home.furnishing.pieces:
        assert len({home.plan.room_of(cell) for cell in piece.cells}) == 1
        assert len(piece.cells) == FURNITURE[piece.kind].width * FURNITURE[piece.kind].depth
    openings = home.plan.doors | home.plan.arches
    assert not home.blocked & {cell for opening in openings for cell in opening}
    assert all(is_connected(set(room.cells) - home.blocked) for room in home.plan.rooms)


def test_a_seed_draws_one_house_and_seeds_differ() -> None:
    assert WORLD.reset(5) == WORLD.reset(5)
    assert len({repr(house(seed, False).furnishing) for seed in SEEDS}) == len(SEEDS)


def test_held_out_rooms_are_finished_as_no_training_room_is() -> None:
    names = {id(finish): name for few in (WALLS, FLOORS) for name, finish in few.items()}
    for held_out in (False, True):
        for seed in SEEDS:
            home = house(seed, held_out)
            for room, look in zip(home.plan.rooms, home.looks, strict=True):
                assert is_held_out(room.kind, names[id(look.wall)], names[id(look.floor)]) == held_out


def test_turning_and_walking_lead_back() -> None:
    for seed in SEEDS:
        scene = WORLD.reset(seed)
        here = scene
        for _ in range(8):
            here = WORLD.advance(here, Meaning("turn_left"))
        assert here == scene
        around = Meaning("turn_around")
        assert WORLD.advance(WORLD.advance(scene, around), around) == scene
        if WORLD.is_legal(scene, Meaning("walk_forward")):
            gone = WORLD.advance(scene, Meaning("walk_forward"))
            assert gone.cell != scene.cell
            assert WORLD.advance(gone, Meaning("walk_back")) == scene


def test_nobody_walks_through_walls_furniture_or_closed_doors() -> None:
    for seed in SEEDS:
        home = house(seed, False)
        for door in sorted(home.plan.doors):
            here, there = door
            heading = 0 if there[0] > here[0] else 2
            scene = HouseState(seed, here, heading)
            assert scene.can_step(heading)
            shut = replace(scene, closed=frozenset({door}))
            assert not WORLD.is_legal(shut, Meaning("walk_forward"))
            assert WORLD.advance(shut, Meaning("walk_forward")) == shut
            assert rules.motion(shut, Meaning("walk_forward")) == "bump"
        for cell in free(HouseState(seed, (0, 0), 0)):
            for heading in (0, 2, 4, 6):
                there = neighbour(cell, heading // 2)
                wall = home.plan.room_of(there) is None or home.plan.has_wall(edge(cell, there))
                assert HouseState(seed, cell, heading).can_step(heading) == (not wall and there not in home.blocked)


def test_diagonal_steps_cut_no_corners() -> None:
    seen = 0
    for seed in SEEDS:
        home = house(seed, False)
        for x, y in free(HouseState(seed, (0, 0), 0)):
            if (x + 1, y) in home.blocked:
                seen += 1
                assert not HouseState(seed, (x, y), 1).can_step(1)
    assert seen


def test_a_door_at_hand_opens_and_closes_and_only_once() -> None:
    opened = 0
    for seed in range(60):
        scene = WORLD.reset(seed)
        if sight.door_at_hand(scene, closed=True) is None:
            assert WORLD.advance(scene, Meaning("open_door")) == scene
            continue
        opened += 1
        after = WORLD.advance(scene, Meaning("open_door"))
        assert len(after.closed) == len(scene.closed) - 1
        assert WORLD.shown(scene, Meaning("open_door"), after) >= {("door", "opens"), ("motion", "none")}
    assert opened >= 3


def test_things_are_named_while_they_are_in_the_picture() -> None:
    turned = set()
    for seed in range(40):
        scene = WORLD.reset(seed)
        for name, piece in sight.named(scene).items():
            turn = sight.turn_towards(scene, piece)
            after = WORLD.advance(scene, Meaning("look_at", (name,)))
            assert abs(sight.bearing(after, piece.middle)) < 40  # the eye moves as one turns
            assert after.heading == (scene.heading + turn) % 8
            turned.add(turn)
            assert name not in sight.named(WORLD.advance(scene, Meaning("turn_around")))
    assert turned == {-1, 0, 1}


def test_what_the_house_does_not_have_changes_nothing() -> None:
    scene = WORLD.reset(3)
    there = {piece.name for piece in scene.house.furnishing.pieces}
    absent = [m for m in WORLD.meanings(scene) if m.arguments and m.arguments[0] not in there]
    assert absent
    assert all(WORLD.advance(scene, m) == scene and not WORLD.is_legal(scene, m) for m in absent)


def test_a_house_that_has_everything_is_asked_for_what_is_there() -> None:
    scene = WORLD.reset(623)
    assert {piece.name for piece in scene.house.furnishing.pieces} == set(rules.THINGS)
    assert all(WORLD.is_legal(scene, m) for m in WORLD.meanings(scene) if m.arguments)


def test_waiting_and_bumping_keep_the_facts() -> None:
    rng = np.random.default_rng(0)
    for seed in SEEDS:
        scene = WORLD.reset(seed)
        assert WORLD.advance(scene, Meaning("wait")) == scene
        illegal = WORLD.sample(scene, rng, legal=False)
        assert not WORLD.is_legal(scene, illegal)
        assert WORLD.facts(WORLD.advance(scene, illegal)) == WORLD.facts(scene)


def test_a_fifth_of_the_transitions_is_held_out_whatever_the_rendering() -> None:
    rng = np.random.default_rng(1)
    held = []
    for seed in range(80):
        scene = WORLD.reset(seed)
        for _ in range(5):
            held += [WORLD.is_held_out(scene, m) for m in WORLD.meanings(scene) if m.verb != "wait"]
            scene = WORLD.advance(scene, WORLD.sample(scene, rng))
    assert 0.14 < np.mean(held) < 0.26


def test_journeys_come_back_by_legal_steps() -> None:
    rng = np.random.default_rng(2)
    kinds = set()
    for seed in range(40):
        scene = here = WORLD.reset(seed)
        actions = WORLD.journeys(scene, rng)
        assert 4 <= len(actions) <= 8
        for meaning in actions:
            assert WORLD.is_legal(here, meaning)
            here = WORLD.advance(here, meaning)
        assert here == scene
        kinds.add(tuple(str(m) for m in actions))
    assert len(kinds) > 8


def test_ways_lead_to_furniture_in_another_room() -> None:
    rng = np.random.default_rng(3)
    changed = 0
    for seed in range(20):
        scene = here = WORLD.reset(seed)
        for meaning in roaming.to_a_thing(scene, rng):
            assert WORLD.is_legal(here, meaning)
            here = WORLD.advance(here, meaning)
        assert rules.ahead(here) not in ("free", "wall", "door")
        changed += here.house.plan.room_of(here.cell) is not scene.house.plan.room_of(scene.cell)
    assert changed >= 10


def test_demonstrations_go_somewhere_or_there_and_back() -> None:
    rng = np.random.default_rng(6)
    ends = set()
    for seed in range(16):
        scene = here = WORLD.reset(seed)
        actions = WORLD.demonstrate(scene, rng)
        assert actions
        for meaning in actions:
            assert WORLD.is_legal(here, meaning)
            here = WORLD.advance(here, meaning)
        ends.add(here == scene)
    assert ends == {True, False}


def test_viewers_look_at_more_than_walls() -> None:
    rng = np.random.default_rng(4)
    depths = []
    for seed in range(40):
        scene = WORLD.reset(seed)
        for _ in range(8):
            depths.append(roaming.view_depth(scene))
            scene = WORLD.advance(scene, WORLD.sample(scene, rng))
    assert np.mean(np.array(depths) == 0) < 0.2


def test_what_is_shown_is_one_value_of_each_attribute() -> None:
    rng = np.random.default_rng(5)
    for seed in SEEDS:
        scene = WORLD.reset(seed)
        for _ in range(6):
            meaning = WORLD.sample(scene, rng)
            after = WORLD.advance(scene, meaning)
            shown = WORLD.shown(scene, meaning, after)
            assert {name for name, _ in shown} == set(WORLD.attributes)
            assert all(value in WORLD.attributes[name] for name, value in shown)
            assert len(shown) == len(WORLD.attributes)
            scene = after


def test_what_it_does_not_know_is_refused_in_words() -> None:
    scene = WORLD.reset(0)
    with pytest.raises(UnknownName, match="walk_forward"):
        WORLD.advance(scene, Meaning("fly"))
    with pytest.raises(InvalidInput, match="takes 1"):
        WORLD.advance(scene, Meaning("look_at"))
    with pytest.raises(UnknownName, match="sofa"):
        WORLD.advance(scene, Meaning("look_at", ("dragon",)))
    with pytest.raises(InvalidInput, match="light and held_out_rooms"):
        WORLD.reset(0, storeys=2)
