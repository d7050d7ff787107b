"""What a real agent of Prefect 2.20.25 can be told, in front of a Penstock server.

Prefect takes seconds to be imported, so one process is one agent after the other, and each test looks at what one of
them has done. The one that waits for a run's time goes on beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.interop.commands import swept
from tests.live.api import Api, eventually
from tests.live.programs import penstock, prefect2
from tests.live.servers import Server, end, running

SLOW = 300.0
AHEAD = 15.0
"""Seconds that a run is made ahead of its time."""
FLOWS = """
from prefect import flow

@flow
def hello():
    pass
"""
AGENTS = {
    "match in a pool": "agent start --pool ag -m mat",
    "match without a pool": "agent start -m loo",
    "match nothing": "agent start --pool other -m nothing",
    "limit": "agent start -q limited --limit 1",
    "tags": "agent start -t b -t a",
    "paused queue": "agent start --pool ag -q paused",
    "paused pool": "agent start --pool halted",
    "unknown pool": "agent start --pool nowhere",
    "nothing": "agent start",
    "queues and tags": "agent start -q a -t b",
}
"""What an agent is for -> its command line, each of which looks once."""


@dataclass
class Site:
    """The server, the runs that wait for the agents, and what became of these."""

    server: Server
    runs: dict[str, list[str]] = field(default_factory=dict)
    queues: list[str] = field(default_factory=list)
    """Those of the pool in which nothing is matched."""
    done: Future[list[dict[str, Any]]] = field(default_factory=Future)

    @property
    def api(self) -> Api:
        return self.server.api

    def ended(self, agent: str, code: int = 0) -> str:
        """What an agent has said; it must have ended with this code."""
        done = dict(zip(AGENTS, self.done.result(), strict=True))[agent]
        assert done["code"] == code, f"$ prefect {AGENTS[agent]}\n{done['said']}"
        return str(done["said"])

    def states(self, agent: str) -> list[str]:
        """The types of the states that the runs meant for an agent are in."""
        return sorted(self.api.get(f"/flow_runs/{run}")["state_type"] for run in self.runs[agent])

    def make(self, agent: str, place: dict[str, str], *, number: int = 1, ahead: float = 0, tags: object = ()) -> None:
        """Runs that wait for an agent in a place of their own."""
        body = {"flow_id": self.api.post("/flows/", {"name": "hello"})["id"], "name": agent, "tags": tags, **place}
        code = {"path": str(self.server.home), "entrypoint": "flows.py:hello", "enforce_parameter_schema": False}
        deployment = self.api.post("/deployments/", {**body, **code})["id"]
        due = (datetime.now(UTC) + timedelta(seconds=ahead)).isoformat()
        state = {"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": due}}}
        made = [self.api.post(f"/deployments/{deployment}/create_flow_run", state) for _ in range(number)]
        self.runs[agent] = [one["id"] for one in made]

    def queues_of(self, pool: str) -> list[str]:
        return sorted(one["name"] for one in self.api.post(f"/work_pools/{pool}/queues/filter", {}))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("agents")
    with running(penstock(), folder / "server") as server, ThreadPoolExecutor() as beside:
        (server.home / "flows.py").write_text(FLOWS)
        made = Site(server)
        shell = server.shell(folder, prefect2(), folder / "home")
        fill(made)
        made.queues = made.queues_of("other")
        lines = [f"{line} --run-once" for line in AGENTS.values()]
        made.done = beside.submit(swept, shell, lines, folder / "result.json")
        yield made


def fill(site: Site) -> None:
    """Pools, queues and runs."""
    for pool, paused in (("ag", False), ("other", False), ("halted", True)):
        site.api.post("/work_pools/", {"name": pool, "type": "prefect-agent", "is_paused": paused})
    site.make("match in a pool", {"work_pool_name": "ag", "work_queue_name": "match"})
    site.make("match without a pool", {"work_queue_name": "loose"})
    site.make("match nothing", {"work_pool_name": "other", "work_queue_name": "queue"})
    site.make("limit", {"work_queue_name": "limited"}, number=3)
    site.make("tags", {"work_queue_name": "elsewhere"}, tags=["a", "b", "c"])
    site.make("paused queue", {"work_pool_name": "ag", "work_queue_name": "paused"})
    site.make("paused pool", {"work_pool_name": "halted"})
    site.api.expect("PATCH", "/work_pools/ag/queues/paused", {"is_paused": True})


def test_a_run_that_is_taken_early_begins_at_its_time(site: Site, tmp_path: Path) -> None:
    """The agent is there before the run is, so it is seen how long before its time it is taken."""
    queue = site.api.post("/work_queues/", {"name": "ahead"})["id"]
    shell, log = site.server.shell(tmp_path, prefect2(), tmp_path / "home"), tmp_path / "log"
    words = ("agent", "start", "-q", "ahead", "--prefetch-seconds", "600")
    agent = shell.start(*words, log=log, PREFECT_AGENT_QUERY_INTERVAL="1")
    try:
        eventually(lambda: site.api.get(f"/work_queues/{queue}")["last_polled"], SLOW, "the agent polls")
        site.make("prefetch", {"work_queue_name": "ahead"}, ahead=AHEAD)
        eventually(lambda: site.states("prefetch") == ["COMPLETED"], SLOW, "the run ends")
    finally:
        end(agent, 5)
    [run] = site.runs["prefetch"]
    states = {one["name"]: one for one in site.api.get(f"/flow_run_states/?flow_run_id={run}")}
    due = states["Scheduled"]["state_details"]["scheduled_time"]
    assert states["Pending"]["timestamp"] < due <= states["Running"]["timestamp"], log.read_text()
    assert states["Pending"]["state_details"]["scheduled_time"] == due


def test_queues_are_matched_in_a_pool_and_without_one(site: Site) -> None:
    for agent, queue in (("match in a pool", "match"), ("match without a pool", "loose")):
        assert f"Matched new work queues: {queue}" in site.ended(agent)
        assert site.states(agent) == ["COMPLETED"]


def test_a_prefix_that_matches_nothing_makes_nothing(site: Site) -> None:
    """An agent that matches no queue of a pool asks for those of all queues, on Prefect's server too."""
    said = site.ended("match nothing")
    assert "Created work queue" not in said
    assert site.queues_of("other") == site.queues


