"""A deployment that Prefect 2.20.25 made: run by workers once it is upgraded, and by its agent once that is taken back.

What the agent finds after the rollback is what it would have found before: the deployment is the same again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.programs import Program, penstock, prefect, prefect2
from tests.live.servers import Server, running

POOL = "old"
WRITTEN = {"updated", "labels", "last_polled", "status"}
"""What a deployment may be known by to have been upgraded and taken back."""
FLOWS = """
import os
from pathlib import Path

try:
    from prefect import __version__, flow
except ImportError:
    from penstock import __version__, flow


@flow
def shown():
    with open("FOLDER/seen.txt", "a") as seen:
        print(__version__, os.environ.get("A"), os.environ.get("B"), Path("beside.txt").exists(), file=seen)
"""
MADE_BY_PREFECT = """
from flows import shown
from prefect.deployments import Deployment
from prefect.infrastructure import Process

block = Process(env={"A": "block", "B": "block"})
block.save("plain")
Deployment.build_from_flow(
    shown, "d", infrastructure=block, infra_overrides={"env.B": "override"}, work_pool_name="old", work_queue_name="q"
).apply()
"""


@dataclass(frozen=True)
class Site:
    """The server, the folder with the flow, and the deployment."""

    server: Server
    folder: Path
    deployment: str

    def work(self, program: Program, *words: str) -> str:
        """Lets a program carry out a new run; the line that the flow has written."""
        self.server.api.post(f"/deployments/{self.deployment}/create_flow_run", {})
        file = self.folder / "seen.txt"
        before = file.read_text() if file.exists() else ""
        done = self.server.shell(self.folder, program, self.folder.parent / program.command[1:].replace("/", "-")).run(
            *words, "--run-once", timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        now = file.read_text() if file.exists() else ""
        assert now != before, f"the run was not carried out\n{done.stdout}\n{done.stderr}"
        return now.removeprefix(before).strip()

    def upgrade(self, *words: str) -> None:
        done = self.server.shell(self.folder).run("upgrade", *words, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr

    def pool(self) -> str:
        return str(self.server.api.get(f"/deployments/{self.deployment}")["work_pool_name"])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "flows.py").write_text(FLOWS.replace("FOLDER", str(folder)))
    (folder / "beside.txt").touch()
    (folder / "make.py").write_text(MADE_BY_PREFECT)
    with running(penstock(), tmp_path / "server") as server:
        server.api.post("/work_pools/", {"name": POOL, "type": "prefect-agent"})
        made = server.shell(folder, prefect2(), tmp_path / "maker").python("make.py", timeout=300)
        assert made.returncode == 0, made.stdout + made.stderr
        yield Site(server, folder, server.api.get("/deployments/name/shown/d")["id"])


def test_workers_run_it_after_the_upgrade_and_the_agent_that_it_was_made_for_after_the_rollback(site: Site) -> None:
    before = site.server.api.get(f"/deployments/{site.deployment}")
    site.upgrade("apply", "shown/d")
    worker = ("worker", "start", "--pool", site.pool())
    assert site.pool() == "plain"
    assert site.work(penstock(), *worker).split()[1:] == ["block", "override", "True"]
    assert site.work(prefect(), *worker) == "3.8.8 block override True"
    site.upgrade("rollback", "shown/d")
    after = site.server.api.get(f"/deployments/{site.deployment}")
    assert {name for name in before if before[name] != after[name]} <= WRITTEN
    assert site.work(prefect2(), "agent", "start", "--pool", POOL, "-q", "q") == "2.20.25 block override True"
