"""A language model ranks what may be done: its likelihoods are right in any batch, and a plan needs fewer calls."""

from collections.abc import Sequence

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.nn.functional import log_softmax
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from pandora.errors import InvalidInput
from pandora.planning import (
    BreadthFirst,
    FactSearch,
    FactsGoal,
    Likelihood,
    Reasoner,
    Shooting,
    Simulated,
    Suggested,
    telling,
)
from pandora.worlds.base import Problem
from tests.planning.conftest import Seeing

SENTENCES = ["pick up the red block", "wait", "stack the red block on the blue block"]
WORDS = sorted({word for sentence in SENTENCES for word in sentence.split()} | {"now", "then"})


@pytest.fixture(scope="module")
def language() -> Likelihood:
    words = Tokenizer(models.WordLevel({word: index for index, word in enumerate(["?", *WORDS])}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS) + 1, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        initializer_range=1.0,
    )  # fmt: skip
    return Likelihood(LlamaForCausalLM(config), PreTrainedTokenizerFast(tokenizer_object=words), batch=2)


def test_likelihoods_are_those_of_the_sentence_alone(language: Likelihood) -> None:
    found = language("now then", SENTENCES)
    for sentence, value in zip(SENTENCES, found, strict=True):
        ids = torch.tensor([language.tokenizer(f"now then {sentence}")["input_ids"]])
        told = log_softmax(language.model(ids).logits[0, :-1], -1)
        each = [told[place - 1, ids[0, place]].item() for place in range(2, ids.shape[1])]
        assert value == pytest.approx(sum(each) / len(each), abs=1e-5)
    assert found != pytest.approx(language("then", SENTENCES)), "the prompt counts"
    with pytest.raises(InvalidInput, match="not empty"):
        language("now", ["wait", ""])


def test_what_is_likely_is_tried_first(world: Seeing, drawn: list[Problem]) -> None:
    problem = next(problem for problem in drawn if problem.limit == 4)
    dynamics, planning = Simulated(world), world.planning()
    goal = FactsGoal.from_text(dynamics, planning, problem.goal)
    inner = FactSearch(dynamics, planning, goal)
    way = Reasoner(dynamics, inner, BreadthFirst())(problem.scene, limit=4)
    prompts: list[str] = []

    def wise(prompt: str, sentences: Sequence[str]) -> list[float]:
        prompts.append(prompt)
        return [0.0 if sentence in way.actions else -5.0 for sentence in sentences]

    config = Suggested(inner, wise, telling(dynamics, planning, goal), width=2)
    start = dynamics.init(problem.scene)
    first, *_ = config.get_actions(start)
    assert first in way.actions
    assert len(config.get_actions(start)) == 2 < len(inner.get_actions(start))
    assert sum(config.fast_reward(start, action)[0] for action in inner.get_actions(start)) == pytest.approx(1.0)
    assert config.fast_reward(start, first)[0] > 0.4
    assert len(prompts) == 1, "asked once"
    assert problem.goal in prompts[0]
    assert planning.say_state(world.facts(problem.scene)) in prompts[0]
    plan = Reasoner(dynamics, config, BreadthFirst())(problem.scene, limit=4)
    assert plan.reached
    assert plan.calls < way.calls
    assert Reasoner(dynamics, config, Shooting())(problem.scene, limit=4).reached
