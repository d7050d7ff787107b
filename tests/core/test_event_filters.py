"""Which events a filter wants."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from penstock.core.event_filters import matcher, matches_labels, read_filter
from penstock.core.text_queries import matches_text
from penstock.errors import InvalidRequest
from penstock.wire.events import ReceivedEvent

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
EVENT = ReceivedEvent(
    occurred=NOW,
    event="prefect.flow-run.Completed",
    resource={"prefect.resource.id": "prefect.flow-run.1", "prefect.resource.name": "keen-otter", "colour": "red"},
    related=[
        {"prefect.resource.id": "prefect.flow.2", "prefect.resource.role": "flow", "team": "a"},
        {"prefect.resource.id": "prefect.tag.x", "prefect.resource.role": "tag"},
    ],
    payload={"note": "disk full"},
    id=UUID(int=7),
    received=NOW,
)


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        ({}, True),
        ({"occurred": {"since": "2026-05-01T12:00:00Z", "until": "2026-05-01T12:00:00Z"}}, True),
        ({"occurred": {"since": "2026-05-01T12:00:01Z"}}, False),
        ({"occurred": {"until": "2026-05-01T11:59:59Z"}}, False),
        ({"event": {"name": ["prefect.flow-run.Completed"]}}, True),
        ({"event": {"name": ["prefect.flow-run.Failed"]}}, False),
        ({"event": {"name": ["prefect.*.Completed"]}}, True),
        ({"event": {"prefix": ["prefect.flow-run."]}}, True),
        ({"event": {"prefix": ["prefect.task-run."]}}, False),
        ({"event": {"prefix": ["no."], "name": ["prefect.flow-run.Completed"]}}, True),
        ({"event": {"prefix": ["prefect."], "exclude_prefix": ["prefect.flow-run"]}}, False),
        ({"event": {"exclude_name": ["prefect.flow-run.Completed"]}}, False),
        ({"event": {"name": [], "prefix": None}}, True),
        ({"id": {"id": []}}, True),
        ({"id": {"id": [str(UUID(int=7))]}}, True),
        ({"id": {"id": [str(UUID(int=8))]}}, False),
        ({"resource": {"id": ["prefect.flow-run.1"]}}, True),
        ({"resource": {"id": ["prefect.flow.2"]}}, False),
        ({"resource": {"id_prefix": ["prefect.flow-run."]}}, True),
        ({"resource": {"labels": {"colour": "red"}}}, True),
        ({"resource": {"labels": {"colour": ["blue", "r*"]}}}, True),
        ({"related": {"id": ["prefect.flow.2"], "role": ["flow"]}}, True),
        ({"related": {"id": ["prefect.flow.2"], "role": ["tag"]}}, False),
        ({"related": {"resources_in_roles": [["prefect.tag.x", "tag"]]}}, True),
        ({"related": [{"role": ["flow"]}, {"role": ["tag"]}]}, True),
        ({"related": [{"role": ["flow"]}, {"role": ["none"]}]}, False),
        ({"related": {"labels": {"team": "a"}}}, True),
        ({"any_resource": {"id": ["prefect.flow.2"]}}, True),
        ({"any_resource": {"id": ["prefect.flow-run.1"]}}, True),
        ({"any_resource": {"id_prefix": ["prefect.deployment"]}}, False),
        ({"text": {"query": "disk"}}, True),
        ({"text": {"query": "-full"}}, False),
    ],
)
def test_a_filter(wanted: dict[str, Any], matches: bool) -> None:
    assert matcher(read_filter(wanted))(EVENT) is matches


@pytest.mark.parametrize("wanted", [{"bogus": 1}, {"event": {"name": "x"}}, {"id": {"id": ["x"]}}])
def test_a_filter_that_can_not_be_understood_is_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="event filter"):
        read_filter(wanted)


@pytest.mark.parametrize(
    ("specification", "matches"),
    [
        ({"colour": "red"}, True),
        ({"colour": "!red"}, False),
        ({"colour": "!blue"}, True),
        ({"colour": ["!blue", "!green"]}, True),
        ({"colour": ["!blue", "!r*"]}, False),
        ({"colour": ["r*", "!red"]}, False),
        ({"colour": "*"}, True),
        ({"absent": "!red"}, False),
        ({"absent": "*"}, False),
        ({}, True),
    ],
)
def test_labels(specification: dict[str, Any], matches: bool) -> None:
    assert matches_labels(specification, {"colour": "red"}) is matches


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("", True),
        ("FULL", True),
        ("empty full", True),
        ("empty", False),
        ('"disk is full"', True),
        ('"is disk"', False),
        ("+disk +full", True),
        ("+disk +empty", False),
        ("disk -full", False),
        ("disk !empty", True),
    ],
)
def test_text(query: str, matches: bool) -> None:
    assert matches_text(query, "The disk is full") is matches
