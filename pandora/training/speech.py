"""The backbone learns to speak: it writes the state that it sees, and the next state of one that it reads.

    L = L_look + L_see + L_think + keep * L_keep

L_look teaches the eyes directly, see `clauses.py`. L_keep holds what the video model is told: the conditioning of
frames and actions stays that of the backbone as it was (learning without forgetting, 1606.09282), so that the video
model goes on with the new one.
"""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pandora import checkpoint
from pandora.adapter import Adapter
from pandora.backbone import Backbone, BackboneConfig
from pandora.backbone.speech import STATE_TOKENS
from pandora.config import Config
from pandora.errors import InvalidInput
from pandora.runtime import Runtime
from pandora.training.alignment import load as load_aligned
from pandora.training.alignment import save as save_aligned
from pandora.training.clauses import ClauseHead
from pandora.training.encoded import SUFFIX, Encoded
from pandora.training.episodes import replay
from pandora.training.kept import moved
from pandora.training.mixture import parse_mixture, pick
from pandora.training.optimizers import adam_and_muon, step_all
from pandora.training.progress import Course, Log, blend, keep_run, record, take_up_run
from pandora.worlds import make_world
from pandora.worlds.base import World


@dataclass(frozen=True, kw_only=True)
class SpeechConfig(Config):
    data: str = "data/blocks"  # a folder of encoded shards, or several with weights: data/blocks=2,data/towers=1
    world: str = "blocks"
    aligned: str = "weights/pandora-small"  # backbone and adapter whose conditioning is kept
    start_from: str = ""  # an earlier run of this stage, whose backbone goes on; "": that of `aligned`
    out: str = "runs/speech"
    steps: int = 4000
    minutes: float = 0.0  # at most, over all starts; the learning rate then falls by the clock. 0: as long as it takes
    batch: int = 96  # frames to look at: the harder task, and the cheaper one
    written: int = 32  # of them, whose state is written
    thoughts: int = 12  # actions to think through, and as many whose conditioning is kept
    learning_rate: float = 1e-3
    muon_rate: float = 2.0  # learning rate of the matrices, relative
    weight_decay: float = 0.01
    keep: float = 1.0  # weight of the conditioning as it was
    kept: str = ""  # where it is kept: folders of encoded shards of any worlds; "": those of `data`
    noise: float = 0.03  # of the pixels, as a share of their range, at most: generated frames are not clean
    ema: float = 0.998
    seed: int = 0
    log_every: int = 50
    save_every: int = 250
    threads: int = 1
    device: str = "auto"


@dataclass(frozen=True)
class Lessons:
    """B resting frames with their states in words, and B actions with the states after, and what was said before.

    There are no states where they were not asked for.
    """

    frames: Tensor  # (B, H, W, 3) uint8
    states: list[str]
    sentences: list[str]
    after: list[str]
    earlier: list[tuple[str, ...]]  # as the video model hears them: on half of the rows

    def first(self, count: int) -> "Lessons":
        return Lessons(
            self.frames[:count], self.states[:count], self.sentences[:count], self.after[:count], self.earlier[:count]
        )


