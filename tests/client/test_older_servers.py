"""Bodies that a server of Prefect 2 refuses, and answers in its words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock.client.older_servers import today, without_unknown
from penstock.errors import InvalidRequest
from penstock.wire.deployments import Deployment

DEPLOYMENT = {
    "id": "89a06a9f-d680-4f7a-acf6-9171e0dc4f11",
    "flow_id": "89a06a9f-d680-4f7a-acf6-9171e0dc4f11",
    "name": "d",
    "pull_steps": None,
    "infra_overrides": {"env.A": "x"},
    "schedules": [],
}


def refused(*places: list[str | int], said: str = "extra fields not permitted") -> bytes:
    return json.dumps({"exception_detail": [{"loc": ["body", *place], "msg": said} for place in places]}).encode()


def shorter(body: dict[str, Any], refusal: bytes) -> Any:
    less = without_unknown(json.dumps(body).encode(), refusal)
    return None if less is None else json.loads(less)


@pytest.mark.parametrize("value", [None, {}, [], "", {"a": None, "b": {}}], ids=json.dumps)
def test_an_unknown_field_that_says_nothing_is_left_out(value: Any) -> None:
    assert shorter({"name": "x", "later": value}, refused(["later"])) == {"name": "x"}


def test_unknown_fields_within_lists_are_left_out() -> None:
    body = {"schedules": [{"schedule": 1, "slug": "s", "parameters": {}}], "labels": {"a": "b"}}
    refusal = refused(["schedules", 0, "slug"], ["schedules", 0, "parameters"], ["labels"])
    assert shorter(body, refusal) == {"schedules": [{"schedule": 1}]}


@pytest.mark.parametrize(
    ("body", "place", "said"),
    [
        ({"concurrency_limit": 3, "labels": {}}, ["concurrency_limit"], "'concurrency_limit', which was to be 3"),
        ({"schedules": [{"parameters": {"x": 1}}]}, ["schedules", 0, "parameters"], "'schedules.0.parameters'"),
    ],
    ids=["field", "within a list"],
)
def test_an_unknown_field_that_matters_is_not_lost_in_silence(body: Any, place: Any, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        shorter(body, refused(place))


def test_any_other_fault_stays_the_callers() -> None:
    assert shorter({"labels": {}}, refused(["labels"], said="field required")) is None
    assert shorter({"labels": {}}, refused(["elsewhere"])) is None
    for refusal in (b"", b"[]", b"no JSON", b'{"detail": "words"}'):
        assert shorter({"labels": {}}, refusal) is None


def test_overrides_are_job_variables() -> None:
    one = today(Deployment, json.dumps(DEPLOYMENT).encode())
    assert one.job_variables == {"env.A": "x"}
    assert today(list[Deployment], json.dumps([DEPLOYMENT]).encode()) == [one]
