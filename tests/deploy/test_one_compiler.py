"""One compiler: a project file, flags, `flow.deploy()`, `deploy(...)` and `flow.serve()` make the same plan of the
same deployment. Nothing is sent, so the plans themselves are compared, field by field."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from msgspec import convert

from penstock.client.client import AsyncClient, Client
from penstock.client.transport import Response
from penstock.core.deployment_plans import DeploymentPlan
from penstock.deploy.compile import Seen, Workshop, finish, prepare
from penstock.deploy.manifest import Entry, parse_manifest
from penstock.deploy.options import Options, laid_over
from penstock.sdk.deployables import plan, to_deployment
from penstock.sdk.entrypoints import load_flow
from penstock.wire.work_pools import WorkPool

FLOWS = '''
import datetime

from penstock import flow


@flow
def hello(name: str = "world", n: int = 2):
    """Says hello."""


@flow(name="slow one", version="v9", description="takes its time")
def slow(seconds: float, since: datetime.datetime | None = None, xs: list[int] | None = None): ...
'''
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEMPLATE = {
    "job_configuration": {"command": "{{ command }}", "env": "{{ env }}", "image": "{{ image }}"},
    "variables": {
        "properties": {"command": {"type": "string"}, "env": {"type": "object"}, "image": {"type": "string"}},
    },
}
OF_POOLS = {"work_pool_name", "work_queue_name", "job_variables", "pull_steps", "path"}
"""What a served deployment has not."""


@dataclass(frozen=True)
class Case:
    """One deployment as the file says it, as code says it, and as flags say it where they can."""

    written: str = ""
    code: Mapping[str, Any] = field(default_factory=dict)
    flags: Mapping[str, Any] | None = None
    function: str = "hello"
    is_served: bool = True


CRON = "0 6 * * *"
RULE = "FREQ=WEEKLY;BYDAY=MO;BYHOUR=9;BYMINUTE=0;BYSECOND=0"
ANCHOR = "2026-01-01T00:00:00+00:00"
EVENT = {"expect": ["shop.sold"], "match": {"prefect.resource.id": "shop.*"}, "parameters": {"n": 3}}

CASES = {
    "nothing but a flow": Case(flags={}),
    "another flow": Case(function="slow", flags={}),
    "version": Case("version: abc", {"version": "abc"}, {"version": "abc"}),
    "a version like a number": Case("version: '1.0'", {"version": "1.0"}, {"version": "1.0"}),
    "version type": Case("version_type: vcs:git", {"version_type": "vcs:git"}, {"version_type": "vcs:git"}),
    "description": Case("description: mine", {"description": "mine"}, {"description": "mine"}),
    "tags": Case("tags: [a, b]", {"tags": ["a", "b"]}, {"tags": ("a", "b")}),
    "a tag": Case("tags: a", {"tags": ["a"]}, {"tags": ("a",)}),
    "parameters": Case(
        "parameters: {name: x, n: 4}", {"parameters": {"name": "x", "n": 4}}, {"params": '{"name": "x", "n": 4}'}
    ),
    "a parameter": Case("parameters: {n: 4}", {"parameters": {"n": 4}}, {"param": ("n=4",)}),
    "values that are no JSON": Case(
        "parameters: {seconds: 1.5, since: '2026-01-01T00:00:00Z', xs: [1]}",
        {"parameters": {"seconds": 1.5, "since": datetime(2026, 1, 1, tzinfo=UTC), "xs": [1]}},
        function="slow",
    ),
    "any parameters": Case(
        "enforce_parameter_schema: false", {"enforce_parameter_schema": False}, {"enforce_parameter_schema": False}
    ),
    "paused": Case("paused: true", {"paused": True}),
    "a limit": Case("concurrency_limit: 2", {"concurrency_limit": 2}, {"concurrency_limit": 2}),
    "a limit and what is above it": Case(
        "concurrency_limit: {limit: 2, collision_strategy: CANCEL_NEW}",
        {"concurrency_limit": 2, "collision_strategy": "CANCEL_NEW"},
        {"concurrency_limit": 2, "collision_strategy": "cancel_new"},
    ),
    "cron": Case(f"schedules: [{{cron: '{CRON}'}}]", {"cron": CRON}, {"cron": (CRON,)}),
    "cron in a zone": Case(
        f"schedules: [{{cron: '{CRON}', timezone: Europe/Rome}}]",
        {"cron": CRON, "timezone": "Europe/Rome"},
        {"cron": (CRON,), "timezone": "Europe/Rome"},
    ),
    "the older schedule": Case(f"schedule: {{cron: '{CRON}'}}", {"cron": CRON}, {"cron": (CRON,)}),
    "an interval": Case("schedules: [{interval: 90}]", {"interval": 90}, {"interval": ("90",)}),
    "an interval as a time": Case("schedules: [{interval: PT1H}]", {"interval": timedelta(hours=1)}),
    "an interval with an anchor": Case(
        f"schedules: [{{interval: 60, anchor_date: '{ANCHOR}'}}]",
        {"schedules": [{"interval": 60, "anchor_date": ANCHOR}]},
        {"interval": ("60",), "anchor_date": ANCHOR},
    ),
    "a rule": Case(f"schedules: [{{rrule: '{RULE}'}}]", {"rrule": RULE}, {"rrule": (RULE,)}),
    "several schedules": Case(
        f"schedules: [{{interval: 60}}, {{cron: '{CRON}'}}, {{rrule: '{RULE}'}}]",
        {"interval": 60, "cron": CRON, "rrule": RULE},
    ),
    "several of a kind": Case(
        f"schedules: [{{cron: '{CRON}'}}, {{cron: '@daily'}}]", {"cron": [CRON, "@daily"]}, {"cron": (CRON, "@daily")}
    ),
    "a schedule with all it can have": Case(
        f"schedules: [{{cron: '{CRON}', active: false, slug: six, parameters: {{n: 1}}, day_or: false}}]",
        {"schedules": [{"cron": CRON, "active": False, "slug": "six", "parameters": {"n": 1}, "day_or": False}]},
    ),
    "a schedule as the API has it": Case(
        f"schedules: [{{cron: '{CRON}', active: false}}]",
        {"schedules": [{"schedule": {"cron": CRON}, "active": False}]},
    ),
    "no schedules": Case("schedules: []", {"schedules": []}, {}),
    "triggers": Case(
        "triggers: [{expect: [shop.sold], match: {prefect.resource.id: 'shop.*'}, parameters: {n: 3}}]",
        {"triggers": [EVENT]},
    ),
    "a queue": Case("work_pool: {name: p, work_queue_name: fast}", {"work_queue_name": "fast"}, {"work_queue": "fast"}),
    "job variables": Case(
        "work_pool: {name: p, job_variables: {command: run, env: {A: b}}}",
        {"job_variables": {"command": "run", "env": {"A": "b"}}},
        {"job_variables": ('{"command": "run", "env": {"A": "b"}}',)},
    ),
    "job variables by an older name": Case(
        "infra_overrides: {command: run}", {"job_variables": {"command": "run"}}, {"job_variables": ("command=run",)}
    ),
    "an image": Case(
        "pull: []\nwork_pool: {name: p, job_variables: {image: 'shop:1'}}", {"image": "shop:1"}, is_served=False
    ),
    "all at once": Case(
        f"""
        version: v1
        description: all
        tags: [x]
        parameters: {{name: y}}
        concurrency_limit: 1
        schedules: [{{cron: '{CRON}', timezone: UTC}}]
        work_pool: {{name: p, work_queue_name: q, job_variables: {{env: {{C: d}}}}}}
        """,
        {
            "version": "v1",
            "description": "all",
            "tags": ["x"],
            "parameters": {"name": "y"},
            "concurrency_limit": 1,
            "cron": CRON,
            "timezone": "UTC",
            "work_queue_name": "q",
            "job_variables": {"env": {"C": "d"}},
        },
        {
            "version": "v1",
            "description": "all",
            "tags": ("x",),
            "params": '{"name": "y"}',
            "concurrency_limit": 1,
            "cron": (CRON,),
            "timezone": "UTC",
            "work_queue": "q",
            "job_variables": ('{"env": {"C": "d"}}',),
        },
    ),
}


class NoServer:
    """A transport that carries nothing: plans are made of what is known."""

    base_url = "http://nowhere/api"

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Response:
        raise AssertionError(f"{method} {path} was asked for")

    def close(self) -> None: ...


@dataclass(frozen=True)
class Sources:
    """The same deployment from every place that can say it."""

    folder: Path
    pool: WorkPool

    def from_file(self, case: Case) -> DeploymentPlan:
        body = "\n".join(line.strip() for line in case.written.strip().splitlines())
        pool = "" if "work_pool:" in body else "\nwork_pool: {name: p}"
        entry = f"name: d\nentrypoint: one_flows.py:{case.function}\n{body}{pool}"
        text = "deployments:\n- " + entry.replace("\n", "\n  ")
        manifest = parse_manifest(text, self.folder / "prefect.yaml")
        return self._planned(manifest.entries[0])

    def from_flags(self, case: Case) -> DeploymentPlan:
        options = Options(entrypoint=f"one_flows.py:{case.function}", pool="p", **(case.flags or {}))
        return self._planned(Entry({**laid_over({}, options), "name": "d"}))

    def _planned(self, entry: Entry) -> DeploymentPlan:
        async def compiled() -> DeploymentPlan:
            client = AsyncClient(Client(NoServer()))
            shop = Workshop(client, self.folder, {}, NOW, seen=Seen(pools={"p": self.pool}))
            manifest = parse_manifest("{}", self.folder / "prefect.yaml")
            return await finish(await prepare(entry, manifest, shop), shop)

        return asyncio.run(compiled())

    def from_code(self, case: Case, *, serve: bool = False, **more: Any) -> DeploymentPlan:
        flow = load_flow(f"one_flows.py:{case.function}", self.folder)
        return plan(to_deployment(flow, "d", **case.code, **more), None if serve else self.pool, NOW)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sources:
    (tmp_path / "one_flows.py").write_text(FLOWS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    about = {"id": uuid4(), "name": "p", "type": "docker", "created": NOW, "updated": NOW}
    return Sources(tmp_path, convert({**about, "base_job_template": TEMPLATE}, WorkPool))


def differences(one: DeploymentPlan, other: DeploymentPlan, without: Collection[str] = ()) -> dict[str, Any]:
    names = [each.name for each in fields(one) if each.name not in {"warnings", *without}]
    pairs = {name: (getattr(one, name), getattr(other, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@pytest.mark.parametrize("name", CASES)
def test_the_same_plan(sources: Sources, name: str) -> None:
    case = CASES[name]
    written = sources.from_file(case)
    place = {"pull_steps", "path"} if "image" in case.code else set()  # code in an image is where the image begins
    assert differences(written, sources.from_code(case), place) == {}
    assert differences(written, sources.from_code(case, work_pool_name="p"), place) == {}
    if case.flags is not None:
        assert differences(written, sources.from_flags(case)) == {}
    if case.is_served:
        assert differences(written, sources.from_code(case, serve=True), OF_POOLS) == {}
