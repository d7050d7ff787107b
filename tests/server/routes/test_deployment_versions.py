"""Versions through the API: who makes one, what is refused, and what a run that is pinned to one is given."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from penstock.clock import utc_now
from penstock.ids import new_id
from penstock.server.app import App
from penstock.store.planned_runs import Horizon, deployments_to_schedule, plan
from tests.server.conftest import Heard, ask
from tests.server.routes.test_deployments import deploy, start

LABEL = "penstock.deployment.version"
CRON = {"cron": "0 6 * * *", "timezone": None, "day_or": True}


async def versions(app: App, id: str, query: str = "") -> list[dict[str, Any]]:
    return list((await ask(app, "GET", f"/penstock/deployments/{id}/versions{query}")).json)


async def numbers(app: App, id: str) -> list[int]:
    return [one["number"] for one in await versions(app, id)]


async def change(app: App, id: str, **body: Any) -> Heard:
    return await ask(app, "POST", f"/penstock/deployments/{id}/versions", {"update": {}, **body})


async def test_a_prefect_client_makes_versions_and_a_hand_makes_none(app: App) -> None:
    one = await deploy(app, entrypoint="a.py:f")
    at = f"/deployments/{one['id']}"
    assert one["labels"][LABEL] == 1
    await ask(app, "PATCH", at, {"entrypoint": "by.hand:f", "paused": True})
    assert await numbers(app, one["id"]) == [1]
    info = {"type": "prefect:simple", "version": "2"}
    await ask(app, "PATCH", at, {"entrypoint": "b.py:g", "version_info": info})
    await ask(app, "PATCH", at, {"entrypoint": "b.py:g", "version_info": info})
    assert await numbers(app, one["id"]) == [2, 1]
    again = await deploy(app, entrypoint="c.py:h")
    assert again["labels"][LABEL] == 3
    newest, *_ = await versions(app, one["id"], "?limit=1")
    assert (newest["number"], newest["deployment"]["entrypoint"], newest["applied"]) == (3, "c.py:h", None)


async def test_a_deployment_and_its_first_version_are_made_in_one(app: App) -> None:
    flow = (await ask(app, "POST", "/flows/", {"name": "f"})).json["id"]
    source = {"commit": "abc", "dirty": True, "by": "me"}
    body = {"deployment": {"name": "d", "flow_id": flow}, "applied": {"name": "d"}, "source": source}
    made = (await ask(app, "POST", "/penstock/deployments", body)).json
    assert (made["number"], made["applied"], made["source"]["commit"]) == (1, {"name": "d"}, "abc")
    read = await ask(app, "GET", f"/penstock/deployments/{made['deployment_id']}/versions/1")
    assert read.json == made
    for path in ("versions/2", "versions/x"):
        assert (await ask(app, "GET", f"/penstock/deployments/{made['deployment_id']}/{path}")).status == 404
    assert (await ask(app, "GET", f"/penstock/deployments/{uuid4()}/versions")).status == 404


async def test_schedules_are_kept_by_their_ids(app: App) -> None:
    one = await deploy(app, schedules=[{"schedule": CRON}, {"schedule": {**CRON, "cron": "0 7 * * *"}}])
    kept = one["schedules"][0]
    wanted = [{"id": kept["id"], "schedule": kept["schedule"], "active": False}, {"schedule": CRON, "slug": "new"}]
    assert (await change(app, one["id"], schedules=wanted, labels={"penstock.project": "p"})).status == 201
    after = (await ask(app, "GET", f"/deployments/{one['id']}")).json
    assert {(each["id"] == kept["id"], each["active"], each["slug"]) for each in after["schedules"]} == {
        (True, False, None),
        (False, True, "new"),
    }
    assert after["labels"]["penstock.project"] == "p"


async def test_what_was_done_meanwhile_is_not_undone(app: App) -> None:
    one = await deploy(app)
    stale = await change(app, one["id"], based_on=7)
    assert (stale.status, "Version 1 was deployed meanwhile" in stale.json["detail"]) == (409, True)
    gone = await change(app, one["id"], schedules=[{"id": str(uuid4()), "schedule": CRON}])
    assert (gone.status, "was deleted meanwhile" in gone.json["detail"]) == (409, True)
    assert (await change(app, one["id"], update={"schedules": []})).status == 422
    assert await numbers(app, one["id"]) == [1]


async def test_a_run_is_given_its_version_until_that_is_forgotten(app: App) -> None:
    one = await deploy(app, entrypoint="a.py:f", job_variables={"env": {"V": "1"}})
    old = (await start(app, one["id"])).json["id"]
    await ask(app, "PATCH", f"/deployments/{one['id']}", {"job_variables": {"env": {"V": "1", "HOT": "fix"}}})
    await change(app, one["id"], update={"entrypoint": "b.py:g", "job_variables": {}}, applied={"n": 2})
    new = (await start(app, one["id"])).json["id"]
    pinned = (await ask(app, "GET", f"/penstock/flow_runs/{old}/deployment")).json
    assert (pinned["entrypoint"], pinned["job_variables"]) == ("a.py:f", {"env": {"V": "1", "HOT": "fix"}})
    claimed = (await ask(app, "POST", "/penstock/work_pools/p/claim", {"worker_name": "w", "limit": 5})).json
    assert {run["flow_run"]["id"]: run["deployment"]["entrypoint"] for run in claimed} == {
        old: "a.py:f",
        new: "b.py:g",
    }
    assert (await ask(app, "GET", f"/penstock/flow_runs/{uuid4()}/deployment")).status == 404
    assert (await ask(app, "GET", f"/deployments/{one['id']}")).json["entrypoint"] == "b.py:g"


async def test_planned_runs_move_to_the_new_version(app: App) -> None:
    one = await deploy(app, schedules=[{"schedule": CRON}])

    async def pins() -> set[Any]:
        await ask(app, "POST", f"/deployments/{one['id']}/schedule", {})
        found = await ask(app, "POST", "/flow_runs/filter", {"deployments": {"id": {"any_": [one["id"]]}}})
        return {run["labels"][LABEL] for run in found.json}

    assert await pins() == {1}
    await change(app, one["id"], update={"tags": ["t"]}, applied={"n": 2})
    assert await pins() == {2}


async def test_a_plan_is_made_of_the_deployment_as_it_is_by_then(app: App) -> None:
    """The scheduler looks at many deployments, and one may be changed before its turn comes."""
    one = await deploy(app, schedules=[{"schedule": CRON}])
    id, store = UUID(one["id"]), app.services.store
    [seen] = await store.scan(deployments_to_schedule(None, 10))
    await change(app, one["id"], update={"tags": ["t"]}, applied={"n": 2})
    await store.write(plan(seen, Horizon(), utc_now(), new_id))
    found = await ask(app, "POST", "/flow_runs/filter", {"deployments": {"id": {"any_": [one["id"]]}}})
    assert {run["labels"][LABEL] for run in found.json} == {2}
    await ask(app, "POST", f"/deployments/{id}/pause_deployment", {})
    assert await store.write(plan(seen, Horizon(), utc_now(), new_id)) == 0
