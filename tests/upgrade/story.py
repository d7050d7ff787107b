"""A team's way from Prefect 2.20 and its agents to this server and workers: who works, what is run, what it saw."""

from __future__ import annotations

import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, cycle
from pathlib import Path
from typing import Any

from tests.live.api import FINAL, PATIENT, Api, eventually
from tests.live.old_server import Old
from tests.live.programs import Program, Shell, penstock, prefect, prefect2
from tests.live.servers import Server, end

SEEN = "seen.txt"
"""The file, beside the code, to which runs write what they saw."""
PACE = 1.0
"""Seconds between two runs of the load."""
OFTEN, EVERY = "hello/often", 5
"""The deployment with a schedule that acts during the story, and the seconds between its runs."""
BOXED = "hello/boxed"
"""The deployment whose runs are containers."""
TYPED = ("hello/d17", "hello/d18")
"""Those that workers ran before."""
QUICK = ("hello/d05", "hello/d07", "other/d04", *TYPED)
"""What Penstock's agent and workers run: milliseconds each."""
SLOW = ("hello/d01", "hello/d03", "other/d00")
"""What the agent of Prefect runs at first: seconds of a processor each."""


@dataclass(frozen=True)
class Seen:
    """What the code of a run saw: its flow, parameter and variables, and which program ran it."""

    run: str
    saw: tuple[str, ...]
    version: str


def prepare(old: Old, image: str) -> None:
    """Two more deployments on the old server: one with a quick schedule, and one of containers if there is an image."""
    api, folder = old.server.api, str(old.shell.folder)
    blocks = {f"{one['block_type']['slug']}/{one['name']}": one for one in api.post("/block_documents/filter", {})}
    body = {
        "flow_id": api.get("/flows/name/hello")["id"],
        "work_pool_name": "ag",
        "path": folder,
        "entrypoint": "flows.py:hello",
    }
    schedule = {"schedule": {"interval": EVERY}, "active": True}
    often = {"name": "often", "infrastructure_document_id": blocks["process/mine"]["id"], "schedules": [schedule]}
    api.post("/deployments/", {**body, **often})
    if image:
        box = {
            "type": "docker-container",
            "image": image,
            "image_pull_policy": "NEVER",
            "network_mode": "host",
            "volumes": [f"{folder}:{folder}"],
            "env": {"A": "box", "SEEN": str(old.shell.folder / SEEN), "TZ": "UTC"},
        }
        like = blocks["docker-container/boxes"]
        document = {"name": "box", "data": box, **{key: like[key] for key in ("block_type_id", "block_schema_id")}}
        id = api.post("/block_documents/", document)["id"]
        boxed = {"name": "boxed", "infrastructure_document_id": id, "infra_overrides": {"env.B": "override"}}
        api.post("/deployments/", {**body, **boxed})


@dataclass
class Story:
    """The new server and those who work for it, in the folder that the deployments' code is in."""

    server: Server
    folder: Path
    has_boxes: bool
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    made: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The runs made of each deployment."""
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def api(self) -> Api:
        return self.server.api

    @property
    def runnable(self) -> tuple[str, ...]:
        """The deployments whose runs can be carried out here."""
        return (*QUICK, *SLOW, *([BOXED] if self.has_boxes else []))

    def command(self, *words: str) -> str:
        """A command of Penstock that must succeed; what it said."""
        done = self.server.shell(self.folder).run(*words)
        assert done.returncode == 0, f"$ penstock {' '.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def start(self, program: Program, *words: str) -> None:
        """Starts an agent or a worker of a program, under the name of its words."""
        name = f"{program.name} {' '.join(words)}"
        home = self.server.home / f"home-{len(self.processes)}"
        shell: Shell = self.server.shell(self.folder, program, home)
        log = self.server.home / f"log-{len(self.processes)}.txt"
        self.processes[name] = shell.start(*words, log=log, **{**HURRY, "SEEN": str(self.seen_file)})

    def start_worker(self, pool: str) -> None:
        """Starts who works on a new pool, unless it is worked on: Prefect's worker on one, and ours on the others."""
        program = prefect() if pool == "mine" else penstock()
        if f"{program.name} worker start --pool {pool}" not in self.processes:
            self.start(program, "worker", "start", "--pool", pool)

    def start_agents(self) -> None:
        """Prefect's agent on the queues without a pool, ours on the pools; and a worker where there was one."""
        self.start(prefect2(), "agent", "start", "-q", "test", "-q", "tagged", "--limit", "2")
        for pool in ("ag", "halted"):
            self.start(penstock(), "agent", "start", "--pool", pool)
        self.start(penstock(), "worker", "start", "--pool", "typed")

    def stop(self, *words: str) -> None:
        """Ends the processes that were started with these words first."""
        for name, process in self.processes.items():
            if name.split()[1:3] == list(words):
                end(process, 5)

    def close(self) -> None:
        for process in self.processes.values():
            end(process, 10)

    def run(self, deployment: str, api: Api | None = None) -> str:
        """Makes a run of a deployment, for now."""
        api = api or self.api
        if deployment not in self.ids:
            self.ids[deployment] = api.get(f"/deployments/name/{deployment}")["id"]
        run = str(api.post(f"/deployments/{self.ids[deployment]}/create_flow_run", {})["id"])
        self.made[deployment].append(run)
        return run

    @contextmanager
    def load(self) -> Iterator[None]:
        """A run each second, for as long as the block lasts: one of the slow ones after ten of the others."""
        over = threading.Event()
        slow = [one for one in self.runnable if one not in QUICK]
        turns = cycle(chain.from_iterable((*QUICK, *QUICK, one) for one in slow))

        def make() -> None:
            api = Api(self.server.url)
            while not over.wait(PACE):
                self.run(next(turns), api)

        thread = threading.Thread(target=make)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def completed(self, runs: list[str]) -> None:
        """Waits until these runs have completed."""

        def left() -> list[tuple[str, str]]:
            found = self.api.runs(id={"any_": runs})
            return [(run["name"], run["state_name"]) for run in found if run["state_type"] not in FINAL]

        eventually(lambda: not left(), PATIENT, f"{len(runs)} runs end: {left()}\n{self.logs()}", every=0.2)
        ended = self.api.runs(id={"any_": runs})
        failed = [(run["name"], run["state"]["message"]) for run in ended if run["state_type"] != "COMPLETED"]
        assert (len(ended), failed) == (len(runs), []), f"{failed}\n{self.logs()}"

    def busy(self, pools: list[str]) -> list[dict[str, Any]]:
        """The runs that those who serve these pools have taken and not ended."""
        taken = {"type": {"any_": ["PENDING", "RUNNING"]}}
        body = {"flow_runs": {"state": taken}, "work_pools": {"name": {"any_": pools}}}
        found: list[dict[str, Any]] = self.api.post("/flow_runs/filter", body)
        return found

    @property
    def seen_file(self) -> Path:
        return self.folder / SEEN

    def seen(self) -> list[Seen]:
        return read_seen(self.seen_file)

    def logs(self) -> str:
        files = sorted(self.server.home.glob("log-*.txt"))
        return "\n".join(f"{file.name}: {file.read_text(errors='replace')[-1500:]}" for file in files)


HURRY = {
    "PREFECT_AGENT_QUERY_INTERVAL": "1",
    "PREFECT_AGENT_PREFETCH_SECONDS": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_WORKER_PREFETCH_SECONDS": "1",
}


def read_seen(file: Path) -> list[Seen]:
    """What the runs that wrote to a file saw, in their order."""
    lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    return [Seen(words[0], tuple(words[1:-1]), words[-1]) for words in lines]
