"""Request in, response out: the one place that knows the HTTP library.

`HttpTransport` (urllib3) goes over the network. A server in this process gives a transport of its own.
All are blocking and safe to use from many threads; `AsyncClient` calls them from threads.
"""

from __future__ import annotations

import socket
import ssl
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from penstock.errors import ServerUnreachable

if TYPE_CHECKING:
    import urllib3.connection

CONNECT_SECONDS = 10.0
CONNECTIONS = 32
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
        self._pool = _pool(parts.scheme, parts.hostname or "", parts.port, verify, ca_file)
        self._connections: weakref.WeakSet[urllib3.connection.HTTPConnection] = weakref.WeakSet()
        self._pool.ConnectionCls = _remembering(self._pool.ConnectionCls, self._connections)
        # Compressing for a machine's own ears costs more than it saves.
        self._encoding = {} if parts.hostname in LOOPBACK else {"Accept-Encoding": "gzip"}

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Response:
        import urllib3

        try:
            answer = self._pool.urlopen(
                method,
                self._root + path,
                body=body,
                headers={**self._encoding, **headers},
                timeout=urllib3.Timeout(connect=min(timeout, CONNECT_SECONDS), read=timeout),
                retries=False,
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ServerUnreachable(f"No answer from {self.base_url}: {_cause(error)}") from error
        return Response(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.data)

    def close(self) -> None:
        self._pool.close()

    def abort(self) -> None:
        """Ends the requests on their way, from another thread: the server sees them hang up."""
        for connection in list(self._connections):
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)


def _remembering(kind: Any, known: weakref.WeakSet[Any]) -> Any:
    """A kind of connection that is known while it lives; a pool forgets those it has handed out."""

    class Remembered(kind):  # type: ignore[misc]  # which of two kinds it is depends on the scheme
        def connect(self) -> None:
            super().connect()
            known.add(self)

    return Remembered


def _pool(scheme: str, host: str, port: int | None, verify: bool, ca_file: str | None) -> urllib3.HTTPConnectionPool:
    import urllib3  # 100 ms to import, which a script with a server of its own never needs

    if scheme == "https":
        return urllib3.HTTPSConnectionPool(
            host, port or 443, maxsize=CONNECTIONS, ssl_context=tls_context(verify=verify, ca_file=ca_file)
        )
    return urllib3.HTTPConnectionPool(host, port or 80, maxsize=CONNECTIONS)


def tls_context(*, verify: bool, ca_file: str | None) -> ssl.SSLContext:
    """The trust that HTTPS and secure sockets share: the system's certificates, or the given file's."""
    context = ssl.create_default_context(cafile=ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _cause(error: BaseException) -> str:
    """What the network said, without the library's wrapping."""
    text = str(error)
    return text.split(": ", 1)[1] if text.startswith(("<", "HTTP", "Remembered(")) and ": " in text else text
