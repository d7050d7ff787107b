"""The server or its database dies under load: what was acknowledged is still there."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass, field

from tests.live.api import Api, eventually
from tests.live.postgres import Postgres
from tests.live.servers import Server

STATES = ("PENDING", "RUNNING", "COMPLETED")


@dataclass
class Writer(threading.Thread):
    """Drives runs through their states and remembers what the server acknowledged."""

    url: str
    flow: str
    acknowledged: dict[str, str] = field(default_factory=dict)
    errors: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        api = Api(self.url, timeout=10)
        while not self.stopping.is_set():
            try:
                self.one(api)
            except (OSError, http.client.HTTPException):
                self.errors += 1
                time.sleep(0.05)

    def one(self, api: Api) -> None:
        status, run = api.ask("POST", "/flow_runs/", {"flow_id": self.flow, "state": {"type": "SCHEDULED"}})
        if status != 201:
            self.errors += 1
            return
        self.acknowledged[run["id"]] = "SCHEDULED"
        for state in STATES:
            status, answer = api.ask("POST", f"/flow_runs/{run['id']}/set_state", {"state": {"type": state}})
            if status not in (200, 201) or answer["status"] != "ACCEPT":
                self.errors += 1
                return
            self.acknowledged[run["id"]] = state


def load(server: Server, count: int = 4) -> list[Writer]:
    """Started writers."""
    flow = server.api.post("/flows/", {"name": "load"})["id"]
    writers = [Writer(server.url, flow) for _ in range(count)]
    for writer in writers:
        writer.start()
    return writers


def acknowledged(writers: list[Writer]) -> dict[str, str]:
    return {run: state for writer in writers for run, state in writer.acknowledged.items()}


def stop(writers: list[Writer]) -> None:
    for writer in writers:
        writer.stopping.set()
    for writer in writers:
        writer.join()


def lost(server: Server, writers: list[Writer]) -> list[tuple[str, str, str]]:
    """Runs whose state lies before what was acknowledged: (run, acknowledged, found)."""
    order = ["SCHEDULED", *STATES]
    kept = {row["id"]: row["state_type"] for row in server.api.runs()}
    return [
        (run, state, kept.get(run, "nothing"))
        for run, state in acknowledged(writers).items()
        if run not in kept or order.index(kept[run]) < order.index(state)
    ]


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(server: Server, full: bool) -> None:
    writers = load(server)
    for _ in range(5 if full else 2):
        had = len(acknowledged(writers))
        eventually(lambda had=had: len(acknowledged(writers)) > had + 100, 60, "the load runs")  # type: ignore[misc]
        server.kill()
        began = time.monotonic()
        server.start()
        print(f"killed at {len(acknowledged(writers))} runs; healthy again after {time.monotonic() - began:.2f} s")
    stop(writers)
    assert lost(server, writers) == []
    print(f"{len(acknowledged(writers))} acknowledged runs, none lost; {sum(w.errors for w in writers)} errors seen")


def test_server_recovers_when_postgres_restarts_under_load(postgres: Postgres, server: Server) -> None:
    if server.database is None:
        return
    writers = load(server)
    eventually(lambda: len(acknowledged(writers)) > 100, 60, "the load runs")
    began = time.monotonic()
    postgres.stop("immediate")
    postgres.start()
    had = len(acknowledged(writers))
    eventually(lambda: len(acknowledged(writers)) > had + 50, 60, "the load goes on")
    print(f"PostgreSQL restarted; load goes on {time.monotonic() - began:.2f} s after the stop began")
    stop(writers)
    assert server.process is not None
    assert server.process.poll() is None, server.tail()
    assert lost(server, writers) == []


def test_server_ends_in_time_when_told_to(server: Server) -> None:
    writers = load(server)
    eventually(lambda: len(acknowledged(writers)) > 50, 60, "the load runs")
    began = time.monotonic()
    code = server.stop()
    print(f"SIGTERM under load: ended with {code} after {time.monotonic() - began:.2f} s")
    assert code == 0
    server.start()
    stop(writers)
    assert lost(server, writers) == []
