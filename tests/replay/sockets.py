"""The WebSocket side of a replay: opens the recorded sockets and matches frames as they come."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.replay.shapes import Difference


@dataclass
class Socket:
    """One open connection and the frames that came before they were asked for."""

    connection: ClientConnection
    waiting: list[dict[str, Any]] = field(default_factory=list)
    closed_with: int | None = None

    def send(self, data: object) -> None:
        with suppress(ConnectionClosed):
            self.connection.send(json.dumps(data))

    def receive(self, fits: Callable[[dict[str, Any]], bool], timeout: float) -> dict[str, Any] | None:
        """The first frame that fits, or None when the time is over or the socket closed."""
        for frame in self.waiting:
            if fits(frame):
                self.waiting.remove(frame)
                return frame
        with suppress(TimeoutError, ConnectionClosed):
            while True:
                frame = json.loads(self.connection.recv(timeout=timeout))
                if fits(frame):
                    return dict(frame)
                self.waiting.append(frame)
        return None

    def close(self, by_server: bool) -> int | None:
        """The close code: waited for when the server is to close, ours otherwise."""
        if by_server:
            with suppress(TimeoutError, ConnectionClosed):
                while True:
                    self.connection.recv(timeout=5)
        else:
            self.connection.close()
        return self.connection.close_code


def open_socket(url: str, entry: dict[str, Any]) -> Socket | int:
    """An open socket, or the HTTP status with which the upgrade was refused."""
    offered = entry.get("subprotocols_offered")
    protocols = [Subprotocol(offered)] if offered else None
    try:
        opening = connect(url, subprotocols=protocols, open_timeout=10, compression=None, max_size=None)
        return Socket(ExitStack().enter_context(opening))
    except InvalidStatus as refused:
        return refused.response.status_code


def tag(frame: Any) -> tuple[str, str]:
    """What a frame is: its type, and the event's or log's own name."""
    event = frame.get("event") if isinstance(frame.get("event"), dict) else {}
    log = frame.get("log") if isinstance(frame.get("log"), dict) else {}
    return str(frame.get("type")), str(event.get("event") or log.get("message") or "")


def refusal(entry: dict[str, Any], got: Socket | int) -> list[Difference]:
    """Compares whether the upgrade was accepted as it was in the recording."""
    recorded = entry.get("status", 101)
    live = got if isinstance(got, int) else 101
    return [] if recorded == live else [Difference("$", "status", recorded, live)]
