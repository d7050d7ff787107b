"""The harness that users test their flows with."""

from __future__ import annotations

import pytest

from penstock import flow, task
from penstock.settings import current
from penstock.testing import harness
from penstock.wire.flow_runs import count_flow_runs
from penstock.wire.model import Criteria


@task
def double(number: int) -> int:
    return 2 * number


@flow
def sums(numbers: list[int]) -> int:
    return sum(double(number) for number in numbers)


def test_flows_run_on_a_server_of_their_own() -> None:
    with harness() as client:
        assert sums([1, 2]) == 6
        assert client.call(count_flow_runs, Criteria()) == 1
    with harness() as client:
        assert client.call(count_flow_runs, Criteria()) == 0


def test_settings_of_the_user_are_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_API_URL", "http://127.0.0.1:1/api")
    with harness({"results.persist_by_default": True}):
        assert current().api.url is None
        assert current().results.persist_by_default
