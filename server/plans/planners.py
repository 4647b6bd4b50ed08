"""Planners by the names that clients know them by."""

from pandora.errors import InvalidInput, UnsupportedGoal
from pandora.planning import MCTS, AStar, Beam, BreadthFirst, Greedy, Planner, RandomPlan, Shooting
from server.plans.bodies import BeginPlan, PlannerName

_WALKS = 32  # of MCTS, unless the budget ends first
_TOGETHER = 4  # of them
_DRAWN = 32  # sequences an iteration, of the planners that draw whole ones
_ELITES = 6


def choose_planner(name: PlannerName | None, is_picture: bool) -> PlannerName:
    """What is planned with where nothing or `name` was asked for. Raises UnsupportedGoal where it can't be done."""
    if name == "astar" and is_picture:
        raise UnsupportedGoal(
            "The planner astar goes by how many actions are left, which a picture does not tell. "
            "Take breadth_first, beam, mcts, cem, icem, mppi, greedy or random, or give the goal as facts or as a text."
        )
    return name or ("beam" if is_picture else "astar")


def check_words(body: BeginPlan, speaks: bool) -> None:
    """Raises UnsupportedGoal and InvalidInput where thinking in words was asked for and can't be done."""
    if body.think == "words" and body.goal.upload is not None:
        raise UnsupportedGoal("A picture can't be aimed at in words. Give the goal as facts or as a text.")
    if body.think == "words" and not speaks:
        raise InvalidInput("The model does not think about this world in words; leave `think` out.")


def make_planner(name: PlannerName, seed: int, is_picture: bool) -> Planner:
    """A planner; `seed` is of its own chance."""
    match name:
        case "astar":
            return AStar()
        case "breadth_first":
            return BreadthFirst()
        case "beam":
            return Beam(by="score" if is_picture else "distance", seed=seed)
        case "mcts":
            return MCTS(n_iters=_WALKS, parallel=_TOGETHER, drop_repeats=True, seed=seed)
        case "cem" | "icem" | "mppi":
            by = "score" if is_picture else "distance"
            return Shooting(kind=name, by=by, samples=_DRAWN, elites=_ELITES, seed=seed, name=name)
        case "greedy":
            return Greedy(seed=seed)
        case "random":
            return RandomPlan(seed=seed)
