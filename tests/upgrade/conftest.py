"""A server on either database, with a client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from penstock.client.client import AsyncClient
from penstock.client.open import open_async_client
from penstock.settings import load
from tests.server.conftest import Reachable, reachable, settings_in


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[Reachable]:
    """A server on a free port, once on SQLite and once on PostgreSQL."""
    async with reachable(settings_in(tmp_path, SERVER_DATABASE_CONNECTION_URL=database_url)) as one:
        yield one


@pytest.fixture
async def client(server: Reachable, tmp_path: Path) -> AsyncIterator[AsyncClient]:
    """A client of that server."""
    environ = {"PENSTOCK_HOME": str(tmp_path), "PENSTOCK_API_URL": server.url}
    async with open_async_client(load(environ=environ, cwd=tmp_path)) as one:
        yield one
