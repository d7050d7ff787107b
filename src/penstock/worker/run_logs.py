"""A worker's lines about a run: in its own log, and in the run's on the server."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import UUID

from penstock.client.client import Client
from penstock.client.outbox import Outbox
from penstock.clock import Clock
from penstock.wire import logs
from penstock.wire.logs import LogCreate

LOGGER = "prefect.flow_runs.worker"
"""The name that dashboards look for."""

PAUSE_SECONDS = 1.0

log = logging.getLogger("penstock.worker")


class RunLogs:
    """Writes lines about runs."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._clock = clock
        self._client = client
        self._names: dict[UUID, str] = {}
        self._outbox: Outbox[LogCreate] = Outbox("worker-logs", self._send, pause=PAUSE_SECONDS)

    def name(self, run_id: UUID, name: str) -> None:
        """What the run is called in the worker's own log, until it is forgotten."""
        self._names[run_id] = name

    def forget(self, run_id: UUID) -> None:
        """There will be no more lines about the run."""
        self._names.pop(run_id, None)

    def info(self, run_id: UUID, message: str) -> None:
        self._write(run_id, logging.INFO, message)

    def warning(self, run_id: UUID, message: str) -> None:
        self._write(run_id, logging.WARNING, message)

    def error(self, run_id: UUID, message: str) -> None:
        self._write(run_id, logging.ERROR, message)

    def close(self) -> None:
        """Sends what is left."""
        self._outbox.close()

    def _write(self, run_id: UUID, level: int, message: str) -> None:
        log.log(level, "run %r: %s", self._names.get(run_id, str(run_id)), message, extra={"flow_run": str(run_id)})
        line = LogCreate(name=LOGGER, level=level, message=message, timestamp=self._clock.now(), flow_run_id=run_id)
        self._outbox.put(line)

    def _send(self, lines: Sequence[LogCreate]) -> None:
        self._client.call(logs.create_logs, list(lines))
