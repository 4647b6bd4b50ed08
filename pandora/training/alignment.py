"""Alignment: the language half learns what sentences mean, before any video is made.

A public English encoder gives word vectors (frozen) and sentence vectors (distilled into the decoder), and the worlds'
grammars give meanings: linear heads must read verb and arguments off the conditioning. The heads are left behind.
It can go on from weights that know some worlds already: with `keep`, what they tell of those worlds stays as it is
(learning without forgetting, 1606.09282), and a video model that was trained on it goes on working.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from pandora import checkpoint
from pandora.adapter import Adapter, AdapterConfig, Conditioning
from pandora.backbone import ActionTokenizer, Backbone, BackboneConfig
from pandora.backbone.language import SMALL_LANGUAGE
from pandora.errors import InvalidConfig
from pandora.runtime import Runtime
from pandora.training import sentences as text
from pandora.training.kept import Before
from pandora.training.lesson import (
    COLOUR_WIDTH,
    Lesson,
    LessonConfig,
    embeddings_of,
    more_embeddings,
    prepare,
)
from pandora.training.progress import Course, Log, keep_run, record, take_up_run
from pandora.training.teacher import Teacher, build_tokenizer
from pandora.worlds import make_world
from pandora.worlds.base import World


@dataclass(frozen=True, kw_only=True)
class AlignmentConfig(LessonConfig):
    """The stage's settings; the backbone's language model takes its vocabulary's size from what is chosen here."""

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    out: str = "runs/align"
    start_from: str = ""  # a run, or weights that ship; they give words, sizes and what `keep` holds on to
    keep_weight: float = 4.0
    threads: int = 1
    log_every: int = 20
    steps: int = 700
    minutes: float = 0.0  # at most, over all starts; the learning rate then falls by the clock. 0: as long as it takes
    batch: int = 96
    english_batch: int = 48
    learning_rate: float = 1.5e-3
    warmup: int = 100
    weight_decay: float = 0.05
    distil_weight: float = 3.0
    history: float = 0.5  # share of sentences with earlier actions before them
    device: str = "auto"
    near_words: float = 0.1  # probability that a word is replaced by a near one
    embedding_noise: float = 0.2
    colour_noise: float = 0.8  # on the rest of what a colour word means, so that its colour is what is read
    colour_only: float = 0.3  # share of colour words of which nothing but the colour is left
    colour_jitter: float = 0.2  # of the colour itself, in the units of `colour_vectors`: names disagree about colours
    save_every: int = 200


class Heads(nn.Module):
    """Training only: linear readers of each slot, from the pooled vector and from the context, and of the teacher."""

    def __init__(self, slots: text.Slots, adapter: AdapterConfig, backbone_width: int, teacher_width: int):
        super().__init__()
        context = adapter.context_tokens * adapter.context_width
        self.pooled = nn.ModuleList(nn.Linear(adapter.pooled_width, size) for size in slots.sizes)
        self.context = nn.ModuleList(nn.Linear(context, size) for size in slots.sizes)
        self.teacher = nn.Linear(backbone_width, teacher_width)

    def forward(self, conditioning: Conditioning) -> tuple[list[Tensor], list[Tensor]]:
        """Logits (B, classes) of each slot, from the pooled vector and from the context."""
        flat = conditioning.context_BND.flatten(1)
        return [head(conditioning.pooled_BD) for head in self.pooled], [head(flat) for head in self.context]


def build(config: AlignmentConfig, tokenizer: ActionTokenizer, embeddings: Tensor) -> tuple[Backbone, Adapter]:
    """A backbone of the tokenizer's vocabulary that starts from the given embeddings (V, D), and an adapter."""
    torch.manual_seed(config.seed)
    language = dict(config.backbone.language or SMALL_LANGUAGE) | {"vocab_size": len(tokenizer)}
    values = config.backbone.to_dict() | {"language": language}
    backbone = Backbone(BackboneConfig.from_dict(values), tokenizer)
    with torch.no_grad():
        backbone.language.model.get_input_embeddings().weight.copy_(embeddings)
    return backbone, Adapter(config.adapter)


def grown(
    config: AlignmentConfig, backbone: Backbone, lesson: Lesson, vocabulary: list[str], vectors: Tensor
) -> Backbone:
    """The same backbone with more words: pieces keep their numbers, and new ones stand behind them."""
    values = backbone.config.to_dict()
    values["language"] = {**values["language"], "vocab_size": len(vocabulary)}
    larger = Backbone(BackboneConfig.from_dict(values), ActionTokenizer(build_tokenizer(vocabulary)))
    states, table = backbone.state_dict(), backbone.language.model.get_input_embeddings().weight
    more = more_embeddings(config, lesson, table.detach().cpu(), vocabulary, vectors)
    for name, value in larger.state_dict().items():
        if value.shape != states[name].shape:  # the table of embeddings
            states[name] = torch.cat([states[name], more.to(states[name])])
    larger.load_state_dict(states)
    return larger.train()


def frozen(backbone: Backbone) -> list[nn.Parameter]:
    """What this stage leaves as it is: the word vectors and the eyes, which the video stage trains."""
    return [backbone.language.model.get_input_embeddings().weight, *backbone.vision.parameters()]


