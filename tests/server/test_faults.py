"""A database that is full or away: clear answers, nothing acknowledged is lost, and all is well afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from penstock.server.app import App
from penstock.store.sqlite import SqliteDatabase
from tests.live.postgres import Postgres, cluster
from tests.server.conftest import ask, running, settings_in


async def create(app: App, number: int) -> int:
    return (await ask(app, "POST", "/variables/", {"name": f"v{number}", "value": "x" * 2_000})).status


async def test_a_full_disk_refuses_writes_and_loses_none_it_took(app: App) -> None:
    store = app.services.store
    assert isinstance(store, SqliteDatabase)
    pages = store._writer.execute("pragma page_count").fetchone()[0]
    store._writer.execute(f"pragma max_page_count = {pages + 20}")
    statuses = [await create(app, number) for number in range(100)]
    assert set(statuses) == {201, 503}
    refused = await ask(app, "POST", "/variables/", {"name": "one", "value": "x" * 4_000})
    assert refused.status == 503
    assert "full" in refused.json["exception_message"]
    assert refused.headers["retry-after"]
    assert (await ask(app, "GET", "/ready")).status == 200
    store._writer.execute("pragma max_page_count = 1000000")
    assert await create(app, 1_000) == 201
    assert (await ask(app, "POST", "/variables/count")).json == statuses.count(201) + 1


@pytest.fixture
async def on_postgres(tmp_path: Path) -> AsyncIterator[tuple[App, Postgres]]:
    """A server on a PostgreSQL of its own, which may be stopped."""
    with cluster(tmp_path) as postgres:
        settings = settings_in(tmp_path, SERVER_DATABASE_CONNECTION_URL=postgres.database())
        async with running(settings) as app:
            yield app, postgres


async def test_a_lost_database_is_told_by_ready_and_comes_back(on_postgres: tuple[App, Postgres]) -> None:
    app, postgres = on_postgres
    assert await create(app, 1) == 201
    await asyncio.to_thread(postgres.stop, "immediate")
    ready = await ask(app, "GET", "/ready")
    assert ready.status == 503
    assert "database" in ready.json["exception_message"]
    assert (await ask(app, "GET", "/health")).status == 200
    writing = asyncio.create_task(create(app, 2))
    await asyncio.to_thread(postgres.start)
    assert await writing == 201
    assert (await ask(app, "GET", "/ready")).status == 200
    assert (await ask(app, "POST", "/variables/count")).json == 2
