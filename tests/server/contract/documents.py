"""The descriptions that clients build on: as the service makes them now, and as they were agreed on."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from server import asyncapi
from server.app import create_app
from server.settings import Settings
from tests.server.contract.changes import compare

FOLDER = Path(__file__).parent
RENEW = "python -m tests.server.contract"


def live() -> dict[str, dict[str, Any]]:
    """Both documents, by name, of a service that requires keys. The version is left out: it changes by itself."""
    with TemporaryDirectory() as folder:
        app = create_app(Settings(data=Path(folder), require_keys=True))
        documents = {"openapi": app.openapi(), "asyncapi": asyncapi.describe()}
        app.state.service.store.database.close()
    for document in documents.values():
        del document["info"]["version"]
    return json.loads(json.dumps(documents))


def agreed(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text())


def renew() -> None:
    """Agree on the documents as they are."""
    for name, document in live().items():
        path = FOLDER / f"{name}.json"
        path.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        print(f"{path} written")


def complaint(name: str, old: dict[str, Any], new: dict[str, Any]) -> str | None:
    """What to say where the documents differ; None where they don't."""
    found = compare(old, new)
    if not found:
        return None
    broken = sum(change.breaking for change in found)
    verdict = f"{broken} of them BREAKING for clients" if broken else "none of them breaking"
    lines = "\n".join(f"  {change}" for change in found)
    return f"{name}.json: {len(found)} changes, {verdict}:\n{lines}\nIf they are meant, renew it: {RENEW}"