def batch_of(
    config: AlignmentConfig, lesson: Lesson, step: int, history: int
) -> tuple[list[str], list[tuple[str, ...]], NDArray[np.int64], Tensor]:
    """Batch number `step`.

    Returns:
        B actions, their histories of at most `history`, rows (B,) of `lesson.train` and (E,) of `lesson.english`.
    """
    rng = np.random.default_rng([config.seed, step])
    rows = rng.integers(len(lesson.train.sentences), size=config.batch)

    def one(row: int, near: float) -> str:
        sentence = lesson.train.sentences[row]
        if rng.random() < 0.5:
            sentence = text.swap_words(sentence, lesson.near, (), rng, near)
        return text.vary(sentence, rng, config.typos)

    actions = [one(row, config.near_words) for row in rows]
    # One length of history a batch: padding costs as much as text.
    count = int(rng.integers(1, history + 1)) if rng.random() < config.history else 0
    earlier = rng.integers(len(lesson.train.sentences), size=(config.batch, count))
    histories = [tuple(one(int(row), 0.0) for row in few) for few in earlier]
    english = torch.from_numpy(rng.integers(len(lesson.english), size=config.english_batch))
    return actions, histories, rows, english


def visual_tokens(backbone: Backbone, frames: Tensor, worlds: Tensor) -> Tensor:
    """(B, N, D) for sentences of these worlds (B,): half of them see a picture of their world, half see noise.

    What a sentence means may depend on the world ("go right", "make it dark"), but not on what else is to be seen.
    N varies from batch to batch, since few tokens teach the same and cost less.
    """
    count, device = len(worlds), backbone.queries_QD.device
    with torch.no_grad():
        seen = backbone.vision(frames[:, torch.randint(frames.shape[1], ())].to(device))  # a picture of each world
    kept = torch.randperm(seen.shape[1])[: int(torch.tensor([0, 4, 4, seen.shape[1]])[torch.randint(4, ())])]
    tokens = seen[worlds.to(device)][:, kept.sort().values]
    noise = torch.randn_like(tokens)
    return torch.where(torch.rand(count, 1, 1, device=tokens.device) < 0.5, noise, tokens)


def losses(
    config: AlignmentConfig,
    lesson: Lesson,
    backbone: Backbone,
    adapter: Adapter,
    heads: Heads,
    step: int,
    before: "Before | None" = None,
) -> dict[str, Tensor]:
    """The loss of batch number `step` by part: slots from pooled vector and context, the teacher's, and keep."""
    torch.manual_seed(config.seed * 1_000_003 + step)
    actions, histories, rows, english = batch_of(config, lesson, step, backbone.config.history)
    worlds, device = torch.tensor([lesson.train.worlds[row] for row in rows]), backbone.queries_QD.device
    classes, target = torch.from_numpy(lesson.train.classes[rows]).to(device), lesson.targets[english].to(device)
    ids, mask = backbone.tokenize(actions, histories)
    hidden = backbone.read(visual_tokens(backbone, lesson.frames, worlds), ids, mask)
    from_pooled, from_context = heads(adapter(hidden))
    ids, mask = backbone.tokenize([lesson.english[int(i)] for i in english], [()] * len(english))
    hidden = backbone.read(backbone.queries_QD.new_zeros(len(english), 0, backbone.width), ids, mask)
    guess = heads.teacher(hidden.mean(1))

    def slot_loss(logits: list[Tensor]) -> Tensor:
        return torch.stack([F.cross_entropy(x.float(), classes[:, i]) for i, x in enumerate(logits)]).sum()

    cosine = 1 - F.cosine_similarity(guess.float(), target, dim=1).mean()
    taught = config.distil_weight * cosine
    parts = {"pooled": slot_loss(from_pooled), "context": slot_loss(from_context), "teacher": taught}
    if before is not None:
        parts["keep"] = config.keep_weight * before.change(config, backbone, adapter, step)
    return parts


