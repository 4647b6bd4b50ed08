"""`pandora keys`: who may use a service that other machines can reach. Works while the service runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from server.users.principal import Scope

if TYPE_CHECKING:
    from server.users.keys import Keys

keys = typer.Typer(help="API keys of the service.", no_args_is_help=True)

DatabaseURL = Annotated[
    str | None, typer.Option("--database", help="SQLAlchemy URL.", show_default="that of `pandora serve`")
]


@keys.command()
def create(
    owner: Annotated[str, typer.Option(help="Whose worlds the key opens; several keys may have the same owner.")],
    name: Annotated[str, typer.Option(help="What the key is for, to tell it from others.")] = "",
    scope: Annotated[list[Scope] | None, typer.Option(help="Repeatable.", show_default="both of world")] = None,
    database: DatabaseURL = None,
) -> None:
    """Make a key and print it, once: only a hash of it is kept."""
    with _open(database) as found:
        typer.echo(found.create(owner, name, scope or (Scope.READ, Scope.WRITE)))
    typer.secho("Keep it: it is not shown again. Clients send it as `Authorization: Bearer …`.", err=True, dim=True)


@keys.command("list")
def list_keys(database: DatabaseURL = None) -> None:
    """Every key: id, owner, scopes, when it was made and last used, and its name."""
    with _open(database) as found:
        every = found.all()
    if not every:
        typer.echo("There are no keys. Make one: pandora keys create --owner NAME")
    for key in every:
        state = f"revoked {key.revoked_at[:16]}" if key.revoked_at else f"used {(key.used_at or 'never')[:16]}"
        scopes = ",".join(sorted(key.scopes))
        typer.echo(f"{key.id}  {key.owner:16} {scopes:22} made {key.created_at[:16]}  {state:24}  {key.name}".rstrip())


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `pandora keys list` shows it.")],
    database: DatabaseURL = None,
) -> None:
    """Make a key worthless. A running service follows within half a minute, and closes its sockets within one."""
    with _open(database) as found:
        key = found.revoke(key_id)
    typer.echo(f"The key {key.id} of {key.owner} is revoked.")


@contextmanager
def _open(url: str | None) -> Iterator["Keys"]:
    """The keys in the database that `pandora serve` would use here, or in that of `url`."""
    from server.settings import Settings
    from server.store.database import Database
    from server.store.migrations import upgrade
    from server.users.keys import Keys

    database = Database(Settings.where(database=url).database_url)
    try:
        upgrade(database.engine)
        yield Keys(database)
    finally:
        database.close()
