"""Request in, response out: the one place that knows the HTTP library.

`HttpTransport` (urllib3) goes over the network. `InProcessTransport` hands the request to a server
in this process. Both are blocking and thread-safe; `AsyncClient` calls them from a thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers with lower-case names, and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Carries one request; raises `ServerUnreachable` when no answer came."""

    base_url: str

    def request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float) -> Response:
        """`path` begins with `/` and is relative to the API root; it includes the query string."""
        ...

    def close(self) -> None: ...