class Episodes:
    """The resting frames of every encoded shard of a mixture, and what was done next; with a world, their states."""

    def __init__(self, data: str, world: World | None):
        self.shards: list[Encoded] = []
        self.weights: list[float] = []
        for folder, weight in parse_mixture(data).items():
            shards = map(Encoded, sorted(folder.glob(f"*{SUFFIX}")))
            found = [shard for shard in shards if shard.labels]  # imported films may all have been unusable
            if not found:
                raise InvalidInput(
                    f"No encoded shards in {folder}. Make and encode some: pandora data make, pandora data encode"
                )
            self.shards += found
            self.weights += [weight / len(found)] * len(found)
        # of each shard and episode the states before every action and after the last
        self.states = [[_walk(world, label) for label in shard.labels] for shard in self.shards] if world else []

    @property
    def texts(self) -> set[str]:
        """All states that occur."""
        return {text for shard in self.states for episode in shard for text in episode}

    def draw(self, count: int, rng: np.random.Generator) -> Lessons:
        """`count` clips, each with one of its phrasings."""
        frames, states, sentences, after, earlier = [], [], [], [], []
        for _ in range(count):
            number = pick(self.weights, rng)
            shard = self.shards[number]
            row = int(rng.integers(len(shard.labels)))
            clip = int(rng.integers(shard.clips[row]))
            said = [action["sentences"] for action in shard.labels[row]["actions"][: clip + 1]]
            spoken = [choices[rng.integers(len(choices))] for choices in said]
            frames.append(torch.from_numpy(shard.frame(row, clip)))
            sentences.append(spoken[-1])
            earlier.append(tuple(spoken[:-1]) if rng.random() < 0.5 else ())
            if self.states:
                states.append(self.states[number][row][clip])
                after.append(self.states[number][row][clip + 1])
        return Lessons(torch.stack(frames), states, sentences, after, earlier)


def _walk(world: World, label: Mapping[str, Any]) -> list[str]:
    """The states of an episode in words, that before the first action first."""
    if label["world"] != world.name:
        raise InvalidInput(f"There are episodes of {label['world']} among those of {world.name}.")
    planning = world.planning()
    return [planning.say_state(world.facts(scene)) for scene in replay(world, label)]


def with_voice(backbone: Backbone, texts: Iterable[str]) -> Backbone:
    """The same backbone with a voice: its own, or a new one that can say what the texts say."""
    if backbone.voice is not None:
        return backbone
    tokenizer = backbone.tokenizer
    words = sorted({piece for text in texts for piece in tokenizer.pieces(text, STATE_TOKENS)} | {tokenizer.end[0]})
    speaking = Backbone(BackboneConfig.from_dict(backbone.config.to_dict() | {"voice": len(words)}), tokenizer)
    missing, _ = speaking.load_state_dict(backbone.state_dict(), strict=False)
    assert speaking.voice is not None
    assert all(name.startswith("voice.") for name in missing)
    speaking.voice.words_W.copy_(torch.tensor(words))
    return speaking


class Learner(nn.Module):
    """What learns, so that one optimizer and one checkpoint hold it: the backbone, and the head that is left behind."""

    def __init__(self, backbone: Backbone, texts: Iterable[str]):
        super().__init__()
        self.backbone, self.clauses = backbone, ClauseHead(backbone.width, texts)

    backbone: Backbone

    def optimizers(self, config: SpeechConfig) -> list[torch.optim.Optimizer]:
        """Muon for the matrices of eyes and decoder, AdamW for the rest. Word embeddings stay: others need them."""
        self.backbone.language.model.get_input_embeddings().weight.requires_grad_(False)
        layers = [self.backbone.vision.tower, self.backbone.vision.projector, self.backbone.language.model.layers]
        matrices = [p for part in layers for n, p in part.named_parameters() if p.ndim == 2 and "embedding" not in n]
        chosen = {id(p) for p in matrices}
        others = [p for p in self.parameters() if p.requires_grad and id(p) not in chosen]
        return adam_and_muon([{"params": others, "scale": 1.0}], matrices, config.muon_rate, config.weight_decay)


