"""Thinking ahead: search and control with a simulator or a learned world as the model.

    dynamics = Imagined(WorldModel.from_pretrained("weights/pandora-small"), world := make_world("blocks"))
    goal = FactsGoal.from_text(dynamics, world.planning(), "the red block is on the blue block")
    plan = Reasoner(dynamics, FactSearch(dynamics, world.planning(), goal), AStar())(picture, limit=6)

A `Dynamics` steps batches of states, a `SearchConfig` proposes and rewards actions, a `Planner` searches, and every
`Plan` carries its tree. `Agent` acts, looks and plans again. `Watcher` tells which goal somebody has by what they do.
"""

from pandora.planning.baselines import Greedy, RandomPlan
from pandora.planning.beam import Beam
from pandora.planning.best_first import AStar, BreadthFirst
from pandora.planning.control import Agent, Decision
from pandora.planning.cost_to_go import CostToGo
from pandora.planning.goals import FactSearch, FactsGoal, FunctionGoal
from pandora.planning.imagined import Ablated, Imagined, Moment
from pandora.planning.interface import Action, Budget, Dynamics, Goal, Reached, SearchConfig, State
from pandora.planning.inverse import Actor, Inference, Watcher, resting
from pandora.planning.language import Language, Likelihood, Suggested, telling
from pandora.planning.mcts import MCTS
from pandora.planning.plan import Node, Plan, TreeNode
from pandora.planning.reasoner import Reasoner, Verified
from pandora.planning.reasoners import ReasonersSearchConfig, ReasonersWorldModel
from pandora.planning.search import Planner, Search
from pandora.planning.shooting import Costs, Shooting, Shot, Solver, TreeCosts
from pandora.planning.simulated import Noisy, Simulated
from pandora.planning.sketched import Sketched
from pandora.planning.worded import Telling, Worded

__all__ = [
    "MCTS", "AStar", "Ablated", "Action", "Actor", "Agent", "Beam", "BreadthFirst", "Budget", "CostToGo", "Costs",
    "Decision", "Dynamics", "FactSearch", "FactsGoal", "FunctionGoal", "Goal", "Greedy", "Imagined", "Inference",
    "Language", "Likelihood", "Moment", "Node", "Noisy", "Plan", "Planner", "RandomPlan", "Reached", "Reasoner",
    "ReasonersSearchConfig", "ReasonersWorldModel", "Search", "SearchConfig", "Shooting", "Shot", "Simulated",
    "Sketched", "Solver", "State", "Suggested", "Telling", "TreeCosts", "TreeNode", "Verified", "Watcher", "Worded",
    "resting", "telling",
]  # fmt: skip
