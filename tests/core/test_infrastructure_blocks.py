"""Infrastructure blocks of the agent generation become templates in which pools do what the blocks did."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from penstock.core.infrastructure_blocks import Conversion, InfrastructureBlock
from penstock.core.infrastructure_jobs import compare, new_job
from penstock.core.infrastructure_kinds import KINDS, target, to_template
from penstock.core.job_templates import check_template, defaults
from penstock.core.templates import placeholders
from penstock.errors import InvalidRequest
from tests.core.block_corpus import CASES, Case

DATA = Path(__file__).parents[2] / "src/penstock/infra/data/worker_types.json"


def templates() -> dict[str, dict[str, Any]]:
    """The pool types' own templates."""
    groups = json.loads(DATA.read_text()).values()
    return {kind: about["default_base_job_configuration"] for group in groups for kind, about in group.items()}


TEMPLATES = templates()


def block_of(case: Case) -> InfrastructureBlock:
    return InfrastructureBlock(slug=case.slug, data=case.data, name=case.name, references=case.references)


def converted(case: Case) -> tuple[Conversion, str]:
    kind = target(case.slug, case.pool_type)
    return to_template(block_of(case), TEMPLATES, kind.pool_type), kind.pool_type


def test_the_corpus_has_every_kind() -> None:
    assert len(CASES) >= 40
    assert {(case.slug, target(case.slug, case.pool_type).pool_type) for case in CASES} == {
        (kind.slug, kind.pool_type) for kind in KINDS
    }


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fields_become_defaults(case: Case) -> None:
    conversion, _ = converted(case)
    check_template(conversion.template)
    properties = conversion.properties
    assert {name: properties[name].get("default") for name in case.defaults} == case.defaults
    assert case.codes <= {one.code for one in conversion.remarks}
    assert conversion.is_usable is case.usable


@pytest.mark.parametrize("case", [case for case in CASES if case.usable], ids=str)
def test_the_old_job_is_the_new_one(case: Case) -> None:
    """Each difference is explained by the report."""
    conversion, pool_type = converted(case)
    assert [one for one in compare(conversion, pool_type) if not one.explained] == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_secret_and_no_key_of_the_document_is_in_a_template(case: Case) -> None:
    text = json.dumps(converted(case)[0].template)
    assert "hush" not in text
    assert "_block_document" not in text.replace('"block_document_id"', "")


@pytest.mark.parametrize("case", [case for case in CASES if case.usable], ids=str)
def test_deployments_can_set_what_they_could(case: Case) -> None:
    """A placeholder may only go where the block's own words have taken its place."""
    conversion, pool_type = converted(case)
    before = {one.name for one in placeholders(TEMPLATES[pool_type]["job_configuration"])}
    after = {one.name for one in placeholders(conversion.job)}
    assert before <= after
    if pool_type != "process":
        assert new_job(conversion.template, pool_type, {"image": "mine:7"}) != new_job(conversion.template, pool_type)
    added = new_job(conversion.template, pool_type, {"env": {"MINE": "7"}})
    assert '"MINE": "7"' in json.dumps(added)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.pool_type)
def test_a_template_of_the_type_is_left_as_it_was(kind: Any) -> None:
    before = json.dumps(TEMPLATES[kind.pool_type])
    for case in CASES:
        if case.slug == kind.slug:
            to_template(block_of(case), TEMPLATES, kind.pool_type)
    assert json.dumps(TEMPLATES[kind.pool_type]) == before


def test_a_block_that_was_never_stored_is_refused() -> None:
    case = next(case for case in CASES if case.slug == "ecs-task")
    conversion, _ = converted(replace(case, references={}))
    assert not conversion.is_usable
    assert "never stored" in conversion.remarks[-1].sentence + conversion.remarks[-2].sentence
    assert defaults(conversion.template).get("aws_credentials") is None


def test_an_anonymous_block_keeps_its_secret() -> None:
    case = next(case for case in CASES if case.slug == "azure-container-instance-job")
    conversion, _ = converted(replace(case, name=None))
    assert not conversion.is_usable
    assert "hush" not in json.dumps(conversion.template)


def test_an_unknown_type_is_told_with_the_nearest() -> None:
    with pytest.raises(InvalidRequest, match=r"C16: .*Did you mean 'docker-container'"):
        target("docker-containr")
    with pytest.raises(InvalidRequest, match="only of: cloud-run, cloud-run-v2"):
        target("cloud-run-job", "docker")
