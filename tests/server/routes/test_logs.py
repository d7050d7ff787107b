"""Log lines."""

from __future__ import annotations

import uuid
from typing import Any

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