class Losses:
    """What is minimised; `before` and the adapter are those whose conditioning is kept."""

    def __init__(self, config: SpeechConfig, learner: Learner, adapter: Adapter, before: Backbone):
        self.config, self.clauses, self.backbone = config, learner.clauses, learner.backbone
        self.adapter, self.before = adapter, before

    def __call__(
        self, lessons: Lessons, kept: Lessons, rng: np.random.Generator
    ) -> tuple[dict[str, Tensor], dict[str, float]]:
        """By name; and what else is worth a line: the share of states that the eyes saw rightly.

        `kept` are other frames and sentences, whose conditioning stays.
        """
        speaker, device, written = self.backbone.speaker, self.backbone.queries_QD.device, self.config.written
        lessons = replace(lessons, frames=lessons.frames.to(device))
        frames, some = _noisy(lessons.frames, self.config.noise, rng), lessons.first(self.config.thoughts)
        visual = self.backbone.vision(frames)
        look, seen = self.clauses.loss(visual, lessons.states)
        losses = {
            "look": look,
            "see": speaker.loss(speaker.asked(visual[:written]), lessons.states[:written]),
            "think": speaker.loss(speaker.think(some.states, some.sentences), some.after),
        }
        if self.config.keep:
            losses["keep"] = self.config.keep * self._keep(replace(kept, frames=kept.frames.to(device)))
        return losses, {"seen": seen.item()}

    def _keep(self, lessons: Lessons) -> Tensor:
        """The mean squared change of the conditioning, in units of its variance."""
        ids, mask = self.backbone.tokenize(lessons.sentences, lessons.earlier)
        with torch.no_grad():
            old = self.adapter(self.before(lessons.frames, ids, mask))
        return moved(self.adapter(self.backbone(lessons.frames, ids, mask)), old)


def _noisy(frames: Tensor, most: float, rng: np.random.Generator) -> Tensor:
    level = 255 * most * torch.from_numpy(rng.random((len(frames), 1, 1, 1), dtype=np.float32)).to(frames.device)
    noise = torch.from_numpy(rng.standard_normal(frames.shape, dtype=np.float32)).to(frames.device)
    return (frames.float() + level * noise).round().clamp(0, 255).to(torch.uint8)


def train(config: SpeechConfig) -> Path:
    """Train or resume; returns the run's folder, with backbone and adapter as the alignment stage writes them."""
    runtime = Runtime.resolve(config.device, threads=config.threads).apply()
    torch.manual_seed(config.seed)
    folder = Path(config.out)
    before, adapter = load_aligned(config.aligned)
    before, adapter = before.to(runtime.device), adapter.to(runtime.device)
    episodes = Episodes(config.data, make_world(config.world))
    kept = Episodes(config.kept or config.data, None)
    begun = load_aligned(config.start_from)[0] if config.start_from else copy.deepcopy(before)
    learner = Learner(with_voice(begun, episodes.texts), episodes.texts).to(runtime.device).train()
    for module in (before, adapter):
        module.requires_grad_(False)
    if runtime.device.type == "cpu":
        learner.backbone.language.model.set_attn_implementation("eager")  # its backward is faster there for short rows
    optimizers = learner.optimizers(config)
    average = {name: value.detach().clone() for name, value in learner.state_dict().items()}
    start = take_up_run(folder, learner, optimizers, average)
    record(folder, config)
    losses = Losses(config, learner, adapter, before)
    log = Log(folder, config.steps, start)
    parameters = [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
    course = Course(folder, config, optimizers, start)
    for step in course:
        rng = np.random.default_rng([config.seed, step])
        with torch.autocast(runtime.device.type, torch.bfloat16):
            parts, others = losses(episodes.draw(config.batch, rng), kept.draw(config.thoughts, rng), rng)
        torch.stack(list(parts.values())).sum().backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        step_all(optimizers)
        blend(average, learner, config.ema, step)
        log.add(**{name: part.item() for name, part in parts.items()}, **others)
        if course.logs:
            log(course.done, course.total)
        if course.saves:
            keep_run(folder, learner, optimizers, course.done, average, course.spent)
            save_aligned(folder, _kept(learner, average, folder), adapter)
    log.curve("look", "seen", "see", "think", "keep")
    return folder


def _kept(learner: Learner, average: Mapping[str, Tensor], folder: Path) -> Backbone:
    """The backbone with its averaged weights."""
    kept = Backbone(learner.backbone.config, learner.backbone.tokenizer)
    part = {name: value for name, value in average.items() if name.startswith("backbone.")}
    checkpoint.fill(kept, {name.removeprefix("backbone."): value for name, value in part.items()}, folder)
    return kept
