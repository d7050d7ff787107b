"""What applying a plan would change, as it is shown before anything is done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from penstock.core.deployment_changes import changes
from penstock.core.deployment_plans import FlowFacts
from penstock.core.deployment_values import plan
from penstock.wire.deployments import Deployment
from penstock.wire.schedules import DeploymentSchedule

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EARLIER = "2026-01-01T00:00:00Z"
FACTS = FlowFacts("f", "1", None, {})
ID = UUID(int=1)
NIGHTLY = {"cron": "0 0 * * *", "timezone": None, "day_or": True}


def found(**values: Any) -> Deployment:
    same: dict[str, Any] = {"version": "1", "entrypoint": "a.py:f", "parameter_openapi_schema": {}, "pull_steps": []}
    return Deployment(id=ID, name="d", flow_id=ID, **(same | values))


def scheduled(schedule: dict[str, Any], **values: Any) -> list[DeploymentSchedule]:
    return [DeploymentSchedule(id=ID, schedule=schedule, **values)]


@pytest.mark.parametrize(
    ("values", "there", "lines"),
    [
        ({}, found(), []),
        ({}, found(work_queue_name="default"), []),
        ({}, found(work_queue_name="q"), ['work_queue_name: "q" -> null']),
        ({}, found(schedules=scheduled(NIGHTLY)), []),
        ({"schedules": [{"cron": "0 0 * * *"}]}, found(schedules=scheduled(NIGHTLY)), []),
        (
            {"schedules": [{"cron": "0 0 * * *", "slug": "n"}]},
            found(schedules=scheduled(NIGHTLY, slug="n", active=False, parameters={"a": 1})),
            [],
        ),
        (
            {"schedules": [{"interval": 60, "timezone": "UTC"}]},
            found(schedules=scheduled({"interval": 60.0, "anchor_date": EARLIER, "timezone": "UTC"})),
            [],
        ),
        (
            {"parameters": {"a": {"b": 1, "c": 2}}},
            found(parameters={"a": {"b": 1}, "d": 0}),
            ["parameters.a.c: null -> 2", "parameters.d: 0 -> null"],
        ),
        ({"tags": ["x", "z"]}, found(tags=["x", "y"]), ['tags: - "y"', 'tags: + "z"']),
        ({"tags": ["x", "y"]}, found(tags=["y", "x"]), ['tags: ["y","x"] -> ["x","y"]']),
    ],
)
def test_changes(values: dict[str, Any], there: Deployment, lines: list[str]) -> None:
    made = plan({"name": "d", "entrypoint": "a.py:f", **values}, FACTS, [], now=NOW)
    shown = [line for change in changes(made, there, NOW) for line in change.lines()]
    assert sorted(shown) == sorted(lines)
