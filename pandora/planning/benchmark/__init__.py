"""Planning measured: plans made from a picture and a sentence, then carried out in the simulator."""

from pandora.planning.benchmark.entries import CALIBRATION, MODELLED, TEXT_TRACK, TRACKS, Entry, make_planner
from pandora.planning.benchmark.running import run
from pandora.planning.benchmark.solving import Bench, Result, Setup

__all__ = [
    "CALIBRATION",
    "MODELLED",
    "TEXT_TRACK",
    "TRACKS",
    "Bench",
    "Entry",
    "Result",
    "Setup",
    "make_planner",
    "run",
]
