"""Worlds of large losses do not drown those of small ones."""

import pytest

from pandora.training.balance import Balance


def test_of_one_world_nothing_changes() -> None:
    balance = Balance()
    assert balance.weights(["blocks"] * 2) == [1.0, 1.0]
    balance.learn(["blocks"] * 2, [0.2, 0.4])
    assert balance.weights(["blocks"] * 2) == [1.0, 1.0]


def test_worlds_weigh_alike_whatever_their_losses_are() -> None:
    balance = Balance(momentum=0.5)
    losses = {"blocks": 0.1, "road": 0.9}
    rows = ["blocks", "road", "road"]
    for _ in range(4):
        balance.learn(rows, [losses[world] for world in rows])
    weights = balance.weights([*rows, "house"])
    weighted = [weight * losses[world] for weight, world in zip(weights, rows, strict=False)]
    assert weighted == pytest.approx([0.5] * 3), "the mean of the worlds' losses"
    assert weights[-1] == 1.0, "a world that was not met yet"
    balance.learn(["blocks"] * 30, [1.8] * 30)
    assert balance.weights(["blocks"]) == pytest.approx([0.75], rel=1e-3), "the mean follows what is learned"
