"""How often the slot heads read verb and arguments right: trained and held-out phrasings, anyone's own sentences."""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from pandora.adapter import Adapter
from pandora.backbone import Backbone
from pandora.errors import InvalidInput
from pandora.training.alignment import Heads, load
from pandora.training.sentences import Corpus, Slots, collect
from pandora.worlds import make_world
from pandora.worlds.base import Meaning


def read_phrases(path: Path, slots: Slots, seed: int = 0, names: Sequence[str] | None = None) -> Corpus:
    """`{"verb": ["… {a} … {b}", …]}`, each phrase once, with random arguments.

    Args:
        names: what arguments are drawn from; all that the slots know, if it is not given.

    Raises InvalidInput on another shape.
    """
    try:
        phrases: dict[str, list[str]] = json.loads(path.read_text())
        wrong = [verb for verb in phrases if verb not in slots.verbs]
    except (OSError, ValueError, TypeError) as error:
        raise InvalidInput(f"{path} holds no phrases ({error}); expected an object of verb: [phrase, …].") from error
    if wrong:
        raise InvalidInput(f"{path} has verbs unknown here: {', '.join(wrong)}. Valid: {', '.join(slots.verbs)}.")
    rng, known = np.random.default_rng(seed), tuple(names or slots.arguments)
    sentences, rows = [], []
    for verb, templates in phrases.items():
        for template in templates:
            values = [known[i] for i in rng.permutation(len(known))[: slots.counts[verb]]]
            places = "abcdefgh"[: len(values)]
            sentences.append(template.format(**dict(zip(places, values, strict=True))))
            hidden = [f"{{{place}}}" not in template for place in places]
            rows.append(slots.classes(Meaning(verb, tuple(values)), hidden))
    return Corpus(sentences, np.array(rows, dtype=np.int64))


@torch.no_grad()
def predict(
    backbone: Backbone,
    adapter: Adapter,
    heads: Heads,
    sentences: list[str],
    histories: list[tuple[str, ...]],
    frames: Tensor,
) -> Tensor:
    """Slot classes (N, slots) int64 of N sentences, from the pooled vector; `frames` (F, H, W, 3) uint8 are cycled."""
    rows = []
    for start in range(0, len(sentences), 128):
        part = slice(start, start + 128)
        ids, mask = backbone.tokenize(sentences[part], histories[part])
        pictures = frames[torch.arange(start, start + len(ids)) % len(frames)]
        pooled, _ = heads(adapter(backbone(pictures, ids, mask)))
        rows.append(torch.stack([logits.argmax(1) for logits in pooled], dim=1))
    return torch.cat(rows)


def main() -> None:
    """Print the share of sentences with every slot right, with and without earlier actions before them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("runs/align"))
    free = Path(__file__).parent.parent / "evaluation" / "free_phrases.json"
    parser.add_argument("--phrases", type=Path, default=free)
    parser.add_argument("--world", action="append", help="those of the run where none is named")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--wrong", type=int, default=0, help="how many misread sentences to show of each set")
    options = parser.parse_args()
    torch.set_num_threads(1)
    last = json.loads((options.run / "runs.jsonl").read_text().splitlines()[-1])["config"]
    worlds = {name: make_world(name) for name in last["worlds"]}
    slots = Slots.of(*worlds.values())
    backbone, adapter = load(options.run)
    tensors = load_file(options.run / "heads.safetensors")
    heads = Heads(slots, adapter.config, backbone.width, tensors["teacher.weight"].shape[0])
    heads.load_state_dict(tensors)
    rng = np.random.default_rng(0)
    for name in options.world or worlds:
        world = worlds[name]
        frames = torch.from_numpy(np.stack([world.render(world.reset(seed)) for seed in range(1000, 1032)]))
        corpora = {
            "train": collect(world, options.count, 12345, "train", 100, slots),
            "held_out": collect(world, options.count, 12345, "held_out", 100, slots),
        }
        if name == "blocks":
            corpora["phrases"] = read_phrases(options.phrases, slots, names=world.arguments)
        earlier = corpora["train"].sentences
        for kind, corpus in corpora.items():
            for history in (0, backbone.config.history):
                before = [tuple(earlier[i] for i in rng.integers(len(earlier), size=history)) for _ in corpus.sentences]
                guess = predict(backbone, adapter, heads, corpus.sentences, before, frames).numpy()
                right = (guess == corpus.classes).all(1)
                each = " ".join(f"{share:.3f}" for share in (guess == corpus.classes).mean(0))
                print(
                    f"{name:10} {kind:8} history {history}  all slots {right.mean():.4f}  each {each}  n {len(right)}"
                )
                if not history:
                    _show(slots, corpus, guess, right, options.wrong)


def _show(slots: Slots, corpus: Corpus, guess: np.ndarray, right: np.ndarray, count: int) -> None:
    missed = np.flatnonzero(~right)
    if count and len(missed):
        print("   by verb", dict(Counter(slots.verbs[corpus.classes[i, 0]] for i in missed)))
    for i in missed[:count]:
        print(f"   {corpus.sentences[i]!r}: {slots.name(corpus.classes[i])} read as {slots.name(guess[i])}")


if __name__ == "__main__":
    main()
