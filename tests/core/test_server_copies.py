"""What is the same on two servers, and what an id of the one is on the other."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from penstock.core.server_copies import (
    CopyState,
    Found,
    comparable,
    data_of,
    hides,
    ids_in,
    inner_first,
    own_labels,
    repointed,
    schedule_of,
    stand,
    without_ids,
)
from penstock.wire.blocks import BlockDocument
from penstock.wire.variables import VariableCreate

ONE, TWO, THREE = (UUID(f"89a06a9f-d680-4f7a-acf6-9171e0dc4f1{number}") for number in (1, 2, 3))


def document(id: UUID, **inner: UUID) -> BlockDocument:
    references = {name: {"block_document": {"id": str(one)}} for name, one in inner.items()}
    data = {"plain": 1, **{name: {"inner": "data"} for name in inner}}
    return BlockDocument(
        id=id, block_schema_id=ONE, block_type_id=ONE, name="x", data=data, block_document_references=references
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (str(ONE), str(TWO)),
        (str(ONE).upper(), str(TWO)),
        (f"prefect.deployment.{ONE}", f"prefect.deployment.{TWO}"),
        ({"$ref": {"block_document_id": str(ONE)}}, {"$ref": {"block_document_id": str(TWO)}}),
        ([str(ONE), str(THREE), 3, None], [str(TWO), str(THREE), 3, None]),
        ("short", "short"),
    ],
    ids=["alone", "in capitals", "within a name", "a reference", "in a list", "no id"],
)
def test_ids_become_those_of_the_other_server(value: Any, expected: Any) -> None:
    body = VariableCreate(name="x", value=value)
    assert repointed(body, {str(ONE): str(TWO)}) == VariableCreate(name="x", value=expected)


def test_a_block_comes_after_those_in_it() -> None:
    outer, middle, inner = document(ONE, a=TWO), document(TWO, b=THREE), document(THREE)
    assert [one.id for one in inner_first([outer, middle, inner])] == [THREE, TWO, ONE]
    assert data_of(outer) == {"plain": 1, "a": {"$ref": {"block_document_id": str(TWO)}}}


def test_blocks_in_a_circle_are_all_there() -> None:
    assert {one.id for one in inner_first([document(ONE, a=TWO), document(TWO, a=ONE)])} == {ONE, TWO}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"cron": "0 6 * * *"}, {"cron": "0 6 * * *", "day_or": True, "timezone": "UTC"}),
        (
            {"interval": 60, "anchor_date": "2026-01-01T01:00:00+01:00"},
            {"interval": 60.0, "anchor_date": "2026-01-01T00:00:00Z", "timezone": "UTC"},
        ),
        ({"rrule": "FREQ=DAILY"}, {"rrule": "DTSTART:20200101T000000\nFREQ=DAILY", "timezone": "UTC"}),
    ],
    ids=["cron", "interval", "rrule"],
)
def test_a_schedule_is_the_same_in_each_servers_spelling(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert schedule_of(one) == schedule_of(other)


def test_a_record_is_known_by_its_key_and_compared_by_its_body() -> None:
    here, first, second = (Found("x", id, None) for id in (ONE, TWO, THREE))
    assert stand(here, {"a": 1}, []) == (CopyState.NEW, None)
    assert stand(here, {"a": 1}, [(first, {"a": 2})]) == (CopyState.DIFFERENT, first)
    assert stand(here, {"a": 1}, [(first, {"a": 2}), (second, {"a": 1})]) == (CopyState.SAME, second)
    nameless = Found("x", ONE, None, by_content=True)
    assert stand(nameless, {"a": 1}, [(first, {"a": 2})]) == (CopyState.NEW, None)


def test_what_is_not_said_is_no_difference_and_what_is_off_is_one() -> None:
    assert comparable(VariableCreate(name="x", value="", tags=[])) == {"name": "x"}
    assert comparable(VariableCreate(name="x", value=False)) != comparable(VariableCreate(name="x", value=None))


def test_labels_of_servers_and_ids_of_triggers_are_left_out() -> None:
    assert own_labels({"team": "a", "penstock.x": 1, "prefect.flow.id": 2}) == {"team": "a"}
    assert own_labels(None) == {}
    assert without_ids({"id": "1", "triggers": [{"id": "2", "after": None, "expect": ["x"]}]}) == {
        "triggers": [{"expect": ["x"]}]
    }


def test_a_secret_that_was_kept_back_is_noticed() -> None:
    assert hides({"a": [{"b": "********"}]})
    assert not hides({"a": ["*******"]})


def test_ids_are_found_wherever_they_are() -> None:
    assert ids_in({"a": f"x.{ONE}"}, [str(TWO)]) == {str(ONE), str(TWO)}


def test_a_record_does_not_show_its_secrets() -> None:
    assert "hush" not in repr(Found("x", ONE, "hush"))
