"""The samplers equal diffusers' schedulers, step by step."""

from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_flow_map_euler_discrete import FlowMapEulerDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_lcm import FlowMatchLCMScheduler
from torch import Tensor

from pandora.errors import Cancelled, InvalidInput
from pandora.video.sampling import Predict, integrate, schedule

SHIFT, STEPS = 5.0, 4
EVEN = [1 - index / STEPS for index in range(STEPS)]


def walk(scheduler: Any, x: Tensor, **options: Any) -> Tensor:
    """The path of one of diffusers' schedulers."""
    for index, time in enumerate(scheduler.timesteps):
        output = velocity(x, scheduler.sigmas[index].item())
        x = scheduler.step(output, time, x, return_dict=False, **options)[0]
    return x


def velocity(x: Tensor, time: float) -> Tensor:
    """Stands for a model's output; it bends the path, so that a wrong step shows."""
    return torch.sin(3 * x) + time


def predict(x: Tensor, now: float, _: float) -> Tensor:
    return x - now * velocity(x, now)


@pytest.fixture
def noise() -> Tensor:
    return torch.randn(2, 3, 2, 4, 4, generator=torch.Generator().manual_seed(0))


def test_the_schedule_is_self_forcings() -> None:
    assert [1000 * time for time in schedule(STEPS, SHIFT)] == pytest.approx([1000, 937.5, 833.33333, 625])
    assert schedule(2) == [1, 0.5]


def test_euler_steps_are_those_of_flow_matching(noise: Tensor) -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=SHIFT)
    scheduler.set_timesteps(sigmas=EVEN)
    made = integrate(predict, noise, schedule(STEPS, SHIFT))
    torch.testing.assert_close(made, walk(scheduler, noise), atol=1e-5, rtol=1e-5)


def test_flow_map_steps_are_anyflows(noise: Tensor) -> None:
    scheduler = FlowMapEulerDiscreteScheduler(shift=SHIFT)
    scheduler.set_timesteps(STEPS)
    ends: list[float] = []

    def told(x: Tensor, now: float, following: float) -> Tensor:
        ends.append(following)
        return predict(x, now, following)

    made = integrate(told, noise, schedule(STEPS, SHIFT))
    torch.testing.assert_close(made, walk(scheduler, noise), atol=1e-5, rtol=1e-5)
    assert ends == pytest.approx(scheduler.sigmas[1:].tolist())


def test_noising_afresh_is_what_consistency_schedulers_do(noise: Tensor) -> None:
    generator = torch.Generator().manual_seed(1)
    scheduler = FlowMatchLCMScheduler(shift=SHIFT)
    scheduler.set_timesteps(sigmas=EVEN)
    expected = walk(scheduler, noise, generator=generator)
    generator = torch.Generator().manual_seed(1)
    fresh = torch.stack([torch.randn(noise.shape, generator=generator) for _ in range(STEPS - 1)], 1)
    made = integrate(predict, noise, schedule(STEPS, SHIFT), fresh)
    torch.testing.assert_close(made, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("fresh", [None, torch.zeros(2, 3, 3, 2, 4, 4)])
def test_it_stops_between_steps(noise: Tensor, fresh: Tensor | None) -> None:
    seen: list[float] = []

    def counted(x: Tensor, now: float, following: float) -> Tensor:
        seen.append(now)
        return predict(x, now, following)

    run: Predict = counted
    with pytest.raises(Cancelled):
        integrate(run, noise, schedule(STEPS), fresh, should_stop=lambda: len(seen) == 2)
    assert len(seen) == 2


def test_too_little_fresh_noise_is_refused(noise: Tensor) -> None:
    with pytest.raises(InvalidInput, match="3 more draws of noise, not 1"):
        integrate(predict, noise, schedule(STEPS), torch.zeros(2, 1, 3, 2, 4, 4))
