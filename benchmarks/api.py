"""How many requests a second the API answers, by kind of request and number of clients."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.live.api import Api

from benchmarks.load import encode, load

FINISHING = ("PENDING", "RUNNING", "COMPLETED")
WAITING = 1000
"""Scheduled runs in the pool that is polled."""


def after(seconds: float) -> str:
    """A moment from now, as the API writes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def new_run(flow: str) -> dict[str, Any]:
    """The run that an SDK makes for a called flow."""
    return {
        "flow_id": flow,
        "parameters": {"x": 1},
        "context": {},
        "tags": ["bench"],
        "empirical_policy": {"retries": 0, "retry_delay": 0, "resuming": False},
        "state": {"type": "PENDING", "name": "Pending"},
    }


def make_runs(api: Api, flow: str, count: int) -> list[str]:
    """Ids of that many new runs."""
    made: list[str] = []
    request = encode(api.url, "POST", "/flow_runs/", new_run(flow))
    load(api.url, ([request] for _ in range(count)), 1, 300, lambda body: made.append(json.loads(body)["id"]))
    return made


def lifecycles(api: Api, runs: list[str]) -> list[list[bytes]]:
    """One job for each run: the rest of its way to COMPLETED."""
    return [
        [
            encode(api.url, "POST", f"/flow_runs/{run}/set_state", {"state": {"type": kind, "name": kind.title()}})
            for kind in FINISHING[1:]
        ]
        for run in runs
    ]


def waiting_pool(api: Api, flow: str) -> str:
    """A pool with a thousand runs that are due in half an hour."""
    pool = "bench-waiting"
    api.post("/work_pools/", {"name": pool, "type": "process"})
    body = {"name": "waiting", "flow_id": flow, "work_pool_name": pool, "entrypoint": "flow.py:noop", "path": "."}
    deployment = api.post("/deployments/", body)["id"]
    due = {"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": after(1800)}}}
    request = encode(api.url, "POST", f"/deployments/{deployment}/create_flow_run", due)
    load(api.url, ([request] for _ in range(WAITING)), 1, 600)
    return pool


def measure(api: Api, clients: tuple[int, ...], seconds: float) -> dict[str, dict[str, float]]:
    """Figures by case and number of clients."""
    flow = api.post("/flows/", {"name": "bench"})["id"]
    one = make_runs(api, flow, 250)[0]
    pool = waiting_pool(api, flow)
    line = {"name": "bench", "level": 20, "message": "m" * 80, "timestamp": after(0), "flow_run_id": one}
    cases = {
        "health": encode(api.url, "GET", "/health"),
        "create": encode(api.url, "POST", "/flow_runs/", new_run(flow)),
        "read": encode(api.url, "GET", f"/flow_runs/{one}"),
        "list_200": encode(api.url, "POST", "/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 200}),
        "scheduled": encode(
            api.url, "POST", f"/work_pools/{pool}/get_scheduled_flow_runs", {"scheduled_before": after(3600)}
        ),
        "logs_100": encode(api.url, "POST", "/logs/", [line] * 100),
    }
    figures = {}
    for number in clients:
        for name, request in cases.items():
            figures[f"{name} c={number}"] = load(api.url, itertools.repeat([request]), number, seconds)
        figures[f"set_state c={number}"] = set_state(api, flow, number, seconds, figures[f"create c={number}"]["per_s"])
    return figures


def set_state(api: Api, flow: str, clients: int, seconds: float, rate: float) -> dict[str, float]:
    """Transitions of fresh runs, each run on its whole way."""
    runs = make_runs(api, flow, max(2 * clients, min(20_000, int(rate * seconds / 2))))
    return load(api.url, lifecycles(api, runs), clients, seconds * 10)
