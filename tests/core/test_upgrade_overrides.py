"""A deployment's overrides become job variables by which the pool's job is the one that agents started."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.core.infrastructure_blocks import Conversion, InfrastructureBlock, Severity
from penstock.core.infrastructure_jobs import Difference, compare
from penstock.core.infrastructure_kinds import target, to_template
from penstock.core.job_overrides import Base, Overrides, translate
from penstock.core.job_templates import check_template, unfit
from penstock.core.template_additions import with_additions
from tests.core.block_corpus import CASES, CONTAINER, POD, manifest, patch
from tests.core.test_infrastructure_blocks import TEMPLATES, converted


def block(slug: str, **data: Any) -> InfrastructureBlock:
    return InfrastructureBlock(slug=slug, data={"type": slug, **data}, name="main")


def translated(found: InfrastructureBlock, overrides: dict[str, Any], pool_type: str | None = None) -> Overrides:
    kind = target(found.slug, pool_type)
    return translate(to_template(found, TEMPLATES, pool_type), kind, TEMPLATES[kind.pool_type], overrides)


def unexplained(found: Overrides, pool_type: str) -> list[Difference]:
    """How the pool's job differs from that of agents without a word in the report."""
    template = with_additions(found.conversion.template, found.additions)
    check_template(template)
    assert unfit(template, found.variables) == []
    proof = Conversion(found.changed, template, list(found.remarks))
    return [one for one in compare(proof, pool_type, found.variables, old=found.changed) if not one.explained]


TRANSLATED = [
    ("process", {}, {"env.A": "1", "stream_output": "false"}, {"env": {"A": "1"}, "stream_output": False}),
    ("process", {"env": {"A": "1"}}, {"env.A": "2", "env.B": 3}, {"env": {"A": "2", "B": "3"}}),
    ("process", {"env": {"A": "1"}}, {"env.A": "1"}, {}),
    ("process", {}, {"env": {"A": "1"}, "env.B": "2"}, {"env": {"A": "1", "B": "2"}}),
    ("process", {}, {"working_dir": "/srv", "name": "job"}, {"working_dir": "/srv", "name": "job"}),
    ("process", {}, {"command": ["sh", "-c", "a b"]}, {"command": "sh -c 'a b'"}),
    ("process", {"labels": {"a": "1"}}, {"labels.b": "2"}, {"labels": {"a": "1", "b": "2"}}),
    ("docker-container", {}, {"image_pull_policy": "ALWAYS"}, {"image_pull_policy": "Always"}),
    ("docker-container", {}, {"mem_limit": 5, "networks": '["shop"]'}, {"mem_limit": "5", "networks": ["shop"]}),
    ("docker-container", {"auto_remove": False}, {"auto_remove": "true"}, {"auto_remove": True}),
    ("docker-container", {"image": "a:1"}, {"image": "b:2"}, {"image": "b:2"}),
    ("docker-container", {"network_mode": "host"}, {"network_mode": None}, {"network_mode": None}),
    (
        "kubernetes-job",
        {},
        {"finished_job_ttl": "60", "namespace": "etl"},
        {"finished_job_ttl": 60, "namespace": "etl"},
    ),
    ("ecs-task", {}, {"cpu": "512", "memory": "1024"}, {"cpu": 512, "memory": 1024}),
    ("ecs-task", {}, {"auto_deregister_task_definition": "False"}, {"auto_deregister_task_definition": False}),
    ("cloud-run-job", {"memory_unit": "Mi"}, {"cpu": "2", "memory": "512"}, {"cpu": "2000m", "memory": "512Mi"}),
    ("cloud-run-job", {}, {"args": '["--fast"]', "max_retries": "1"}, {"args": ["--fast"], "max_retries": 1}),
    ("vertex-ai-custom-training-job", {}, {"maximum_run_time": "7200"}, {"maximum_run_time_hours": 2}),
    ("vertex-ai-custom-training-job", {}, {"service_account": "me@shop"}, {"service_account_name": "me@shop"}),
    ("azure-container-instance-job", {}, {"cpu": "2.5", "dns_servers": '["d"]'}, {"cpu": 2.5, "dns_servers": ["d"]}),
]


@pytest.mark.parametrize(("slug", "data", "overrides", "variables"), TRANSLATED, ids=lambda one: str(one)[:40])
def test_overrides_become_variables(
    slug: str, data: dict[str, Any], overrides: dict[str, Any], variables: dict[str, Any]
) -> None:
    full = next(case.data for case in CASES if case.slug == slug)
    found = translated(InfrastructureBlock(slug=slug, data={**full, **data}, name="main", references=REFS), overrides)
    assert (found.variables, found.base) == (variables, Base.BLOCK)
    assert unexplained(found, target(slug).pool_type) == []


REFS = {name: str(number) for number, name in enumerate(("aws_credentials", "credentials", "gcp_credentials"))}
REFS |= {"aci_credentials": "7"}


CHANGED = [{"env.MINE": "1"}, {"image": "mine:7"}, {"labels.team": "mine"}, {"env": {"ONLY": "me"}}, {"name": "x"}]


@pytest.mark.parametrize("case", [case for case in CASES if case.usable], ids=str)
def test_whatever_the_block_the_changed_job_is_the_same(case: Any) -> None:
    conversion, pool_type = converted(case)
    kind = target(case.slug, case.pool_type)
    for overrides in CHANGED:
        found = translate(conversion, kind, TEMPLATES[pool_type], overrides)
        assert unexplained(found, pool_type) == [], overrides
        assert found.base is not Base.OWN


