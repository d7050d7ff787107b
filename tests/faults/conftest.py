"""A Penstock server on each database, that a test may kill; `--full` runs the large versions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.catalogue import Catalogue
from tests.faults.plant import Plant
from tests.live.postgres import Postgres
from tests.live.programs import penstock
from tests.live.servers import Server

QUICK = {
    "PENSTOCK_SERVER_SERVICES_REPOSSESSOR_LOOP_SECONDS": "1",
    "PENSTOCK_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "1",
    "PENSTOCK_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "1",
}


@pytest.fixture
def full() -> bool:
    """Whether the large version was asked for, by PENSTOCK_TEST_FULL=1."""
    return os.environ.get("PENSTOCK_TEST_FULL", "") not in ("", "0")


@pytest.fixture
def database(dialect: str, request: pytest.FixtureRequest) -> str | None:
    """None for the server's own SQLite file, else the URL of an empty PostgreSQL database."""
    if dialect == "sqlite":
        return None
    cluster: Postgres = request.getfixturevalue("postgres")
    return cluster.database()


@pytest.fixture
def server(database: str | None, tmp_path: Path) -> Iterator[Server]:
    """A started server whose loops turn every second."""
    home = tmp_path / "server"
    home.mkdir()
    live = Server(penstock(), home, database, QUICK)
    yield live.start()
    live.stop()


@pytest.fixture
def plant(server: Server, tmp_path: Path) -> Iterator[Plant]:
    """A pool, a deployment whose runs count their executions, and the workers that a test starts."""
    made = Plant(server, tmp_path / "plant")
    yield made
    made.close()


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """What the tests were shown for bad input."""
    folder = rf"{tmp_path_factory.getbasetemp()}/[^/\s'\"]*"
    identifier = r"(?!0{8})[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    clock = r"\d\d:\d\d:\d\d(?:\.\d+)?"
    return Catalogue({folder: "/project", r"127\.0\.0\.1:\d+": "127.0.0.1:4200", identifier: "ID", clock: "12:00:00"})
