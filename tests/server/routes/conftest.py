"""The API over both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock.server.app import App
from tests.server.conftest import Heard, ask, running, settings_in


class Api:
    """Asks an application: `await api.post("/flows/", {...}, 201)` gives the JSON and checks the status."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def ask(self, method: str, path: str, body: Any = None) -> Heard:
        return await ask(self.app, method, path, body)

    async def get(self, path: str, status: int = 200) -> Any:
        return await self._checked("GET", path, None, status)

    async def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        return await self._checked("POST", path, body, status)

    async def put(self, path: str, body: Any, status: int = 200) -> Any:
        return await self._checked("PUT", path, body, status)

    async def patch(self, path: str, body: Any, status: int = 204) -> Any:
        return await self._checked("PATCH", path, body, status)

    async def delete(self, path: str, status: int = 204) -> Any:
        return await self._checked("DELETE", path, None, status)

    def moment(self, seconds: float) -> str:
        """A moment from now, as the API takes it."""
        return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()

    async def events(self, **filter: Any) -> list[Any]:
        """The stored events, the oldest first."""
        page = await self.post("/events/filter", {"filter": {"order": "ASC", **filter}})
        return list(page["events"])

    async def _checked(self, method: str, path: str, body: Any, status: int) -> Any:
        heard = await self.ask(method, path, body)
        assert heard.status == status, heard
        return heard.json


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """The API on an empty database, once on SQLite and once on PostgreSQL."""
    async with running(settings_in(tmp_path, SERVER_DATABASE_CONNECTION_URL=database_url)) as app:
        yield Api(app)
