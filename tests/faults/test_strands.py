"""The other ways in which a run can be left: a frozen worker, a killed process, an answer that never arrived."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.faults.plant import Plant, runnings
from tests.live.api import Api, eventually


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]


def signal_all(processes: list[int], number: int) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)


def test_frozen_worker_that_wakes_up_changes_nothing(plant: Plant) -> None:
    run = plant.run(seconds=3)
    frozen = family_of_running(plant, run)
    signal_all(frozen, signal.SIGSTOP)
    began = time.monotonic()
    try:
        eventually(lambda: plant.state(run)["type"] == "CRASHED", 90, "the silent run is given up")
        message = plant.state(run)["message"]
        print(f"worker frozen while its run ran: given up after {time.monotonic() - began:.1f} s: {message}")
        assert plant.slots() == 0
        again = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": True}
        plant.server.api.post(f"/flow_runs/{run}/set_state", again)
        plant.worker()
        assert plant.ended([run], 60) == Counter({"COMPLETED": 1})
        before = plant.server.api.get(f"/flow_run_states/?flow_run_id={run}")
    finally:
        signal_all(frozen, signal.SIGCONT)
    eventually(lambda: gone(plant.pids(run)[0]), 30, "the frozen job has come to its end")
    assert plant.server.api.get(f"/flow_run_states/?flow_run_id={run}") == before
    assert (plant.executions()[run], runnings([state["name"] for state in before])) == (2, 2)
    assert plant.slots() == 0


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has, too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


def family_of_running(plant: Plant, run: str) -> list[int]:
    """A worker and its job, once the job is in its code."""
    worker = plant.worker(lease=5)
    eventually(lambda: plant.executions()[run] == 1, 60, "the run is in its code", every=0.02)
    return sorted({*family(worker.pid), plant.pids(run)[0]})


def test_killed_job_is_crashed_with_its_signal(plant: Plant) -> None:
    run = plant.run(seconds=30)
    family_of_running(plant, run)
    os.kill(plant.pids(run)[0], signal.SIGKILL)
    began = time.monotonic()
    assert plant.ended([run], 30) == Counter({"CRASHED": 1})
    message = plant.state(run)["message"]
    print(f"job killed: Crashed after {time.monotonic() - began:.1f} s: {message}")
    assert ("SIGKILL" in message, "of the flow 'marked' begins" in message) == (True, True)
    assert plant.slots() == 0


@pytest.mark.parametrize("kind", ["PENDING", "RUNNING"])
def test_proposal_that_is_sent_again_because_its_answer_was_lost_counts_once(kind: str, plant: Plant) -> None:
    run = plant.run()
    api = plant.server.api
    if kind == "RUNNING":
        api.post(f"/flow_runs/{run}/set_state", {"state": {"type": "PENDING"}})
    before = len(api.state_names(run))
    transition = "0190f3a0-0000-7000-8000-00000000000" + str(before)
    state = {"type": kind, "state_details": {"transition_id": transition}}
    hang_up_after(api, f"/flow_runs/{run}/set_state", {"state": state})
    eventually(lambda: plant.state(run)["type"] == kind, 10, "the state is written", every=0.01)
    answer = api.post(f"/flow_runs/{run}/set_state", {"state": state})
    assert answer["status"] in ("ACCEPT", "REJECT"), answer  # Prefect's: refused in favour of the state that is there
    assert answer["state"]["id"] == plant.state(run)["id"]
    assert answer["state"]["type"] == kind
    assert len(api.state_names(run)) == before + 1


def hang_up_after(api: Api, path: str, body: dict[str, Any]) -> None:
    """Sends a whole request and closes the connection without reading the answer."""
    data = json.dumps(body).encode()
    head = f"POST {api.base}{path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection((api.host, api.port)) as connection:
        connection.sendall(head.encode() + f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
