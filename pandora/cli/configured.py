"""Commands whose options are the fields of a frozen config: `function(config)` becomes `pandora … --field value`.

The function's module is imported when its options are asked for, so listing such commands costs nothing.
"""

import inspect
import json
import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from importlib import import_module
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand
from typer.main import get_command

_MAPPINGS = (dict, Mapping)


def configured(target: str) -> type[TyperCommand]:
    """A command class for `module:function`, where the function takes one config dataclass named `config`."""

    class Configured(TyperCommand):
        def get_params(self, ctx: Any) -> Any:
            if not self.params:
                app = typer.Typer(add_completion=False)
                app.command()(_command(target))
                command = get_command(app)
                self.params, self.callback = command.params, command.callback
            return super().get_params(ctx)

    return Configured


def placeholder() -> None:
    """Stands for the function until its module is imported."""


def _command(target: str) -> Callable[..., None]:
    module, name = target.split(":")
    function = getattr(import_module(module), name)
    kind = get_type_hints(function)["config"]

    def command(**values: Any) -> None:
        result = function(_build(kind, values))
        for path in result if isinstance(result, Iterator) else [result]:
            typer.echo(path)

    parameters = list(_parameters(kind))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _parameters(kind: type, prefix: str = "", given: Any = None) -> Iterator[inspect.Parameter]:
    """One keyword a field; those of a nested config are called `outer.inner`. `given` is a config with the defaults."""
    hints, comments = get_type_hints(kind), _comments(kind)
    for field in fields(kind):
        name, hint = f"{prefix}{field.name}", hints[field.name]
        default = _default(field) if given is None else getattr(given, field.name)
        if is_dataclass(hint) and isinstance(hint, type):
            yield from _parameters(hint, f"{name}.", None if default is inspect.Parameter.empty else default)
        elif (shown := _shown(hint)) is not None:
            flag = f"--{name}".replace("_", "-")
            flags = f"{flag}/--no-{name}".replace("_", "-") if hint is bool else flag
            option = typer.Option(flags, help=comments.get(field.name, ""), parser=_object if _maps(hint) else None)
            yield inspect.Parameter(
                name.replace(".", "__"), inspect.Parameter.KEYWORD_ONLY,
                default=list(default) if isinstance(default, tuple) else default,
                annotation=Annotated[shown, option],
            )  # fmt: skip


def _shown(hint: Any) -> Any:
    """The type as a command line has it, None where it has none: tuples of any length are repeated options, a mapping
    is an object in JSON, which goes over the default."""
    if get_origin(hint) in (Union, types.UnionType):
        inner = [_shown(part) for part in get_args(hint) if part is not type(None)]
        return None if len(inner) != 1 or inner[0] is None or _maps(inner[0]) else inner[0] | None
    if get_origin(hint) is tuple:
        arguments = get_args(hint)
        return list[arguments[0]] if arguments[1:] == (...,) else hint
    return hint


def _maps(hint: Any) -> bool:
    return hint in _MAPPINGS or get_origin(hint) in _MAPPINGS


def _object(text: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """Of an option's JSON, or the default as it is."""
    if isinstance(text, Mapping):
        return text
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise typer.BadParameter(f'{error}. An object in JSON, such as {{"num_hidden_layers": 3}}.') from error
    if not isinstance(value, dict):
        raise typer.BadParameter('An object in JSON is needed, such as {"num_hidden_layers": 3}.')
    return value


def _default(field: Field[Any]) -> Any:
    if field.default is not MISSING:
        return field.default
    return inspect.Parameter.empty if field.default_factory is MISSING else field.default_factory()


def _comments(kind: type) -> dict[str, str]:
    """The remark behind each field in the source, inherited ones too: it is the option's help."""
    sources = [inspect.getsource(base) for base in reversed(kind.__mro__) if is_dataclass(base)]
    return dict(re.findall(r"^    (\w+): .*?  # (.+)$", "\n".join(sources), re.MULTILINE))


def _build(kind: type, values: dict[str, Any], prefix: str = "") -> Any:
    hints, chosen = get_type_hints(kind), {}
    for field in fields(kind):
        name, hint = f"{prefix}{field.name}", hints[field.name]
        if is_dataclass(hint) and isinstance(hint, type):
            chosen[field.name] = _build(hint, values, f"{name}__")
        elif name in values:
            value = values[name]
            if isinstance(value, dict):
                value = {**_default(field), **value}
            chosen[field.name] = tuple(value) if isinstance(value, list) else value
    return kind(**chosen)
