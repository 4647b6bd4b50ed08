"""From actions to what the video model is told, by both roads."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from pandora.adapter import Adapter
from pandora.offloading import device_of
from pandora.pretrained.backbone import PretrainedBackbone
from pandora.pretrained.prefix import Prefix
from pandora.pretrained.prompts import PromptEncoder

_KEPT = 64  # sentences whose tokens are kept: people say the same things again


class Told(NamedTuple):
    """Of B actions: text tokens (B, S, text_dim), state tokens (B, N, state_dim), None where a road is closed.

    `prompts` are the sentences that were encoded.
    """

    text: Tensor | None
    state: Tensor | None
    prompts: list[str]

    def rows(self, rows: list[int]) -> "Told":
        if len(rows) == len(self.prompts):
            return self
        text, state = (None if x is None else torch.stack([x[row] for row in rows]) for x in (self.text, self.state))
        return Told(text, state, [self.prompts[row] for row in rows])


class Reader:
    """Says an action to the video model: in words through its text encoder, in states through backbone and adapter.

    The adapter's tokens go where the transformer was trained to have them, `adapter_road`: "text", in the place of the
    encoder's; "state", on a road of their own; "both", there too, beside the encoder's on the text road.
    """

    def __init__(
        self,
        prompts: PromptEncoder | None,
        backbone: PretrainedBackbone | None,
        adapter: Adapter | None,
        adapter_road: str = "state",
        rewrite: int = 0,
    ):
        self.prompts, self.backbone, self.adapter = prompts, backbone, adapter
        self.adapter_road, self._rewrite = adapter_road, rewrite
        self._encoded: OrderedDict[str, Future[Tensor]] = OrderedDict()  # tokens (S, text_dim), or on their way
        self._lock, self._encoding = threading.Lock(), threading.Lock()
        self._ahead = ThreadPoolExecutor(1, "prompts")
        self._stream: torch.cuda.Stream | None = None

    def read(self, prefixes: Sequence[Prefix | None], actions: list[str], stop: Callable[[], bool]) -> Told:
        """B actions, each in its world. Raises Cancelled while a description is written, once `stop()` is true."""
        sentences, spoken = actions, None
        remembered = [prefix for prefix in prefixes if prefix is not None]
        if self.backbone is not None and len(remembered) == len(actions):
            if self._rewrite:
                sentences = self.backbone.rewrite(remembered, actions, self._rewrite, stop)
            if self.adapter is not None:
                hidden = self.backbone.read(remembered, actions)
                spoken = self.adapter(hidden.to(next(self.adapter.parameters()).dtype)).context_BND
        text = spoken if spoken is not None and self.adapter_road == "text" else self.encode(sentences)
        return Told(text, spoken if self.adapter_road in ("state", "both") else None, sentences)

    def anticipate(self, sentence: str) -> None:
        """Encode a sentence beside whatever runs, on a stream of its own, so that it is there when its turn comes."""
        if self.prompts is None or self._rewrite:
            return
        if self._lock.acquire(blocking=False):  # whoever hears must not wait
            try:
                if sentence not in self._encoded:
                    coming = self._encoded[sentence] = self._ahead.submit(self._encode_aside, sentence)
                    coming.add_done_callback(partial(self._forget_failure, sentence))
            finally:
                self._lock.release()

    def encode(self, sentences: list[str]) -> Tensor | None:
        """Text tokens (B, S, text_dim); None without a text encoder. What was encoded lately is not encoded again."""
        if self.prompts is None:
            return None
        with self._lock:
            fresh = [one for one in dict.fromkeys(sentences) if one not in self._encoded]
            for one, tokens in zip(fresh, self._encode(fresh) if fresh else (), strict=True):
                self._encoded[one] = Future()
                self._encoded[one].set_result(tokens)
            waiting = [self._encoded[one] for one in sentences]
            for one in sentences:
                self._encoded.move_to_end(one)
            while len(self._encoded) > _KEPT:
                self._encoded.popitem(last=False)
        return torch.stack([tokens.result() for tokens in waiting])

    def _forget_failure(self, sentence: str, done: "Future[Tensor]") -> None:
        """What failed once may be tried again."""
        if done.exception() is not None and self._encoded.get(sentence) is done:
            self._encoded.pop(sentence, None)

    def _encode_aside(self, sentence: str) -> Tensor:
        assert self.prompts is not None
        device = device_of(self.prompts.encoder)
        if device.type != "cuda":
            return self._encode([sentence])[0]
        self._stream = self._stream or torch.cuda.Stream(device)
        with torch.cuda.device(device), torch.cuda.stream(self._stream):
            tokens = self._encode([sentence])[0]
            self._stream.synchronize()
        return tokens

    def _encode(self, sentences: list[str]) -> Tensor:
        assert self.prompts is not None
        with self._encoding:  # a fast tokenizer serves one thread at a time
            return self.prompts(sentences)
