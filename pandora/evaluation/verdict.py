"""Whether a clip is right: what is read from it, and its pixels against the true ones."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pandora.evaluation.stories import Turn
from pandora.worlds.base import Facts, Frame, Frames, World
from pandora.worlds.pixels import degrade, degrade_all

MOVED = 8  # levels of 255 by which a pixel differs from the start where the truth moves
REACH = 3  # pixels by which regions are dilated
UNTOUCHED = 2.0  # mean absolute difference, in levels of 255, up to which pixels count as left alone
_HIGHEST_PSNR = 60.0  # dB, of equal pixels

__all__ = ["Verdict", "changed", "decibels", "degrade", "degrade_all", "disturbance", "judge", "psnr"]

Mask = NDArray[np.bool_]  # (..., H, W)


@dataclass(frozen=True)
class Verdict:
    """`right`: all is shown as it should be. `stayed`: as if nothing was done. What can't be decoded is neither."""

    verb: str
    right: bool
    stayed: bool
    decoded: bool
    facts: Facts | None = None  # what was read


def judge(world: World, start: Frame, clip: Frames, turn: Turn, before: Facts) -> Verdict:
    """Read what a clip (T, H, W, 3) uint8 shows, from the picture before it on, and compare it with the true outcome.

    `before` is what would be shown if nothing was done.
    """
    facts = world.read(np.ascontiguousarray(start), np.ascontiguousarray(clip))
    return Verdict(turn.meaning.verb, facts == turn.facts, facts == before, facts is not None, facts)


def psnr(made: Frames, truth: Frames, region: Mask | None = None) -> float | None:
    """Peak signal-to-noise ratio in dB over all pixels, or those of `region` (T, H, W); None where it is empty."""
    error = np.square(made.astype(np.float32) - truth.astype(np.float32)).mean(-1)
    chosen = error if region is None else error[region]
    return decibels(float(chosen.mean())) if chosen.size else None


def decibels(error: float) -> float:
    """PSNR of a mean squared error in levels of 255."""
    return min(_HIGHEST_PSNR, 10 * float(np.log10(255**2 / max(error, 1e-9))))


def changed(frames: Frames, start: Frame, threshold: int = MOVED) -> Mask:
    """Where each frame differs from the start by more than `threshold` levels, dilated by `REACH`: (T, H, W) bool."""
    difference = np.abs(frames.astype(np.int16) - start.astype(np.int16)).max(-1) > threshold
    window = 2 * REACH + 1
    grown = torch.nn.functional.max_pool2d(torch.from_numpy(difference).float()[:, None], window, 1, REACH)
    return grown[:, 0].numpy() > 0


def disturbance(made: Frames, start: Frame, touched: Mask) -> float:
    """Mean absolute difference from the start, in levels of 255, outside `touched` (H, W); 0 where all is touched."""
    difference = np.abs(made.astype(np.float32) - start.astype(np.float32)).mean((0, -1))
    return float(difference[~touched].mean()) if not touched.all() else 0.0
