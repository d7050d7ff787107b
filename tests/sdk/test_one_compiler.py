"""The same deployment in a project file and in Python is one plan: the server is told the same, to the letter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from penstock import Flow
from penstock.client.client import AsyncClient, Client
from penstock.core.deployment_plans import DeploymentPlan
from penstock.deploy.compile import Workshop, finish, prepare
from penstock.deploy.manifest import parse_manifest
from penstock.sdk.deployables import RunnerDeployment, plan
from penstock.wire import work_pools
from penstock.wire.model import Criteria
from penstock.wire.work_pools import WorkPool, WorkPoolCreate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FLOW_ID, DEPLOYMENT_ID = UUID(int=1), UUID(int=2)
FLOWS = """
from penstock import flow

@flow(version="7")
def load(table: str, rows: int = 10):
    '''Loads a table.

    Args:
        table: which one
    '''
"""
Say = Callable[[Flow[..., Any]], RunnerDeployment]

# What an entry of the file says beside name, entrypoint and pool; and the call that says it.
CORPUS: dict[str, tuple[str, Say]] = {
    "nothing": ("", lambda flow: flow.to_deployment("d")),
    "words": (
        "version: '8', description: a b, tags: [x, y], paused: true, enforce_parameter_schema: false",
        lambda flow: flow.to_deployment(
            "d", version="8", description="a b", tags=["x", "y"], paused=True, enforce_parameter_schema=False
        ),
    ),
    "parameters": (
        "parameters: {table: users, rows: 3}",
        lambda flow: flow.to_deployment("d", parameters={"table": "users", "rows": 3}),
    ),
    "a schedule": (
        "schedules: [{cron: 0 6 * * *, timezone: Europe/Rome}]",
        lambda flow: flow.to_deployment("d", cron="0 6 * * *", timezone="Europe/Rome"),
    ),
    "schedules": (
        "schedules: [{interval: 90, slug: s, active: false, parameters: {rows: 1}}, {rrule: FREQ=DAILY}]",
        lambda flow: flow.to_deployment(
            "d",
            schedules=[{"interval": timedelta(seconds=90), "slug": "s", "active": False, "parameters": {"rows": 1}}],
            rrule="FREQ=DAILY",
        ),
    ),
    "several of a kind": (
        "schedules: [{cron: 0 6 * * *}, {cron: 0 7 * * *}]",
        lambda flow: flow.to_deployment("d", cron=["0 6 * * *", "0 7 * * *"]),
    ),
    "a limit": ("concurrency_limit: 2", lambda flow: flow.to_deployment("d", concurrency_limit=2)),
    "a limit that cancels": (
        "concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}",
        lambda flow: flow.to_deployment("d", concurrency_limit=1, collision_strategy="CANCEL_NEW"),
    ),
    "a limit with grace": (
        "concurrency_limit: {limit: 1, collision_strategy: ENQUEUE, grace_period_seconds: 90}",
        lambda flow: flow.to_deployment(
            "d", concurrency_limit={"limit": 1, "collision_strategy": "ENQUEUE", "grace_period_seconds": 90}
        ),
    ),
    "a place": (
        "work_pool: {name: p, work_queue_name: q, job_variables: {env: {A: b}}}",
        lambda flow: flow.to_deployment("d", work_queue_name="q", job_variables={"env": {"A": "b"}}),
    ),
    "triggers": (
        "triggers: [{expect: [my.event], parameters: {rows: 4}}, {name: n, enabled: false, expect: [x], within: 9}]",
        lambda flow: flow.to_deployment(
            "d",
            triggers=[
                {"expect": ["my.event"], "parameters": {"rows": 4}},
                {"name": "n", "enabled": False, "expect": ["x"], "within": 9},
            ],
        ),
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "jobs.py").write_text(FLOWS)
    return folder


@pytest.fixture
def pool(api: Client) -> WorkPool:
    if not api.call(work_pools.filter_work_pools, Criteria()):
        api.call(work_pools.create_work_pool, WorkPoolCreate(name="p", type="process"))
    return api.call(work_pools.read_work_pool, name="p")


def of_file(api: Client, folder: Path, rest: str) -> DeploymentPlan:
    text = f"deployments:\n- {{name: d, entrypoint: 'jobs.py:load', work_pool: {{name: p}}, {rest}}}"
    if "work_pool" in rest:
        text = text.replace("work_pool: {name: p}, ", "")
    manifest = parse_manifest(text, folder / "prefect.yaml")

    async def compiled() -> DeploymentPlan:
        shop = Workshop(AsyncClient(api), folder, {}, NOW)
        return await finish(await prepare(manifest.entries[0], manifest, shop), shop)

    return asyncio.run(compiled())


@pytest.mark.parametrize("name", CORPUS)
def test_a_file_and_code_make_the_same_plan(api: Client, pool: WorkPool, project: Path, name: str) -> None:
    rest, say = CORPUS[name]
    written = of_file(api, project, rest)
    said = plan(say(Flow.from_source(project, "jobs.py:load")), pool, NOW)
    assert said.create(FLOW_ID) == written.create(FLOW_ID)
    assert said.update() == written.update()
    assert said.automations(DEPLOYMENT_ID) == written.automations(DEPLOYMENT_ID)


def test_a_flow_of_this_process_is_found_in_its_folder(
    api: Client, pool: WorkPool, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a source, the folder of the file is where a worker of this machine goes."""
    monkeypatch.chdir(project)
    flow = Flow.from_source(project, "jobs.py:load")
    flow.source = None
    assert plan(flow.to_deployment("d"), pool, NOW) == of_file(api, project, "")
    served = plan(flow.to_deployment("d"), None, NOW)
    assert (served.path, served.pull_steps, served.work_pool_name) == (".", [], None)
    monkeypatch.chdir(tmp_path)
    assert plan(flow.to_deployment("d"), pool, NOW) == of_file(api, project, "")
