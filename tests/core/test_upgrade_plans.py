"""The plan of an upgrade: pools, queues, variables, steps and what is said of each deployment.

What each case comes to stands in `golden_upgrades.json`; PENSTOCK_TEST_WRITE=1 writes it anew, to be read before it is
kept.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from penstock.core.infrastructure_blocks import InfrastructureBlock
from penstock.core.job_templates import check_template, unfit
from penstock.core.upgrade_planning import plan
from penstock.core.upgrade_plans import Existing, OldDeployment, UpgradePlan, UpgradeState
from penstock.core.upgrade_proofs import prove
from penstock.core.upgrade_selection import select
from penstock.core.upgrade_words import as_data, set_by
from penstock.errors import NotFound
from penstock.wire.schedules import DeploymentSchedule, RRuleSchedule
from tests.core.block_corpus import CASES as BLOCKS
from tests.core.block_corpus import POD, manifest, patch
from tests.core.old_deployments import (
    AGENTS,
    automation,
    block,
    deployed,
    id_of,
    pool,
    queue,
    tag_queue,
    there,
    upgraded,
)
from tests.core.test_infrastructure_blocks import TEMPLATES, block_of
from tests.core.test_upgrade_storage import CASES as STORAGES

GOLDEN = Path(__file__).with_name("golden_upgrades.json")
NOTHING = Existing()
WRITES = os.environ.get("PENSTOCK_TEST_WRITE") == "1"


@dataclass(frozen=True)
class Case:
    """Deployments, and what there is beside them."""

    title: str
    deployments: tuple[OldDeployment, ...]
    existing: Existing = NOTHING

    def __str__(self) -> str:
        return self.title


def case(title: str, *deployments: OldDeployment, existing: Existing | None = None) -> Case:
    return Case(title, deployments, existing or Existing())


def made(*deployments: OldDeployment, existing: Existing = NOTHING) -> UpgradePlan:
    return plan(deployments, existing, TEMPLATES)


def customized(path: str, value: Any) -> dict[str, Any]:
    return {"customizations": patch(("add", path, value))}


TEAM = pool("team", concurrency_limit=4)
LIMITED = queue("nightly", concurrency_limit=3, priority=7, description="At night.")
SMALL, BOX = block(name="small", env={"A": "1"}), block("docker-container", "box", image="shop/etl:1")
CLUSTER = block("kubernetes-job", "cluster", image="shop/etl:1")
SPOT = block("kubernetes-job", "spot", image="shop/etl:1", job=manifest(tolerations=[{"key": "spot"}]))
PLAIN = {"process": TEMPLATES["process"]}
RUNS_IT = [{"type": "run-deployment", "deployment_id": str(id_of("etl/daily")), "job_variables": {"env": {"A": "2"}}}]
PAUSES = [{"type": "pause-work-queue", "work_queue_id": str(id_of("queue default-agent-pool nightly"))}]
FIVE_DAYS = DeploymentSchedule(id=id_of("schedule"), schedule=RRuleSchedule(rrule="FREQ=DAILY;COUNT=5"))
V2 = {"cloud-run-job": "cloud-run-v2"}

SITUATIONS = [
    case("no block at all", deployed()),
    case("no block, with overrides", deployed(overrides={"env.A": "1", "image": "x"})),
    case("a named block", deployed(on=SMALL, overrides={"env.B": "2"})),
    case(
        "two deployments of one block", deployed(on=SMALL), deployed("etl/hourly", on=SMALL, overrides={"env.B": "1"})
    ),
    case("two blocks", deployed(on=SMALL), deployed("etl/boxed", on=BOX)),
    case("unnamed blocks that are equal", *(deployed(f"etl/{n}", on=block(name=None, env={})) for n in "ab")),
    case("unnamed blocks that differ", *(deployed(f"etl/{n}", on=block(name=None, env={"N": n})) for n in "ab")),
    case("an unnamed block beside none", deployed("etl/a", on=block(name=None)), deployed("etl/b")),
    case("a queue with a limit", deployed(on=SMALL, at=LIMITED)),
    case("a queue that is paused", deployed(on=SMALL, at=queue("nightly", is_paused=True))),
    case("a limited queue spread over pools", deployed(on=SMALL, at=LIMITED), deployed("etl/b", on=BOX, at=LIMITED)),
    case("an agent pool with a limit", deployed(on=SMALL, home=TEAM, at=queue("q", "team"))),
    case("a paused agent pool", deployed(on=SMALL, home=pool("team", is_paused=True))),
    case("a block in two agent pools", deployed("etl/a", on=SMALL), deployed("etl/b", on=SMALL, home=TEAM)),
    case("no block in a named agent pool", deployed(home=TEAM)),
    case("a name that is reserved", deployed(on=block(name="prefect-jobs"))),
    case("a name that the agent pool has", deployed(on=block(name="team"), home=TEAM), existing=there(TEAM)),
    case(
        "names that other pools have",
        deployed(on=SMALL),
        existing=there(pool("small", "docker"), pool("small-process", "process", base_job_template={})),
    ),
    case("an equal pool", deployed(), existing=there(pool("process", "process", base_job_template=PLAIN["process"]))),
    case(
        "an equal pool with the queue",
        deployed(),
        existing=there(
            pool("process", "process", base_job_template=PLAIN["process"]), queues=(queue("default", "process"),)
        ),
    ),
    case("the environment replaced", deployed(on=SMALL, overrides={"env": {"B": "2"}}), deployed("etl/b", on=SMALL)),
    case("a part of the manifest", deployed(on=CLUSTER, overrides=customized(f"{POD}/nodeSelector", {"gpu": "yes"}))),
    case(
        "two parts of the manifest",
        deployed(on=CLUSTER, overrides=customized(f"{POD}/nodeSelector", {"gpu": "yes"})),
        deployed("etl/b", on=CLUSTER, overrides=customized(f"{POD}/priorityClassName", "high")),
        deployed("etl/c", on=CLUSTER),
    ),
    case(
        "parts that are in each other's way",
        deployed("etl/a", on=SPOT, overrides=customized(f"{POD}/tolerations/0/key", "night")),
        deployed("etl/b", on=SPOT, overrides=customized(f"{POD}/tolerations/-", {"key": "night"})),
    ),
    case(
        "parts that would be called the same",
        deployed("etl/a", on=CLUSTER, overrides=customized(f"{POD}/priority", 1)),
        deployed("etl/b", on=CLUSTER, overrides=customized("/spec/priority", 2)),
    ),
    case(
        "one part as a number and as text",
        deployed("etl/a", on=CLUSTER, overrides=customized("/spec/activeDeadlineSeconds", 60)),
        deployed("etl/b", on=CLUSTER, overrides=customized("/spec/activeDeadlineSeconds", "60")),
    ),
    case("a sidecar by an override", deployed(on=CLUSTER, overrides=customized(f"{POD}/containers/-", {"name": "p"}))),
    case("a patch that leads nowhere", deployed(on=CLUSTER, overrides=customized("/spec/no/where", 1))),
    case("an unknown type", deployed(on=block("lambda-function"))),
    case("a misspelt type", deployed(on=block("kubernets-job"))),
    case("a block that is gone", deployed(infrastructure_document_id=id_of("gone"), overrides={"env.A": "1"})),
    case("a storage that is gone", deployed(storage_document_id=id_of("gone"))),
    case("a block that can't be read", deployed(on=block("cloud-run-job", "odd", cpu="much"))),
    case("an unknown override", deployed(on=SMALL, overrides={"imagee": "x", "env.A": "1"})),
    case("an override that can't be read", deployed(on=SMALL, overrides={"stream_output": "perhaps"})),
    case("an image of Prefect 2 by an override", deployed(on=BOX, overrides={"image": "prefecthq/prefect:2.20.25"})),
    case("no entrypoint", deployed(on=SMALL, entrypoint=None)),
    case("a module", deployed(on=SMALL, entrypoint="shop.flows.etl", path=None)),
    case("pull steps of its own", deployed(on=SMALL, pull_steps=[{"prefect.deployments.steps.git_clone": {}}])),
    case("runs that wait", deployed(on=SMALL, waiting=2, unfinished=1)),
    case("an automation that passes variables", deployed(automations=(automation("again", actions=RUNS_IT),))),
    case(
        "an automation that pauses the queue",
        deployed(at=LIMITED, automations=(automation("quiet", actions=PAUSES), automation("other"))),
    ),
    case("tag queues", deployed(tags=["gpu", "eu"]), existing=there(queues=(tag_queue("gpus", "gpu"), queue()))),
    case("a schedule that counts its dates", deployed(schedules=[FIVE_DAYS])),
    case("a worker's deployment", deployed(home=pool("typed", "process"))),
    case("a served deployment", replace(deployed(), pool=None)),
    case("a deployment of a file", replace(deployed(), pool=None, place="etl-deployment.yaml:1")),
    case("nothing"),
]
STORED = [case(f"storage: {one}", deployed(on=SMALL, path=one.path, storage=one.storage)) for one in STORAGES]
OF_BLOCKS = [case(f"block: {one}", deployed(on=block_of(one))) for one in BLOCKS]
CASES = [*SITUATIONS, *STORED, *OF_BLOCKS]


def told(found: UpgradePlan) -> dict[str, Any]:
    """The plan in few words: of a template what it says beyond its type's own, of a remark its code and place."""
    data = json.loads(msgspec.json.encode(as_data(found)))
    for one, given in zip(data["pools"], found.pools, strict=True):
        one["sets"] = set_by(given, TEMPLATES[given.type])
        del one["base_job_template"], one["remarks"]
    for one in (*data["deployments"], data):
        name = "notes" if "notes" in one else "remarks"
        one[name] = [f"{each['code']} {each['severity']} at {each['place']}" for each in one[name]]
    return {key: _said(data[key]) for key in ("pools", "blocks", "deployments", "notes")}


