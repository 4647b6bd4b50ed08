"""Planning measured: plans from a picture and a sentence, carried out in the simulator; and goals told from films."""

from pandora.planning.benchmark.entries import CALIBRATION, MODELLED, TRACKS, Entry, make_planner
from pandora.planning.benchmark.running import run
from pandora.planning.benchmark.solving import Bench, Result, Setup
from pandora.planning.benchmark.watching import CHANCE, IMAGINING, SEEN, WATCHERS, Watched, WatchSetup, watch_all

__all__ = [
    "CALIBRATION",
    "CHANCE",
    "IMAGINING",
    "MODELLED",
    "SEEN",
    "TRACKS",
    "WATCHERS",
    "Bench",
    "Entry",
    "Result",
    "Setup",
    "WatchSetup",
    "Watched",
    "make_planner",
    "run",
    "watch_all",
]