def test_a_limit_leaves_the_other_runs_scheduled(site: Site) -> None:
    site.ended("limit")
    assert site.states("limit") == ["COMPLETED", "SCHEDULED", "SCHEDULED"]


def test_a_queue_by_tags_is_made_and_gives_the_runs_that_have_them(site: Site) -> None:
    site.ended("tags")
    queue = site.api.get("/work_queues/name/Agent%20queue%20a-b")
    assert sorted(queue["filter"]["tags"]) == ["a", "b"]
    assert site.states("tags") == ["COMPLETED"]


@pytest.mark.parametrize("agent", ["paused queue", "paused pool"])
def test_nothing_is_given_out_while_paused(agent: str, site: Site) -> None:
    site.ended(agent)
    assert site.states(agent) == ["SCHEDULED"]


def test_an_agent_is_told_that_its_queue_is_paused(site: Site) -> None:
    assert "paused" in site.ended("paused queue")


@pytest.mark.parametrize("agent", ["unknown pool", "nothing", "queues and tags"])
def test_what_makes_no_sense_ends_the_agent(agent: str, site: Site) -> None:
    site.ended(agent, 1)
    assert site.api.ask("GET", "/work_pools/nowhere")[0] == 404


@pytest.mark.parametrize("program", [penstock, prefect2], ids=["penstock", "prefect"])
def test_both_command_lines_show_when_queues_were_polled(program: Any, site: Site, tmp_path: Path) -> None:
    site.done.result()
    queues = {one["name"]: one for one in site.api.post("/work_pools/ag/queues/filter", {})}
    assert queues["match"]["last_polled"]
    shell = site.server.shell(tmp_path, program(), tmp_path / "home")
    if program is penstock:
        rows = json.loads(shell.run("work-queue", "ls", "--pool", "ag", "--output", "json").stdout)
        assert {one["name"]: one["last_polled"] for one in rows} == {
            name: one["last_polled"] for name, one in queues.items()
        }
    shown = shell.run("work-queue", "ls", "--pool", "ag")
    assert (shown.returncode, "match" in shown.stdout) == (0, True), shown.stderr
    if program is penstock:
        assert "Last polled" in shown.stdout
