"""A pool on a real server, and workers that are real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.live.api import FINAL, PATIENT, Api, eventually
from tests.live.programs import ROOT, penstock
from tests.live.servers import Server, end

POOL = "pool"
FLOW = """
import os, signal, sys, time
from pathlib import Path
from penstock import flow

@flow
def quick():
    print("hello from the flow")

@flow
def marked(folder):
    with open(Path(folder, "marks"), "a") as file:
        file.write(f"{os.getpid()}\\n")

@flow
def waiting(folder):
    Path(folder, "began").write_text(str(os.getpid()))
    while not Path(folder, "go").exists():
        time.sleep(0.02)

def write_down(flow, run, state):
    Path(run.parameters["folder"], "hook").write_text(f"{flow.name} {state.type} {Path.cwd()}")

@flow(on_crashed=[write_down], on_cancellation=[write_down])
def hooked(folder):
    Path(folder, "began").write_text(str(os.getpid()))
    while True:
        time.sleep(0.02)

def plain(number: int = 6):
    print(f"a plain function was given {number!r}")

@flow
async def later():
    import asyncio
    await asyncio.sleep(0)

@flow
def deaf(folder):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    waiting.fn(folder)

@flow
def dying():
    print("these are my last words", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

@flow
def silent():
    os._exit(0)

@flow
def failing():
    raise ValueError("as it should")
"""


@dataclass
class Bench:
    """One server with one pool, a folder of flows, and the workers started so far."""

    server: Server
    folder: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.code.mkdir(parents=True)
        (self.code / "flows.py").write_text(FLOW)
        self.post("/work_pools/", {"name": POOL, "type": "process", "base_job_template": {}})

    @property
    def api(self) -> Api:
        return self.server.api

    @property
    def code(self) -> Path:
        return self.folder / "code"

    def log(self, number: int = -1) -> str:
        """What a worker said."""
        count = len(self.workers)
        return (self.folder / f"worker-{number % count}.log").read_text()

    def worker(self, *, env: dict[str, str] | None = None, **options: Any) -> subprocess.Popen[bytes]:
        """A worker process; all workers share one home, as those of one machine do."""
        number = len(self.workers)
        wanted = json.dumps({"pool": POOL, "name": f"worker-{number}", **options})
        settings = {"PENSTOCK_WORKER_QUERY_SECONDS": "1", "PYTHONPATH": str(ROOT), **(env or {})}
        environment = penstock().environment(self.folder / "home", self.server.url, settings)
        with (self.folder / f"worker-{number}.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.worker.program", wanted],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.workers.append(process)
        return process

    def deploy(self, name: str, **fields: Any) -> str:
        """A deployment of one of the flows; gives its id."""
        flow = self.post("/flows/", {"name": name})["id"]
        steps = [{"prefect.deployments.steps.set_working_directory": {"directory": str(self.code)}}]
        body = {
            "name": f"{name}-{time.monotonic_ns()}",
            "flow_id": flow,
            "work_pool_name": POOL,
            "entrypoint": f"flows.py:{name}",
            "pull_steps": steps,
            "enforce_parameter_schema": False,
            **fields,
        }
        return str(self.post("/deployments/", body)["id"])

    def run(self, name: str, parameters: dict[str, Any] | None = None, **fields: Any) -> str:
        """A run of a flow that is due now; gives its id."""
        deployment = self.deploy(name, **fields)
        body = {"state": {"type": "SCHEDULED"}, "parameters": parameters or {}}
        return str(self.post(f"/deployments/{deployment}/create_flow_run", body)["id"])

    def read(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/flow_runs/{run}")
        return found

    def ended(self, run: str, timeout: float = PATIENT) -> dict[str, Any]:
        """The run once it has ended."""

        def look() -> dict[str, Any]:
            found = self.read(run)
            return found if found["state_type"] in FINAL else {}

        try:
            return eventually(look, timeout, f"run {run} ends", every=0.02)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.read(run)['state']}\n{self.log() if self.workers else ''}") from None

    def began(self, timeout: float = 30) -> int:
        """The pid of the waiting flow, once it waits."""
        mark = self.folder / "began"
        return int(eventually(lambda: mark.exists() and mark.read_text(), timeout, "the flow begins", every=0.02))

    def hosts(self) -> list[Path]:
        """The jobs that workers keep in mind."""
        return list(self.folder.glob("home/jobs/*"))

    def go(self) -> None:
        """Lets the waiting flow end."""
        (self.folder / "go").touch()

    def post(self, path: str, body: Any) -> Any:
        """A POST that must succeed; a Prefect server whose database is locked is asked again."""

        def ask() -> list[Any]:
            status, answer = self.api.ask("POST", path, body)
            assert status < 300 or status == 503, f"POST {path}: {status} {answer}"
            return [answer] if status < 300 else []

        [answer] = eventually(ask, 20, f"{path} is answered")
        return answer

    def cancel(self, run: str) -> None:
        self.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})

    def close(self) -> None:
        """Ends all that was started."""
        self.go()
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            end(worker, 10)
