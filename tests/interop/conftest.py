"""Which program talks to whose server, and a project folder written for the program that deploys it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.commands import SETUP
from tests.live.api import Api
from tests.live.postgres import Postgres
from tests.live.programs import Program, Shell, penstock, prefect
from tests.live.servers import Server, running

PROJECT = Path(__file__).parent / "project"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The check of the tables against Prefect itself is no test of ours: it runs with --baseline only."""
    asked = config.getoption("--baseline", default=False)
    return True if collection_path.name == "test_baseline.py" and not asked else None


@dataclass(frozen=True)
class Side:
    """A terminal of one program, the other's server behind it, and a set-up pool with deployments."""

    shell: Shell
    server: Server

    @property
    def api(self) -> Api:
        return self.server.api


def write_project(folder: Path, program: Program) -> Path:
    """The project's files with the program's own import names."""
    folder.mkdir()
    for source in PROJECT.iterdir():
        if source.is_file():
            text = source.read_text().replace("SDK", program.sdk).replace("STEPS", program.steps)
            (folder / source.name).write_text(text.replace("FOLDER", str(folder)))
    return folder


def side(server: Program, client: Program, folder: Path, database: str | None = None) -> Iterator[Side]:
    """A running server and a client with the project deployed."""
    with running(server, folder / "server", database) as live:
        shell = live.shell(write_project(folder / "project", client), client, folder / "home")
        for command in SETUP:
            command.check(shell)
        yield Side(shell, live)


@pytest.fixture(scope="module")
def prefect_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """A real Prefect in front of a Penstock server."""
    yield from side(penstock(), prefect(), tmp_path_factory.mktemp("prefect-client"))


@pytest.fixture(scope="module")
def penstock_client(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Side]:
    """Penstock in front of a real Prefect server, on PostgreSQL: on SQLite it sometimes waits a minute for itself."""
    yield from side(prefect(), penstock(), tmp_path_factory.mktemp("penstock-client"), postgres.database())


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """A real Prefect in front of its own server: what the tables here are measured by."""
    yield from side(prefect(), prefect(), tmp_path_factory.mktemp("baseline"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds --baseline."""
    parser.addoption("--baseline", action="store_true", help="check the interop tables with Prefect on both sides")
