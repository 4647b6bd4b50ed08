"""The backbone's voice: it writes the state that it sees in words, and what an action makes of a state it reads.

    see    [visual tokens] [see]                                 state [SEP]
    think  [CLS] state [SEP] [CLS] action [SEP] [think]      next state [SEP]

Both are written greedily by the decoder that also conditions the video model; words are told by their embeddings.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pandora.backbone.language import Language
from pandora.backbone.tokenizer import ActionTokenizer
from pandora.backbone.vision import Vision
from pandora.errors import InvalidConfig

STATE_TOKENS = 96  # that a state is written with at most


@dataclass(frozen=True)
class Said:
    """A text and the probability that the model gives to the whole of it, 0..1."""

    text: str
    confidence: float


class Voice(nn.Module):
    """What speaking adds to a backbone: a learned cue for each task, and a map from hidden states to word vectors.

    `words_W` are the ids of all that it can say: states need few words, and a large vocabulary costs as much as the
    rest of a small decoder.
    """

    words_W: Tensor  # int64, the end of a text among them

    def __init__(self, width: int, words: int):
        super().__init__()
        self.register_buffer("words_W", torch.arange(words))
        self.see_D = nn.Parameter(torch.randn(width) * 0.5)
        self.think_D = nn.Parameter(torch.randn(width) * 0.5)
        self.to_word = nn.Linear(width, width)

    def logits(self, hidden_BND: Tensor, table_VD: Tensor) -> Tensor:
        """Hidden states (B, N, D) and the embedding table (V, D) -> logits (B, N, W)."""
        return F.linear(self.to_word(hidden_BND), table_VD[self.words_W])

    def places(self, ids: Tensor) -> Tensor:
        """Where ids stand among the words; -100 where they are none of them."""
        equal = ids[..., None] == self.words_W
        return torch.where(equal.any(-1), equal.long().argmax(-1), -100)


class Speaker:
    """Speaks with the parts of a backbone. Raises InvalidConfig where it was built without a voice."""

    def __init__(self, language: Language, vision: Vision, tokenizer: ActionTokenizer, voice: Voice | None):
        if voice is None:
            raise InvalidConfig("These weights have no voice: they were trained without `pandora train speech`.")
        self.language, self.vision, self.tokenizer, self.voice = language, vision, tokenizer, voice

    def see(self, frames_BHWC: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (B, H, W, 3) uint8 -> the prompt that asks for their state: embeddings (B, N, D), mask (B, N)."""
        return self.asked(self.vision(frames_BHWC))

    def asked(self, visual_BND: Tensor) -> tuple[Tensor, Tensor]:
        """As `see`, from visual tokens (B, N, D) that are already there."""
        return self._close(visual_BND, visual_BND.new_ones(visual_BND.shape[:2], dtype=torch.long), self.voice.see_D)

    def think(self, states: list[str], actions: list[str]) -> tuple[Tensor, Tensor]:
        """B states and actions in words -> the prompt that asks for the next state, as `see` gives one."""
        rows = [[*self._said(state), *self._said(action)] for state, action in zip(states, actions, strict=True)]
        ids_BS, mask_BS = self.tokenizer.pad_left(rows)
        device = self.voice.see_D.device
        return self._close(self.language.embed(ids_BS.to(device)), mask_BS.to(device), self.voice.think_D)

    def loss(self, prompt: tuple[Tensor, Tensor], texts: list[str]) -> Tensor:
        """The mean cross-entropy of the texts' tokens, each told the true ones before it."""
        rows = [self._text(text) for text in texts]
        length = max(map(len, rows))
        device = self.voice.see_D.device
        target_BS = torch.tensor([row + [-100] * (length - len(row)) for row in rows], device=device)
        embedded = self.language.embed(target_BS.clamp(min=0)[:, :-1])
        prompt_BND, mask_BN = prompt
        inputs = torch.cat([prompt_BND, embedded.to(prompt_BND.dtype)], 1)
        mask = torch.cat([mask_BN, (target_BS[:, :-1] >= 0).long()], 1)
        hidden = self.language(inputs, mask)[:, prompt_BND.shape[1] - 1 :]
        logits = self.voice.logits(hidden, self._table())
        return F.cross_entropy(logits.float().flatten(0, 1), self.voice.places(target_BS).flatten(), ignore_index=-100)

    @torch.inference_mode()
    def write(self, prompt: tuple[Tensor, Tensor], limit: int = STATE_TOKENS) -> list[Said]:
        """The likeliest text, word by word, of each row. One that does not end within `limit` tokens is cut there."""
        inputs, mask_BN = prompt
        rows = inputs.shape[0]
        cache, end = self.language.new_cache(), self.tokenizer.end[0]
        sure_B = torch.zeros(rows, device=inputs.device)
        open_B = torch.ones(rows, dtype=torch.bool, device=inputs.device)
        written: list[Tensor] = []
        for _ in range(limit):
            hidden = self.language.extend(inputs, mask_BN, cache)[:, -1:]
            told_BW = self.voice.logits(hidden, self._table())[:, 0].float().log_softmax(-1)
            best_B, word_B = told_BW.max(-1)
            id_B = self.voice.words_W[word_B]
            sure_B += torch.where(open_B, best_B, 0.0)
            written.append(torch.where(open_B, id_B, end))
            open_B &= id_B != end
            if not bool(open_B.any()):
                break
            inputs = self.language.embed(written[-1][:, None]).to(inputs.dtype)
            mask_BN = torch.cat([mask_BN, mask_BN.new_ones(rows, 1)], 1)
        texts = self.tokenizer.read(torch.stack(written, 1).tolist())
        return [Said(text, float(p)) for text, p in zip(texts, sure_B.exp(), strict=True)]

    def _close(self, embeddings_BND: Tensor, mask_BN: Tensor, cue_D: Tensor) -> tuple[Tensor, Tensor]:
        cue_B1D = cue_D.to(embeddings_BND.dtype).expand(embeddings_BND.shape[0], 1, -1)
        return torch.cat([embeddings_BND, cue_B1D], 1), torch.cat([mask_BN, mask_BN.new_ones(len(mask_BN), 1)], 1)

    def _table(self) -> Tensor:
        return self.language.model.get_input_embeddings().weight

    def _text(self, text: str) -> list[int]:
        return [*self.tokenizer.pieces(text, STATE_TOKENS - 1), *self.tokenizer.end]

    def _said(self, text: str) -> list[int]:
        return [*self.tokenizer.start, *self._text(text)]
