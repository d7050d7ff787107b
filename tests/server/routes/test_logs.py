"""Log lines."""

from __future__ import annotations

import uuid
from typing import Any

from penstock.store.database import Steps
from penstock.store.statements import statement
from tests.server.routes.conftest import Api


def line(number: int, run: uuid.UUID | None = None, **more: Any) -> dict[str, Any]:
    return {
        "name": "prefect.flow_runs",
        "level": 20,
        "message": f"line {number}",
        "timestamp": f"2026-11-23T23:43:45.{number:06}+00:00",
        "flow_run_id": str(run) if run else None,
        **more,
    }


async def test_lines_come_back_in_the_order_of_time(api: Api) -> None:
    run, other, task = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    batch = [line(3, run), line(1, run, level=40), line(2, run, task_run_id=str(task)), line(4, other), line(5)]
    assert await api.post("/logs/", batch, 201) is None
    assert await api.post("/logs/", [], 201) is None

    async def messages(sort: str | None = None, **filter: object) -> list[str]:
        body = {"logs": {"flow_run_id": {"any_": [str(run)]}, **filter}, "sort": sort}
        return [one["message"] for one in await api.post("/logs/filter", body)]

    assert await messages() == ["line 1", "line 2", "line 3"]
    assert await messages("TIMESTAMP_DESC") == ["line 3", "line 2", "line 1"]
    assert await messages(level={"ge_": 30}) == ["line 1"]
    assert await messages(timestamp={"after_": "2026-11-23T23:43:45.000002Z"}) == ["line 2", "line 3"]
    assert await messages(task_run_id={"any_": [str(task)]}) == ["line 2"]
    assert await messages(task_run_id={"is_null_": True}) == ["line 1", "line 3"]
    assert await messages(text={"query": "LINE -1"}) == ["line 2", "line 3"]
    assert len(await api.post("/logs/filter", {})) == 5


async def test_a_line_has_the_apis_fields_and_no_nul(api: Api) -> None:
    run = uuid.uuid4()
    await api.post("/logs/", [line(1, run, message='a\u0000b "c" \U0001f600')], 201)
    [found] = await api.post("/logs/filter", {"logs": {"text": {"query": "b"}}})
    assert found["message"] == 'ab "c" \U0001f600'
    assert set(found) == {
        "id", "created", "updated", "name", "level", "message", "timestamp", "flow_run_id", "task_run_id",
    }  # fmt: skip
    assert uuid.UUID(found["id"])
    assert found["timestamp"] == "2026-11-23T23:43:45.000001Z"


async def test_a_line_extends_a_lease_and_never_makes_one(api: Api) -> None:
    flow = await api.post("/flows/", {"name": "etl"}, 201)
    runs = [
        (await api.post("/flow_runs/", {"flow_id": flow["id"], "state": {"type": "RUNNING"}}, 201))["id"]
        for _ in range(3)
    ]
    lease = statement("lease", "update flow_runs set lease_expires_at = 5, lease_holder = :holder where id = :id")

    def prepare() -> Steps[None]:
        for run, holder in ((runs[0], None), (runs[1], "claim:w")):
            yield lease(id=run, holder=holder)

    def look() -> Steps[list[Any]]:
        rows = yield statement("look", "select id, lease_expires_at from flow_runs")()
        found = {row[0]: row[1] for row in rows}
        return [found[run] for run in runs]

    await api.app.services.store.write(prepare())
    await api.post("/logs/", [line(number, uuid.UUID(run)) for number, run in enumerate(runs)], 201)
    extended, claimed, none = await api.app.services.store.read(look())
    assert extended > 5
    assert (claimed, none) == (5, None)
