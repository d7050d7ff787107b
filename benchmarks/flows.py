"""A flow with many tasks that do nothing: how fast they go, and when the server knows them all."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

from tests.live.servers import Server

SCRIPT = """
import json, sys, time
from SDK import flow, task

@task
def noop(i):
    return i

COUNT, MODE = int(sys.argv[1]), sys.argv[2]

@flow(name="bench-tasks", flow_run_name=sys.argv[3])
def many():
    began = time.perf_counter()
    if MODE == "call":
        for i in range(COUNT):
            noop(i)
    else:
        [future.result() for future in [noop.submit(i) for i in range(COUNT)]]
    return time.perf_counter() - began

if __name__ == "__main__":
    print("BENCH", json.dumps(many()))
"""


def measure(server: Server, folder: Path, count: int) -> dict[str, dict[str, float]]:
    """Tasks a second inside the flow, and seconds until the server knows them, called and submitted."""
    shell = server.shell(folder)
    (folder / "many.py").write_text(SCRIPT.replace("SDK", server.program.sdk))
    figures = {}
    for mode in ("call", "submit"):
        name = f"bench-{uuid.uuid4().hex[:10]}"
        done = shell.python("many.py", str(count), mode, name, timeout=600)
        ended = time.perf_counter()
        lines = [line for line in done.stdout.splitlines() if line.startswith("BENCH ")]
        assert lines, done.stdout[-1000:] + done.stderr[-3000:]
        known = wait_for_tasks(server, name, count)
        seconds = json.loads(lines[0].removeprefix("BENCH "))
        figures[f"tasks {mode}"] = {"per_s": round(count / seconds, 1), "known_s": round(known - ended, 2)}
    return figures


def wait_for_tasks(server: Server, run: str, count: int) -> float:
    """The moment when the server knows all task runs of a flow run as completed."""
    done = {"flow_runs": {"name": {"any_": [run]}}, "task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    deadline = time.perf_counter() + 120
    while server.api.post("/task_runs/count", done) < count:
        assert time.perf_counter() < deadline, "the server never knew all task runs"
        time.sleep(0.02)
    return time.perf_counter()
