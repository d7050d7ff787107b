"""`penstock agent start`, as a real process on a real server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.api import FINAL, PATIENT, Api, eventually
from tests.live.programs import penstock
from tests.live.servers import end, running

FLOWS = """
import os
import time

def shown():
    with open("seen", "a") as seen:
        seen.write(f"{os.environ.get('A')} {os.environ.get('B')}\\n")

def waits():
    time.sleep(300)
"""
FIELDS = {"env": {"type": "object"}, "stream_output": {"type": "boolean"}, "working_dir": {"type": "string"}}


class Bench:
    """A server with an agent pool, and agents that are ended with it."""

    def __init__(self, api: Api, folder: Path, shell: Any) -> None:
        self.api, self.folder, self._shell = api, folder, shell
        self.agents: list[subprocess.Popen[bytes]] = []
        (folder / "flows.py").write_text(FLOWS)
        api.post("/work_pools/", {"name": "ag", "type": "prefect-agent"})
        api.post("/work_pools/", {"name": "typed", "type": "process"})
        kind = {"name": "Process", "slug": "process"}
        self._kind = api.post("/block_types/", kind)["id"]
        schema = {"fields": {"type": "object", "properties": FIELDS}, "block_type_id": self._kind}
        self._schema = api.post("/block_schemas/", {**schema, "capabilities": ["run-infrastructure"]})["id"]

    def block(self, **data: Any) -> str:
        """The id of a stored infrastructure block."""
        document = {"name": f"b{len(data)}", "data": data, "block_schema_id": self._schema}
        return str(self.api.post("/block_documents/", {**document, "block_type_id": self._kind})["id"])

    def run(self, flow: str, **deployment: Any) -> str:
        """The id of a due run of a new deployment."""
        named = self.api.post("/flows/", {"name": flow})["id"]
        body = {"name": flow, "flow_id": named, "path": str(self.folder), "entrypoint": f"flows.py:{flow}"}
        made = self.api.post("/deployments/", {**body, **deployment})
        return str(self.api.post(f"/deployments/{made['id']}/create_flow_run", {})["id"])

    def agent(self, *arguments: str, **environment: str) -> Path:
        """Starts one; gives its log."""
        log = self.folder / f"agent-{len(self.agents)}.log"
        self.agents.append(self._shell.start("agent", "start", *arguments, log=log, **environment))
        return log

    def once(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Lets one do what is due; its exit code and what it said."""
        log = self.agent(*arguments, "--run-once", **environment)
        return self.agents[-1].wait(PATIENT), log.read_text()

    def state(self, run: str) -> str:
        return str(self.api.get(f"/flow_runs/{run}")["state_type"])


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("agent")
    with running(penstock(), folder / "server") as live:
        found = Bench(live.api, folder, live.shell(folder))
        yield found
        for agent in found.agents:
            end(agent, 5)


def test_a_run_is_started_as_its_block_says_with_the_deployments_overrides(bench: Bench) -> None:
    block = bench.block(env={"A": "block", "B": "block"}, stream_output=True)
    place = {"work_pool_name": "ag", "work_queue_name": "q1", "infrastructure_document_id": block}
    run = bench.run("shown", **place, infra_overrides={"env.B": "override"})
    code, said = bench.once("--pool", "ag", "-q", "q1", "-q", "q2", "--limit", "1")
    assert (code, bench.state(run)) == (0, "COMPLETED"), said
    assert (bench.folder / "seen").read_text() == "block override\n"
    worker = "penstock worker start --pool ag --work-queue q1 --work-queue q2 --limit 1 --run-once"
    assert said.count(worker) == 1
    assert bench.api.get("/work_pools/ag/queues/q2")["status"] == "READY"


def test_a_variable_that_is_null_in_the_block_is_not_there(bench: Bench) -> None:
    """Neither one of the agent's own, nor one that an override takes out of the block."""
    block = bench.block(env={"A": None, "B": "block"})
    place = {"work_pool_name": "ag", "work_queue_name": "nulls", "infrastructure_document_id": block}
    run = bench.run("shown", **place, infra_overrides={"env.B": None})
    code, said = bench.once("--pool", "ag", "-q", "nulls", A="agent's own", B="agent's own")
    assert (code, bench.state(run)) == (0, "COMPLETED"), said
    assert (bench.folder / "seen").read_text().splitlines()[-1] == "None None"


def test_overrides_mean_nothing_without_a_block(bench: Bench) -> None:
    run = bench.run("shown", work_queue_name="loose", job_variables={"env.A": "override"})
    code, said = bench.once("-q", "loose")
    assert (code, bench.state(run)) == (0, "COMPLETED"), said
    assert (bench.folder / "seen").read_text().splitlines()[-1] == "None None"
    assert bench.api.get("/work_queues/name/loose")["work_pool_name"] == "default-agent-pool"


def test_queues_are_matched_and_none_is_made(bench: Bench) -> None:
    run = bench.run("shown", work_pool_name="ag", work_queue_name="dev-one")
    code, said = bench.once("--pool", "ag", "-m", "nothing-")
    assert (code, bench.state(run)) == (0, "SCHEDULED"), said
    code, said = bench.once("--pool", "ag", "-m", "dev-")
    assert (code, bench.state(run)) == (0, "COMPLETED"), said
    assert {one["name"] for one in bench.api.post("/work_pools/ag/queues/filter")} >= {"dev-one"}
    assert "dev-one" in said


def test_what_is_cancelled_is_ended(bench: Bench) -> None:
    run = bench.run("waits", work_pool_name="ag")
    log = bench.agent("--pool", "ag")
    eventually(lambda: bench.state(run) == "RUNNING", PATIENT, "the run is started")
    bench.api.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    eventually(lambda: bench.state(run) in FINAL, PATIENT, "the run ends")
    assert bench.state(run) == "CANCELLED", log.read_text()
    end(bench.agents[-1], 20)
    assert bench.agents[-1].returncode == 0


def test_an_override_that_leads_nowhere_is_told(bench: Bench) -> None:
    block = bench.block(working_dir="/", stream_output=True, env={})
    place = {"work_pool_name": "ag", "work_queue_name": "wrong", "infrastructure_document_id": block}
    run = bench.run("shown", **place, infra_overrides={"job.spec": "x"})
    bench.once("--pool", "ag", "-q", "wrong")
    state = bench.api.get(f"/flow_runs/{run}")["state"]
    assert "'job.spec' leads nowhere: the block process/b3 has no 'job' to change" in state["message"]


def test_refusals_name_the_command_that_helps(bench: Bench) -> None:
    typed, missing = bench.once("--pool", "typed"), bench.once("--pool", "gone")
    assert (typed[0], "Start one with: penstock worker start --pool typed" in typed[1]) == (1, True)
    assert (missing[0], "work-pool create gone --type prefect-agent" in missing[1]) == (1, True)
    nothing = bench.once()
    assert (nothing[0], "No work queues provided!" in nothing[1]) == (1, True)
