"""The seam to the pages beside the API: what a visit is, what may answer it, and how an endless answer is sent.

The pages themselves are a program on the floor above, given to the application when it is put together.
Each visit passes the application's gate: a credential in the header, or a session that a sign-in opened.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from penstock.server.bind import Headers, Reply

Message = MutableMapping[str, Any]
EVENTS = b"text/event-stream"
MOST_FORM_BYTES = 1024 * 1024
"""The largest form that a page takes."""
_log = logging.getLogger("penstock.server")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page; `path` is percent-encoded and whole, `headers` have lower-case names."""

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    now: datetime
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that goes on until the reader has gone: what the chunks yield is sent as it comes."""

    chunks: AsyncIterator[bytes]
    headers: Headers
    media_type: bytes = EVENTS


class Site(Protocol):
    """The pages beside the API."""

    def is_open(self, path: str) -> bool:
        """Whether a path answers without a credential: the sign-in and what it needs to be drawn, exactly."""
        ...

    def forged(self, visit: Visit) -> Reply | None:
        """Why a change is not taken, told from its headers alone: it did not come from a page of this server."""
        ...

    def sign_in(self, visit: Visit) -> Reply:
        """The answer to a visitor without a credential: 401, with a form."""
        ...

    async def answer(self, visit: Visit) -> Reply | Stream:
        """The answer to a visitor who has passed the gate."""
        ...

    async def close(self) -> None:
        """Ends what is on its way."""
        ...


async def send_stream(stream: Stream, gone: Awaitable[None], send: Callable[[Message], Awaitable[None]]) -> None:
    """Sends chunks until they end or the reader has gone.

    What breaks a stream is logged. One of events ends there, and the browser asks again; anything else stays
    incomplete, so that half a file is not taken for the whole.
    """
    headers = [*stream.headers, (b"content-type", stream.media_type)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def give() -> None:
        try:
            async for chunk in stream.chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except Exception:
            _log.exception("a stream of a page broke off")
            if stream.media_type != EVENTS:
                raise
        await send({"type": "http.response.body", "body": b""})

    giving, watching = asyncio.ensure_future(give()), asyncio.ensure_future(gone)
    try:
        await asyncio.wait({giving, watching}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (giving, watching):
            task.cancel()
        await asyncio.gather(giving, watching, return_exceptions=True)
        await stream.chunks.aclose()  # type: ignore[attr-defined]  # a generator's
