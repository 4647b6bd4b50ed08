"""The head that tells the clauses of a state from what the eyes see."""

import pytest
import torch

from pandora.training.clauses import ClauseHead, clauses_of

TEXTS = ["red on blue; blue on table; hand empty", "red in hand; blue on table; hand full"]


def test_clauses_stand_between_semicolons() -> None:
    assert clauses_of(TEXTS[0]) == ["red on blue", "blue on table", "hand empty"]


def test_it_begins_with_how_often_each_clause_holds() -> None:
    often = ClauseHead(8, [*TEXTS, TEXTS[0], "blue on red; red on table; hand empty"])(torch.randn(3, 7, 8)).sigmoid()
    head = ClauseHead(8, TEXTS * 2)
    assert torch.allclose(often.amax(0) - often.amin(0), torch.zeros(often.shape[1]), atol=1e-5)
    assert head(torch.randn(1, 7, 8)).sigmoid()[0, head.number["hand full"]].item() == pytest.approx(0.5)


def test_one_token_that_shows_it_is_enough_and_its_place_does_not_matter() -> None:
    torch.manual_seed(0)
    head = ClauseHead(8, TEXTS)
    visual = torch.randn(1, 5, 8)
    with torch.no_grad():
        head.linear.weight.normal_(std=50.0)
        logits = head(visual)
        assert torch.allclose(logits, head(visual.flip(1)), atol=1e-4)
        strongest = torch.stack([head(visual[:, [n]]) for n in range(5)]).amax(0)
    assert torch.allclose(logits, strongest, atol=2.0)  # its mean with silence: log 5 less


def test_it_learns_and_counts_only_states_that_are_told_whole() -> None:
    torch.manual_seed(0)
    head = ClauseHead(8, TEXTS)
    visual = torch.randn(2, 3, 8)
    before, right = head.loss(visual, TEXTS)
    assert right < 1
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    for _ in range(80):
        optimizer.zero_grad()
        loss, right = head.loss(visual, TEXTS)
        loss.backward()
        optimizer.step()
    assert loss < before / 5
    assert right == 1
    assert head.loss(visual, TEXTS[::-1])[1] == 0


def test_a_clause_that_it_does_not_know_is_an_error() -> None:
    with pytest.raises(KeyError):
        ClauseHead(4, TEXTS).loss(torch.zeros(1, 2, 4), ["green on table"])
