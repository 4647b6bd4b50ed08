"""What a model of published parts takes of a device, from its config alone."""

from typing import Any

import torch

from pandora import budget
from pandora.large.config import LargeConfig


def needs(
    config: LargeConfig,
    bits: int = 16,
    recorded: bool = True,
    dtype: torch.dtype = torch.bfloat16,
    **runs: Any,
) -> budget.Plan:
    """The plan of a config whose parts are names that are known here.

    `bits` are those of the video transformer's weights; `recorded`: with the passes of a whole window recorded; `runs`
    are worlds, rows and branches of a `budget.Workload`. Raises UnknownName.
    """
    workload = budget.Workload(
        height=config.height, width=config.width, chunk=config.chunk, window=config.window,
        recorded=(config.window,) if recorded else (), **runs,
    )  # fmt: skip
    parts = budget.published_parts(
        config.video, config.backbone or None, workload, text_encoder=bool(config.prompts),
        tiny=bool(config.tiny_decoder),
    )  # fmt: skip
    return budget.plan(parts, workload, dtype, video_bits=bits)
