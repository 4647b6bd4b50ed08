"""Elastic weight consolidation: the formula itself, low-rank updates, and an old task that plain training forgets."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn
from torch.nn import functional as F

from pandora.errors import InvalidCheckpoint, InvalidInput
from pandora.training.ewc import Anchor

OLD, NEW = 0, 1


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 24), nn.Tanh(), nn.Linear(24, 2))


def task(number: int, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Which of two inputs is larger; the new task wants it the other way round, and two more inputs say which it is."""
    x = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    x[:, 2:] = F.one_hot(torch.tensor(number), 2).float()
    return x, (x[:, 0] > x[:, 1]).long() ^ number


def train(model: nn.Module, number: int, steps: int, anchor: Anchor | None = None, weight: float = 0.0) -> None:
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for step in range(steps):
        x, y = task(number, 64, 1000 + step)
        loss = F.cross_entropy(model(x), y)
        if anchor is not None:
            loss = loss + weight * anchor.penalty(model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def accuracy(model: nn.Module, number: int) -> float:
    x, y = task(number, 2000, 7)
    return float((model(x).argmax(1) == y).float().mean())


def estimate(model: nn.Module) -> Anchor:
    def likelihood(batch: object) -> Tensor:
        x, y = batch  # type: ignore[misc]
        return F.log_softmax(model(x), 1).gather(1, y[:, None]).squeeze(1)

    return Anchor.estimate(model, [task(OLD, 32, seed) for seed in range(8)], likelihood)


@pytest.fixture(scope="module")
def taught() -> nn.Sequential:
    model = network()
    train(model, OLD, 300)
    assert accuracy(model, OLD) > 0.95
    return model


def copy(model: nn.Sequential) -> nn.Sequential:
    twin = network()
    twin.load_state_dict(model.state_dict())
    return twin


@pytest.mark.parametrize("low_rank", [False, True])
def test_an_old_task_is_held_that_plain_training_forgets(taught: nn.Sequential, low_rank: bool) -> None:
    anchor = estimate(taught)
    results = {}
    for weight in (0.0, 1000.0):
        model: nn.Module = copy(taught)
        if low_rank:
            model.requires_grad_(False)
            model = inject_adapter_in_model(LoraConfig(r=4, lora_alpha=8, target_modules=["0", "2"]), model)
        train(model, NEW, 300, anchor, weight)
        results[weight] = accuracy(model, OLD), accuracy(model, NEW)
    forgot, held = results[0.0], results[1000.0]
    assert forgot[0] < 0.3
    assert forgot[1] > 0.9
    assert held[0] > 0.9, "the old task is still known"
    assert held[1] > 0.85, "and the new one was learnt"


def test_the_penalty_is_the_formula(taught: nn.Sequential) -> None:
    anchor = estimate(taught)
    assert anchor.penalty(taught) == 0
    model = copy(taught)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    expected = sum(
        (anchor.fisher[name] * (parameter - anchor.values[name]) ** 2).sum()
        for name, parameter in model.named_parameters()
    )
    torch.testing.assert_close(anchor.penalty(model), expected)


def test_a_low_rank_update_counts_as_the_weights_it_adds(taught: nn.Sequential) -> None:
    anchor = estimate(taught)
    wrapped = inject_adapter_in_model(LoraConfig(r=2, lora_alpha=6, target_modules=["0", "2"]), copy(taught))
    folded = copy(taught)
    with torch.no_grad():
        for index in (0, 2):
            layer = wrapped[index]  # type: ignore[index]
            nn.init.normal_(layer.lora_B["default"].weight, std=0.1)
            folded[index].weight += layer.get_delta_weight("default")
    assert anchor.penalty(wrapped) > 0
    torch.testing.assert_close(anchor.penalty(wrapped), anchor.penalty(folded))
    again = estimate(wrapped)
    assert again.values.keys() == anchor.values.keys(), "names are those without the wrappers"


def test_squares_are_taken_example_by_example() -> None:
    """The mean of gradients of opposite examples is 0; their Fisher information is not."""
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.zero_()
    batch = torch.tensor([[1.0], [-1.0]])
    anchor = Anchor.estimate(model, [batch], lambda x: model(x).squeeze(1))
    torch.testing.assert_close(anchor.fisher["weight"], torch.ones(1, 1))


def test_an_anchor_is_kept_in_a_file(taught: nn.Sequential, tmp_path: Path) -> None:
    anchor = estimate(taught)
    anchor.save(tmp_path / "anchor.safetensors")
    again = Anchor.load(tmp_path / "anchor.safetensors")
    model = copy(taught)
    nn.init.normal_(next(model.parameters()))
    torch.testing.assert_close(again.penalty(model), anchor.penalty(model))
    with pytest.raises(InvalidInput, match=r"0\.weight"):
        anchor.penalty(nn.Linear(3, 3))
    (tmp_path / "broken.safetensors").write_bytes(b"not at all")
    with pytest.raises(InvalidCheckpoint, match=r"broken\.safetensors"):
        Anchor.load(tmp_path / "broken.safetensors")
