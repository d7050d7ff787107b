"""The process's way to the API: one client, one outbox of events, one of logs, opened when first needed.

Settings that name a server lead over the network. Without one, a server inside this process is started
by whoever is registered for it (the package root registers it: nothing here may know the server).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from penstock import settings as configuration
from penstock.client.client import AsyncClient, Client
from penstock.client.open import manners, open_client
from penstock.client.outbox import Outbox
from penstock.errors import SettingInvalid
from penstock.plugins import load
from penstock.wire import events, logs

if TYPE_CHECKING:
    from penstock.client.transport import Transport

SERVERS = "penstock.servers"
EVENT_PAUSE = 0.05

OpenServer = Callable[[configuration.Settings], "Transport"]


class Session:
    """An API and what is on its way there."""

    def __init__(self, settings: configuration.Settings, client: Client) -> None:
        self.settings = settings
        self.client = client
        self.async_client = AsyncClient(client)
        self.events: Outbox[Callable[[], dict[str, Any]]] = Outbox("events", self._send_events, pause=EVENT_PAUSE)
        to_api = settings.logging.to_api
        self.logs: Outbox[dict[str, Any]] = Outbox("logs", self._send_logs, pause=to_api.batch_interval)
        self.attempts: dict[UUID, int] = {}
        """Which attempt at a run this process works on: a later one makes what it proposes void."""
        self.flow_ids: dict[str, Any] = {}
        """Flows this process has registered, by name: registering is an upsert that is needed once."""

    def flush(self) -> None:
        """Waits until the server has all that happened so far."""
        self.events.flush()
        self.logs.flush()

    def close(self) -> None:
        """Flushes and lets go of the connections."""
        self.events.close()
        self.logs.close()
        self.client.close()

    def _send_events(self, batch: Sequence[Callable[[], dict[str, Any]]]) -> None:
        """Events are put as functions, so that the task that reports one does not pay for wording it."""
        ready: Any = [word() for word in batch]
        self.client.call(events.create_events, ready)

    def _send_logs(self, batch: Sequence[dict[str, Any]]) -> None:
        ready: Any = list(batch)
        self.client.call(logs.create_logs, ready)


_sessions: dict[int, tuple[configuration.Settings, Session]] = {}
_opening = threading.Lock()
os.register_at_fork(after_in_child=_sessions.clear)  # a forked child may not speak on its parent's connections


def session() -> Session:
    """The session of the current settings. Raises `SettingInvalid` when there is no way to an API."""
    settings = configuration.current()
    known = _sessions.get(id(settings))
    if known is not None and known[0] is settings:
        return known[1]
    with _opening:
        known = _sessions.get(id(settings))
        if known is None or known[0] is not settings:
            known = settings, Session(settings, _client(settings))
            _sessions[id(settings)] = known
            # Registered after a server of this process has been, so carried out before it ends.
            threading._register_atexit(known[1].flush)  # type: ignore[attr-defined]  # as thread pools end
        return known[1]


def _client(settings: configuration.Settings) -> Client:
    if settings.api.url:
        return open_client(settings)
    start: OpenServer | None = load(SERVERS, "embedded")
    if start is None:
        raise SettingInvalid("No API address is set and no server can be started here. Set PENSTOCK_API_URL.")
    return Client(start(settings), manners(settings))
