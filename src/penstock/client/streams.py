"""Live feeds from the server over WebSockets: events and logs, as they happen.

Both come as an async iterator and, for scripts and the CLI, as a plain one. A lost connection is made
again with growing waits, and the items of the gap are asked for where the server can give them
(`backfill`); an event that comes twice is given once.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

import msgspec

from penstock.client.client import user_agent
from penstock.client.open import custom_headers, socket_token
from penstock.client.transport import tls_context
from penstock.errors import ServerUnreachable, Unauthorized
from penstock.settings import Settings
from penstock.wire.events import ReceivedEvent
from penstock.wire.logs import Log

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.sync.client import ClientConnection as SyncConnection

T = TypeVar("T", ReceivedEvent, Log)

FIRST_WAIT = 0.5
LONGEST_WAIT = 15.0
REMEMBERED = 500
FRAME_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class Feed(Generic[T]):
    """One subscription: what is asked for, and which of it has been seen."""

    settings: Settings
    path: str
    key: str
    kind: type[T]
    filter: dict[str, Any]
    backfill: bool = False
    tries: int = 0
    _seen: OrderedDict[UUID, None] = field(default_factory=OrderedDict)

    def address(self) -> str:
        root = (self.settings.api.url or "").rstrip("/")
        return "ws" + root.removeprefix("http") + self.path

    def options(self) -> dict[str, Any]:
        """What both kinds of connection are opened with."""
        api = self.settings.api
        secure = self.address().startswith("wss")
        trust = tls_context(verify=not api.tls_insecure_skip_verify, ca_file=api.ssl_cert_file or None)
        return {
            "subprotocols": ["prefect"],
            "user_agent_header": user_agent(),
            "additional_headers": custom_headers(self.settings.client.custom_headers),
            "max_size": FRAME_BYTES,
            **({"ssl": trust} if secure else {}),
        }

    def hello(self) -> str:
        return _text({"type": "auth", "token": socket_token(self.settings)})

    def wish(self) -> str:
        """The subscription frame; a connection made again asks for what it missed too."""
        backfill = {"backfill": self.backfill or self.tries > 0} if self.key == "event" else {}
        return _text({"type": "filter", "filter": self.filter, **backfill})

    def welcome(self, frame: str | bytes) -> None:
        """Checks the answer to `hello`. Raises `Unauthorized`."""
        answer = msgspec.json.decode(frame)
        if answer.get("type") != "auth_success":
            raise Unauthorized(f"{self.address()} refused the credentials: {answer.get('reason') or 'Unauthorized'}")

    def item(self, frame: str | bytes) -> T | None:
        """What a frame carries, unless it was seen before."""
        content = msgspec.json.decode(frame)
        if self.key not in content:
            return None
        found = msgspec.convert(content[self.key], self.kind)
        if found.id in self._seen:
            return None
        self._seen[found.id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return found

    def wait(self) -> float:
        """Seconds until the next try; grows until a connection holds."""
        seconds: float = min(FIRST_WAIT * 2**self.tries, LONGEST_WAIT)
        self.tries += 1
        return seconds * random.uniform(0.8, 1.2)


def events(settings: Settings, filter: dict[str, Any] | None = None, *, backfill: bool = False) -> Feed[ReceivedEvent]:
    """The events that match a filter (`{"event": {"name": [...]}, ...}`; none: all), from now on.

    With `backfill` the matching ones of the last minutes come first.
    """
    now = datetime.now(UTC)
    window = {"since": _time(now - timedelta(minutes=1)), "until": _time(now + timedelta(days=365))}
    return Feed(settings, "/events/out", "event", ReceivedEvent, {"occurred": window, **(filter or {})}, backfill)


def logs(settings: Settings, filter: dict[str, Any] | None = None) -> Feed[Log]:
    """The log lines that match a filter, from now on."""
    return Feed(settings, "/logs/out", "log", Log, filter or {})


async def follow(feed: Feed[T]) -> AsyncIterator[T]:
    """The feed's items as they come, without end. Raises `Unauthorized` when the server will not have us."""
    from websockets.exceptions import WebSocketException

    while True:
        try:
            async with _connect(feed) as socket:
                await _subscribe(feed, socket)
                async for frame in socket:
                    item = feed.item(frame)
                    if item is not None:
                        yield item
        except (WebSocketException, OSError, TimeoutError) as error:
            _check(feed, error)
        await asyncio.sleep(feed.wait())


def follow_blocking(feed: Feed[T]) -> Iterator[T]:
    """As `follow`, for code that does not await."""
    from websockets.exceptions import WebSocketException

    while True:
        try:
            with _connect_blocking(feed) as socket:
                _subscribe_blocking(feed, socket)
                for frame in socket:
                    item = feed.item(frame)
                    if item is not None:
                        yield item
        except (WebSocketException, OSError, TimeoutError) as error:
            _check(feed, error)
        time.sleep(feed.wait())


def _connect(feed: Feed[Any]) -> AbstractAsyncContextManager[ClientConnection]:
    from websockets.asyncio.client import connect

    return connect(feed.address(), **feed.options())


def _connect_blocking(feed: Feed[Any]) -> AbstractContextManager[SyncConnection]:
    from websockets.sync.client import connect

    socket: SyncConnection = connect(feed.address(), **feed.options())
    return socket


async def _subscribe(feed: Feed[Any], socket: ClientConnection) -> None:
    await socket.send(feed.hello())
    feed.welcome(await socket.recv())
    await socket.send(feed.wish())
    feed.tries = 0


def _subscribe_blocking(feed: Feed[Any], socket: SyncConnection) -> None:
    socket.send(feed.hello())
    feed.welcome(socket.recv())
    socket.send(feed.wish())
    feed.tries = 0


def _check(feed: Feed[Any], error: Exception) -> None:
    """Raises when trying again can't help: refused credentials, or no such socket."""
    close = getattr(getattr(error, "rcvd", None), "code", None)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if close == 1008 or status in (401, 403):
        raise Unauthorized(f"{feed.address()} refused the credentials") from error
    if status in (404, 405):
        raise ServerUnreachable(f"{feed.address()} is not there") from error


def _text(content: dict[str, Any]) -> str:
    return msgspec.json.encode(content).decode()


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
