"""The WebSockets: events in, events out, logs out.

A client that offers the subprotocol `prefect` is taken first and then says who it is in a frame
(`{"type": "auth", "token": ...}`); one that does not needs no frame, and is refused at once where
credentials are asked for and its headers carry none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from penstock.clock import utc_now
from penstock.core import event_filters, log_filters
from penstock.errors import PenstockError
from penstock.server.auth import Gate
from penstock.server.backfill import stored_events
from penstock.server.bind import Services
from penstock.server.broadcast import Subscription
from penstock.server.intake import read_event
from penstock.wire.model import encode

Message = MutableMapping[str, Any]
T = TypeVar("T")

FIRST_FRAME_WITHIN = 30.0
POLICY_VIOLATION, PROTOCOL_ERROR, TRY_AGAIN_LATER = 1008, 1002, 1013

_log = logging.getLogger("penstock.server.sockets")


class Closed(Exception):
    """The client is gone, or was sent away."""


class Socket:
    """One connection: texts in, JSON out."""

    def __init__(self, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
        self._receive = receive
        self._send = send

    async def text(self) -> str | bytes:
        """The next frame. Raises `Closed` when the client is gone."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            raise Closed
        return message.get("text") or message.get("bytes") or ""

    async def first(self, kind: str, code: int) -> dict[str, Any]:
        """The next frame, which must be of a kind; the connection is closed with `code` when it is not."""
        try:
            frame = msgspec.json.decode(await asyncio.wait_for(self.text(), FIRST_FRAME_WITHIN))
        except (TimeoutError, msgspec.DecodeError):
            frame = None
        if not isinstance(frame, dict) or frame.get("type") != kind:
            await self.close(code, f"The first frame must be of type {kind}.")
        return frame or {}

    async def send(self, data: bytes) -> None:
        """Sends JSON as a text frame."""
        try:
            await self._send({"type": "websocket.send", "text": data.decode()})
        except Exception as error:  # what a server raises for a lost peer is its own matter
            raise Closed from error

    async def close(self, code: int, reason: str = "") -> None:
        """Closes it and ends its handler with `Closed`."""
        await self._send({"type": "websocket.close", "code": code, "reason": reason})
        raise Closed


async def serve_socket(
    services: Services,
    gate: Gate,
    scope: Message,
    path: str,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Serves one WebSocket from its first message to its end. `path` is relative to the API root."""
    socket = Socket(receive, send)
    await receive()  # websocket.connect
    handler = SOCKETS.get(path)
    authorization = dict(scope["headers"]).get(b"authorization")
    spoken = "prefect" in scope.get("subprotocols", ())
    if gate.closed and not spoken and not gate.admits(authorization):
        await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        return
    if handler is None:
        await _refuse(scope, send)
        return
    try:
        await send({"type": "websocket.accept", "subprotocol": "prefect" if spoken else None})
        if spoken:
            await _authenticate(socket, gate)
        await handler(socket, services)
    except Closed:
        return


async def _refuse(scope: Message, send: Callable[[Message], Awaitable[None]]) -> None:
    """404: a Prefect worker then falls back to polling."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        return
    headers = [(b"content-type", b"application/json")]
    await send({"type": "websocket.http.response.start", "status": 404, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b'{"detail":"Not Found"}'})


async def _authenticate(socket: Socket, gate: Gate) -> None:
    frame = await socket.first("auth", POLICY_VIOLATION)
    if not gate.admits_token(frame.get("token")):
        await socket.close(POLICY_VIOLATION, "Unauthorized")
    await socket.send(b'{"type":"auth_success"}')


async def events_in(socket: Socket, services: Services) -> None:
    """Takes events, one in a frame; a full queue makes the client wait. A bad one is reported and left out."""
    limits = services.settings.server.events
    while True:
        frame = await socket.text()
        try:
            event = read_event(frame, limits, utc_now())
        except (PenstockError, msgspec.MsgspecError) as error:
            _log.warning("an event was refused", extra={"reason": str(error)})
            continue
        await services.recorder.accept(event)


async def events_out(socket: Socket, services: Services) -> None:
    """Gives events that match a filter: those of the last minutes first (unless `backfill` is false), then new ones."""
    frame = await socket.first("filter", PROTOCOL_ERROR)
    wanted = await _read_filter(socket, frame, event_filters.read_filter)
    subscription = services.hub.subscribe_events(event_filters.matcher(wanted))
    sent: set[UUID] = set()

    async def give() -> None:
        if frame.get("backfill", True):
            since = utc_now() - timedelta(seconds=services.settings.server.events.maximum_websocket_backfill)
            async for event in stored_events(services, wanted, since):
                sent.add(event.id)
                await socket.send(b'{"type":"event","event":' + encode(event) + b"}")
        while events := await subscription.next():
            for event in events:
                if event.id not in sent:
                    await socket.send(b'{"type":"event","event":' + encode(event) + b"}")
        await _say_end(socket, subscription)

    await _until_gone(socket, services, subscription, give())


async def logs_out(socket: Socket, services: Services) -> None:
    """Gives log lines that match a filter, as they come."""
    frame = await socket.first("filter", PROTOCOL_ERROR)
    wanted = await _read_filter(socket, frame, log_filters.read_filter)
    subscription = services.hub.subscribe_logs(log_filters.matcher(wanted))

    async def give() -> None:
        while logs := await subscription.next():
            for log in logs:
                await socket.send(b'{"type":"log","log":' + encode(log) + b"}")
        await _say_end(socket, subscription)

    await _until_gone(socket, services, subscription, give())


async def _read_filter(socket: Socket, frame: dict[str, Any], read: Callable[[dict[str, Any]], T]) -> T:
    raw = frame.get("filter") or {}
    try:
        return read(raw if isinstance(raw, dict) else {"filter": raw})
    except PenstockError as error:
        await socket.close(PROTOCOL_ERROR, error.message[:120])
        raise


async def _say_end(socket: Socket, subscription: Subscription[Any]) -> None:
    """A subscriber that fell behind connects again and asks for what it missed."""
    if subscription.lost:
        _log.warning("a subscriber fell behind and was dropped", extra={"lost": subscription.lost})
    await socket.close(TRY_AGAIN_LATER, "Fell behind." if subscription.lost else "The server stops.")


async def _until_gone(
    socket: Socket, services: Services, subscription: Subscription[Any], give: Coroutine[Any, Any, None]
) -> None:
    """Gives until the client is gone; whatever else it says is not listened to."""
    giving = asyncio.create_task(give)
    watching = asyncio.create_task(_watch(socket))
    try:
        await asyncio.wait({giving, watching}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        services.hub.unsubscribe(subscription)
        for task in (giving, watching):
            task.cancel()
        results = await asyncio.gather(giving, watching, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, Closed):
                _log.error("a subscription failed", exc_info=result)


async def _watch(socket: Socket) -> None:
    while True:
        await socket.text()


SOCKETS: dict[str, Callable[[Socket, Services], Awaitable[None]]] = {
    "/events/in": events_in,
    "/events/out": events_out,
    "/logs/out": logs_out,
}
