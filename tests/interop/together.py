"""A pool of a Penstock server with a worker of each program on it, and runs that can be seen and held."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.live.api import FINAL, PATIENT, eventually
from tests.live.programs import Program, penstock, prefect
from tests.live.servers import Server, end

OURS, THEIRS = "ours", "theirs"
QUICK = {
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_WORKER_HEARTBEAT_SECONDS": "1",
    "PENSTOCK_WORKER_HEARTBEAT_SECONDS": "1",
    "PENSTOCK_WORKER_LEASE_SECONDS": "5",
}
FLOWS = """
import os
import time
from pathlib import Path

try:
    from prefect import flow
except ImportError:
    from penstock import flow

HERE = Path("FOLDER")  # Prefect runs a copy of this file
RUN = os.environ["PREFECT__FLOW_RUN_ID"]


def mark(word):
    file = os.open(HERE / "marks.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{word} {RUN}\\n".encode())
    os.close(file)


@flow(log_prints=True)
def held():
    mark("began")
    print("hello")
    while not (HERE / f"go-{RUN}").exists():
        time.sleep(0.05)
    mark("ended")

"""


@dataclass
class Together:
    """The pool, its deployments `held` and `alone` (one at a time), and the workers started so far."""

    server: Server
    folder: Path
    kind: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    deployments: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        (self.folder / "flows.py").write_text(FLOWS.replace("FOLDER", str(self.folder)))
        api = self.server.api
        made = self.server.shell(self.folder).run("work-pool", "create", self.kind, "--type", self.kind)
        assert made.returncode == 0, made.stderr
        for name, limit in (("held", None), ("alone", 1)):
            body = {
                "name": f"{name}-{self.kind}",  # the same flow and name would be the same deployment
                "flow_id": api.post("/flows/", {"name": "held"})["id"],
                "work_pool_name": self.kind,
                "path": str(self.folder),
                "entrypoint": "flows.py:held",
                "concurrency_limit": limit,
                "job_variables": self.variables,
            }
            self.deployments[name] = api.post("/deployments/", body)["id"]

    def start(self, name: str, limit: int = 2) -> None:
        """Starts the worker of one of the two programs."""
        program: Program = penstock() if name == OURS else prefect()
        shell = self.server.shell(self.folder, program, self.folder.parent / name)
        words = ("worker", "start", "--pool", self.kind, "--name", name, "--limit", str(limit))
        self.workers[name] = shell.start(*words, log=self.log_file(name), **QUICK)

    def kill(self, name: str) -> None:
        """kill -9 of a worker alone; its jobs are not told."""
        self.workers[name].kill()
        self.workers[name].wait()

    def close(self) -> None:
        """Lets every run end, and ends the workers."""
        for run in self.runs:
            self.let_go(run)
        for worker in self.workers.values():
            end(worker, 15)

    def run(self, deployment: str = "held") -> str:
        """A new due run; its id."""
        body = {"state": {"type": "SCHEDULED"}}
        self.runs.append(
            self.server.api.post(f"/deployments/{self.deployments[deployment]}/create_flow_run", body)["id"]
        )
        return self.runs[-1]

    def let_go(self, run: str) -> None:
        """Lets a held run end."""
        (self.folder / f"go-{run}").touch()

    def cancel(self, run: str) -> None:
        self.server.api.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})

    def began(self, runs: list[str]) -> None:
        """Waits until the code of all these runs was begun."""
        self.until(lambda: set(runs) <= set(self.marks("began")), f"{len(runs)} runs begin")

    def ended(self, runs: list[str]) -> Counter[str]:
        """Waits until all these runs have ended; how."""
        self.until(lambda: all(self.read(run)["state_type"] in FINAL for run in runs), f"{len(runs)} runs end")
        return Counter(self.read(run)["state_type"] for run in runs)

    def until(self, look: Callable[[], Any], what: str) -> Any:
        """Waits for something; a failure shows what the workers have said."""
        try:
            return eventually(look, PATIENT, what, every=0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log(OURS)[-3000:]}\n{self.log(THEIRS)[-3000:]}") from None

    def marks(self, *words: str) -> list[str]:
        """The runs that have made marks of these words, in their order."""
        file = self.folder / "marks.txt"
        lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
        return [run for word, run in lines if word in words]

    def taker(self, run: str) -> str:
        """The worker that a run says has taken it."""
        return str(self.read(run)["labels"]["prefect.worker.name"])

    def taken_by(self, name: str, runs: list[str]) -> list[str]:
        return [run for run in runs if self.taker(run) == name]

    def read(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.server.api.get(f"/flow_runs/{run}")
        return found

    def logged(self, run: str) -> list[tuple[str, str]]:
        """The logger and text of each line of a run."""
        lines = self.server.api.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}})
        return [(line["name"], line["message"]) for line in lines]

    def log_file(self, name: str) -> Path:
        return self.folder.parent / f"{name}.log"

    def log(self, name: str) -> str:
        file = self.log_file(name)
        return file.read_text(errors="replace") if file.exists() else ""
