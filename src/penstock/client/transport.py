"""Request in, response out: the one place that knows the HTTP library.

`HttpTransport` (the standard library's client) goes over the network. A server in this process gives a
transport of its own. All are blocking and safe to use from many threads; `AsyncClient` calls them from
threads.
"""

from __future__ import annotations

import select
import socket
import weakref
import zlib
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from penstock.errors import ServerUnreachable

if TYPE_CHECKING:
    import ssl
    from http.client import HTTPConnection

CONNECT_SECONDS = 10.0
KEPT_OPEN = 32
"""Most connections that wait for their next request."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers with lower-case names, and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Carries one request; raises `ServerUnreachable` when no answer came."""

    base_url: str

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Response:
        """`path` begins with `/` and is relative to the API root; it includes the query string."""
        ...

    def close(self) -> None: ...


class HttpTransport:
    """Keeps connections open to one API root, such as `http://127.0.0.1:4200/api`."""

    def __init__(self, base_url: str, *, verify: bool = True, ca_file: str | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        parts = urlsplit(self.base_url)
        self._root = parts.path
        self._host, self._port = parts.hostname or "", parts.port
        self._tls = tls_context(verify=verify, ca_file=ca_file) if parts.scheme == "https" else None
        self._idle: deque[HTTPConnection] = deque(maxlen=KEPT_OPEN)
        self._open: weakref.WeakSet[HTTPConnection] = weakref.WeakSet()
        self._aborted: weakref.WeakSet[HTTPConnection] = weakref.WeakSet()
        # Compressing for a machine's own ears costs more than it saves.
        self._encoding = {} if self._host in LOOPBACK else {"Accept-Encoding": "gzip"}

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Response:
        from http.client import HTTPException  # 30 ms to import, which a script with a server of its own never needs

        headers = {**self._encoding, **headers}
        try:
            if (kept := self._kept()) is not None:
                try:
                    return self._exchange(kept, method, path, body, headers, timeout)
                except (ConnectionError, HTTPException):  # the server hung up while the connection waited
                    if kept in self._aborted:
                        raise
                except TimeoutError:  # what made it go silent has most likely silenced the others that wait, too
                    self._forget_idle()
                    raise
            return self._exchange(self._connect(timeout), method, path, body, headers, timeout)
        except (HTTPException, OSError) as error:
            raise ServerUnreachable(f"No answer from {self.base_url}: {error or type(error).__name__}") from error

    def close(self) -> None:
        """Ends the requests on their way and closes the connections."""
        self.abort()
        self._forget_idle()

    def abort(self) -> None:
        """Ends the requests on their way, from another thread: the server sees them hang up."""
        for connection in list(self._open):
            if connection.sock is not None:
                self._aborted.add(connection)
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _forget_idle(self) -> None:
        with suppress(IndexError):  # which another thread may bring about at any time
            while True:
                self._idle.pop().close()

    def _kept(self) -> HTTPConnection | None:
        """A connection that waits and was not hung up, the last used one first."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread took it
                return None
            if connection.sock is not None and not _has_something_to_read(connection.sock):
                return connection
            connection.close()
        return None

    def _connect(self, timeout: float) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPSConnection

        seconds = min(timeout, CONNECT_SECONDS)
        connection = (
            HTTPSConnection(self._host, self._port, timeout=seconds, context=self._tls)
            if self._tls is not None
            else HTTPConnection(self._host, self._port, timeout=seconds)
        )
        connection.connect()
        self._open.add(connection)
        return connection

    def _exchange(
        self,
        connection: HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout: float,
    ) -> Response:
        try:
            connection.sock.settimeout(timeout)
            connection.request(method, self._root + path, body, headers)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            data = _plain(answer.read(), found.get("content-encoding"))
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:  # it is None when the answer said that it was the last
            self._idle.append(connection)
        return Response(answer.status, found, data)


def load_early() -> None:
    """Loads what the first request would load."""
    import http.client  # noqa: F401  # the import is all that is wanted


def _has_something_to_read(sock: socket.socket) -> bool:
    """Whether a waiting connection was hung up: nothing else is ever sent unasked."""
    if hasattr(select, "poll"):  # select() itself can't look at a high-numbered socket
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])


def _plain(data: bytes, encoding: str | None) -> bytes:
    if encoding != "gzip":
        return data
    try:
        return zlib.decompress(data, wbits=zlib.MAX_WBITS | 16)
    except zlib.error as error:
        raise OSError(f"the answer is not the gzip it says it is: {error}") from error


def tls_context(*, verify: bool, ca_file: str | None) -> ssl.SSLContext:
    """The trust that HTTPS and secure sockets share: the system's certificates, or the given file's."""
    import ssl

    context = ssl.create_default_context(cafile=ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
