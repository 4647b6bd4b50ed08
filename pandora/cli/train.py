"""`pandora train …`: the stages of training; each option is a field of the stage's config."""

import typer

from pandora.cli.configured import configured, placeholder

STAGES = {
    "autoencoder": "Frames to latents and back.",
    "alignment": "Teach the backbone and the adapter what sentences mean.",
    "speech": "Teach the backbone to say what it sees, and what would follow, in words.",
    "video": "The video model, on true histories.",
    "rollout": "The video model, on its own rollouts, so that errors do not pile up.",
}

MORE = {
    "export": ("Put the runs' parts together into a weights folder.", "pandora.training.export:export"),
    "card": ("Write the model card and the README's table from what was measured.", "pandora.training.card:write"),
}

app = typer.Typer(help="Train one stage; it resumes where it stopped.", no_args_is_help=True)
for _stage, _summary in STAGES.items():
    app.command(_stage, help=_summary, cls=configured(f"pandora.training.{_stage}:train"))(placeholder)
for _step, (_summary, _target) in MORE.items():
    app.command(_step, help=_summary, cls=configured(_target))(placeholder)
