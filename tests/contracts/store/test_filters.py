"""Filters of all nouns, and of neighbours, on both databases; each case compiles and finds the right rows."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
import pytest

from penstock.errors import InvalidRequest
from penstock.store.columns import NOUNS
from penstock.store.database import Database
from penstock.store.documents import number_of, rows_as_array
from penstock.store.filters import select
from penstock.wire.filters import GRAMMAR
from penstock.wire.model import Criteria

A_VALUE: dict[Any, Any] = {str: "x", bool: True, int: 3}


def every_test(grammar: dict[str, Any]) -> list[dict[str, Any]]:
    """One filter for each field and operator of a noun."""
    found = []
    for field, inner in grammar.items():
        if not isinstance(inner, dict):
            found.append({field: sample(inner)})
        else:
            found += [{field: one} for one in every_test(inner)]
    return found


def sample(kind: Any) -> Any:
    if kind in A_VALUE:
        return A_VALUE[kind]
    if "UUID" in str(kind):
        return [str(uuid.uuid4()), str(uuid.uuid4())]
    if "datetime" in str(kind):
        return "2026-11-23T23:43:45Z"
    return ["x", "y"]


CASES = [(noun, one) for noun in GRAMMAR if noun in NOUNS for one in every_test(GRAMMAR[noun])]


async def test_every_field_and_operator_of_every_noun_compiles(db: Database) -> None:
    for noun, wanted in CASES:
        for operator in ("and_", "or_"):
            key = "artifacts" if noun == "artifact_collections" else noun
            if key == "artifacts" and "latest_id" in wanted:
                continue  # only the collection's own grammar has it, and both read `artifacts`
            criteria = msgspec.convert({key: {**wanted, "operator": operator}}, Criteria)
            try:
                await db.scan(number_of(select(noun, criteria, db.dialect)))
            except Exception as error:
                raise AssertionError(f"{noun}: {wanted}") from error


async def test_every_sort_of_every_noun_works(db: Database) -> None:
    for noun, known in NOUNS.items():
        for sort in known.sorts:
            if noun in ("workers",):
                continue  # its rows have no document
            assert await db.scan(rows_as_array(select(noun, Criteria(sort=sort), db.dialect))) == b"[]"


async def test_runs_of_a_state_can_be_sorted_in_every_way(db: Database) -> None:
    for state in (
        {"type": {"any_": ["COMPLETED"]}},
        {"type": {"any_": ["RUNNING"]}},
        {"name": {"any_": ["Late"]}},
        None,
    ):
        for sort in NOUNS["flow_runs"].sorts:
            for time in ({}, {"expected_start_time": {"before_": "2026-11-23T23:43:45Z"}}):
                wanted = {**time, **({"state": state} if state else {})}
                criteria = msgspec.convert({"flow_runs": wanted, "sort": sort}, Criteria)
                selection = select("flow_runs", criteria, db.dialect)
                assert await db.scan(rows_as_array(selection)) == b"[]", (wanted, sort)
                assert await db.scan(number_of(selection)) == 0, (wanted, sort)


async def test_every_neighbour_can_be_asked_for(db: Database) -> None:
    for noun, known in NOUNS.items():
        for neighbour in known.joins:
            key = "work_pool_queues" if neighbour == "work_queues" else neighbour
            criteria = msgspec.convert({key: {"id": {"any_": [str(uuid.uuid4())]}}}, Criteria)
            if neighbour == "block_types":
                criteria = Criteria(block_types={"slug": {"any_": ["x"]}})
            for sort in known.sorts:
                sorted_so = msgspec.structs.replace(criteria, sort=sort)
                selection = select(noun, sorted_so, db.dialect)
                assert await db.scan(number_of(selection)) == 0, (noun, neighbour, sort)
                if noun != "workers":
                    assert await db.scan(rows_as_array(selection)) == b"[]", (noun, neighbour, sort)


@pytest.mark.parametrize(
    "criteria",
    [
        Criteria(limit=201),
        Criteria(limit=-1),
        Criteria(offset=-1),
        Criteria(page=0),
        Criteria(sort="SIZE"),
        Criteria(flows={"colour": {"any_": ["red"]}}),
        Criteria(flows={"name": {"any_": "x"}}),
        Criteria(flows={"operator": "xor_"}),
        Criteria(deployments={"id": {"any_": ["no-uuid"]}}),
    ],
)
def test_what_can_not_be_asked_is_refused(criteria: Criteria) -> None:
    with pytest.raises(InvalidRequest):
        select("flows", criteria, "sqlite")


def test_values_never_become_text() -> None:
    nasty = "x'; drop table flows; --"
    selection = select("flows", Criteria(flows={"name": {"any_": [nasty], "like_": nasty}}), "postgres")
    assert nasty not in selection.where
    assert nasty in selection.parameters.values()
