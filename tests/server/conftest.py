"""Servers for tests: the application alone, or on a free port, each on a database of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from penstock.assemble import build
from penstock.server.app import App
from penstock.server.serve import NetworkServer, address, listen
from penstock.settings import Settings, load

AUTH = "admin:pass"
SOURCES = {"home": "env"}
"""Where the settings of every server here come from."""


def settings_in(folder: Path, **environ: str) -> Settings:
    """Settings of a server whose files are in a folder; names without the prefix."""
    names = {f"PENSTOCK_{name}": value for name, value in environ.items()}
    return load(environ={"PENSTOCK_HOME": str(folder), **names}, cwd=folder)


@dataclass(frozen=True)
class Heard:
    """An answer: status, headers and JSON, or text where that is what it is."""

    status: int
    headers: dict[str, str]
    json: Any


async def ask(app: App, method: str, path: str, body: Any = None, **headers: str) -> Heard:
    """One request to an application, without a network; bytes are sent as they are."""
    where, _, query = path.partition("?")
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    sent = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    reply = await app.respond(method, where, query.encode(), sent, raw)
    answered = {name.decode(): value.decode() for name, value in reply.headers}
    is_text = reply.media_type.startswith(b"text/")
    body_or_text = reply.body.decode() if is_text else json.loads(reply.body) if reply.body else None
    return Heard(reply.status, answered, body_or_text)


@asynccontextmanager
async def running(settings: Settings, sources: Mapping[str, str] = SOURCES) -> AsyncIterator[App]:
    """A started application."""
    app = build(settings, sources)
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


@dataclass(frozen=True)
class Reachable:
    """A server on a port: its API's address, and the application."""

    url: str
    app: App

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://").partition("/")[0]

    @property
    def socket_url(self) -> str:
        return "ws" + self.url.removeprefix("http")


@asynccontextmanager
async def reachable(settings: Settings) -> AsyncIterator[Reachable]:
    """A server on a free port."""
    app = build(settings, SOURCES)
    listener = listen("127.0.0.1", 0)
    answers = asyncio.Event()
    server = NetworkServer(app, listener, answers.set)
    url = address(listener, app.root)
    serving = asyncio.create_task(server.run_app())
    await asyncio.wait({serving, asyncio.create_task(answers.wait())}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield Reachable(url, app)
    finally:
        server.stop()
        await serving


async def until(holds: Callable[[], bool]) -> None:
    """Lets the loop turn until something holds, for what only the other side of a socket could signal."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - nothing on this side is told
            await asyncio.sleep(0)


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    """An application with SQLite and no credentials."""
    async with running(settings_in(tmp_path)) as one:
        yield one


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Reachable]:
    """The same on a free port."""
    async with reachable(settings_in(tmp_path)) as one:
        yield one
