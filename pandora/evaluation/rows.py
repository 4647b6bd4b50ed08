"""A measured number with its 95 % interval: Wilson's for shares, the bootstrap's for means."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Z = 1.959964  # 97.5 % of a standard normal
_DRAWS = 2000
_TINY = 1e-9  # for which a mean of nothing is taken


@dataclass(frozen=True)
class Row:
    """`value` in `unit`, between `low` and `high` with 95 % confidence, from `n` samples."""

    name: str
    value: float
    unit: str
    low: float
    high: float
    n: int


def share(name: str, outcomes: Sequence[bool], of: int = 0) -> Row:
    """How many of the outcomes are true, 0..1.

    `of` says how many independent draws are behind them where these are fewer: frames of so many scenes. Outcomes of
    one draw may all be alike, so the interval is that of `of` outcomes.
    """
    found, n = sum(map(bool, outcomes)) / len(outcomes), min(of or len(outcomes), len(outcomes))
    low, high = wilson(found * n, n)
    return Row(name, found, "share", low, high, n)


def mean(name: str, values: Sequence[float], unit: str) -> Row:
    """The mean of the values."""
    return statistic(name, values, unit, lambda samples: samples.mean(-1))


def statistic(name: str, values: Sequence[float], unit: str, of: Callable[[NDArray[np.float64]], Any]) -> Row:
    """Any statistic of the values, such as a percentile; `of` takes it over the last axis."""
    samples = np.asarray(values, dtype=np.float64)
    picks = np.random.default_rng(0).integers(len(samples), size=(_DRAWS, len(samples)))
    low, high = np.percentile(of(samples[picks]), [2.5, 97.5])
    return Row(name, float(of(samples)), unit, float(low), float(high), len(samples))


def ratio(name: str, above: Sequence[float], below: Sequence[float]) -> Row:
    """The mean of the first values by that of the second, sample by sample of the same walks; 0 where these are 0."""
    over, under = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    picks = np.random.default_rng(0).integers(len(over), size=(_DRAWS, len(over)))
    drawn = over[picks].mean(1) / np.maximum(under[picks].mean(1), _TINY)
    value = over.mean() / max(float(under.mean()), _TINY)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Row(name, float(value), "ratio", min(float(low), value), max(float(high), value), len(over))


def wilson(hits: float, n: int) -> tuple[float, float]:
    """Wilson's score interval (1927) of a share."""
    p = hits / n
    centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
    low = 0.0 if hits == 0 else centre - half  # rounding would leave a hair
    return low, 1.0 if hits == n else centre + half
