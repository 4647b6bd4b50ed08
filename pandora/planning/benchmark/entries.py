"""Who is measured: a track, a planner, and whether it looks again after every action."""

import re
from dataclasses import dataclass

from pandora.errors import UnknownName
from pandora.planning.baselines import Greedy, RandomPlan
from pandora.planning.beam import Beam
from pandora.planning.best_first import AStar, BreadthFirst
from pandora.planning.mcts import MCTS
from pandora.planning.search import Planner
from pandora.planning.shooting import Shooting

TRACKS = {
    "video": "states are generated frames, read by the world's readout",
    "ablated": "the same model, told something else than the action",
    "text": "states are what the backbone says: it reads the start picture, then thinks in words; nothing is drawn",
    "sketched": "sketched as text, and what the sketch goes through is then generated: two levels",
    "reactive": "no model: looks at every true picture and does what the prior likes best",
    "oracle": "the simulator is the model: what the planners are worth",
}
MODELLED = ("video", "ablated", "text", "sketched")  # what depends on the weights
ABLATED_PART = 6  # it finds next to nothing, slowly: one in so many problems, in one layout
_NAMES = (
    "astar",
    "bfs",
    "beam",
    "beam_8",
    "beam_8_score",
    "mcts",
    "mcts_10",
    "mcts_10_prior",
    "cem",
    "icem",
    "mppi",
    "random",
    "greedy",
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """`noise` is the share of wrong transitions of an oracle."""

    track: str
    planner: str = "astar"
    closed: bool = False
    noise: float = 0.0

    @property
    def name(self) -> str:
        """What tells it from other entries."""
        if self.track == "reactive":
            return "blocksworld.reactive"
        loop = "closed" if self.closed else "open"
        if self.track != "oracle":
            return f"blocksworld.{self.track}.{loop}.{self.planner}"
        noise = f".noise_{self.noise:g}" if self.noise else ""
        return f"oracle.{self.planner}{noise}{'.closed' if self.closed else ''}"


CALIBRATION = (
    *(
        Entry(track="oracle", planner=name)
        for name in (
            "random", "greedy", "mcts_10", "mcts_10_prior", "mcts_1000", "mcts_1000_prior", "beam_1_score",
            "beam_4_score", "beam_8_score", "beam_1", "beam_4", "beam_8", "bfs", "astar",
        )
    ),
    *(
        Entry(track="oracle", planner="bfs", noise=noise, closed=closed)
        for closed in (False, True)
        for noise in (0.01, 0.02, 0.05, 0.1, 0.2)
        if not (closed and noise == 0.2)
    ),
)  # fmt: skip


def make_planner(name: str, seed: int = 0) -> Planner:
    """astar, bfs, beam[_WIDTH][_score], mcts[_WALKS][_prior], cem, icem, mppi, random or greedy. Raises UnknownName."""
    if beam := re.fullmatch(r"beam(?:_(\d+))?(_score)?", name):
        return Beam(width=int(beam[1] or 8), by="score" if beam[2] else "distance", seed=seed, name=name)
    if mcts := re.fullmatch(r"mcts(?:_(\d+))?(_prior)?", name):
        strategy = "max" if mcts[2] else "random"
        return MCTS(n_iters=int(mcts[1] or 10), simulate_strategy=strategy, seed=seed, name=name)
    match name:
        case "astar":
            return AStar()
        case "bfs":
            return BreadthFirst()
        case "cem" | "icem" | "mppi":
            return Shooting(kind=name, seed=seed, name=name)
        case "random":
            return RandomPlan(seed=seed)
        case "greedy":
            return Greedy(seed=seed)
    raise UnknownName("planner", name, _NAMES)
