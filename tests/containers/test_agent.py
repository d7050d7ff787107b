"""Containers of an agent outlive it: the next agent takes them in hand by their names."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.containers import project
from tests.live.api import FINAL, PATIENT, eventually
from tests.live.docker import Engine
from tests.live.programs import Shell, penstock
from tests.live.servers import Server, end, running

POOL = "agents"
SHOWN = {"image": {}, "volumes": {}, "env": {}, "auto_remove": {}}


@dataclass
class Site:
    """A server with a pool for agents, a deployment whose block is a container, and the agents started so far."""

    server: Server
    shell: Shell
    deployment: str
    agents: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def logs(self) -> list[Path]:
        return [self.shell.folder / f"agent-{number}.log" for number in range(len(self.agents))]

    def agent(self) -> subprocess.Popen[bytes]:
        log = self.shell.folder / f"agent-{len(self.agents)}.log"
        started = self.shell.start("agent", "start", "--pool", POOL, log=log, PENSTOCK_WORKER_LEASE_SECONDS="5")
        self.agents.append(started)
        return started

    def said(self) -> str:
        return "\n".join(log.read_text() for log in self.logs if log.exists())

    def run(self) -> str:
        body = {"parameters": {"folder": "/shared"}}
        return str(self.server.api.post(f"/deployments/{self.deployment}/create_flow_run", body)["id"])

    def until(self, run: str, *states: str) -> dict[str, Any]:
        def look() -> dict[str, Any]:
            found: dict[str, Any] = self.server.api.get(f"/flow_runs/{run}")
            return found if found["state_type"] in states else {}

        return eventually(look, PATIENT, f"run {run} is {' or '.join(states)}\n{self.said()}")


@pytest.fixture
def site(docker_engine: Engine, tmp_path: Path) -> Iterator[Site]:
    project.write(tmp_path / "code")
    with running(penstock(), tmp_path / "server") as server:
        api = server.api
        api.post("/work_pools/", {"name": POOL, "type": "prefect-agent"})
        kind = api.post("/block_types/", {"name": "Docker Container", "slug": "docker-container"})
        fields = {"title": "DockerContainer", "type": "object", "properties": SHOWN}
        schema = api.post("/block_schemas/", {"block_type_id": kind["id"], "fields": fields})
        data = {"image": docker_engine.image, "volumes": [f"{tmp_path}:/shared"], "env": {}, "auto_remove": False}
        document = {"name": "box", "data": data, "block_schema_id": schema["id"], "block_type_id": kind["id"]}
        block = api.post("/block_documents/", document)["id"]
        body = {
            "name": "d",
            "flow_id": api.post("/flows/", {"name": "patient"})["id"],
            "work_pool_name": POOL,
            "path": "/shared/code",
            "entrypoint": "flows.py:patient",
            "infrastructure_document_id": block,
        }
        made = Site(server, server.shell(tmp_path), api.post("/deployments/", body)["id"])
        try:
            yield made
        finally:
            for agent in made.agents:
                end(agent, 10)
            docker_engine.remove_containers(f"io.prefect.deployment-id={made.deployment}")


def test_the_container_of_an_agent_that_was_killed_is_watched_over_by_the_next_one(site: Site) -> None:
    run = site.run()
    first = site.agent()
    site.until(run, "RUNNING")
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    site.agent()
    eventually(
        lambda: "looks after the run now" in site.logs[1].read_text() and "was found" in site.logs[1].read_text(),
        PATIENT,
        f"the second agent has the job in hand\n{site.said()}",
    )
    (site.shell.folder / "go").touch()
    ended = site.until(run, *FINAL)
    assert (ended["state_type"], ended["run_count"]) == ("COMPLETED", 1), site.said()
    end(site.agents[1], 20)
    assert site.agents[1].returncode == 0, site.said()


def test_what_a_killed_agent_has_left_can_be_cancelled(site: Site) -> None:
    run = site.run()
    first = site.agent()
    site.until(run, "RUNNING")
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    site.server.api.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    site.agent()
    assert site.until(run, *FINAL)["state_type"] == "CANCELLED", site.said()
