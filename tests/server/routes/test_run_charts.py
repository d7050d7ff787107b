"""What the dashboard asks of runs."""

from __future__ import annotations

from penstock.server.app import App
from tests.server.conftest import ask


async def test_a_graph_shows_what_started_and_what_it_waited_for(app: App) -> None:
    flow = (await ask(app, "POST", "/flows/", {"name": "f"})).json["id"]
    run = (await ask(app, "POST", "/flow_runs/", {"flow_id": flow, "state": {"type": "RUNNING"}})).json["id"]
    ids: list[str] = []
    for key in ("a", "b", "never"):
        inputs = {"x": [{"input_type": "task_run", "id": ids[0]}]} if ids else {}
        body = {"flow_run_id": run, "task_key": key, "dynamic_key": "0", "name": key, "task_inputs": inputs}
        ids.append((await ask(app, "POST", "/task_runs/", body)).json["id"])
    for id in ids[:2]:
        await ask(app, "POST", f"/task_runs/{id}/set_state", {"state": {"type": "RUNNING"}})
    graph = (await ask(app, "GET", f"/flow_runs/{run}/graph-v2")).json
    nodes = dict(graph["nodes"])
    assert list(nodes) == ids[:2]
    assert nodes[ids[1]]["parents"] == [{"id": ids[0]}]
    assert nodes[ids[0]]["children"] == [{"id": ids[1]}]
    assert graph["root_node_ids"] == [ids[0]]
    assert [state["name"] for state in graph["states"]] == ["Running"]


async def test_charts_of_nothing_are_empty(app: App) -> None:
    assert (await ask(app, "POST", "/flow_runs/lateness", {})).json is None
    body = {
        "history_start": "2026-01-01T00:00:00Z",
        "history_end": "2026-01-01T02:00:00Z",
        "history_interval_seconds": 3600,
    }
    for noun in ("flow_runs", "task_runs"):
        bars = await ask(app, "POST", f"/{noun}/history", body)
        assert [bar["states"] for bar in bars.json] == [[], []]
    assert (await ask(app, "POST", "/flow_runs/history", body | {"history_interval_seconds": 0})).status == 422
