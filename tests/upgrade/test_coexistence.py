"""Agents and workers of two programs on one server while deployments move between them, and back, under a load of runs.

The queue 'ours' is served by Penstock's agent and worker, the queue 'theirs' by a real Prefect 2.20.25 agent and a real
3.8.8 worker. Each run writes a line when its code begins: one that was lost has none, one that was doubled has two.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from tests.live.api import FINAL, PATIENT, Api, eventually
from tests.live.postgres import Postgres
from tests.live.programs import Program, penstock, prefect, prefect2
from tests.live.servers import Server, end, running

OURS, THEIRS = 6, 1
"""Deployments of each queue; a run of Prefect takes seconds of a processor, so its queue has no load of runs."""
PACE = 0.25
"""Seconds between two runs of the load."""
FLOWS = """
import os
import sys

try:
    from prefect import __version__, flow
except ImportError:
    from penstock import __version__, flow


@flow
def marks():
    file = os.open("FOLDER/marks.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{os.environ['PREFECT__FLOW_RUN_ID']} {__version__}\\n".encode())
    os.close(file)
"""
QUICK = {
    "PREFECT_AGENT_QUERY_INTERVAL": "1",
    "PREFECT_AGENT_PREFETCH_SECONDS": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_WORKER_HEARTBEAT_SECONDS": "1",
}
BEFORE, AFTER = "agents", "workers"


class Site:
    """The server with its deployments, and those who work for it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder
        folder.mkdir()
        (folder / "flows.py").write_text(FLOWS.replace("FOLDER", str(folder)))
        self.api = server.api
        self.processes: list[Any] = []
        self.made: list[str] = []
        shell = server.shell(folder)
        for name, kind in ((BEFORE, "prefect-agent"), (AFTER, "process")):
            made = shell.run("work-pool", "create", name, "--type", kind)
            assert made.returncode == 0, made.stderr
        flow = self.api.post("/flows/", {"name": "marks"})["id"]
        self.deployments = [self._deploy(flow, number) for number in range(OURS + THEIRS)]

    def _deploy(self, flow: str, number: int) -> str:
        queue = "ours" if number < OURS else "theirs"
        body = {
            "name": f"{queue}-{number}",
            "flow_id": flow,
            "work_pool_name": BEFORE,
            "work_queue_name": queue,
            "path": str(self.folder),
            "entrypoint": "flows.py:marks",
        }
        return str(self.api.post("/deployments/", body)["id"])

    def start(self, program: Program, *words: str) -> None:
        home = self.folder.parent / f"home-{len(self.processes)}"
        log = self.folder.parent / f"log-{len(self.processes)}.txt"
        self.processes.append(self.server.shell(self.folder, program, home).start(*words, log=log, **QUICK))

    def start_everybody(self) -> None:
        self.start(penstock(), "agent", "start", "--pool", BEFORE, "-q", "ours")
        self.start(prefect2(), "agent", "start", "--pool", BEFORE, "-q", "theirs", "--limit", "2")
        self.start(penstock(), "worker", "start", "--pool", AFTER, "-q", "ours", "--limit", "4")
        self.start(prefect(), "worker", "start", "--pool", AFTER, "-q", "theirs", "--limit", "2")

    def close(self) -> None:
        for process in self.processes:
            end(process, 15)

    @contextmanager
    def load(self) -> Iterator[None]:
        """Runs of one of our deployments after the other, at a pace, for as long as the block lasts."""
        over = threading.Event()

        def make() -> None:
            api = Api(self.server.url)
            for deployment in cycle(self.deployments[:OURS]):
                if over.wait(PACE):
                    return
                self.made.append(self.run(api, deployment))

        thread = threading.Thread(target=make)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def run(self, api: Api, deployment: str) -> str:
        return str(api.post(f"/deployments/{deployment}/create_flow_run", {})["id"])

    def upgrade(self, deployment: str) -> None:
        found = self.api.get(f"/deployments/{deployment}")
        before = {name: found[name] for name in STANDING}
        step = {"prefect.deployments.steps.set_working_directory": {"directory": str(self.folder)}}
        after = {**before, "work_pool_name": AFTER, "pull_steps": [step], "path": None}
        self.patiently(f"/penstock/deployments/{deployment}/upgrade", {"before": before, "after": after})

    def roll_back(self, deployment: str) -> None:
        self.patiently(f"/penstock/deployments/{deployment}/upgrade/rollback", {})

    def patiently(self, path: str, body: Any) -> None:
        """Asks again while runs are claimed and have not begun."""
        deadline = time.monotonic() + PATIENT
        while True:
            status, answer = self.api.ask("POST", path, body)
            if status == 200:
                return
            assert status == 409, answer
            assert "claimed" in str(answer)
            assert time.monotonic() < deadline, answer
            time.sleep(0.05)

    def marks(self) -> Counter[str]:
        """How often the code of each run began."""
        return Counter(line.split()[0] for line in self.lines())

    def versions(self) -> set[str]:
        return {line.split()[1] for line in self.lines()}

    def lines(self) -> list[str]:
        file = self.folder / "marks.txt"
        return file.read_text().splitlines() if file.exists() else []

    def logs(self) -> str:
        return "\n".join(file.read_text(errors="replace")[-1500:] for file in self.folder.parent.glob("log-*.txt"))


STANDING = (
    "work_pool_name",
    "work_queue_name",
    "job_variables",
    "pull_steps",
    "entrypoint",
    "path",
    "storage_document_id",
    "infrastructure_document_id",
)


@pytest.fixture(params=["sqlite", "postgres"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    prefect(), prefect2()
    database = None
    if request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        database = postgres.database()
    with running(penstock(), tmp_path / "server", database) as server:
        made = Site(server, tmp_path / "code")
        try:
            made.start_everybody()
            yield made
        finally:
            made.close()


def test_no_run_is_lost_or_doubled_while_deployments_move(site: Site) -> None:
    first = [site.run(site.api, one) for one in (site.deployments[0], site.deployments[-1])]
    eventually(lambda: set(first) <= set(site.marks()), PATIENT, f"both agents work\n{site.logs()}")
    with site.load():
        for number, deployment in enumerate(site.deployments):
            site.made.append(site.run(site.api, deployment))
            site.upgrade(deployment)
            site.made.append(site.run(site.api, deployment))
            if number % 2:
                site.roll_back(deployment)
    made = first + site.made
    print(f"{len(made)} runs")
    eventually(lambda: _all_ended(site, made), PATIENT * 2, f"all {len(made)} runs end\n{site.logs()}", every=0.5)
    ended = {run["id"]: run for run in site.api.runs()}
    assert set(ended) == set(made)
    assert Counter(run["state_type"] for run in ended.values()) == {"COMPLETED": len(made)}
    assert site.marks() == dict.fromkeys(made, 1)
    assert {run["work_pool_name"] for run in ended.values()} == {BEFORE, AFTER}
    assert {version.split(".")[0] for version in site.versions()} >= {"2", "3"}
    pools = Counter(site.api.get(f"/deployments/{one}")["work_pool_name"] for one in site.deployments)
    assert pools == {BEFORE: OURS // 2, AFTER: OURS // 2 + THEIRS}


def _all_ended(site: Site, made: list[str]) -> bool:
    return all(run["state_type"] in FINAL for run in site.api.runs()) and len(site.marks()) >= len(made)
