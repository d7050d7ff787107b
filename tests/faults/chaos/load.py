"""The runs of a chaos: made over time, some of them for later, some of them cancelled."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.faults.chaos.site import Site
from tests.live.api import Api

SHARES = {"plain": 30, "limited": 15, "queued": 10, "slotted": 10, "again": 10, "pretended": 25}
CANCELLED, LATER = 0.06, 0.1
LONG = {"plain": 0.03, "again": 0.2, "pretended": 0.03}
"""Shares of runs; the long ones take about as long as a lease."""


@dataclass(frozen=True)
class Made:
    """A run, and the name of its deployment."""

    id: str
    deployment: str


class Load(threading.Thread):
    """Makes so many runs over so many seconds. `cancelled` are those that were asked to be."""

    def __init__(self, site: Site, count: int, seconds: float, rng: random.Random) -> None:
        super().__init__(daemon=True)
        self._site = site
        self._count = count
        self._every = seconds / count
        self._rng = rng
        self._long_seconds = 1.2 * site.lease
        self._to_cancel: list[tuple[float, str]] = []
        self.made: list[Made] = []
        self.cancelled: set[str] = set()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            began = time.monotonic()
            for number in range(self._count):
                self._make(number)
                self._cancel_due()
                time.sleep(max(0.0, began + (number + 1) * self._every - time.monotonic()))
            while self._to_cancel:
                self._cancel_due()
                time.sleep(0.1)
        except BaseException as error:
            self.error = error

    def _make(self, number: int) -> None:
        rng = self._rng
        [name] = rng.choices(list(SHARES), list(SHARES.values()))
        seconds = rng.uniform(0.5, 1.0) * self._long_seconds if self._is_long(name) else rng.uniform(0.05, 0.8)
        state: dict[str, object] = {"type": "SCHEDULED"}
        if rng.random() < LATER:
            later = datetime.now(UTC) + timedelta(seconds=rng.uniform(1, 2 * self._site.lease))
            state["state_details"] = {"scheduled_time": later.isoformat()}
        body = {"parameters": {"seconds": seconds}, "state": state, "idempotency_key": f"chaos-{number}"}
        path = f"/deployments/{self._site.deployments[name]}/create_flow_run"
        run = self._site.until_answered(lambda api: api.post(path, body))["id"]
        self.made.append(Made(run, name))
        if rng.random() < CANCELLED:
            self._to_cancel.append((time.monotonic() + rng.uniform(0, 4), run))

    def _is_long(self, name: str) -> bool:
        return self._rng.random() < LONG.get(name, 0.0)

    def _cancel_due(self) -> None:
        now = time.monotonic()
        for _, run in [one for one in self._to_cancel if one[0] <= now]:
            self._site.until_answered(lambda api, run=run: self._cancel(api, run))  # type: ignore[misc]
            self.cancelled.add(run)
        self._to_cancel = [one for one in self._to_cancel if one[0] > now]

    def _cancel(self, api: Api, run: str) -> bool:
        status, answer = api.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
        assert status < 300, answer
        return True