def test_a_replaced_environment_goes_to_the_pool_without_one() -> None:
    found = translated(block("process", env={"A": "1", "B": "2"}), {"env": {"B": "3"}})
    assert (found.base, found.variables) == (Base.BARE, {"env": {"B": "3"}})
    assert "env" in {one.place for one in found.remarks}
    assert unexplained(found, "process") == []


@pytest.mark.parametrize(
    ("path", "value", "variable", "kind"),
    [
        (f"{POD}/nodeSelector", {"gpu": "yes"}, "node_selector", "object"),
        (f"{POD}/tolerations", [{"key": "spot"}], "tolerations", "array"),
        (f"{POD}/priorityClassName", "high", "priority_class_name", "string"),
        ("/spec/activeDeadlineSeconds", 60, "active_deadline_seconds", "integer"),
        (f"{CONTAINER}/resources/limits/nvidia.com~1gpu", "1", "nvidia_com_gpu", "string"),
    ],
)
def test_a_part_of_the_manifest_becomes_a_variable(path: str, value: Any, variable: str, kind: str) -> None:
    its = block("kubernetes-job", image="a:1", job=manifest({"resources": {"limits": {"cpu": "1"}}}))
    found = translated(its, {"customizations": patch(("add", path, value))})
    assert (found.base, found.variables) == (Base.BLOCK, {variable: value})
    assert [(one.variable, one.schema["type"]) for one in found.additions] == [(variable, kind)]
    assert "C01" in {one.code for one in found.remarks}
    assert unexplained(found, "kubernetes") == []


def test_a_part_that_the_block_has_stays_for_the_others() -> None:
    its = block("kubernetes-job", image="a:1", job=manifest(restartPolicy="OnFailure"))
    found = translated(its, {"job.spec.template.spec.restartPolicy": "Never"})
    assert found.variables == {"restart_policy": "Never"}
    assert found.additions[0].schema["default"] == "OnFailure"
    others = translated(its, {})
    template = with_additions(others.conversion.template, found.additions)
    assert compare(Conversion(its, template), "kubernetes", {})[:-1] == compare(others.conversion, "kubernetes")[:-1]
    assert unexplained(found, "kubernetes") == []


def test_limits_that_the_template_knows_are_its_variables() -> None:
    change = patch(("add", f"{CONTAINER}/resources", {"limits": {"memory": "8Gi"}}))
    found = translated(block("kubernetes-job", image="a:1"), {"customizations": change})
    assert found.variables == {"memory_limit": "8Gi"}


@pytest.mark.parametrize(
    "change",
    [
        patch(("add", f"{POD}/containers/-", {"name": "proxy", "image": "p:1"})),
        [{"op": "remove", "path": f"{POD}/parallelism"}],
        patch(("add", f"{CONTAINER}/env/-", {"name": "T", "valueFrom": {"secretKeyRef": {"name": "k", "key": "t"}}})),
    ],
    ids=("a sidecar", "a removal", "a secret"),
)
def test_what_is_no_variable_gets_a_pool_of_its_own(change: Any) -> None:
    found = translated(block("kubernetes-job", image="a:1"), {"customizations": change, "env.A": "1"})
    assert (found.base, found.variables) == (Base.OWN, {})
    assert any(one.code == "C01" and one.severity is Severity.WARNING for one in found.remarks)
    assert unexplained(found, "kubernetes") == []


def test_a_task_definition_is_laid_into_the_template() -> None:
    its = InfrastructureBlock(
        slug="ecs-task", data={"image": "a:1", "aws_credentials": {}}, name="main", references={"aws_credentials": "1"}
    )
    found = translated(its, {"task_definition": {"networkMode": "bridge", "cpu": "256"}})
    assert found.variables["cpu"] == 256
    assert unexplained(found, "ecs") == []


@pytest.mark.parametrize(
    ("slug", "override", "value"),
    [
        ("process", "image", "a:1"),
        ("process", "type", "docker"),
        ("docker-container", "volume", "[]"),
        ("process", "env.a.b", "1"),
        ("docker-container", "auto_remove", "perhaps"),
        ("kubernetes-job", "finished_job_ttl", "soon"),
        ("process", "env", "words"),
        ("cloud-run-job", "cpu", "much"),
        ("vertex-ai-custom-training-job", "maximum_run_time", "long"),
        ("process", "labels.a.b", "c"),
    ],
)
def test_what_agents_could_not_use_is_left_out_and_told(slug: str, override: str, value: Any) -> None:
    full = next(case.data for case in CASES if case.slug == slug)
    its = InfrastructureBlock(slug=slug, data=full, name="main", references=REFS)
    found = translated(its, {override: value, "env.GOOD": "1"})
    assert found.variables == {"env": {"GOOD": "1"}}
    assert [one.code for one in found.remarks if one.place == override] == ["C10"]


def test_variables_taken_out_of_the_environment_are_told() -> None:
    found = translated(block("process", env={"A": "1"}), {"env.A": None})
    assert found.base is Base.BARE
    assert [one.place for one in found.remarks if one.code == "C10" and one.severity is Severity.WARNING] == ["env.A"]
    assert unexplained(found, "process") == []
