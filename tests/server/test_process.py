"""The server as a process: it starts soon, stops in order, and keeps what it acknowledged."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from penstock.client.transport import HttpTransport
from penstock.ids import new_id

PROGRAM = """
from penstock.assemble import serve
from penstock.settings import load
serve(load(), port=0, ready=lambda url: print(url, flush=True))
"""


@asynccontextmanager
async def process(home: Path, **environ: str) -> AsyncIterator[tuple[Process, str]]:
    """A server process and its API's address."""
    variables = {**os.environ, "PENSTOCK_HOME": str(home), **environ}
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, stdout=-1, stderr=-1, env=variables, cwd=home
    )
    assert started.stdout is not None
    url = (await asyncio.wait_for(started.stdout.readline(), 20)).decode().strip()
    try:
        assert url, (await started.communicate())[1].decode()
        yield started, url
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


def post_variable(transport: HttpTransport, name: str) -> int:
    body = json.dumps({"name": name, "value": name}).encode()
    return transport.request("POST", "/variables/", body, {"Content-Type": "application/json"}, 10).status


def stored(home: Path, table: str) -> int:
    with sqlite3.connect(home / "penstock.db") as connection:
        count: int = connection.execute(f"select count(*) from {table}").fetchone()[0]
    return count


async def test_sigterm_ends_it_with_0_though_somebody_listens(tmp_path: Path) -> None:
    from websockets.asyncio.client import connect

    async with process(tmp_path) as (server, url):
        sockets = "ws" + url.removeprefix("http")
        out = await connect(sockets + "/events/out", subprotocols=["prefect"])  # type: ignore[list-item]
        into = await connect(sockets + "/events/in", subprotocols=["prefect"])  # type: ignore[list-item]
        for socket in (out, into):
            await socket.send('{"type": "auth", "token": null}')
            await socket.recv()
        await out.send('{"type": "filter", "filter": {}}')
        for number in range(200):
            await into.send(json.dumps(event(str(number))))
        for _ in range(200):
            await out.recv()
        server.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(server.wait(), 10) == 0
    assert stored(tmp_path, "events") >= 200


async def test_sigterm_answers_what_is_under_way(tmp_path: Path) -> None:
    async with process(tmp_path) as (server, url):
        transport = HttpTransport(url)
        statuses: list[int] = []

        def write_until_refused() -> None:
            for number in range(100_000):
                try:
                    statuses.append(post_variable(transport, f"v{number}"))
                except Exception:
                    return

        writing = asyncio.create_task(asyncio.to_thread(write_until_refused))
        await asyncio.to_thread(_until, lambda: len(statuses) > 50)
        server.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(server.wait(), 20) == 0
        await writing
    assert set(statuses) == {201}
    assert stored(tmp_path, "variables") >= len(statuses)


async def test_a_kill_loses_nothing_acknowledged(tmp_path: Path) -> None:
    async with process(tmp_path) as (server, url):
        transport = HttpTransport(url)
        for number in range(100):
            assert await asyncio.to_thread(post_variable, transport, f"v{number}") == 201
        server.kill()
        await server.wait()
    async with process(tmp_path) as (server, url):
        answer = await asyncio.to_thread(HttpTransport(url).request, "POST", "/variables/count", b"", {}, 10)
        assert answer.body == b"100"


async def test_an_address_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    async with process(tmp_path) as (_, url):
        port = url.rpartition(":")[2].partition("/")[0]
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM.replace("port=0", f"port={port}"), stderr=-1, cwd=tmp_path,
            env={**os.environ, "PENSTOCK_HOME": str(tmp_path)},
        )  # fmt: skip
        _, stderr = await other.communicate()
        assert f"Port {port} of 127.0.0.1 is in use already" in stderr.decode()
        assert other.returncode


def event(name: str) -> dict[str, Any]:
    return {"occurred": "2026-05-01T12:00:00Z", "event": name, "resource": {"prefect.resource.id": "a.b"},
            "id": str(new_id())}  # fmt: skip


def _until(holds: Any) -> None:
    import time

    deadline = time.monotonic() + 20
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.002)
    assert holds()
