"""From noise to a clean chunk in a few steps. Times run from 1, pure noise, to 0.

- "euler": along the flow's velocity (flow matching, 2210.02747);
- "flow_map": the same step with a model that knows where it ends, so that any number of steps is exact (AnyFlow);
- "renoise": each step guesses the clean chunk and noises it afresh to the next time, as models distilled by
  distribution matching are trained to (DMD2, 2405.14867; Self-Forcing, 2506.08009; LongLive, 2509.22622).
"""

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from pandora.errors import Cancelled, InvalidInput

SamplerName = Literal["euler", "renoise", "flow_map"]
SAMPLERS: tuple[SamplerName, ...] = ("euler", "renoise", "flow_map")
Predict = Callable[[Tensor, float, float], Tensor]  # (x_t, t, the time after it) -> the clean chunk behind x_t


def schedule(steps: int, shift: float = 1.0) -> list[float]:
    """Times in 1..0, the first of them 1, without the final 0; shift > 1 stays longer at high noise.

    With 4 steps and shift 5 these are Self-Forcing's 1000, 937.5, 833.3 and 625 (its "warped" 1000, 750, 500, 250).
    """
    even = [1 - index / steps for index in range(steps)]
    return [shift * u / (1 + (shift - 1) * u) for u in even]


def integrate(
    predict: Predict,
    noise: Tensor,
    times: list[float],
    fresh: Tensor | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Tensor:
    """The chunk that `noise` (B, C, L, h, w) float32 becomes; `times` as `schedule` gives them.

    Without `fresh` steps follow the straight line through x_t and the guess; with it, (B, at least steps - 1, C, L, h,
    w) float32, each guess is noised afresh. Raises Cancelled as soon as `should_stop()` is true between two steps,
    and InvalidInput where there is too little fresh noise.
    """
    needed = len(times) - 1
    if fresh is not None and fresh.shape[1] < needed:
        raise InvalidInput(
            f"{len(times)} steps that noise afresh need {needed} more draws of noise, not {len(fresh[0])}."
        )
    x = noise
    for index, (now, following) in enumerate(zip(times, [*times[1:], 0.0], strict=True)):
        if should_stop is not None and should_stop():
            raise Cancelled("The caller stopped this step between two denoising steps; the world is unchanged.")
        clean = predict(x, now, following)
        if fresh is None or following == 0:
            x = clean + (following / now) * (x - clean)
        else:
            x = (1 - following) * clean + following * fresh[:, index]
    return x
