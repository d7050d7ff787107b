"""A deployment moves from agents to workers and back, whole or not at all, and its runs go with it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from penstock.clock import utc_now
from penstock.ids import new_id
from penstock.server.loops.upgrades import gather_runs
from penstock.store.planned_runs import Horizon, deployments_to_schedule, plan
from penstock.store.upgrades import left_behind
from tests.server.routes.conftest import Api

VERSION = "penstock.deployment.version"
FIELDS = (
    "work_pool_name",
    "work_queue_name",
    "job_variables",
    "pull_steps",
    "entrypoint",
    "path",
    "storage_document_id",
    "infrastructure_document_id",
)
CRON = {"cron": "0 6 * * *", "timezone": None, "day_or": True}
TEMPLATE = {
    "job_configuration": {"env": "{{ env }}"},
    "variables": {"type": "object", "properties": {"env": {"type": "object"}}},
}
HOUR = 3600.0


class Case:
    """One deployment of agents, the pool that it is to go to, and what is asked of it."""

    def __init__(self, api: Api, id: str) -> None:
        self.api = api
        self.id = id
        self.at = f"/penstock/deployments/{id}/upgrade"

    async def deployment(self) -> dict[str, Any]:
        return dict(await self.api.get(f"/deployments/{self.id}"))

    async def standing(self) -> dict[str, Any]:
        found = await self.deployment()
        return {name: found[name] for name in FIELDS}

    async def body(self, **changes: Any) -> dict[str, Any]:
        before = await self.standing()
        after = {
            **before,
            "work_pool_name": "workers",
            "work_queue_name": "q",
            "job_variables": {"env": {"A": "1"}},
            "pull_steps": [{"penstock.steps.set_working_directory": {"directory": "/srv"}}],
            "path": None,
            **changes,
        }
        return {"before": before, "after": after}

    async def upgrade(self, status: int = 200, **changes: Any) -> Any:
        return await self.api.post(self.at, await self.body(**changes), status)

    async def roll_back(self, status: int = 200, *, force: bool = False) -> Any:
        return await self.api.post(f"{self.at}/rollback", {"force": force}, status)

    async def start(self, **body: Any) -> str:
        made = await self.api.post(f"/deployments/{self.id}/create_flow_run", body, 201)
        return str(made["id"])

    async def run(self, id: str) -> dict[str, Any]:
        return dict(await self.api.get(f"/flow_runs/{id}"))

    async def propose(self, id: str, kind: str, **state: Any) -> str:
        answer = await self.api.ask("POST", f"/flow_runs/{id}/set_state", {"state": {"type": kind, **state}})
        return str(answer.json["status"])

    async def due(self, pool: str) -> list[str]:
        """The runs that somebody who polls a pool is shown."""
        found = await self.api.post(f"/work_pools/{pool}/get_scheduled_flow_runs", {})
        return [one["flow_run"]["id"] for one in found]

    async def gather(self) -> int:
        return (await gather_runs(self.api.app.loops.tools, utc_now())).did


@pytest.fixture
async def case(api: Api) -> Case:
    await api.app.loops.loops["upgrades"].stop()  # a pass is made where a test says so
    flow = (await api.post("/flows/", {"name": "etl"}, 201))["id"]
    await api.post("/work_pools/", {"name": "agents", "type": "prefect-agent"}, 201)
    await api.post("/work_pools/", {"name": "workers", "type": "process", "base_job_template": TEMPLATE}, 201)
    body = {
        "name": "d",
        "flow_id": flow,
        "work_pool_name": "agents",
        "work_queue_name": "q",
        "entrypoint": "flow.py:etl",
        "path": "/srv",
        "infra_overrides": {"env.A": "1"},
    }
    made = await api.post("/deployments/", body, 201)
    return Case(api, made["id"])


async def planned(case: Case, of: str = "SCHEDULED") -> list[dict[str, Any]]:
    criteria = {"deployments": {"id": {"any_": [case.id]}}, "flow_runs": {"state": {"type": {"any_": [of]}}}}
    return list(await case.api.post("/flow_runs/filter", criteria))


async def test_a_deployment_moves_with_its_settings_and_a_new_version(case: Case) -> None:
    body = await case.body()
    remark = {"code": "C05", "severity": "info", "place": "path", "sentence": "It is copied.", "way_out": "None."}
    made = await case.api.post(case.at, {**body, "remarks": [remark]}, 200)
    assert (made["status"], made["before"], made["after"]) == ("upgraded", body["before"], body["after"])
    assert await case.standing() == body["after"]
    assert (await case.deployment())["labels"][VERSION] == 2
    assert await case.api.get(case.at) == made
    assert await case.api.post("/penstock/upgrades/filter", {"deployment_ids": [case.id, str(uuid4())]}) == [made]
    (event,) = [one for one in await case.api.events() if one["event"].startswith("penstock.deployment")]
    assert (event["event"], event["resource"]["prefect.resource.id"]) == (
        "penstock.deployment.upgraded",
        f"prefect.deployment.{case.id}",
    )
    assert event["payload"]["from_work_pool"] == "agents"
    assert (event["payload"]["work_pool"], event["payload"]["remarks"]) == ("workers", ["C05"])


async def test_the_same_upgrade_again_writes_nothing(case: Case) -> None:
    body = await case.body()
    first = await case.api.post(case.at, body)
    shown = await case.deployment()
    events = len(await case.api.events())
    assert await case.api.post(case.at, body) == first
    assert (await case.deployment())["updated"] == shown["updated"]
    assert len(await case.api.events()) == events


async def test_a_deployment_that_changed_since_the_plan_is_left_as_it_is(case: Case) -> None:
    body = await case.body()
    await case.api.patch(f"/deployments/{case.id}", {"entrypoint": "other.py:etl"})
    shown = await case.deployment()
    refused = await case.api.post(case.at, body, 409)
    assert "entrypoint changed meanwhile" in refused["detail"]
    assert await case.deployment() == shown
    await case.api.get(case.at, 404)
    await case.api.get("/work_pools/workers/queues/q", 404)


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"work_pool_name": None}, 422, "names the work pool"),
        ({"work_pool_name": "nowhere"}, 404, "nowhere"),
        ({"job_variables": {"enw": {}}}, 422, "did you mean 'env'"),
    ],
    ids=["no pool", "unknown pool", "unknown variable"],
)
async def test_an_upgrade_that_could_not_work_is_refused(
    case: Case, changes: dict[str, Any], status: int, says: str
) -> None:
    before = await case.standing()
    refused = await case.upgrade(status, **changes)
    assert says in str(refused)
    assert await case.standing() == before


async def test_an_upgrade_waits_for_those_who_have_claimed_a_run_and_not_begun(case: Case) -> None:
    run = await case.start()
    assert await case.propose(run, "PENDING") == "ACCEPT"
    before = await case.standing()
    refused = await case.upgrade(409)
    assert "A run of deployment 'd' is claimed and has not begun" in refused["detail"]
    assert await case.standing() == before
    assert await case.propose(run, "RUNNING") == "ACCEPT"
    assert (await case.upgrade())["moved_runs"] == 0
    assert (await case.run(run))["work_pool_name"] == "agents"
    assert await case.propose(run, "COMPLETED") == "ACCEPT"


async def test_with_force_a_claimed_run_is_carried_out_where_it_is(case: Case) -> None:
    run = await case.start()
    assert await case.propose(run, "PENDING") == "ACCEPT"
    await case.api.post(case.at, {**await case.body(), "force": True})
    assert (await case.run(run))["work_pool_name"] == "agents"
    assert await case.gather() == 0
    assert await case.propose(run, "RUNNING") == "ACCEPT"
    assert await case.propose(run, "COMPLETED") == "ACCEPT"


async def test_runs_that_wait_go_along_and_come_back(case: Case) -> None:
    before = [await case.start(), await case.start(state={"type": "SCHEDULED", "name": "Late"})]
    assert (await case.upgrade())["moved_runs"] == 2
    assert (await case.due("agents"), sorted(await case.due("workers"))) == ([], sorted(before))
    moved = await case.run(before[0])
    assert (moved["work_pool_name"], moved["work_queue_name"], moved["labels"][VERSION]) == ("workers", "q", 2)
    since = await case.start()
    assert (await case.run(since))["work_pool_name"] == "workers"
    assert (await case.roll_back())["moved_runs"] == 3
    assert (sorted(await case.due("agents")), await case.due("workers")) == (sorted([*before, since]), [])
    assert [(await case.run(run))["labels"][VERSION] for run in [*before, since]] == [1, 1, 3]
    assert not [name for name in (await case.run(before[0]))["labels"] if name.startswith("penstock.upgrade")]


async def test_a_moved_run_is_carried_out_with_the_new_settings(case: Case) -> None:
    run = await case.start()
    await case.upgrade()
    pinned = await case.api.get(f"/penstock/flow_runs/{run}/deployment")
    assert pinned["job_variables"] == {"env": {"A": "1"}}
    await case.roll_back()
    pinned = await case.api.get(f"/penstock/flow_runs/{run}/deployment")
    assert pinned["job_variables"] == {"env.A": "1"}


async def test_a_rollback_puts_back_what_there_was_as_often_as_wanted(case: Case) -> None:
    before = await case.standing()
    for round in range(3):
        upgraded = await case.upgrade()
        assert (upgraded["before"], await case.standing()) == (before, upgraded["after"])
        back = await case.roll_back()
        assert (back["status"], back["id"], await case.standing()) == ("rolled-back", upgraded["id"], before)
        assert await case.roll_back() == back
        assert (await case.deployment())["labels"][VERSION] == 2 * round + 3
    names = [one["event"] for one in await case.api.events() if one["event"].startswith("penstock.deployment")]
    assert names == ["penstock.deployment.upgraded", "penstock.deployment.rolled-back"] * 3


async def test_a_rollback_undoes_what_was_changed_by_hand_since(case: Case) -> None:
    before = await case.standing()
    await case.upgrade()
    await case.api.patch(f"/deployments/{case.id}", {"job_variables": {"env": {"A": "by hand"}}})
    await case.roll_back()
    assert await case.standing() == before
    versions = await case.api.get(f"/penstock/deployments/{case.id}/versions")
    assert (versions[0]["number"], versions[0]["restores"]) == (3, 1)


async def test_a_rollback_waits_for_claimed_runs_too(case: Case) -> None:
    await case.upgrade()
    run = await case.start()
    assert await case.propose(run, "PENDING") == "ACCEPT"
    await case.roll_back(409)
    assert (await case.roll_back(force=True))["status"] == "rolled-back"
    assert (await case.run(run))["work_pool_name"] == "workers"


async def test_what_was_never_upgraded_is_not_rolled_back(case: Case) -> None:
    await case.roll_back(404)
    await case.api.get(f"/penstock/deployments/{uuid4()}/upgrade", 404)
    await case.api.post(f"/penstock/deployments/{uuid4()}/upgrade", await case.body(), 404)


async def test_a_rollback_says_when_the_pool_of_before_is_gone(case: Case) -> None:
    await case.upgrade()
    await case.api.delete("/work_pools/agents")
    refused = await case.roll_back(409)
    assert "the work pool 'agents' that it was in was deleted" in refused["detail"]
    assert (await case.deployment())["work_pool_name"] == "workers"


async def test_planned_runs_are_planned_anew_in_the_new_pool(case: Case) -> None:
    await case.api.patch(f"/deployments/{case.id}", {"schedules": [{"schedule": CRON}]})
    store = case.api.app.services.store
    (deployment,) = await store.read(deployments_to_schedule(None, 10))
    await store.write(plan(deployment, Horizon(), utc_now(), new_id))
    dates = sorted(one["expected_start_time"] for one in await planned(case))
    await case.api.app.loops.loops["schedule"].stop()  # they are planned within the upgrade
    await case.upgrade()
    anew = await planned(case)
    assert {one["work_pool_name"] for one in anew} == {"workers"}
    assert sorted(one["expected_start_time"] for one in anew) == dates
    assert {one["labels"][VERSION] for one in anew} == {2}


async def test_a_suspended_run_is_resumed_by_a_worker(case: Case) -> None:
    run = await case.start()
    for kind in ("PENDING", "RUNNING"):
        assert await case.propose(run, kind) == "ACCEPT"
    details = {"pause_timeout": case.api.moment(HOUR), "pause_reschedule": True}
    assert await case.propose(run, "PAUSED", name="Suspended", state_details=details) == "ACCEPT"
    assert (await case.upgrade())["moved_runs"] == 1
    await case.api.post(f"/flow_runs/{run}/resume", {}, 201)
    assert (await case.due("agents"), await case.due("workers")) == ([], [run])


async def test_a_paused_run_goes_on_in_its_process(case: Case) -> None:
    run = await case.start()
    for kind in ("PENDING", "RUNNING"):
        assert await case.propose(run, kind) == "ACCEPT"
    assert await case.propose(run, "PAUSED", state_details={"pause_timeout": case.api.moment(HOUR)}) == "ACCEPT"
    assert (await case.upgrade())["moved_runs"] == 0
    assert (await case.run(run))["work_pool_name"] == "agents"
    await case.api.post(f"/flow_runs/{run}/resume", {}, 201)
    assert ((await case.run(run))["state_type"], await case.gather()) == ("RUNNING", 0)


async def test_a_run_that_comes_back_after_the_switch_is_brought_after(case: Case) -> None:
    run = await case.start()
    for kind in ("PENDING", "RUNNING"):
        assert await case.propose(run, kind) == "ACCEPT"
    await case.upgrade()
    again = {"scheduled_time": case.api.moment(0)}
    assert await case.propose(run, "SCHEDULED", name="AwaitingRetry", state_details=again) == "ACCEPT"
    assert (await case.run(run))["work_pool_name"] == "agents"
    assert await case.gather() == 1
    assert (await case.due("agents"), await case.due("workers")) == ([], [run])
    assert await case.gather() == 0


async def test_a_retry_within_a_process_stays_with_that_process(case: Case) -> None:
    run = await case.start(empirical_policy={"retries": 1, "retry_delay": 60})
    for kind in ("PENDING", "RUNNING", "FAILED"):
        await case.propose(run, kind)
    assert (await case.run(run))["state_type"] == "SCHEDULED"
    assert (await case.upgrade())["moved_runs"] == 0
    assert (await case.gather(), (await case.run(run))["work_pool_name"]) == (0, "agents")


async def test_after_a_rollback_runs_are_brought_back_as_well(case: Case) -> None:
    await case.upgrade()
    run = await case.start()
    for kind in ("PENDING", "RUNNING"):
        assert await case.propose(run, kind) == "ACCEPT"
    await case.roll_back()
    again = {"scheduled_time": case.api.moment(0)}
    assert await case.propose(run, "SCHEDULED", name="AwaitingRetry", state_details=again) == "ACCEPT"
    assert (await case.gather(), await case.due("agents")) == (1, [run])


async def test_a_deployment_that_was_in_no_queue_leaves_no_run_behind(case: Case) -> None:
    """Its runs wait in none: such as queues by tag serve, or a process."""
    body = {"name": "served", "flow_id": (await case.deployment())["flow_id"], "entrypoint": "flow.py:etl"}
    case = Case(case.api, (await case.api.post("/deployments/", body, 201))["id"])
    waits, back = await case.start(), await case.start()
    assert (await case.run(waits))["work_pool_name"] is None
    for kind in ("PENDING", "RUNNING"):
        assert await case.propose(back, kind) == "ACCEPT"
    assert (await case.upgrade())["moved_runs"] == 1
    again = {"scheduled_time": case.api.moment(0)}
    assert await case.propose(back, "SCHEDULED", name="AwaitingRetry", state_details=again) == "ACCEPT"
    assert await case.due("workers") == [waits]
    assert (await case.gather(), await case.gather()) == (1, 0)
    assert sorted(await case.due("workers")) == sorted([waits, back])
    await case.roll_back()
    assert [(await case.run(run))["work_pool_name"] for run in (waits, back)] == [None, None]
    assert (await case.gather(), await case.due("workers")) == (0, [])


async def test_a_deployment_that_was_moved_back_by_hand_keeps_its_runs(case: Case) -> None:
    await case.upgrade()
    await case.api.patch(f"/deployments/{case.id}", {"work_pool_name": "agents", "work_queue_name": "q"})
    run = await case.start()
    assert (await case.gather(), await case.due("agents")) == (0, [run])


async def test_a_run_that_is_due_later_is_brought_after_when_its_time_comes(case: Case) -> None:
    run = await case.start()
    for kind in ("PENDING", "RUNNING"):
        assert await case.propose(run, kind) == "ACCEPT"
    await case.upgrade()
    later = {"scheduled_time": case.api.moment(HOUR)}
    assert await case.propose(run, "SCHEDULED", name="AwaitingRetry", state_details=later) == "ACCEPT"
    assert await case.gather() == 0
    store = case.api.app.services.store
    assert await store.read(left_behind(utc_now() + timedelta(hours=2), 10)) == [UUID(case.id)]


async def test_with_its_deployment_the_record_goes(case: Case) -> None:
    await case.upgrade()
    await case.api.delete(f"/deployments/{case.id}")
    assert await case.api.post("/penstock/upgrades/filter", {"deployment_ids": [case.id]}) == []


async def test_too_many_upgrades_at_once_are_not_read(case: Case) -> None:
    asked = {"deployment_ids": [str(UUID(int=one)) for one in range(201)]}
    await case.api.post("/penstock/upgrades/filter", asked, 422)


async def twins(case: Case, count: int) -> list[Case]:
    """Other deployments like it."""
    found = await case.deployment()
    like = {name: found[name] for name in ("flow_id", "entrypoint", "path", "work_pool_name", "work_queue_name")}
    made = [await case.api.post("/deployments/", {"name": f"t{number}", **like}, 201) for number in range(count)]
    return [Case(case.api, one["id"]) for one in made]


async def test_of_many_deployments_each_moves_or_stays_by_itself(case: Case) -> None:
    """One moves, one is busy, one changed, one asks for nonsense, and one is not there."""
    busy, changed, wrong = await twins(case, 3)
    run = await busy.start()
    assert await busy.propose(run, "PENDING") == "ACCEPT"
    asked = [(one.id, await one.body()) for one in (case, busy, changed)]
    asked.append((wrong.id, await wrong.body(job_variables={"enw": {}})))
    asked.append((str(uuid4()), await case.body()))
    await case.api.patch(f"/deployments/{changed.id}", {"entrypoint": "other.py:etl"})
    stay = [await one.deployment() for one in (busy, changed, wrong)]
    body = {"upgrades": [{"deployment_id": id, "upgrade": body} for id, body in asked]}
    answer = await case.api.post("/penstock/upgrades", body)
    assert [(one["deployment_id"], one["status"]) for one in answer] == [
        (id, status) for (id, _), status in zip(asked, (200, 409, 409, 422, 404), strict=True)
    ]
    faults = [str(one["fault"]) for one in answer]
    for fault, says in zip(
        faults, ("None", "is claimed", "changed meanwhile", "did you mean", "not found"), strict=True
    ):
        assert says in fault
    assert answer[0]["upgrade"] == await case.api.get(case.at)
    assert await case.standing() == asked[0][1]["after"]
    assert [await one.deployment() for one in (busy, changed, wrong)] == stay
    back = await case.api.post("/penstock/upgrades/rollback", {"deployment_ids": [case.id, busy.id]})
    assert [(one["status"], one["fault"]) for one in back] == [
        (200, None),
        (404, "The deployment has not been upgraded."),
    ]
    assert await case.standing() == asked[0][1]["before"]


async def test_many_upgrades_are_told_as_single_ones_are(case: Case) -> None:
    cases = [case, *await twins(case, 9)]
    runs = [await one.start() for one in cases]
    body = {"upgrades": [{"deployment_id": one.id, "upgrade": await one.body()} for one in cases]}
    answer = await case.api.post("/penstock/upgrades", body)
    assert [one["upgrade"]["moved_runs"] for one in answer] == [1] * len(cases)
    assert sorted(await case.due("workers")) == sorted(runs)
    told = [one["resource"]["prefect.resource.id"] for one in await case.api.events() if "upgraded" in one["event"]]
    assert sorted(told) == sorted(f"prefect.deployment.{one.id}" for one in cases)
    assert await case.api.post("/penstock/upgrades", body) == answer
    assert len([one for one in await case.api.events() if "upgraded" in one["event"]]) == len(cases)


async def test_more_than_a_request_may_have_are_refused(case: Case) -> None:
    one = {"deployment_id": case.id, "upgrade": await case.body()}
    await case.api.post("/penstock/upgrades", {"upgrades": [one] * 201}, 422)
    await case.api.post("/penstock/upgrades/rollback", {"deployment_ids": [case.id] * 201}, 422)


async def test_many_switches_at_once_lose_no_run(case: Case) -> None:
    """Runs are made while the deployment goes to and fro: each is in the pool that the deployment is in at last."""

    async def switch() -> None:
        for _ in range(4):
            await case.upgrade()
            await case.roll_back()
        await case.upgrade()

    async def make() -> list[str]:
        return [await case.start() for _ in range(20)]

    _, *made = await asyncio.gather(switch(), make(), make())
    await case.gather()
    assert sorted(await case.due("workers")) == sorted(run for some in made for run in some)
    assert await case.due("agents") == []