def align(
    config: AlignmentConfig, worlds: Sequence[World], out: Path, teacher: Teacher | None = None
) -> Iterator[dict[str, float]]:
    """Train, resuming from `out` if it holds a started run; yields the losses of each step."""
    runtime = Runtime.resolve(config.device, threads=config.threads).apply()
    if config.keep and not (config.start_from and set(config.keep) <= {world.name for world in worlds}):
        raise InvalidConfig("keep names some of the worlds, and start_from gives what is kept of them.")
    teacher = teacher or Teacher()
    if config.start_from:
        backbone, adapter = load(config.start_from)
        backbone, adapter = backbone.train(), adapter.train()
        lesson, vocabulary, vectors = prepare(config, worlds, out, teacher, backbone.tokenizer)
    else:
        lesson, vocabulary, vectors = prepare(config, worlds, out, teacher)
        width = int(config.backbone.language["hidden_size"])
        embeddings = embeddings_of(config, lesson, vocabulary, vectors, width)
        backbone, adapter = build(config, ActionTokenizer(build_tokenizer(vocabulary)), embeddings)
    before = Before.of(lesson, backbone, adapter) if config.keep else None
    if len(vocabulary) > len(backbone.tokenizer):
        backbone = grown(config, backbone, lesson, vocabulary, vectors)
    if runtime.device.type == "cpu":
        backbone.language.model.set_attn_implementation("eager")  # its backward is faster there for short rows
    heads = Heads(lesson.slots, adapter.config, backbone.width, lesson.targets.shape[1])
    fixed = {id(p) for p in frozen(backbone)}
    modules = nn.ModuleDict({"backbone": backbone, "adapter": adapter, "heads": heads}).to(runtime.device)
    trained = [p for p in modules.parameters() if id(p) not in fixed]
    for parameter in frozen(backbone):
        parameter.requires_grad_(False)
    optimiser = torch.optim.AdamW(trained, lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=config.weight_decay)
    table = backbone.language.model.get_input_embeddings()
    hook = table.register_forward_hook(lambda _module, _inputs, output: _blur(config, output))
    start = take_up_run(out, modules, [optimiser])
    course = Course(out, config, [optimiser], start, config.warmup)
    for step in course:
        with torch.autocast(runtime.device.type, dtype=torch.bfloat16):
            parts = losses(config, lesson, backbone, adapter, heads, step, before)
        optimiser.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        if course.saves:
            keep_run(out, modules, [optimiser], course.done, spent=course.spent)
            save(out, backbone, adapter)
            save_file({k: v.contiguous() for k, v in heads.state_dict().items()}, out / "heads.safetensors")
        yield {
            "step": course.done,
            "of": course.total,
            **{name: float(value.detach()) for name, value in parts.items()},
        }
    hook.remove()


def _blur(config: AlignmentConfig, embeddings_BSD: Tensor) -> Tensor:
    """Noise on the words: a little everywhere, much on a colour word's meaning, so that its colour decides."""
    noise = config.embedding_noise * torch.randn_like(embeddings_BSD)
    if not config.colours:
        return embeddings_BSD + noise
    names_colour = embeddings_BSD[..., -1:] > 0.5
    rest, colour = embeddings_BSD[..., :-COLOUR_WIDTH], embeddings_BSD[..., -COLOUR_WIDTH:]
    alone = names_colour & (torch.rand_like(names_colour, dtype=torch.float) < config.colour_only)
    strange = torch.randn_like(rest)
    rest = torch.where(names_colour, rest + config.colour_noise * strange, rest + noise[..., :-COLOUR_WIDTH])
    rest = torch.where(alone, strange, rest)
    jitter = config.colour_jitter * torch.randn_like(embeddings_BSD[..., :4])
    jitter[..., -1] = 0
    repeats = (1,) * (embeddings_BSD.ndim - 1) + (COLOUR_WIDTH // 4,)
    colour = colour + noise[..., -COLOUR_WIDTH:] + names_colour * jitter.repeat(*repeats)
    return torch.cat([rest, colour], -1)


def save(out: Path, backbone: Backbone, adapter: Adapter) -> None:
    """Write backbone.safetensors, adapter.safetensors, tokenizer/ and config.json."""
    out.mkdir(parents=True, exist_ok=True)
    backbone.save(out / "backbone.safetensors")
    adapter.save(out / "adapter.safetensors")
    backbone.tokenizer.save(out / "tokenizer")
    values = {"backbone": backbone.config.to_dict(), "adapter": adapter.config.to_dict()}
    (out / "config.json").write_text(json.dumps(values, indent=2) + "\n")


def load(folder: str | Path) -> tuple[Backbone, Adapter]:
    """What `save` wrote, or the halves of a weights folder that ships, in float32. Raises InvalidCheckpoint."""
    folder = Path(folder)
    values = json.loads((folder / "config.json").read_text())
    backbone_config, adapter_config = (values[name] for name in ("backbone", "adapter"))
    tokenizer = ActionTokenizer.load(folder / "tokenizer")
    if (folder / "manifest.json").exists():
        states = checkpoint.load(folder)[1]
        backbone = Backbone(BackboneConfig.from_dict(backbone_config), tokenizer)
        adapter = Adapter(AdapterConfig.from_dict(adapter_config))
        checkpoint.fill(backbone, states["backbone"], folder)
        checkpoint.fill(adapter, states["adapter"], folder)
        return backbone.eval(), adapter.eval()
    backbone = Backbone.load(folder / "backbone.safetensors", BackboneConfig.from_dict(backbone_config), tokenizer)
    return backbone, Adapter.load(folder / "adapter.safetensors", AdapterConfig.from_dict(adapter_config))


def train(config: AlignmentConfig) -> Path:
    """Train or resume; returns the run's folder, which `load` reads."""
    folder = Path(config.out)
    record(folder, config)
    log: Log | None = None
    for losses_of_step in align(config, [make_world(name) for name in config.worlds], folder):
        step, total = (int(losses_of_step.pop(name)) for name in ("step", "of"))
        log = log or Log(folder, config.steps, step - 1)
        if step % config.log_every == 0 or step == config.steps:
            log(step, total, **losses_of_step)
    if log is not None:
        log.curve("pooled", "context", "teacher", *(["keep"] if config.keep else []))
    return folder
