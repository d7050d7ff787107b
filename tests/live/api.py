"""A small JSON client of the API that shares no code with the product it checks."""

from __future__ import annotations

import http.client
import json
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

PATIENT = 180.0
"""Seconds after which a test says that something hangs; a real Prefect server may keep one request for sixty."""
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
Found = TypeVar("Found")


class Api:
    """Requests to one API root; not for use by two threads at once."""

    def __init__(self, url: str, timeout: float = 30) -> None:
        self.url = url.rstrip("/")
        parts = urllib.parse.urlsplit(self.url)
        self.host, self.port, self.base = parts.hostname or "", parts.port or 80, parts.path
        self.timeout = timeout

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and raw body of one request on a connection of its own; OSError when there is no server."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request(method, self.base + path, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and decoded answer, whatever the status is."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        status, raw = self.send(method, path, data, headers)
        try:
            return status, json.loads(raw) if raw else None
        except ValueError:
            return status, raw.decode(errors="replace")

    def get(self, path: str) -> Any:
        """The answer of a GET that must succeed."""
        return self.expect("GET", path)

    def post(self, path: str, body: object = None) -> Any:
        """The answer of a POST that must succeed."""
        return self.expect("POST", path, {} if body is None else body)

    def expect(self, method: str, path: str, body: object = None) -> Any:
        status, answer = self.ask(method, path, body)
        assert 200 <= status < 300, f"{method} {path}: {status} {str(answer)[:500]}"
        return answer

    def healthy(self) -> bool:
        """Whether the server answers its health check."""
        try:
            return self.send("GET", "/health")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def runs(self, **criteria: object) -> list[dict[str, Any]]:
        """All flow runs that fit a filter, read in pages."""
        found: list[dict[str, Any]] = []
        while True:
            page = {"flow_runs": criteria, "limit": 200, "offset": len(found), "sort": "ID_DESC"}
            rows = self.post("/flow_runs/filter", page)
            found += rows
            if len(rows) < 200:
                return found

    def state_names(self, run_id: str) -> list[str]:
        """The names of a run's states in their order."""
        states = self.get(f"/flow_run_states/?flow_run_id={run_id}")
        return [state["name"] for state in sorted(states, key=lambda state: state["timestamp"])]


def eventually(look: Callable[[], Found], timeout: float, what: str, every: float = 0.1) -> Found:
    """The first truthy result of `look`; fails with `what` and the last result when there is none in time."""
    deadline = time.monotonic() + timeout
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"not within {timeout} s: {what} (last seen: {seen!r})"
        time.sleep(every)
