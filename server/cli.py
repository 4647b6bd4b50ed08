"""The commands that the service adds to `pandora`: `pandora serve` and `pandora bench`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pandora.errors import PandoraError
from server.client.cli import world
from server.users.cli import keys

_WEIGHTS = Path("weights/pandora-small")

Weights = Annotated[Path | None, typer.Option(help="Folder of weights.", show_default=str(_WEIGHTS))]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:0.", show_default="auto")]
Threads = Annotated[str | None, typer.Option(help="CPU threads of the model: a number or auto.", show_default="auto")]
Steps = Annotated[int | None, typer.Option(min=1, max=50, help="Denoising steps a clip.", show_default="1 or preset's")]
Json = Annotated[Path | None, typer.Option("--json", help="Write rows and settings to this file.")]

bench = typer.Typer(help="Measure the service.", no_args_is_help=True)


@bench.callback()
def _bench() -> None:
    """Measure the service."""


def serve(
    weights: Weights = None,
    preset: Annotated[
        str | None, typer.Option(help="A model of published parts in the place of weights, such as pandora-7b.")
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="Of the preset: another language model, by name, hub name or folder.")
    ] = None,
    video: Annotated[str | None, typer.Option(help="Of the preset: another video transformer, likewise.")] = None,
    release: Annotated[
        str | None, typer.Option(help="Of the preset: what `pandora train instruction` made, folder or hub name.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes any free port.", show_default="8000")] = None,
    require_keys: Annotated[
        bool | None, typer.Option("--require-keys", help="Ask everybody for a key of `pandora keys create`.")
    ] = None,
    allow_remote: Annotated[
        bool | None, typer.Option("--allow-remote", help="Let other machines in without keys: they may do everything.")
    ] = None,
    device: Device = None,
    threads: Threads = None,
    steps: Steps = None,
    max_worlds: Annotated[int | None, typer.Option(help="Worlds in the store.", show_default="10000")] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json.", show_default="text")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.", show_default="info")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="TOML, one line a setting.")] = None,
    print_config: Annotated[bool, typer.Option("--print-config", help="Print all settings as TOML and exit.")] = False,
) -> None:
    """Serve worlds in the browser, over HTTP and WebSocket.

    Each setting that --print-config shows is also a variable, such as PANDORA_PORT, and a line of a file of --config or
    PANDORA_CONFIG. Options go before variables, variables before the file.
    """
    from server.settings import Settings

    local = _local_weights()
    settings = Settings.from_environment(
        file=config, fallback={"weights": local} if local else None, weights=weights, preset=preset,
        backbone=backbone, video=video, release=release, host=host, port=port,
        require_keys=require_keys, allow_remote=allow_remote, device=device, threads=threads, sampling_steps=steps,
        max_worlds=max_worlds, log_format=log_format, log_level=log_level,
    )  # fmt: skip
    if print_config:
        typer.echo(settings.to_toml(), nl=False)
        return
    from server.run import run

    if not run(settings):
        raise typer.Exit(1)


@bench.command("stream")
def bench_stream(
    weights: Weights = None,
    quick: Annotated[bool, typer.Option("--quick", help="A run of well under a minute.")] = False,
    json: Json = None,
    device: Device = None,
    threads: Threads = None,
    steps: Steps = None,
) -> None:
    """Film a second, first frame, and memory of a real server, measured through its WebSocket."""
    from server.bench.stream import measure

    measure(_options(weights, device, threads, steps), quick=quick, json_path=json)


@bench.command("service")
def bench_service(
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="share, eight, fork, page, kill, restart, soak, probe, fuzz or schema; several. The file of --json "
            "keeps its other rows.",
            show_default="all",
        ),
    ] = None,
    weights: Weights = None,
    quick: Annotated[bool, typer.Option("--quick", help="A few minutes instead of an hour.")] = False,
    json: Json = None,
    device: Device = None,
    threads: Threads = None,
    steps: Steps = None,
) -> None:
    """What the service adds to the model, what forks and restarts cost, and what is left after kills and a long run."""
    from server.bench.service import measure

    measure(_options(weights, device, threads, steps), only=only, quick=quick, json_path=json)


@bench.command("rollouts")
def bench_rollouts(
    weights: Weights = None,
    quick: Annotated[bool, typer.Option("--quick", help="One round, and fewer single steps.")] = False,
    json: Json = None,
    device: Device = None,
    threads: Threads = None,
    steps: Steps = None,
) -> None:
    """64 futures of 4 actions from one state through the API, the first of them, and single steps beside them."""
    from server.bench.rollouts import measure

    measure(_options(weights, device, threads, steps), quick=quick, json_path=json)


def _options(weights: Path | None, device: str | None, threads: str | None, steps: int | None) -> dict[str, str]:
    """Those of `serve` that were given."""
    options = {"weights": weights or _local_weights(), "device": device, "threads": threads, "steps": steps}
    return {name: str(value) for name, value in options.items() if value is not None}


def _local_weights() -> Path | None:
    """The shipped folder as seen from here, unless a variable names another."""
    return _WEIGHTS.resolve() if _WEIGHTS.is_dir() and "PANDORA_WEIGHTS" not in os.environ else None


def main() -> None:
    """`python -m server.cli`: the same commands where `pandora` is not installed."""
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
    app.command("serve")(serve)
    app.add_typer(bench, name="bench")
    app.add_typer(keys, name="keys")
    app.add_typer(world, name="world")
    try:
        app()
    except (PandoraError, OSError) as error:
        typer.secho(f"pandora: {error}", fg=typer.colors.RED, err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
