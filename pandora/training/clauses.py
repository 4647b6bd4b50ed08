"""Which clauses of a state does the picture show? The eyes have to see them before the voice can write them.

L_look = binary cross-entropy of every clause ("red on blue") that the data ever says, told by a linear map of each
visual token and joined over the picture by logsumexp: one token that shows it is enough (multiple-instance learning,
as in 1412.7144). Through the language model alone the eyes hear of their mistakes late and faintly. The head is left
behind.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def clauses_of(text: str) -> list[str]:
    """The parts of a state in words, "red on blue; hand empty": what stands between its semicolons."""
    return [clause.strip() for clause in text.split(";")]


class ClauseHead(nn.Module):
    """Knows the clauses of the texts it is built with, in sorted order."""

    def __init__(self, width: int, texts: Iterable[str]):
        super().__init__()
        texts = list(texts)
        counts = Counter(clause for text in texts for clause in clauses_of(text))
        self.number = {clause: number for number, clause in enumerate(sorted(counts))}
        self.norm, self.linear = nn.LayerNorm(width), nn.Linear(width, len(counts))
        # it begins by telling how often each clause holds: large first errors would press the eyes flat (1708.02002)
        often = torch.tensor([counts[clause] for clause in self.number]).clamp(max=len(texts) - 1) / len(texts)
        nn.init.zeros_(self.linear.weight)
        with torch.no_grad():
            self.linear.bias.copy_(often.logit())

    def forward(self, visual_BND: Tensor) -> Tensor:
        """Visual tokens (B, N, D) -> logits (B, clauses)."""
        logits_BNC = self.linear(self.norm(visual_BND.float()))
        return logits_BNC.logsumexp(1) - math.log(logits_BNC.shape[1])

    def loss(self, visual_BND: Tensor, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """The loss a clause that holds, and the share of states of which every clause is told rightly.

        Raises KeyError where a text has a clause that those of the head have not.
        """
        true_BC = torch.zeros(len(texts), len(self.number), device=visual_BND.device)
        for row, text in enumerate(texts):
            true_BC[row, [self.number[clause] for clause in clauses_of(text)]] = 1
        logits_BC = self(visual_BND)
        loss = F.binary_cross_entropy_with_logits(logits_BC, true_BC, reduction="sum") / true_BC.sum()
        return loss, ((logits_BC > 0) == true_BC.bool()).all(1).float().mean()
