"""Committed steps as a film."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pandora.media import Frames, load_image, save_film
from server.sessions.world import Step


def film(steps: Sequence[Step], fps: float, frames_per_action: int) -> bytes:
    """An MP4 (H.264) of all frames of `steps`; where a clip was let go, its last frame stands for it. Takes a while."""
    with tempfile.TemporaryDirectory() as folder:
        path = save_film(Path(folder) / "film.mp4", _frames(steps, frames_per_action), fps)
        return path.read_bytes()


def _frames(steps: Sequence[Step], frames_per_action: int) -> Frames:
    frames = []
    for step in steps:
        clip = [load_image(frame.jpeg) for frame in step.clip]
        frames += clip if step.action is None or len(clip) > 1 else clip * frames_per_action
    return np.stack(frames)
