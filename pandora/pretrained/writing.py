"""Text from a language model, greedily, for a whole batch at once."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from pandora.errors import Cancelled
from pandora.pretrained.decoder import NOBODY, Passes, Span

_STRIDE = 8  # tokens between two looks at whether all texts have ended, as a look waits for the device


def write(
    model: Any,
    passes: Passes,
    rows: Sequence[Sequence[Span]],
    stops: frozenset[int],
    most: int,
    should_stop: Callable[[], bool],
) -> list[list[list[int]]]:
    """What `model` says after each span of each row, in token ids up to a stop token, `most` of them at most.

    `passes` must keep what it reads. Raises Cancelled, between tokens, once `should_stop()` is true.
    """
    hidden_BSD = passes.read(rows)
    device = hidden_BSD.device
    ends = [torch.tensor([span.length for span in row]).cumsum(0) - 1 for row in rows]
    last_Bn = pad_sequence(ends, batch_first=True).to(device)
    owners_Bn = pad_sequence([torch.arange(len(row)) for row in rows], True, NOBODY).to(device)
    positions = [torch.stack([span.positions_PS.amax(1) for span in row]) for row in rows]
    positions_BnP = pad_sequence(positions, True).to(device)
    hidden_BnD = hidden_BSD.gather(1, last_Bn[..., None].expand(-1, -1, hidden_BSD.shape[-1]))
    ends_texts = torch.tensor(sorted(stops), dtype=torch.int64, device=device)
    written = [model.get_output_embeddings()(hidden_BnD).argmax(-1)]
    while len(written) < most:
        if should_stop():
            raise Cancelled("The caller stopped this description while it was written; the world is unchanged.")
        if len(written) % _STRIDE == 0:
            ended_Bn = torch.isin(torch.stack(written, 2), ends_texts).any(2)
            if bool((ended_Bn | (owners_Bn == NOBODY)).all()):
                break
        positions_BnP = positions_BnP + 1
        embeds_BnD = model.get_input_embeddings()(written[-1])
        hidden_BnD = passes.step(embeds_BnD, owners_Bn, positions_BnP)
        written.append(model.get_output_embeddings()(hidden_BnD).argmax(-1))
    said = torch.stack(written, 2).tolist()
    return [[_until(said[row][n], stops) for n in range(len(spans))] for row, spans in enumerate(rows)]


def _until(ids: list[int], stops: frozenset[int]) -> list[int]:
    end = next((place for place, token in enumerate(ids) if token in stops), len(ids))
    return ids[:end]
