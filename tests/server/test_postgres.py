"""The store on a real PostgreSQL, where one is installed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect
from starlette.testclient import TestClient

Open = Callable[..., AbstractContextManager[TestClient]]


def _programs() -> Path | None:
    """The folder with `initdb` and `pg_ctl`, which Debian keeps out of PATH."""
    places = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "pg_ctl").exists()), None)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An empty database of a cluster of its own, reached through a socket in its folder."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL: the store was tested on SQLite only (Debian: apt install postgresql)")
    folder = tempfile.mkdtemp(prefix="pandora-postgres-")
    as_user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "nobody")
        as_user = ["setpriv", "--reuid=nobody", "--clear-groups"]

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(programs / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr

    run("initdb", "-D", f"{folder}/data", "-U", "pandora", "--auth=trust", "--no-sync")
    settings = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    run("pg_ctl", "-D", f"{folder}/data", "-o", settings, "-l", f"{folder}/log", "-w", "start")
    try:
        yield f"postgresql+psycopg://pandora@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(folder)


def test_worlds_in_postgres(open_client: Open, url: str) -> None:
    with open_client(database=url) as client:
        world = client.post("/v1/worlds", json={"scene": "tower", "seed": 7}).json()["id"]
        body = {"actions": ["pick up the red block", "wait"]}
        headers = {"Idempotency-Key": "k"}
        done = [client.post(f"/v1/worlds/{world}/steps", json=body, headers=headers).json() for _ in range(2)]
        assert done[0] == done[1]
        forks = client.post(f"/v1/worlds/{world}/forks", json={"count": 64, "step": 1}).json()["worlds"]
        assert client.post(f"/v1/worlds/{world}/rewind", json={"step": 1}).json()["head"] == 1
        seen = client.get(f"/v1/worlds/{world}").json()
        picture = client.get(f"/v1/worlds/{world}/frames/2").content
        assert client.get("/readyz").status_code == 200
    with open_client(database=url) as client:
        assert client.get(f"/v1/worlds/{world}").json() == seen
        assert client.get(f"/v1/worlds/{world}/frames/2").content == picture
        assert len(client.get("/v1/worlds").json()["worlds"]) == 65
        assert client.delete(f"/v1/worlds/{world}").status_code == 204
        last = forks[-1]["id"]
        answer = client.post(f"/v1/worlds/{last}/steps", json={"actions": ["wait"], "expected_step": 1})
        assert answer.json()["world"]["head"] == 2
        for fork in forks:
            assert client.delete(f"/v1/worlds/{fork['id']}").status_code == 204
        assert client.get("/v1/worlds").json()["worlds"] == []
    engine = create_engine(url)
    assert {"worlds", "steps", "events", "answers", "keys"} <= set(inspect(engine).get_table_names())
    engine.dispose()
