"""What a deployment leaves to its runs is told when it is deployed."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.core.deployment_values import lacking
from penstock.ids import new_id
from penstock.wire.work_pools import WorkPool

PROPERTIES = {"cpu": {"type": "integer", "default": 1}, "tier": {"type": "string"}}
POOL = WorkPool(
    id=new_id(),
    name="p",
    type="process",
    base_job_template={"job_configuration": {}, "variables": {"properties": PROPERTIES, "required": ["cpu", "tier"]}},
)


@pytest.mark.parametrize("given", [{"tier": "big"}, {"tier": "{{ build.tier }}"}, {"tier.x": 1}])
def test_what_is_given_is_not_lacking(given: dict[str, Any]) -> None:
    assert lacking({"work_pool": {"job_variables": given}}, POOL) == []


def test_what_nothing_gives_is_named() -> None:
    [said] = lacking({}, POOL)
    assert said == "work_pool.job_variables: the pool 'p' needs 'tier', which nothing gives; each run must give it."
