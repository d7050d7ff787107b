"""A server inside this process, on a thread of its own, with a transport that needs no socket.

For scripts with no server configured, and for tests. Requests take the same way through the
application as those from the network.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Mapping

from penstock.client.transport import Response
from penstock.errors import ServerUnreachable
from penstock.server.app import App
from penstock.server.bind import Reply

BASE_URL = "http://penstock.local"
STOP_WITHIN = 30.0


class WithinProcess:
    """The transport to an application in this process, from any thread but the one of its event loop."""

    def __init__(self, app: App, loop: asyncio.AbstractEventLoop) -> None:
        self.base_url = BASE_URL + app.root
        self._app = app
        self._loop = loop

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Response:
        """Carries one request to the application. Raises `ServerUnreachable` when it is closed or too slow."""
        where, _, query = path.partition("?")
        raw = {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in headers.items()}
        call = self._app.respond(method, where, query.encode("latin-1"), raw, body or b"")
        if not self._loop.is_running():
            call.close()
            raise ServerUnreachable("The server in this process is closed.")
        pending = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return _response(pending.result(timeout))
        except TimeoutError as error:
            pending.cancel()
            raise ServerUnreachable(f"The server in this process did not answer within {timeout:g} s.") from error
        except concurrent.futures.CancelledError as error:
            raise ServerUnreachable("The server in this process is closed.") from error

    def close(self) -> None:
        """There is nothing to close: the application is another's."""


class EmbeddedServer:
    """Runs an application until `close`; is the transport to it. Safe to use from many threads.

    The constructor returns when the server answers; it raises what kept it from starting, and
    `ServerUnreachable` when that takes too long.
    """

    def __init__(self, build: Callable[[], App], start_within: float = 20.0) -> None:
        self._started: concurrent.futures.Future[App] = concurrent.futures.Future()
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(build,), name="penstock-server", daemon=True)
        self._thread.start()
        try:
            self.app = self._started.result(start_within)
        except TimeoutError:
            raise ServerUnreachable(f"The server in this process did not start within {start_within:g} s.") from None
        self._within = WithinProcess(self.app, self._loop)
        self.base_url = self._within.base_url
        # Before atexit's functions: at their time Python's thread pools, the server's among them, refuse work.
        threading._register_atexit(self.close)  # type: ignore[attr-defined]  # what the thread pools themselves use

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Response:
        """Carries one request to the application. Raises `ServerUnreachable` when it is closed or too slow."""
        return self._within.request(method, path, body, headers, timeout)

    def close(self) -> None:
        """Stops the server in order; a second time does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(STOP_WITHIN)

    def _run(self, build: Callable[[], App]) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(build))

    async def _serve(self, build: Callable[[], App]) -> None:
        try:
            app = build()
            await app.start()
        except BaseException as error:  # the thread that waits for the server is told
            self._started.set_exception(error)
            return
        self._started.set_result(app)
        await self._ended.wait()
        await app.stop()


def _response(reply: Reply) -> Response:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reply.headers}
    if reply.status != 204:
        headers["content-type"] = reply.media_type.decode("latin-1")
    return Response(reply.status, headers, reply.body)
