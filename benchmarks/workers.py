"""A process worker: from a run's creation to its code, on an idle worker and in a burst."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.live.api import FINAL, Api, eventually
from tests.live.servers import Server, end

from benchmarks.machine import idle, percentile

FLOW = "from SDK import flow\n\n@flow\ndef noop():\n    pass\n"


def prepare(server: Server, folder: Path) -> str:
    """A deployment of a flow that does nothing, in a process pool with Prefect's own template."""
    (folder / "noop.py").write_text(FLOW.replace("SDK", server.program.sdk))
    shell = server.shell(folder)
    done = shell.run("work-pool", "create", "bench", "--type", "process")
    assert done.returncode == 0, done.stderr
    flow = server.api.post("/flows/", {"name": "noop"})["id"]
    step = {f"{server.program.steps}.set_working_directory": {"directory": str(folder)}}
    body = {"name": "noop", "flow_id": flow, "work_pool_name": "bench", "entrypoint": "noop.py:noop"}
    return str(server.api.post("/deployments/", {**body, "pull_steps": [step]})["id"])


def new_run(api: Api, deployment: str) -> str:
    """A due run; a server that is too busy is asked again, as clients do."""
    body = {"state": {"type": "SCHEDULED"}}
    path = f"/deployments/{deployment}/create_flow_run"
    return eventually(lambda: created(api.ask("POST", path, body)), 60, "a run is made")


def created(answer: tuple[int, Any]) -> str:
    status, run = answer
    assert status in (200, 201, 503), run
    return "" if status == 503 else str(run["id"])


def completed(api: Api, runs: list[str], timeout: float = 300) -> list[dict[str, Any]]:
    """The rows of these runs once all have ended."""

    def look() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = api.post("/flow_runs/filter", {"flow_runs": {"id": {"any_": runs}}, "limit": 200})
        return rows if all(row["state_type"] in FINAL for row in rows) else []

    rows = eventually(look, timeout, "the runs end", every=0.05)
    assert all(row["state_type"] == "COMPLETED" for row in rows), [row["state"] for row in rows][:3]
    return rows


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def measure(server: Server, folder: Path, singles: int, burst: int) -> dict[str, dict[str, float]]:
    """Start-up latencies in ms, the burst in s, and what an idle worker takes."""
    deployment = prepare(server, folder)
    worker = server.shell(folder).start("worker", "start", "--pool", "bench", log=folder / "worker.log")
    try:
        completed(server.api, [new_run(server.api, deployment)])
        time.sleep(2)
        resting = idle(worker.pid, 5)
        starts = sorted(single(server.api, deployment) for _ in range(singles))
        runs = [new_run(server.api, deployment) for _ in range(burst)]
        rows = completed(server.api, runs)
        first = min(moment(row["created"]) for row in rows)
        last = max(moment(row["end_time"]) for row in rows)
    finally:
        end(worker)
    return {
        "run start": {"p50_ms": round(percentile(starts, 0.5), 1), "p99_ms": round(percentile(starts, 0.99), 1)},
        f"burst of {burst}": {"s": round(last - first, 2)},
        "worker idle": resting,
    }


def single(api: Api, deployment: str) -> float:
    """Milliseconds from creation to Running, by the server's clock, on a worker that has nothing else to do."""
    row = completed(api, [new_run(api, deployment)])[0]
    return 1000 * (moment(row["start_time"]) - moment(row["created"]))
