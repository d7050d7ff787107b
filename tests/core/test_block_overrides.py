"""Overrides change a block as an agent changed it."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.core.block_overrides import overridden
from penstock.core.infrastructure_blocks import InfrastructureBlock
from penstock.core.infrastructure_kinds import to_template
from penstock.core.job_templates import unfit
from penstock.errors import InvalidRequest
from tests.core.test_infrastructure_blocks import TEMPLATES

REFERENCE = {"$ref": {"block_document_id": "1"}}


def block(slug: str = "docker-container", **data: Any) -> InfrastructureBlock:
    return InfrastructureBlock(slug=slug, data=data, name="main", references={"image_registry": "1"})


def defaults(changed: InfrastructureBlock) -> dict[str, Any]:
    conversion = to_template(changed, TEMPLATES)
    assert unfit(conversion.template, {}) == []
    return {name: one.get("default") for name, one in conversion.properties.items()}


def test_a_dotted_name_adds_and_another_replaces() -> None:
    before = block(env={"A": "1"})
    assert overridden(before, {"env.B": "2"}).data["env"] == {"A": "1", "B": "2"}
    assert overridden(before, {"env": {"B": "2"}}).data["env"] == {"B": "2"}
    assert overridden(block(), {"env.B": "2"}).data["env"] == {"B": "2"}
    assert before.data["env"] == {"A": "1"}


def test_text_is_read_as_what_it_stands_for() -> None:
    changed = overridden(block(auto_remove=False, mem_limit=1, volumes=["a"]), {"auto_remove": "true", "volumes": "[]"})
    assert (changed.data["auto_remove"], changed.data["volumes"]) == (True, [])
    found = defaults(overridden(block(), {"privileged": "True", "networks": '["shop"]', "mem_limit": "2g"}))
    assert (found["privileged"], found["networks"], found["mem_limit"]) == (True, ["shop"], "2g")
    ecs = InfrastructureBlock(slug="ecs-task", data={}, name="main")
    assert defaults(overridden(ecs, {"cpu": "512"}))["cpu"] == 512


def test_a_name_that_leads_nowhere_is_told() -> None:
    with pytest.raises(InvalidRequest, match=r"'job.spec.x' leads nowhere: the block kubernetes-job/main"):
        overridden(block("kubernetes-job"), {"job.spec.x": "1"})


def test_a_block_that_is_replaced_is_referred_to_no_more() -> None:
    changed = overridden(block(image_registry={"username": "me"}), {"image_registry": REFERENCE})
    assert changed.reference("image_registry") == REFERENCE
    assert overridden(block(), {"image": "x"}).references == {"image_registry": "1"}
