"""How a family of chat models is told what was seen and done: the words around frames and actions, as token ids."""

from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

_MARK = "\u2060here\u2060"


@dataclass(frozen=True, kw_only=True)
class Dialogue:
    """One open message that grows by frames and actions. These words are trusted: special tokens in them count."""

    head: str  # up to the first frame; {system} is the system prompt
    before_frame: str = ""
    after_frame: str = "\n"
    tail: str  # closes the message and begins the model's own


CHATML = Dialogue(
    head="<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n",
    before_frame="<|vision_start|>",
    after_frame="<|vision_end|>",
    tail="<|im_end|>\n<|im_start|>assistant\n",
)
VICUNA = Dialogue(head="{bos}{system} USER: ", tail="ASSISTANT:")
PLAIN = Dialogue(head="{bos}{system}\n", tail="\n")
_BY_TYPE = {
    "qwen2_vl": CHATML, "qwen2_5_vl": CHATML, "qwen3_vl": CHATML, "llava": VICUNA, "llava_next_video": VICUNA,
}  # fmt: skip


def dialogue_of(model_type: str, tokenizer: PreTrainedTokenizerBase) -> Dialogue:
    """A vision-language family's own; for a text decoder, its tokenizer's chat template, or plain lines without one."""
    if model_type in _BY_TYPE:
        return _BY_TYPE[model_type]
    if not tokenizer.chat_template:
        return PLAIN
    message = [{"role": "user", "content": f"{{system}}\n{_MARK}"}]  # not every template has a system role
    rendered = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
    head, mark, tail = str(rendered).partition(_MARK)
    return Dialogue(head=head, tail=tail) if mark else PLAIN


class Words:
    """Token ids of everything that is said. What people write is split into plain text, whatever it looks like."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, dialogue: Dialogue, system: str, most: int):
        self.tokenizer = tokenizer
        self.most = most  # tokens of one action, the rest of it is cut
        filled = dialogue.head.replace("{bos}", str(tokenizer.bos_token or "")).replace("{system}", system)
        self.head, self.tail = self.trusted(filled), self.trusted(dialogue.tail)
        self.before_frame, self.after_frame = self.trusted(dialogue.before_frame), self.trusted(dialogue.after_frame)
        self._before_action, self._after_action = self.trusted("Action: "), self.trusted("\n")

    def trusted(self, text: str) -> list[int]:
        """Ids of our own words; special tokens in them count."""
        return self._ids(text, split_special_tokens=False)

    def action(self, text: str) -> list[int]:
        """Ids of one line that says what is done."""
        plain = self._ids(text, split_special_tokens=True)[: self.most]
        return [*self._before_action, *plain, *self._after_action]

    def text(self, ids: list[int]) -> str:
        """Ids as text, without special tokens."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=True)).strip()

    def _ids(self, text: str, **options: Any) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False, **options)["input_ids"]) if text else []  # type: ignore[arg-type]
