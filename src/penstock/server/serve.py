"""Serves the application over the network: uvicorn, with a stop that answers what is under way.

On SIGTERM or SIGINT: no new connections, long waits end, requests under way are answered, accepted
events are written, the database is closed, exit 0. A second SIGINT does not wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn

from penstock.errors import Unavailable
from penstock.server.app import App
from penstock.server.log_lines import configure
from penstock.server.memory import keep_freed_memory, keep_what_is_there

ANSWER_WITHIN = 15
"""Seconds that requests under way get at the stop."""
MOST_FRAME_BYTES = 4 * 1024 * 1024
BACKLOG = 2048
ACCEPTORS = 16
"""How often the listening socket is watched. The loop accepts one connection for each in a turn, and a busy turn is
long: with one, the last of a hundred clients that connect at once would wait for seconds."""

_log = logging.getLogger("penstock.server")


class NetworkServer(uvicorn.Server):
    """One application on one listening socket."""

    def __init__(self, app: App, listener: socket.socket, ready: Callable[[], None] = lambda: None) -> None:
        api = app.services.settings.server.api
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                ws="websockets-sansio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=api.keepalive_timeout,
                timeout_graceful_shutdown=ANSWER_WITHIN,
                ws_max_size=MOST_FRAME_BYTES,
                ws_ping_interval=api.websocket_ping_interval,
                ws_ping_timeout=api.websocket_ping_timeout,
                backlog=BACKLOG,
            )
        )
        self._app = app
        app.url = address(listener, app.root).replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        self._listener = listener
        self._ready = ready
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run_app(self) -> None:
        """Starts the application, serves until `stop` or a signal, stops the application."""
        self._loop = asyncio.get_running_loop()
        with self.capture_signals():
            await self._app.start()
            try:
                await self._serve([self._listener, *(self._listener.dup() for _ in range(ACCEPTORS - 1))])
            finally:
                await self._app.stop()

    def stop(self) -> None:
        """Asks for the end; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._app.drain)
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal is asked for the end only: the process ends by itself, with 0."""
        self.force_exit = self.force_exit or (self.should_exit and sig == signal.SIGINT)
        self.stop()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ours, because uvicorn's ends the process by the signal once it has stopped."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises `Unavailable` when it can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            what = f"Port {port} of {host} is in use already, maybe by another server."
            raise Unavailable(f"{what} Stop it, or take another port with --port.") from error
        raise Unavailable(f"Can't listen on {host}:{port}: {error.strerror or error}") from error


def address(listener: socket.socket, root: str) -> str:
    """The API's address at a listening socket."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}{root}"


def serve_app(
    app: App, host: str | None = None, port: int | None = None, ready: Callable[[str], None] = lambda _: None
) -> None:
    """Serves until a signal; `ready` is called with the API's address once it answers.

    Raises `Unavailable` when the address or the database can't be had.
    """
    api = app.services.settings.server.api
    listener = listen(host or api.host, api.port if port is None else port)
    serve_on(app, listener, lambda: ready(address(listener, app.root)))


def serve_on(app: App, listener: socket.socket, ready: Callable[[], None] = lambda: None) -> None:
    """As `serve_app`, on a socket that listens already."""
    configure(app.services.settings.server.logging_level)
    keep_freed_memory()

    def begin() -> None:
        keep_what_is_there()
        ready()

    server = NetworkServer(app, listener, begin)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(server.run_app())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
