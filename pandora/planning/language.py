"""A language model proposes: it says how likely each action comes next, and only the likeliest are tried.

    language = Likelihood.from_pretrained("Qwen/Qwen2.5-7B-Instruct")            # any causal model of transformers
    config = Suggested(FactSearch(dynamics, planning, goal), language, telling(dynamics, planning, goal), width=4)
    plan = Reasoner(dynamics, config, MCTS())(picture, limit=6)

As in RAP (Hao et al. 2023, section 3.2), where the likelihood of an action is its first reward.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import torch
from torch import Tensor
from torch.nn.functional import log_softmax
from torch.nn.utils.rnn import pad_sequence

from pandora.errors import InvalidInput
from pandora.planning.goals import FactsGoal
from pandora.planning.interface import Action, Dynamics, Goal, SearchConfig, State
from pandora.worlds.base import Planning

Tells = Callable[[State], str]


class Language(Protocol):
    def __call__(self, prompt: str, sentences: Sequence[str]) -> Sequence[float]:
        """Of each sentence, how likely it follows the prompt: a log-probability, at most 0."""
        ...


class Likelihood:
    """The mean log-probability of a sentence's tokens after a prompt, by a causal language model of transformers.

    The mean, since the sum would favour short sentences. `batch` sentences are read at a time.
    """

    def __init__(self, model: Any, tokenizer: Any, *, batch: int = 16):
        self.model, self.tokenizer, self.batch = model.eval(), tokenizer, batch

    @classmethod
    def from_pretrained(cls, name: str, *, batch: int = 16, **options: Any) -> Self:
        """A folder or a name on the Hugging Face Hub; `options` go to the model. Weights are safetensors only."""
        from transformers import AutoModelForCausalLM, AutoTokenizer

        model = AutoModelForCausalLM.from_pretrained(name, use_safetensors=True, **options)
        return cls(model, AutoTokenizer.from_pretrained(name), batch=batch)

    def __call__(self, prompt: str, sentences: Sequence[str]) -> list[float]:
        """Raises InvalidInput for a sentence, or a prompt, without a single token."""
        before = self._ids(prompt)
        after = [self._ids(f" {sentence}", special=False) for sentence in sentences]
        if not len(before) or not all(map(len, after)):
            raise InvalidInput("A prompt and the sentences that may follow it are not empty.")
        parts = [after[first : first + self.batch] for first in range(0, len(after), self.batch)]
        return [likely for part in parts for likely in self._read(before, part)]

    def _ids(self, text: str, special: bool = True) -> Tensor:
        return torch.tensor(self.tokenizer(text, add_special_tokens=special)["input_ids"], dtype=torch.long)

    @torch.no_grad()
    def _read(self, before: Tensor, after: Sequence[Tensor]) -> list[float]:
        rows = pad_sequence([torch.cat([before, ids]) for ids in after], batch_first=True)
        kept = pad_sequence([torch.ones(len(before) + len(ids)) for ids in after], batch_first=True).long()
        device = self.model.device
        logits = self.model(input_ids=rows.to(device), attention_mask=kept.to(device)).logits
        told = log_softmax(logits[:, len(before) - 1 : -1].float(), -1).cpu()  # of the tokens after the prompt
        return [told[row, range(len(ids)), ids].mean().item() for row, ids in enumerate(after)]


def telling(dynamics: Dynamics, planning: Planning, goal: FactsGoal) -> Tells:
    """What a language model is told before it proposes: the decoded state and the goal, in the world's words."""
    wanted = planning.say_goal(goal.facts)

    def tell(state: State) -> str:
        found = dynamics.facts(state)
        seen = "unknown" if found is None else planning.say_state(found)
        return f"What is so now: {seen}\nWhat shall be: {wanted}\nThe best next action:"

    return tell


@dataclass(frozen=True, eq=False)
class Suggested(SearchConfig):
    """Of what `inner` proposes, the `width` actions that `language` finds likeliest after `tell(state)`; 0: all.

    They come likeliest first. The share of an action among all of them, 0..1, is its fast reward; what a step was worth
    `inner` says.
    """

    inner: SearchConfig
    language: Language
    tell: Tells
    width: int = 0
    goal: Goal = field(init=False)
    _known: dict[str, dict[Action, float]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.width < 0:
            raise InvalidInput(f"The width is how many actions are tried, or 0 for all, not {self.width}.")
        object.__setattr__(self, "goal", self.inner.goal)

    def get_actions(self, state: State) -> list[Action]:
        shares = self._shares(state)
        ranked = sorted(shares, key=shares.__getitem__, reverse=True)
        return ranked[: self.width] if self.width else ranked

    def get_vocabulary(self, state: State) -> list[Action]:
        return self.inner.get_vocabulary(state)

    def fast_reward(self, state: State, action: Action) -> tuple[float, dict[str, Any]]:
        _, details = self.inner.fast_reward(state, action)
        share = self._shares(state).get(action, 0.0)
        return share, {**details, "prior": share}

    def reward(self, state: State, action: Action, **found: Any) -> tuple[float, dict[str, Any]]:
        return self.inner.reward(state, action, **found)

    def _shares(self, state: State) -> dict[Action, float]:
        """Of what `inner` proposes; the language model is asked once for what it is told."""
        actions = self.inner.get_actions(state)
        if not actions:
            return {}
        prompt = self.tell(state)
        known = self._known.setdefault(prompt, {})
        if fresh := [action for action in actions if action not in known]:
            likely = list(self.language(prompt, list(map(str, fresh))))
            if not all(map(math.isfinite, likely)):
                raise InvalidInput(f"The language model gave no finite log-probabilities: {likely}.")
            known.update(zip(fresh, likely, strict=True))
        most = max(known[action] for action in actions)
        shares = {action: math.exp(known[action] - most) for action in actions}
        return {action: share / sum(shares.values()) for action, share in shares.items()}
