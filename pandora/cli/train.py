"""`pandora train …`: the stages of training; each option is a field of the stage's config."""

import typer

from pandora.cli.configured import configured, placeholder

STAGES = {
    "autoencoder": "Frames to latents and back.",
    "alignment": "Teach the backbone and the adapter what sentences mean.",
    "speech": "Teach the backbone to say what it sees, and what would follow, in words.",
    "video": "The video model, on true histories.",
    "rollout": "The video model, on its own rollouts, so that errors do not pile up.",
    "judge": "A world's learned judge: what a clip shows, read from pixels; then measure it on true clips.",
    "text-alignment": "Published models: teach an adapter to say what a text encoder would, from films with captions.",
    "instruction": "Published models: teach a video transformer to go on from a past as it is told, from films.",
}

MORE = {
    "recipe": ("All stages from nothing to weights, within a time; it resumes.", "pandora.training.recipe:run"),
    "study": (
        "What a choice is worth: one setting varied, all else the same, each variant trained and measured.",
        "pandora.study:run",
    ),
    "novelty": (
        "What the trained worlds look like, so that strange pictures are told.",
        "pandora.training.novelty:measure",
    ),
    "export": ("Put the runs' parts together into a weights folder.", "pandora.training.export:export"),
    "store": ("Write a weights folder's matrices in eight bits: half the room.", "pandora.training.export:store"),
    "anchor": (
        "Published models: measure which weights a language model's own ability rests on.",
        "pandora.training.anchor:measure",
    ),
    "merge": (
        "Published models: add what was trained to the weights it was trained on.",
        "pandora.training.publication:merge_release",
    ),
    "publish": ("Published models: put what was trained on the hub.", "pandora.training.publication:publish"),
    "launch-config": (
        "Write the file that tells accelerate how many processes train, and how they share.",
        "pandora.training.distributed:write_launch",
    ),
    "card": ("Write the model card and the README's table from what was measured.", "pandora.training.card:write"),
}

app = typer.Typer(help="Train one stage; it resumes where it stopped.", no_args_is_help=True)
for _stage, _summary in STAGES.items():
    _module = f"pandora.training.{_stage.replace('-', '_')}"
    app.command(_stage, help=_summary, cls=configured(f"{_module}:train"))(placeholder)
for _step, (_summary, _target) in MORE.items():
    app.command(_step, help=_summary, cls=configured(_target))(placeholder)
