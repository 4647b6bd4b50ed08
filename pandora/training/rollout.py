"""Stage 4: the video model on its own rollouts, with backbone and adapter tuned by the same loss."""

from dataclasses import dataclass
from pathlib import Path

from pandora.training import video


@dataclass(frozen=True, kw_only=True)
class RolloutTraining(video.VideoTraining):
    """Defaults that differ from the video stage's; everything else is the same loop."""

    out: str = "runs/rollout"
    start_from: str = "runs/video"
    learning_rate: float = 4e-4
    tune: bool = True
    own: float = 0.75


def train(config: RolloutTraining) -> Path:
    """Train or resume; returns the run's folder."""
    return video.train(config)
