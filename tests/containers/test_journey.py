"""From a project to containers: an image is built by `deploy`, a worker runs it, and every end is explained."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.containers import project
from tests.live.api import FINAL, PATIENT, eventually
from tests.live.docker import Engine
from tests.live.programs import Shell, penstock
from tests.live.servers import Server, end, running

FILE = """
build:
- prefect_docker.deployments.steps.build_docker_image:
    id: build-image
    requires: prefect-docker
    image_name: penstock-test/journey
    tag: "1"
    dockerfile: auto
    pull: false

definitions:
  pool: &pool
    name: docks
    job_variables: &job {{image: "{{{{ build-image.image }}}}", volumes: ["{folder}:/shared"]}}

deployments:
- {{name: d, entrypoint: "flows.py:greet", work_pool: *pool}}
- {{name: d, entrypoint: "flows.py:waiting", work_pool: *pool}}
- {{name: d, entrypoint: "flows.py:patient", work_pool: *pool}}
- name: d
  entrypoint: flows.py:hungry
  work_pool: {{name: docks, job_variables: {{<<: *job, mem_limit: 200m, auto_remove: true}}}}
- name: missing
  entrypoint: flows.py:greet
  build: []
  work_pool: {{name: docks, job_variables: {{image: "127.0.0.1:1/gone:1"}}}}
"""


@dataclass
class Docks:
    """A server with a pool of type docker, and the workers started so far."""

    engine: Engine
    server: Server
    shell: Shell
    said: subprocess.CompletedProcess[str] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)

    @property
    def log(self) -> str:
        return (self.shell.folder.parent / "worker.log").read_text()

    def worker(self, name: str = "w") -> subprocess.Popen[bytes]:
        options = {"PENSTOCK_WORKER_LEASE_SECONDS": "5"}
        started = self.shell.start(
            "worker", "start", "--pool", "docks", "--name", name, log=self.shell.folder.parent / "worker.log", **options
        )
        self.workers.append(started)
        return started

    def run(self, deployment: str, **parameters: Any) -> str:
        flow, _, name = deployment.partition("/")
        found = self.server.api.get(f"/deployments/name/{flow}/{name}")
        body = {"state": {"type": "SCHEDULED"}, "parameters": parameters}
        status, answer = self.server.api.ask("POST", f"/deployments/{found['id']}/create_flow_run", body)
        assert status < 300, answer
        self.runs.append(str(answer["id"]))
        return self.runs[-1]

    def read(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.server.api.get(f"/flow_runs/{run}")
        return found

    def ended(self, run: str) -> dict[str, Any]:
        def look() -> dict[str, Any]:
            found = self.read(run)
            return found if found["state_type"] in FINAL else {}

        try:
            return eventually(look, PATIENT, f"run {run} ends", every=0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.read(run)['state']}\n{self.log}") from None

    def until_logged(self, text: str) -> None:
        eventually(lambda: text in self.log, PATIENT, f"the worker shows {text!r}", every=0.05)

    def container(self, run: str) -> dict[str, Any]:
        """What the engine shows of the container of a run."""
        [found] = self.engine.client.containers.list(all=True, filters={"label": f"io.prefect.flow-run-id={run}"})
        shown: dict[str, Any] = found.attrs
        return shown


@pytest.fixture(scope="module")
def docks(docker_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docks]:
    folder = tmp_path_factory.mktemp("docks")
    code = folder / "imports"
    project.write(code)
    (code / "prefect.yaml").write_text(FILE.format(folder=folder))
    with running(penstock(), folder / "server") as server:
        found = Docks(docker_engine, server, server.shell(code))
        made = found.shell.run("work-pool", "create", "docks", "--type", "docker")
        assert made.returncode == 0, made.stderr
        found.said = found.shell.run("deploy", "--all", PENSTOCK_DEPLOYMENTS_BASE_IMAGE=docker_engine.image)
        assert found.said.returncode == 0, found.said.stderr
        found.worker()
        try:
            yield found
        finally:
            for worker in found.workers:
                end(worker, 10)
            for run in found.runs:
                docker_engine.remove_containers(f"io.prefect.flow-run-id={run}")


def test_one_build_serves_all_deployments_and_the_run_completes(docks: Docks) -> None:
    assert docks.said is not None
    assert docks.said.stderr.count("penstock-test/journey:1 1/") == 1
    run = docks.run("greet/d", name="Ada")
    ended = docks.ended(run)
    assert ended["state_type"] == "COMPLETED", ended["state"]
    shown = docks.container(run)
    assert ended["infrastructure_pid"] == f"{docks.engine.api.base_url}:{shown['Id']}"
    assert shown["Config"]["Labels"]["io.prefect.deployment-name"] == "d"
    assert shown["Name"] == f"/penstock-{run}-1"
    docks.until_logged("hello Ada from /opt/prefect/imports")


IN_CODE = """
from flows import greet
from penstock.docker import DockerImage
image = DockerImage("penstock-test/coded", tag="1", pull=False)
greet.deploy("coded", work_pool_name="docks", image=image, push=False, parameters={"name": "Grace"})
"""


def test_code_builds_the_image_of_its_deployment(docks: Docks) -> None:
    made = docks.shell.python("-c", IN_CODE, PENSTOCK_DEPLOYMENTS_BASE_IMAGE=docks.engine.image)
    assert made.returncode == 0, made.stderr
    assert "penstock-test/coded:1 1/" in made.stderr
    ended = docks.ended(docks.run("greet/coded"))
    assert ended["state_type"] == "COMPLETED", ended["state"]
    docks.until_logged("hello Grace from /opt/prefect/imports")


def test_running_out_of_memory_is_said_in_the_state(docks: Docks) -> None:
    ended = docks.ended(docks.run("hungry/d"))
    assert ended["state_type"] == "CRASHED"
    assert "it most likely ran out of memory" in ended["state"]["message"], ended["state"]["message"]


def test_a_missing_image_is_explained(docks: Docks) -> None:
    ended = docks.ended(docks.run("greet/missing"))
    assert ended["state_type"] == "CRASHED"
    assert "The image '127.0.0.1:1/gone:1' could not be pulled" in ended["state"]["message"]


def test_a_cancelled_run_has_no_container_left_running(docks: Docks) -> None:
    run = docks.run("waiting/d")
    docks.until_logged("waiting")
    docks.server.api.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    assert docks.ended(run)["state_type"] == "CANCELLED"
    eventually(lambda: not docks.container(run)["State"]["Running"], PATIENT, "its container ends", every=0.05)


def test_a_worker_that_is_killed_and_started_again_adopts_its_container(docks: Docks) -> None:
    run = docks.run("patient/d", folder="/shared")
    docks.until_logged("patient")
    os.kill(docks.workers[-1].pid, signal.SIGKILL)
    docks.workers[-1].wait()
    docks.worker()
    docks.until_logged("looks after the run now")
    (docks.shell.folder.parent / "go").touch()
    assert docks.ended(run)["state_type"] == "COMPLETED"
    assert docks.read(run)["run_count"] == 1
