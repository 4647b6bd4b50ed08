"""How good the model is, measured against worlds with known truth. Works for every `World`; knows none of them."""

from pandora.evaluation.suite import run

__all__ = ["run"]
