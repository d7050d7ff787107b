"""What a client does to a server beyond single commands: scripts, workers, pauses, cancels, serving."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from typing import Any

from tests.interop.commands import Command
from tests.interop.conftest import Side
from tests.live.api import FINAL, PATIENT, eventually
from tests.live.servers import end

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def told(done: subprocess.CompletedProcess[str]) -> str:
    """A command with its exit code and all that it printed."""
    return f"$ {' '.join(map(str, done.args))}\nended with {done.returncode}\n{done.stdout}{done.stderr[-8000:]}"


def script(side: Side, *arguments: str) -> Any:
    """What a script of the project printed as its result."""
    done = side.shell.python(*arguments)
    results = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert results, told(done)
    assert done.returncode == 0, told(done)
    return json.loads(results[0].removeprefix("RESULT "))


def task_states(side: Side, run_id: str) -> Counter[str]:
    """How many task runs of a flow run are in which state type, as the server knows them."""
    filters = {"flow_runs": {"id": {"any_": [run_id]}}, "limit": 200}
    return Counter(row["state_type"] for row in side.api.post("/task_runs/filter", filters))


def deployment_run(side: Side, name: str) -> str:
    """The id of a run made by `deployment run`."""
    done = side.shell.run("deployment", "run", name)
    found = ID.search(done.stdout)
    assert found, told(done)
    return found.group()


def work_once(side: Side) -> str:
    """Lets a worker take what is due and end; gives its output."""
    done = side.shell.run("worker", "start", "--pool", "interop", "--type", "process", "--run-once", timeout=PATIENT)
    assert done.returncode == 0, told(done)
    return done.stdout + done.stderr


def finished(side: Side, run_id: str, timeout: float = PATIENT) -> dict[str, Any]:
    """A run once it has ended."""

    def look() -> dict[str, Any] | None:
        run: dict[str, Any] = side.api.get(f"/flow_runs/{run_id}")
        return run if run["state_type"] in FINAL else None

    return eventually(look, timeout, f"run {run_id} ends") or {}


def a_flow_with_everything(side: Side) -> None:
    """Tasks, retries, map, waiting, caching, a subflow, slots, variables, artifacts: results and final states."""
    seen = script(side, "everything.py")
    assert (seen["mapped"], seen["waited"], seen["flaky"]) == ([11, 12, 13], "after the others", "third time")
    assert (seen["cached"], seen["calls"], seen["child"]) == ([8, 8], [4], 105)
    assert (seen["slot_held"], seen["variable"]) == (2, {"name": "west"})
    wanted = Counter({"COMPLETED": 9})
    eventually(lambda: task_states(side, seen["run"]) == wanted, PATIENT, f"the server knows {wanted}")
    artifacts = side.api.post("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [seen["run"]]}}})
    assert {"interop-report", "interop-table"} <= {row["key"] for row in artifacts}
    logs = eventually(lambda: messages(side, seen["run"], "printed ford"), PATIENT, "the logs arrive")
    assert "hello ford" in logs


def messages(side: Side, run_id: str, wanted: str) -> list[str]:
    """The log messages of a run, once `wanted` is among them."""
    rows = side.api.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run_id]}}})
    found = [row["message"] for row in rows]
    return found if any(wanted in message for message in found) else []


def an_async_flow(side: Side) -> None:
    """Gathered tasks, a caught failure and an async child."""
    seen = script(side, "asynchronous.py")
    assert (seen["doubled"], seen["failed"], seen["child"]) == ([0, 2, 4, 6], "FAILED", 42)
    wanted = Counter({"COMPLETED": 5, "FAILED": 1})
    eventually(lambda: task_states(side, seen["run"]) == wanted, PATIENT, f"the server knows {wanted}")


def blocks_of_both_kinds(side: Side) -> None:
    """Secrets come back as they were; the API shows them masked."""
    assert script(side, "blocks.py") == {"secret": "hush", "user": "ford", "password": "towel"}
    shown = side.api.get("/block_types/slug/account/block_documents/name/interop-account")
    assert shown["data"]["password"] == "********"


def flows_that_fail(side: Side) -> None:
    """A raising flow is retried and fails; one over its time is TimedOut; the script exits with 1."""
    for name, state in (("raising", "Failed"), ("timing-out", "TimedOut")):
        done = side.shell.python("failing.py", name)
        assert done.returncode == 1, told(done)
        rows = side.api.post("/flow_runs/filter", {"flows": {"name": {"any_": [name]}}, "limit": 1})
        assert rows[0]["state_name"] == state
        assert rows[0]["run_count"] == (2 if name == "raising" else 1)


def a_worker_that_runs_once(side: Side) -> None:
    """`deployment run`, `worker start --run-once`, then inspect, logs and watch."""
    run_id = deployment_run(side, "everything/all")
    work_once(side)
    run = finished(side, run_id)
    assert run["state_name"] == "Completed", run["state"]
    assert run["parameters"] == {"name": "arthur"}
    eventually(lambda: task_states(side, run_id)["COMPLETED"] == 9, PATIENT, "all task runs are Completed")
    for line in (f"flow-run inspect {run_id}", f"flow-run logs {run_id}", f"flow-run watch {run_id}"):
        Command(line).check(side.shell)
    assert "arthur" in side.shell.run("flow-run", "logs", run_id).stdout
    assert {"one", "two"} <= set(run["tags"])


def runs_that_end_badly(side: Side) -> None:
    """A raised error fails the run; a dead process and a missing file crash or fail it, with a reason."""
    ids = {name: deployment_run(side, name) for name in ("raising/raising", "dying/dying")}
    work_once(side)
    ended = {name: finished(side, run_id) for name, run_id in ids.items()}
    assert ended["raising/raising"]["state_name"] == "Failed"
    assert ended["dying/dying"]["state_name"] == "Crashed"
    assert "3" in (ended["dying/dying"]["state"]["message"] or "")


def a_pause_and_a_resume(side: Side) -> None:
    """A flow pauses in its process; a resume lets it end."""
    log = side.shell.home / "pausing.log"
    with log.open("wb") as output:
        process = start_script(side, "pausing.py", output)
    try:
        run = eventually(lambda: paused(side), PATIENT, "the run is Paused")
        status, answer = side.api.ask("POST", f"/flow_runs/{run['id']}/resume", {})
        assert (status, answer["status"]) == (201, "ACCEPT")
        assert process.wait(60) == 0, log.read_text()
        assert "RESULT resumed" in log.read_text()
        assert finished(side, run["id"])["state_name"] == "Completed"
    finally:
        end(process)


def paused(side: Side) -> dict[str, Any]:
    rows = side.api.runs(state={"name": {"any_": ["Paused"]}})
    return rows[0] if rows else {}


def start_script(side: Side, name: str, output: Any) -> Any:
    """A script of the project in the background."""
    environment = side.shell.program.environment(side.shell.home, side.shell.api)
    command = [side.shell.program.python, name]
    return subprocess.Popen(command, cwd=side.shell.folder, env=environment, stdout=output, stderr=output)


def a_cancelled_run(side: Side) -> None:
    """`flow-run cancel` of a run that a worker has started ends its process and the run."""
    run_id = deployment_run(side, "slow/slow")
    worker = side.shell.start("worker", "start", "--pool", "interop", log=side.shell.home / "worker.log")
    try:
        running = eventually(lambda: state_of(side, run_id) == "RUNNING", PATIENT, "the slow run is Running")
        assert running
        Command(f"flow-run cancel {run_id}").check(side.shell)
        assert finished(side, run_id)["state_type"] == "CANCELLED"
    finally:
        end(worker)


def state_of(side: Side, run_id: str) -> str:
    return str(side.api.get(f"/flow_runs/{run_id}")["state_type"])


def a_flow_that_serves_itself(side: Side) -> None:
    """`.serve()` registers a deployment and runs what is asked of it."""
    log = side.shell.home / "served.log"
    with log.open("wb") as output:
        process = start_script(side, "served.py", output)
    try:
        known = "/deployments/name/served/by-itself"
        eventually(lambda: side.api.ask("GET", known)[0] == 200, PATIENT, "the served deployment is there")
        run_id = deployment_run(side, "served/by-itself")
        assert finished(side, run_id)["state_name"] == "Completed", log.read_text()
        eventually(lambda: messages(side, run_id, "served hello"), PATIENT, "its print is a log line")
    finally:
        end(process)


def redeploying_changes_nothing(side: Side) -> None:
    """A second `deploy --all` updates in place."""
    before = side.api.post("/deployments/count", {})
    done = side.shell.run("--no-prompt", "deploy", "--all")
    assert done.returncode == 0, told(done)
    assert side.api.post("/deployments/count", {}) == before


JOURNEYS = (
    a_flow_with_everything,
    an_async_flow,
    blocks_of_both_kinds,
    flows_that_fail,
    a_worker_that_runs_once,
    runs_that_end_badly,
    a_pause_and_a_resume,
    a_cancelled_run,
    a_flow_that_serves_itself,
    redeploying_changes_nothing,
)