def _said(value: Any) -> Any:
    """Without what says nothing."""
    if isinstance(value, dict):
        return {key: _said(one) for key, one in value.items() if one not in (None, False, [], {}, "")}
    return [_said(one) for one in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def golden() -> Any:
    """What is expected; where it is to be written anew, that is done at the end."""
    known = {} if WRITES else json.loads(GOLDEN.read_text())
    yield known
    if WRITES:
        GOLDEN.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_plan_is_the_golden_one(case: Case, golden: dict[str, Any]) -> None:
    found = told(made(*case.deployments, existing=case.existing))
    if WRITES:
        golden[case.title] = found
    assert found == golden[case.title]


def test_every_golden_plan_belongs_to_a_case(golden: dict[str, Any]) -> None:
    assert set(golden) == {one.title for one in CASES}
    assert len(CASES) >= 40


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_planned_can_be_made_and_is_proved(case: Case) -> None:
    found = made(*case.deployments, existing=case.existing)
    for one in found.pools:
        check_template(one.template)
        assert not one.name.startswith("prefect")
    for one in found.of(UpgradeState.READY):
        assert one.after
        assert one.pool
        assert unfit(one.pool.template, one.after.job_variables) == []
    proofs = [one for one in prove(found, case.existing, TEMPLATES) if one.state is UpgradeState.READY]
    assert [one for one in proofs if not one.is_good] == []


def applied(found: UpgradePlan, existing: Existing, names: set[str]) -> tuple[list[OldDeployment], Existing]:
    """The world after the upgrade of some deployments."""
    chosen = [one for one in found.of(UpgradeState.READY) if one.old.full_name in names]
    pools = {
        one.pool.name: pool(one.pool.name, one.pool.type, base_job_template=dict(one.pool.template))
        for one in chosen
        if one.pool
    }
    queues = {
        (one.pool.name, each.name): queue(each.name, one.pool.name)
        for one in chosen
        if one.pool
        for each in one.pool.queues
    }
    later = Existing(pools={**existing.pools, **pools}, queues={**existing.queues, **queues}, blocks=existing.blocks)
    done = [upgraded(one.old, one.after) if one in chosen and one.after else one.old for one in found.deployments]
    return done, later


@pytest.mark.parametrize("case", [*SITUATIONS, *OF_BLOCKS], ids=str)
def test_after_an_upgrade_there_is_nothing_to_do(case: Case) -> None:
    first = made(*case.deployments, existing=case.existing)
    ready = {one.old.full_name for one in first.of(UpgradeState.READY)}
    done, later = applied(first, case.existing, ready)
    second = made(*done, existing=later)
    assert second.of(UpgradeState.READY) == []
    assert {one.old.full_name for one in second.of(UpgradeState.UPGRADED)} == ready
    assert (second.pools, second.blocks) == ([], [])


@pytest.mark.parametrize("case", [one for one in SITUATIONS if len(one.deployments) > 1], ids=str)
def test_whichever_goes_first_the_others_go_where_they_were_to_go(case: Case) -> None:
    first = made(*case.deployments, existing=case.existing)
    wanted = {one.old.full_name: one.after for one in first.of(UpgradeState.READY)}
    for name in wanted:
        done, later = applied(first, case.existing, {name})
        second = made(*done, existing=later)
        assert {one.old.full_name: one.after for one in second.of(UpgradeState.READY)} == {
            other: after for other, after in wanted.items() if other != name
        }


def test_a_pool_that_the_first_upgrade_made_is_used_again() -> None:
    found = made(deployed("etl/a", on=SMALL), deployed("etl/b", on=SMALL))
    done, later = applied(found, Existing(), {"etl/a"})
    assert [(one.name, one.exists) for one in made(*done, existing=later).pools] == [("small", True)]


def test_blocks_go_to_pools_of_the_type_that_is_wanted() -> None:
    job = block("cloud-run-job", "jobs", image="shop/etl:1", region="eu", cpu=1, memory=512, memory_unit="Mi")
    both = (deployed("etl/a", on=job), deployed("etl/b", on=job, overrides={"cpu": "2"}))
    found = plan(both, NOTHING, TEMPLATES, V2)
    assert [(one.name, one.type) for one in found.pools] == [("jobs", "cloud-run-v2")]
    assert [one.is_good for one in prove(found, NOTHING, TEMPLATES)] == [True, True]
    done, later = applied(found, NOTHING, {"etl/a"})
    [rest] = plan(done, later, TEMPLATES, V2).pools
    assert (rest.name, rest.exists) == ("jobs", True)
    usual = plan(done, later, TEMPLATES)
    assert [(one.name, one.type) for one in usual.pools] == [("jobs-cloud-run", "cloud-run")]
    assert [one.is_good for one in prove(usual, later, TEMPLATES)] == [True, True], "each by the type of its own pool"


def test_a_type_that_does_not_fit_a_block_blocks_it() -> None:
    [one] = plan([deployed(on=BOX)], NOTHING, TEMPLATES, {"docker-container": "ecs"}).deployments
    assert one.state is UpgradeState.BLOCKED
    assert "only of: docker" in one.faults[0].sentence


def test_names_mean_deployments() -> None:
    found = made(deployed("etl/daily"), deployed("etl/weekly"), deployed("report/daily"))

    def chosen(*names: str) -> list[str]:
        return [one.old.full_name for one in select(found, names).deployments]

    assert chosen() == ["etl/daily", "etl/weekly", "report/daily"]
    assert chosen("daily") == ["etl/daily", "report/daily"]
    assert chosen("etl/*") == ["etl/daily", "etl/weekly"]
    assert chosen("etl/daily", "report/d*") == ["etl/daily", "report/daily"]
    with pytest.raises(NotFound, match=r"no deployment 'etl/dayly'\. Did you mean 'etl/daily'"):
        chosen("etl/dayly")


def test_a_plan_for_programs_has_no_secret() -> None:
    stored = [deployed(f"etl/{number}", path=one.path, storage=one.storage) for number, one in enumerate(STORAGES)]
    found = made(*stored, *(each for one in OF_BLOCKS for each in one.deployments))
    text = msgspec.json.encode(as_data(found)).decode()
    assert "hush" not in text
    assert "********" not in text


def test_an_upgraded_deployment_is_proved_by_what_the_pool_is_now() -> None:
    found = made(deployed(on=SMALL))
    done, later = applied(found, Existing(), {"etl/daily"})
    assert [one.is_good for one in prove(made(*done, existing=later), later, TEMPLATES)] == [True]
    template = json.loads(json.dumps(later.pools["small"].base_job_template))
    template["variables"]["properties"]["env"]["default"] = {"A": "other"}
    edited = there(pool("small", "process", base_job_template=template))
    [proof] = prove(made(*done, existing=edited), edited, TEMPLATES)
    assert [(one.place, one.old, one.new) for one in proof.unexplained] == [("env.A", "1", "other")]


def test_an_unknown_block_keeps_nobody_else_from_being_upgraded() -> None:
    found = made(deployed("etl/a", on=InfrastructureBlock(slug="lambda", data={}, name="l")), deployed("etl/b"))
    assert [one.state for one in found.deployments] == [UpgradeState.BLOCKED, UpgradeState.READY]
    assert found.deployments[0].faults[0].code == "C16"


def test_the_agents_own_pool_is_never_a_target() -> None:
    assert AGENTS not in {one.name for one in made(*(each for one in CASES for each in one.deployments)).pools}
