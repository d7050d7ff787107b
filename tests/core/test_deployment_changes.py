"""What deploying a plan would change: two sides where nobody knows what was deployed last, else three."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from msgspec import UNSET

from penstock.core.change_words import words
from penstock.core.deployment_changes import Changes, applied_of, changes, plan_of
from penstock.core.deployment_plans import DeploymentPlan, FlowFacts
from penstock.core.deployment_values import plan
from penstock.wire.automations import Automation
from penstock.wire.deployments import Deployment
from penstock.wire.limits import GlobalLimitSummary
from penstock.wire.schedules import DeploymentSchedule

NOW = datetime(2026, 3, 1, tzinfo=UTC)
THEN = datetime(2026, 1, 1, tzinfo=UTC)
EARLIER = "2026-01-01T00:00:00Z"
FACTS = FlowFacts("f", "1", None, {})
ID = UUID(int=1)
NIGHTLY = {"cron": "0 0 * * *", "timezone": None, "day_or": True}
HOURLY = {"interval": 3600.0, "anchor_date": EARLIER, "timezone": "UTC"}


def said(now: datetime = NOW, facts: FlowFacts = FACTS, **values: Any) -> DeploymentPlan:
    return plan({"name": "d", "entrypoint": "a.py:f", **values}, facts, [], now=now)


def found(**values: Any) -> Deployment:
    same: dict[str, Any] = {"version": "1", "entrypoint": "a.py:f", "parameter_openapi_schema": {}, "pull_steps": []}
    return Deployment(id=ID, name="d", flow_id=ID, **(same | values))


def scheduled(schedule: dict[str, Any], **values: Any) -> list[DeploymentSchedule]:
    return [DeploymentSchedule(id=ID, schedule=schedule, **values)]


def limited(size: int) -> GlobalLimitSummary:
    return GlobalLimitSummary(id=ID, name="l", limit=size, active_slots=0, created=NOW, updated=NOW)


def told(seen: Changes) -> list[str]:
    return sorted(words(one) for one in [*seen.made, *seen.kept])


@pytest.mark.parametrize(
    ("values", "there", "lines"),
    [
        ({}, found(), []),
        ({}, found(work_queue_name="default"), []),
        ({}, found(work_queue_name="q"), ['~ work_queue_name: "q" -> null']),
        ({}, found(schedules=scheduled(NIGHTLY)), []),
        ({}, found(paused=True), ["~ paused: true -> false"]),
        ({"version": "2"}, found(), ['~ version: "1" -> "2"']),
        ({"description": "d"}, found(), ['~ description: null -> "d"']),
        ({"entrypoint": "b.py:g"}, found(), ['~ entrypoint: "a.py:f" -> "b.py:g"']),
        ({"concurrency_limit": 2}, found(), ["~ concurrency_limit: null -> 2"]),
        ({}, found(global_concurrency_limit=limited(2)), ["~ concurrency_limit: 2 -> null"]),
        (
            {"concurrency_limit": {"limit": 2, "collision_strategy": "CANCEL_NEW"}},
            found(global_concurrency_limit=limited(2)),
            ['~ concurrency_options: null -> {"collision_strategy":"CANCEL_NEW","grace_period_seconds":null}'],
        ),
        ({"enforce_parameter_schema": False}, found(), ["~ enforce_parameter_schema: true -> false"]),
        ({"work_pool": {"name": "p"}}, found(work_pool_name="o"), ['~ work_pool_name: "o" -> "p"']),
        (
            {"work_pool": {"job_variables": {"env": {"A": "b"}}}},
            found(job_variables={"env": {"C": "d"}, "image": "x"}),
            ['+ job_variables.env.A: "b"', '- job_variables.env.C: "d"', '- job_variables.image: "x"'],
        ),
        ({"schedules": [{"cron": "0 0 * * *"}]}, found(schedules=scheduled(NIGHTLY)), []),
        (
            {"schedules": [{"cron": "0 0 * * *"}]},
            found(schedules=scheduled(NIGHTLY, active=False)),
            ["~ schedules[cron 0 0 * * *].active: false -> true"],
        ),
        (
            {"schedules": [{"cron": "0 0 * * *", "slug": "n"}]},
            found(schedules=scheduled(NIGHTLY, slug="n", active=False, parameters={"a": 1})),
            [],
        ),
        (
            {"schedules": [{"interval": 3600, "timezone": "UTC"}]},
            found(schedules=scheduled(HOURLY)),
            [],
        ),
        (
            {"schedules": [{"cron": "0 1 * * *"}]},
            found(schedules=scheduled(NIGHTLY)),
            [
                "+ schedules[cron 0 1 * * *]",
                "- schedules[cron 0 0 * * *]",
            ],
        ),
        (
            {"parameters": {"a": {"b": 1, "c": 2}}},
            found(parameters={"a": {"b": 1}, "d": 0}),
            ["+ parameters.a.c: 2", "- parameters.d: 0"],
        ),
        ({"tags": ["x", "z"]}, found(tags=["x", "y"]), ['+ tags: "z"', '- tags: "y"']),
        ({"tags": ["x", "y"]}, found(tags=["y", "x"]), ['~ tags: ["y","x"] -> ["x","y"]']),
    ],
)
def test_two_sides(values: dict[str, Any], there: Deployment, lines: list[str]) -> None:
    seen = changes(said(**values), there)
    assert told(seen) == sorted(lines)
    assert seen.kept == []


def cron(text: str, **values: Any) -> dict[str, Any]:
    return {"schedules": [{"cron": text, **values}]}


ADDED = DeploymentSchedule(id=UUID(int=2), schedule={"cron": "5 5 * * *", "timezone": None, "day_or": True})
NIGHT = "schedules[cron 0 0 * * *]"
# What the file said, what it says, what is on the server; what is shown.
THREE: list[tuple[str, dict[str, Any], dict[str, Any], Deployment, list[str]]] = [
    ("nothing", {}, {}, found(), []),
    (
        "paused by hand",
        {},
        {},
        found(paused=True),
        ["= paused: true (kept: changed on the server; the file says false)"],
    ),
    ("paused by both", {}, {"paused": True}, found(paused=True), []),
    ("the file pauses", {}, {"paused": True}, found(), ["~ paused: false -> true"]),
    (
        "a parameter set by hand",
        {"parameters": {"a": 1}},
        {"parameters": {"a": 1}},
        found(parameters={"a": 2, "b": 3}),
        [
            "= parameters.a: 2 (kept: changed on the server; the file says 1)",
            "= parameters.b: 3 (kept: added on the server)",
        ],
    ),
    (
        "a parameter set by both",
        {"parameters": {"a": 1}},
        {"parameters": {"a": 3}},
        found(parameters={"a": 2}),
        ["~ parameters.a: 2 -> 3 (file wins: changed on the server too)"],
    ),
    ("a parameter left by the file", {"parameters": {"a": 1}}, {}, found(parameters={"a": 1}), ["- parameters.a: 1"]),
    (
        "a parameter removed by hand",
        {"parameters": {"a": 1}},
        {"parameters": {"a": 1}},
        found(),
        ["= parameters.a (kept: removed on the server)"],
    ),
    (
        "an environment variable added by hand",
        {"work_pool": {"job_variables": {"env": {"A": "b"}}}},
        {"work_pool": {"job_variables": {"env": {"A": "c"}}}},
        found(job_variables={"env": {"A": "b", "HOT": "fix"}}),
        ['= job_variables.env.HOT: "fix" (kept: added on the server)', '~ job_variables.env.A: "b" -> "c"'],
    ),
    (
        "tags of both",
        {"tags": ["a", "b", "c"]},
        {"tags": ["a", "b", "d"]},
        found(tags=["a", "c", "hand"]),
        [
            '+ tags: "d"',
            '- tags: "c"',
            "= tags (kept: 'b' was removed on the server)",
            '= tags: "hand" (kept: added on the server)',
        ],
    ),
    (
        "a description, a limit and a queue by hand",
        {"work_pool": {"name": "p"}},
        {"work_pool": {"name": "p"}},
        found(description="x", work_pool_name="p", work_queue_name="hot", global_concurrency_limit=limited(4)),
        [
            "= concurrency_limit: 4 (kept: changed on the server; the file says null)",
            '= description: "x" (kept: changed on the server; the file says null)',
            '= work_queue_name: "hot" (kept: changed on the server; the file says null)',
        ],
    ),
    (
        "what follows from the code",
        {},
        {"version": "2"},
        found(entrypoint="by.hand:f", version="by hand"),
        ['~ entrypoint: "by.hand:f" -> "a.py:f"', '~ version: "by hand" -> "2"'],
    ),
    (
        "a schedule paused by hand",
        cron("0 0 * * *"),
        cron("0 0 * * *"),
        found(schedules=scheduled(NIGHTLY, active=False)),
        [f"= {NIGHT}.active: false (kept: changed on the server; the file says true)"],
    ),
    (
        "a schedule paused by hand that the file wants active now",
        cron("0 0 * * *"),
        cron("0 0 * * *", active=True),
        found(schedules=scheduled(NIGHTLY, active=False)),
        [f"~ {NIGHT}.active: false -> true"],
    ),
    (
        "a schedule that the file paused goes on",
        cron("0 0 * * *", active=False),
        cron("0 0 * * *"),
        found(schedules=scheduled(NIGHTLY, active=False)),
        [f"~ {NIGHT}.active: false -> true"],
    ),
    (
        "a schedule added by hand",
        cron("0 0 * * *"),
        cron("0 0 * * *"),
        found(schedules=[*scheduled(NIGHTLY), ADDED]),
        ["= schedules[cron 5 5 * * *] (kept: added on the server)"],
    ),
    (
        "a schedule left by the file, beside one added by hand",
        cron("0 0 * * *"),
        {},
        found(schedules=[*scheduled(NIGHTLY), ADDED]),
        [
            f"- {NIGHT}",
            "= schedules[cron 5 5 * * *] (kept: added on the server)",
        ],
    ),
    (
        "a schedule removed by hand",
        cron("0 0 * * *"),
        cron("0 0 * * *"),
        found(),
        [f"= {NIGHT} (kept: removed on the server)"],
    ),
    (
        "a rule that both changed",
        cron("0 0 * * *", slug="n"),
        cron("0 1 * * *", slug="n"),
        found(schedules=scheduled({"cron": "0 2 * * *", "timezone": None, "day_or": True}, slug="n")),
        ["~ schedules[n].rule: cron 0 2 * * * -> cron 0 1 * * * (file wins: changed on the server too)"],
    ),
    (
        "a rule changed by hand",
        cron("0 0 * * *", slug="n"),
        cron("0 0 * * *", slug="n"),
        found(schedules=scheduled({"cron": "0 2 * * *", "timezone": None, "day_or": True}, slug="n")),
        ["= schedules[n].rule: cron 0 2 * * * (kept: changed on the server; the file says cron 0 0 * * *)"],
    ),
    (
        "a schedule by another name",
        cron("0 0 * * *", slug="n"),
        cron("0 0 * * *", slug="m", replaces="n"),
        found(schedules=scheduled(NIGHTLY, slug="n")),
        ['~ schedules[m].slug: "n" -> "m"'],
    ),
    (
        "an interval without an anchor",
        {"schedules": [{"interval": 3600, "timezone": "UTC"}]},
        {"schedules": [{"interval": 3600, "timezone": "UTC"}]},
        found(schedules=scheduled(HOURLY)),
        [],
    ),
    (
        "an interval without an anchor left by the file",
        {"schedules": [{"interval": 3600, "timezone": "UTC"}]},
        {},
        found(schedules=scheduled(HOURLY)),
        ["- schedules[every hour]: every hour, counted from 2026-01-01T00:00:00Z"],
    ),
]


@pytest.mark.parametrize(("before", "now", "there", "lines"), [one[1:] for one in THREE], ids=[one[0] for one in THREE])
def test_three_sides(before: dict[str, Any], now: dict[str, Any], there: Deployment, lines: list[str]) -> None:
    last = plan_of(applied_of(said(THEN, **before)))
    seen = changes(said(**now), there, last=last)
    assert told(seen) == sorted(lines)
    assert {one.name for one in seen.made} == {line[2:].partition(":")[0] for line in lines if line[0] != "="}
    settled = [name for name, value in vars_of(seen).items() if value is not UNSET]
    assert set(settled) <= {line[2:].partition(":")[0].partition(".")[0] for line in lines} | {"version_info"}


def vars_of(seen: Changes) -> dict[str, Any]:
    return {name: getattr(seen.update, name) for name in seen.update.__struct_fields__}


@pytest.mark.parametrize(("before", "now", "there"), [one[1:4] for one in THREE], ids=[one[0] for one in THREE])
def test_a_reset_keeps_nothing(before: dict[str, Any], now: dict[str, Any], there: Deployment) -> None:
    last = plan_of(applied_of(said(THEN, **before)))
    seen = changes(said(**now), there, last=last, reset=True)
    assert seen.kept == []
    if seen.schedules is not None:
        assert [one.slug for one in seen.schedules] == [one.get("slug") for one in now.get("schedules", [])]


def test_nothing_is_said_of_what_steps_will_give() -> None:
    there = found(job_variables={"image": "x:1"}, tags=["v1"], version="1")
    unknown = frozenset({"job_variables.image", "tags"})
    assert told(changes(said(), there, unknown=unknown)) == []


def automation(**values: Any) -> Automation:
    (made,) = said(triggers=[{"expect": ["e"]}]).automations(ID)
    same: dict[str, Any] = {
        "name": made.name,
        "trigger": {**made.trigger, "id": str(ID)},
        "actions": made.actions,
        "id": ID,
    }
    return Automation(**(same | values))


ONE: dict[str, Any] = {"triggers": [{"expect": ["e"]}]}
OWN = "automations[d__automation_1]"


@pytest.mark.parametrize(
    ("before", "now", "there", "lines"),
    [
        (ONE, ONE, [automation()], []),
        ({}, ONE, [], ["+"]),
        (ONE, {}, [automation()], ["-"]),
        (ONE, {}, [automation(), automation(name="somebody's own")], ["-"]),
        (ONE, ONE, [], [f"= {OWN} (kept: removed on the server)"]),
        (
            ONE,
            ONE,
            [automation(enabled=False)],
            [f"= {OWN}.enabled: false (kept: changed on the server; the file says true)"],
        ),
        (ONE, {"triggers": [{"expect": ["x"]}]}, [automation()], [f'~ {OWN}.trigger.expect: ["e"] -> ["x"]']),
        (ONE, {"triggers": [{"expect": ["e"], "within": 5}]}, [automation()], [f"~ {OWN}.trigger.within: 0.0 -> 5.0"]),
    ],
)
def test_automations(before: dict[str, Any], now: dict[str, Any], there: list[Automation], lines: list[str]) -> None:
    seen = changes(said(**now), found(), last=said(THEN, **before), automations=there)
    shown = told(seen)
    assert len(shown) == len(lines)
    assert all(line.startswith(start) for line, start in zip(shown, lines, strict=True)), shown
    assert bool(seen.automations) == any(line[0] != "=" for line in lines)
