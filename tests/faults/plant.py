"""A pool with one deployment whose runs write down each execution, and workers to be killed."""

from __future__ import annotations

import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.live.api import FINAL, PATIENT, eventually
from tests.live.servers import Server, end

FLOW = """
import os
import time

from SDK import flow
from SDK.runtime import flow_run


@flow
def marked(seconds: float = 0.0):
    line = f"{flow_run.id} {os.getpid()}\\n"
    mark = os.open(MARK, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(mark, line.encode())
    os.close(mark)
    time.sleep(seconds)
"""


@dataclass
class Plant:
    """What the runs of a fault test need; `close` ends every process that it started."""

    server: Server
    folder: Path
    pool: str = "plant"
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    deployment: str = ""
    sdk: str = "penstock"
    kind: str = "process"
    """The pool's type; the folder is at the same path wherever its jobs run."""
    variables: dict[str, Any] = field(default_factory=dict)
    """Job variables of the deployment."""
    more: dict[str, Any] = field(default_factory=dict)
    """Other fields of the deployment."""

    def __post_init__(self) -> None:
        self.folder.mkdir()
        (self.folder / "marked.py").write_text(
            FLOW.replace("MARK", repr(str(self.marks_file))).replace("SDK", self.sdk)
        )
        api = self.server.api
        api.post("/work_pools/", {"name": self.pool, "type": self.kind})
        flow = api.post("/flows/", {"name": "marked"})
        steps = "prefect.deployments.steps" if self.sdk == "prefect" else "penstock.steps"
        step = {f"{steps}.set_working_directory": {"directory": str(self.folder)}}
        body = {
            "name": "marked",
            "flow_id": flow["id"],
            "work_pool_name": self.pool,
            "entrypoint": "marked.py:marked",
            "pull_steps": [step],
            "concurrency_limit": 50,
            "job_variables": self.variables,
            **self.more,
        }
        self.deployment = api.post("/deployments/", body)["id"]

    @property
    def marks_file(self) -> Path:
        return self.folder / "executions.txt"

    def run(self, seconds: float = 0.0, **more: object) -> str:
        """A new due run; its id."""
        body = {"parameters": {"seconds": seconds}, "state": {"type": "SCHEDULED"}, **more}
        return str(self.server.api.post(f"/deployments/{self.deployment}/create_flow_run", body)["id"])

    def worker(self, limit: int = 10, lease: float = 30, server: Server | None = None) -> subprocess.Popen[bytes]:
        """A started worker of the pool; `lease` is in how many seconds its silence costs it its runs."""
        return self.worker_again(len(self.workers), limit, lease, server)

    def worker_again(
        self, number: int, limit: int = 10, lease: float = 30, server: Server | None = None
    ) -> subprocess.Popen[bytes]:
        """As `worker`; one of a number that was there before is on that one's machine."""
        shell = (server or self.server).shell(self.folder, home=self.folder / f"home{number}")
        name = f"worker-{number}"
        arguments = ("worker", "start", "--pool", self.pool, "--name", name, "--limit", str(limit))
        self.workers.append(shell.start(*arguments, log=self.log(number), PENSTOCK_WORKER_LEASE_SECONDS=str(lease)))
        return self.workers[-1]

    def log(self, number: int) -> Path:
        return self.folder / f"worker{number}.log"

    def state(self, run_id: str) -> dict[str, Any]:
        """A run's present state."""
        state: dict[str, Any] = self.server.api.get(f"/flow_runs/{run_id}")["state"]
        return state

    def reaches(self, run_id: str, kind: str, timeout: float = PATIENT) -> None:
        """Waits until a run's state is of a type."""
        seen = eventually(lambda: self._at(run_id, kind), timeout, f"{run_id} becomes {kind} or ends", every=0.02)
        assert seen["type"] == kind, seen

    def _at(self, run_id: str, kind: str) -> dict[str, Any]:
        """A run's state once it is of a type, or final."""
        state = self.state(run_id)
        return state if state["type"] in {kind, *FINAL} else {}

    def ended(self, runs: list[str], timeout: float) -> Counter[str]:
        """Waits until all these runs have ended; how they did."""
        wanted = set(runs)

        def look() -> bool:
            rows = self.server.api.runs(state={"type": {"any_": sorted(FINAL)}})
            return wanted <= {row["id"] for row in rows}

        eventually(look, timeout, f"{len(runs)} runs end", every=0.5)
        return Counter(row["state_type"] for row in self.server.api.runs() if row["id"] in wanted)

    def executions(self) -> Counter[str]:
        """How often the code of each run was entered."""
        lines = self.marks_file.read_text().splitlines() if self.marks_file.exists() else []
        return Counter(line.split()[0] for line in lines)

    def pids(self, run_id: str) -> list[int]:
        """The processes that entered the code of a run, the first one first."""
        lines = self.marks_file.read_text().splitlines() if self.marks_file.exists() else []
        return [int(line.split()[1]) for line in lines if line.split()[0] == run_id]

    def slots(self) -> int:
        """Slots of the deployment's limit that are taken now."""
        limit = self.server.api.get(f"/v2/concurrency_limits/deployment:{self.deployment}")
        return int(limit["active_slots"])

    def close(self) -> None:
        for worker in self.workers:
            end(worker)


def runnings(names: list[str]) -> int:
    """How many attempts a run's state names tell of."""
    return names.count("Running")
