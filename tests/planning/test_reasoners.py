"""What LLM Reasoners' algorithms call, called in the same way: an expansion as theirs, which knows no batches."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from pandora.planning import (
    FactSearch,
    FactsGoal,
    Imagined,
    ReasonersSearchConfig,
    ReasonersWorldModel,
    Simulated,
)
from pandora.worlds.blocks.world import Blocks
from tests.planning.conftest import Knowing

GOAL = "the red block is on the blue block"


@dataclass
class Node:
    """As the library's: the state comes when the node is expanded."""

    state: Any
    parent: "Node | None" = None
    action: Any = None
    details: dict[str, Any] = field(default_factory=dict)
    reward: float = 0.0
    is_terminal: bool = False

    def actions(self) -> list[Any]:
        return [] if self.parent is None else [*self.parent.actions(), self.action]


def search(model: ReasonersWorldModel, config: ReasonersSearchConfig, depth: int) -> Node | None:
    """Breadth first, expanding each node as reasoners.algorithm does."""
    model.update_example(None, prompt=None)
    config.update_example(None, prompt=None)
    layer = [Node(model.init_state())]
    for _ in range(depth + 1):
        children = []
        for node in layer:
            if node.state is None:
                assert node.parent is not None
                node.state, aux = model.step(node.parent.state, node.action)
                node.reward, _ = config.reward(node.parent.state, node.action, **node.details, **aux)
                node.is_terminal = model.is_terminal(node.state)
            if node.is_terminal:
                return node
            for action in config.get_actions(node.state):
                _, details = config.fast_reward(node.state, action)
                children.append(Node(None, node, action, details))
        layer = children
    return None


@pytest.fixture
def world() -> Blocks:
    return Blocks()


def scene(world: Blocks) -> Any:
    """Red and blue lie on the table, and the hand is empty."""
    wanted = {("table", "red"), ("table", "blue"), ("hand", "empty")}
    scenes = (world.reset(seed, blocks=3) for seed in range(10_000))
    return next(s for s in scenes if wanted <= world.facts(s) and all(s.is_clear(b) for b in ("red", "blue")))


def test_a_plan_is_found_in_the_simulator(world: Blocks) -> None:
    dynamics = Simulated(world)
    config = FactSearch(dynamics, world.planning(), FactsGoal.from_text(dynamics, world.planning(), GOAL))
    found = search(ReasonersWorldModel(dynamics, scene(world), config.goal), ReasonersSearchConfig(config), 2)
    assert found is not None
    assert found.actions() == ["pick up the red block", "stack the red block on the blue block"]
    assert found.reward >= 50


def test_imagining_ahead_makes_a_batch_of_each_state(world: Blocks) -> None:
    knowing = Knowing(world)
    picture = knowing.show(scene(world))
    counts = []
    for ahead in (False, True):
        knowing.batches.clear()
        dynamics = Imagined(knowing, world)
        config = FactSearch(dynamics, world.planning(), FactsGoal.from_text(dynamics, world.planning(), GOAL))
        model = ReasonersWorldModel(dynamics, picture, config.goal, ahead=config.get_actions if ahead else None)
        found = search(model, ReasonersSearchConfig(config), 2)
        assert found is not None
        assert len(found.actions()) == 2
        counts.append((max(knowing.batches), len(knowing.batches)))
    (alone, many), (batch, few) = counts
    assert alone == 1
    assert batch > 1
    assert few < many


def test_an_example_is_the_next_observation(world: Blocks) -> None:
    dynamics = Simulated(world)
    first, second = world.reset(0), world.reset(1)
    model = ReasonersWorldModel(dynamics, first)
    model.update_example(second, prompt={"any": "thing"})
    assert dynamics.facts(model.init_state()) == world.facts(second)
    assert not model.is_terminal(model.init_state())
