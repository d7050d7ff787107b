"""Databases for all tests: each test that asks for `db` runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest

from penstock.store import migrations
from penstock.store.database import Database
from penstock.store.open import open_database
from tests.live.docker import Engine, engine
from tests.live.postgres import Postgres, cluster

DIALECTS = ("sqlite", "postgres")
LONGEST = (
    "upgrade/test_story.py",
    "interop/test_prefect_client.py",
    "interop/test_workers_together.py",
    "interop/test_deployment_build.py",
    "upgrade/test_coexistence.py",
    "upgrade/test_there_and_back.py",
    "interop/test_import.py",
    "interop/test_prefect2_agent.py",
    "worker/test_worker.py",
    "ui/test_accessible.py",
    "ui/test_keyboard.py",
    "ui/test_every_page.py",
)
"""Files that take long for their few tests: begun first, so that nobody waits for them alone at the end."""

# How long an example takes tells how busy a machine is.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first; the others stay in their order."""
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(LONGEST)))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server for the whole session; skips where none is installed."""
    with cluster(tmp_path_factory.mktemp("cluster")) as server:
        yield server


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[Engine]:
    """A Docker engine with an image of this Python and Penstock; skips where none answers."""
    with engine() as found:
        yield found


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The name of a database with all tables and no rows, to be cloned."""
    url = postgres.database()

    async def fill() -> None:
        db = open_database(url)
        await db.open()
        await migrations.upgrade(db)
        await db.close()

    asyncio.run(fill())
    return url.rpartition("/")[2]


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    """Runs the test once for each database."""
    return str(request.param)


@pytest.fixture
def empty_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database without tables."""
    yield from lent(dialect, tmp_path, request, None)


@pytest.fixture
def database_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database that may have its tables already (a clone is quicker than the migrations)."""
    yield from lent(dialect, tmp_path, request, "postgres_template")


def lent(dialect: str, folder: Path, request: pytest.FixtureRequest, template: str | None) -> Iterator[str]:
    """A database for one test; on PostgreSQL it is dropped afterwards."""
    if dialect == "sqlite":
        yield f"sqlite:///{folder}/penstock.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.database(template=request.getfixturevalue(template)) if template else server.database()
    yield url
    server.drop(url)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """An open database with all tables and no rows."""
    database = open_database(database_url)
    await database.open()
    await migrations.upgrade(database)
    yield database
    await database.close()
