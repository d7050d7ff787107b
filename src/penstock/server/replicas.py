"""Several server processes behind one port, and the services alone: both for PostgreSQL only.

The processes share the listening socket and the database, and nothing else. One that ends by itself ends the
others too: whatever keeps the server running (systemd, Kubernetes) then starts all of them again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from penstock.errors import PenstockError, Unavailable
from penstock.server.app import App
from penstock.server.log_lines import configure
from penstock.server.serve import address, listen, serve_on


def serve_replicas(
    build: Callable[[], App], count: int, host: str, port: int, ready: Callable[[str], None] = lambda _: None
) -> None:
    """Serves with so many processes until a signal; `ready` is called once all answer.

    Raises `Unavailable` when the address can't be had, or when a process ended by itself.
    """
    listener = listen(host, port)
    children: set[int] = set()
    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        _end(children)

    def serve(tell: Callable[[str], None]) -> None:
        app = build()
        serve_on(app, listener, lambda: tell(address(listener, app.root)))

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    where: str | None = None
    for _ in range(count):  # one after the other: the first brings the tables up to date
        if (where := _start(serve, children)) is None:
            break
    if where is not None:
        ready(where)
    _wait(children)
    if not asked:
        raise Unavailable("A server process ended by itself, so the others were ended too.")


def _start(serve: Callable[[Callable[[str], None]], None], children: set[int]) -> str | None:
    """Forks one process; the address once it answers, None when it ended instead."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _be_child(serve, writing)
    children.add(pid)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        return pipe.readline() or None


def _be_child(serve: Callable[[Callable[[str], None]], None], writing: int) -> NoReturn:
    code = 1
    try:
        serve(lambda where: _say(writing, where))
        code = 0
    except PenstockError as error:
        print(f"Error: {error.message}", file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def _say(writing: int, where: str) -> None:
    os.write(writing, where.encode())
    os.close(writing)


def _wait(children: set[int]) -> None:
    """Until all are gone; the first to go takes the others with it."""
    while children:
        pid, _ = os.wait()
        children.discard(pid)
        _end(children)


def _end(children: set[int]) -> None:
    for pid in list(children):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def run_services(app: App, ready: Callable[[], None] = lambda: None) -> None:
    """Runs the application's services without its API, until a signal."""
    configure(app.services.settings.server.logging_level)
    asyncio.run(_run_services(app, ready))


async def _run_services(app: App, ready: Callable[[], None]) -> None:
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    await app.start()
    try:
        ready()
        await asked.wait()
    finally:
        await app.stop()
