"""`pandora`: puts the commands together, adds those of plugins, and turns errors into one line."""

import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any

import typer

from pandora import __version__
from pandora.cli import bench, data, doctor, evaluate, gallery, generate, memory, scenes, train
from pandora.errors import PandoraError

PLUGINS = "pandora.commands"


def main() -> None:
    """The console script. What a person can mend ends in one red line and exit code 2."""
    try:
        create_app()()
    except (PandoraError, OSError) as error:
        typer.secho(f"pandora: {error}", fg=typer.colors.RED, err=True)
        sys.exit(2)


def create_app() -> typer.Typer:
    """The whole command line: our commands, then those of installed plugins."""
    app = typer.Typer(
        name="pandora", help="A world you can talk to.", no_args_is_help=True, pretty_exceptions_enable=False
    )
    app.callback()(_options)
    app.command("generate")(generate.generate)
    app.command("scenes")(scenes.scenes)
    app.command("gallery")(gallery.gallery)
    app.command("eval")(evaluate.evaluate)
    app.command("doctor")(doctor.doctor)
    app.command("memory")(memory.memory)
    app.add_typer(train.app, name="train")
    app.add_typer(data.app, name="data")
    app.add_typer(bench.make_group(), name="bench")
    for plugin in sorted(entry_points(group=PLUGINS), key=lambda plugin: plugin.name):
        _add_plugin(app, plugin)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of `pandora` itself."""


def _add_plugin(app: typer.Typer, plugin: EntryPoint) -> None:
    """A plugin is a typer app or a function; one that can't be loaded says so when called, and only then.

    An app that is named like a group of ours adds its commands to it.
    """
    try:
        command: Any = plugin.load()
    except (ImportError, AttributeError) as error:
        command = _broken(plugin, error)
    group = next((info.typer_instance for info in app.registered_groups if info.name == plugin.name), None)
    if group is not None:
        if isinstance(command, typer.Typer):
            group.registered_commands += command.registered_commands
        else:
            group.command("service")(command)
    elif not isinstance(command, typer.Typer):
        app.command(plugin.name)(command)
    elif len(command.registered_commands) == 1 and not command.registered_groups and not command.registered_callback:
        only = command.registered_commands[0]
        app.command(plugin.name, help=only.help or command.info.help or None)(only.callback or _broken(plugin, "empty"))
    else:
        app.add_typer(command, name=plugin.name)


def _broken(plugin: EntryPoint, reason: object) -> Any:
    def command() -> None:
        raise PandoraError(f"The command {plugin.name} ({plugin.value}) can't be loaded: {reason}.")

    command.__doc__ = f"Not available: {reason}"
    return command
