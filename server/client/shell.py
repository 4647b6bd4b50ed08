"""What the commands about worlds share: options, a client whose failures are exit codes, words on stderr."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from server.client import Client

PATIENCE = 5.0  # seconds; who sits before a shell can ask again
INTERRUPTED = 130

Url = Annotated[str, typer.Option(envvar="PANDORA_URL", help="Address of the service.")]
Key = Annotated[str | None, typer.Option(envvar="PANDORA_KEY", help="API key, if the service asks for one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WorldId = Annotated[str, typer.Argument(metavar="WORLD", help="Id, as `create` and `list` show it.")]
LOCAL = "http://127.0.0.1:8000"


@contextmanager
def service(url: str, key: str | None) -> "Iterator[Client]":
    """A client whose failures end the program with a line and an exit code."""
    from server.client import (
        AccessDenied,
        Client,
        Conflict,
        InvalidRequest,
        NotFound,
        Overloaded,
        ServiceFailure,
        Unavailable,
        Unreachable,
    )

    codes: dict[type[ServiceFailure], int] = {
        InvalidRequest: 2, AccessDenied: 2, NotFound: 3, Conflict: 4, Overloaded: 5, Unavailable: 5, Unreachable: 5,
    }  # fmt: skip
    try:
        with Client(url, key, patience=PATIENCE) as client:
            yield client
    except ServiceFailure as failure:
        typer.secho(f"pandora: {failure}", fg=typer.colors.RED, err=True)
        raise typer.Exit(codes.get(type(failure), 1)) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def note(text: str) -> None:
    """Say something that is no answer."""
    typer.secho(text, err=True, dim=True)
