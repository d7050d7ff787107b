"""A deployment that Prefect 2.20.25 made: run by its agent, by workers once it is upgraded, by the agent again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.programs import Program, penstock, prefect, prefect2
from tests.live.servers import Server, running

POOL = "old"
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
        shell = server.shell(folder, prefect2(), tmp_path / "maker")
        for words in (("work-pool", "create", POOL, "--type", "prefect-agent"),):
            assert shell.run(*words).returncode == 0
        made = shell.python("make.py", timeout=300)
        assert made.returncode == 0, made.stdout + made.stderr
        yield Site(server, folder, server.api.get("/deployments/name/shown/d")["id"])


def test_the_agent_runs_it_before_a_worker_after_the_upgrade_and_the_agent_after_the_rollback(site: Site) -> None:
    agent = ("agent", "start", "--pool", POOL, "-q", "q")
    assert site.work(prefect2(), *agent) == "2.20.25 block override True"
    site.upgrade("apply", "shown/d")
    worker = ("worker", "start", "--pool", site.pool())
    assert site.pool() == "plain"
    assert site.work(penstock(), *worker).split()[1:] == ["block", "override", "True"]
    assert site.work(prefect(), *worker) == "3.8.8 block override True"
    site.upgrade("rollback", "shown/d")
    assert site.pool() == POOL
    assert site.work(prefect2(), *agent) == "2.20.25 block override True"
    site.upgrade("apply", "--all")
    assert site.work(penstock(), *worker).split()[1:] == ["block", "override", "True"]
