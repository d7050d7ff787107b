"""The whole way of a team, with real processes: from a Prefect 2.20 server and its agents to this server and workers.

Twenty-two deployments, of which a dozen are run here, one run a second. The blocks of clouds are imported, planned,
proved and upgraded, and never run. With PENSTOCK_TEST_STORY=postgres the new server is on PostgreSQL.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.live.api import PATIENT, eventually
from tests.live.docker import image_with_prefect
from tests.live.old_server import DEPLOYMENTS, Old, old_server
from tests.live.postgres import Postgres
from tests.live.programs import penstock, prefect, prefect2
from tests.live.servers import end, running
from tests.upgrade.story import BOXED, EVERY, OFTEN, TYPED, Story, prepare, read_seen

REFERENCE = ("hello/d01", "other/d00")
"""The deployments that are run where they come from too."""
PAUSED = {"hello/d06": "ag-process-2", "hello/d15": "mine-halted"}
"""Deployments of a paused queue and of a paused pool, and the pool that each of them goes to."""
THERE_AND_BACK = "hello/d05"


@pytest.fixture
def image() -> Iterator[str]:
    """An image of the real Prefect 2 for containers; none where no Docker engine answers."""
    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except docker.errors.DockerException:
        yield ""
        return
    yield image_with_prefect(client, prefect2())
    for one in client.containers.list(all=True, filters={"label": "io.prefect.deployment-name=boxed"}):
        one.remove(force=True)
    client.close()


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str | None:
    """The new server's; SQLite in the suite, for most of the time here is spent in other programs."""
    if os.environ.get("PENSTOCK_TEST_STORY") != "postgres":
        return None
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.database()


def test_a_team_goes_from_agents_to_workers_and_loses_no_run(tmp_path: Path, image: str, database: str | None) -> None:
    prefect()
    with old_server(tmp_path / "old") as old, running(penstock(), tmp_path / "new", database) as new:
        prepare(old, image)
        with seen_at_the_old_server(old, tmp_path) as reference:
            story = Story(new, old.shell.folder, has_boxes=bool(image))
            story.command("upgrade", "import", "--from", old.server.url, "--yes")
        old.server.stop()
        try:
            tell(story)
        finally:
            story.close()
        check(story, reference)
        assert not [line for line in new.tail(10**6).splitlines() if "ERROR" in line or "Traceback" in line]


@contextmanager
def seen_at_the_old_server(old: Old, folder: Path) -> Iterator[dict[str, tuple[str, ...]]]:
    """What runs of a deployment see there, by a real agent; it is known once the block has ended."""
    api = old.server.api
    runs: dict[str, str] = {}
    found: dict[str, tuple[str, ...]] = {}
    for name in REFERENCE:
        id = api.get(f"/deployments/name/{name}")["id"]
        runs[api.post(f"/deployments/{id}/create_flow_run", {})["id"]] = name
    words = ("agent", "start", "-q", "test", "--run-once")
    agent = old.shell.start(*words, log=folder / "log.txt", SEEN=str(folder / "seen.txt"))
    try:
        yield found
        assert agent.wait(PATIENT) == 0, (folder / "log.txt").read_text()
    finally:
        end(agent)
    found |= {runs[one.run]: one.saw for one in read_seen(folder / "seen.txt")}
    assert set(found) == set(REFERENCE), (folder / "log.txt").read_text()


def tell(story: Story) -> None:
    """The story: agents first, then one deployment after the other to workers while runs are made, then no agents."""
    story.start_agents()
    story.command("upgrade", "activate", "--yes")
    for name in PAUSED:
        story.run(name)
    story.completed([story.run(name) for name in story.runnable])
    with story.load():
        upgrade(story)
        there_and_back(story)
        for name, pool in PAUSED.items():
            queue = story.api.get(f"/deployments/name/{name}")["work_queue_name"]
            story.command("work-queue", "resume", queue, "--pool", pool)
            story.command("work-pool", "resume", pool)
        eventually(lambda: not story.busy(["default-agent-pool", "ag", "halted"]), PATIENT, "agents have nothing to do")
        story.stop("agent", "start")
        for name in story.runnable:
            story.run(name)
    often = story.api.get(f"/deployments/name/{OFTEN}")["id"]
    story.api.post(f"/deployments/{often}/pause_deployment")
    story.completed([run for runs in story.made.values() for run in runs])
    story.completed([run["id"] for run in due_by_schedule(story)])


def upgrade(story: Story) -> None:
    """Each deployment by a command of its own; a worker is started where there is a new pool to be worked on."""
    planned = json.loads(story.command("upgrade", "plan", "--output", "json"))["deployments"]
    names = [one["name"] for one in planned if one["state"] == "ready"]
    assert len(names) == DEPLOYMENTS - len(TYPED) + 1 + story.has_boxes
    workers = {*story.runnable, *PAUSED, OFTEN}
    for name in names:
        story.command("upgrade", "apply", name, "--yes", "--patience", str(PATIENT))
        if name in workers:
            story.start_worker(story.api.get(f"/deployments/name/{name}")["work_pool_name"])
    again = story.command("upgrade", "apply", "--all", "--yes")
    assert "Nothing to do" in again
    assert story.command("upgrade", "verify").count("the same job") >= DEPLOYMENTS - len(TYPED) - 3


def there_and_back(story: Story) -> None:
    """A deployment goes back to its agent, is run there, and goes to workers again."""
    story.command("upgrade", "rollback", THERE_AND_BACK, "--yes", "--patience", str(PATIENT))
    back = story.run(THERE_AND_BACK)
    story.completed([back])
    assert story.api.get(f"/flow_runs/{back}")["work_pool_name"] == "ag"
    story.command("upgrade", "apply", THERE_AND_BACK, "--yes")


def due_by_schedule(story: Story) -> list[dict[str, Any]]:
    """The runs that the schedule of one deployment has made and that are due, in their order."""
    id = story.api.get(f"/deployments/name/{OFTEN}")["id"]
    now = datetime.now(UTC).isoformat()
    found = story.api.runs(deployment_id={"any_": [id]}, expected_start_time={"before_": now})
    return sorted(found, key=lambda run: str(run["expected_start_time"]))


def check(story: Story, reference: dict[str, tuple[str, ...]]) -> None:
    """Every run was executed once, and saw what runs of its deployment saw before."""
    scheduled = due_by_schedule(story)
    of_run = {run: name for name, runs in story.made.items() for run in runs}
    of_run |= {run["id"]: OFTEN for run in scheduled}
    seen = story.seen()
    assert sorted(one.run for one in seen) == sorted(of_run)
    saw = defaultdict(set)
    for one in seen:
        saw[of_run[one.run]].add(one.saw)
    assert not {name: found for name, found in saw.items() if len(found) != 1}
    assert {name: saw[name] for name in reference} == {name: {found} for name, found in reference.items()}
    times = [datetime.fromisoformat(run["expected_start_time"]) for run in scheduled]
    assert {(later - sooner).total_seconds() for sooner, later in pairwise(times)} == {EVERY}
    assert len(of_run) == len(story.api.runs(state={"type": {"any_": ["COMPLETED"]}}))
    assert {one.version.split(".")[0] for one in seen} >= {"2", "3"}
    print(f"{len(of_run)} runs, {len(scheduled)} of them by schedule, {len(story.made[BOXED])} in containers")
