"""Committed steps as a film."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pandora.media import load_image, save_film
from server.engine.job import Frame


def film(clips: Sequence[Sequence[Frame]], fps: float) -> bytes:
    """An MP4 (H.264) of the frames of all clips, one after another. Takes a while."""
    frames = np.stack([load_image(frame.jpeg) for clip in clips for frame in clip])
    with tempfile.TemporaryDirectory() as folder:
        return save_film(Path(folder) / "film.mp4", frames, fps).read_bytes()
