"""A claim that waits: answered when a run is due, given up when nobody listens any more or the server stops."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from penstock.client.transport import HttpTransport
from penstock.server.app import App
from tests.server.conftest import Reachable, ask, reachable, settings_in, until

CLAIM = {"worker_name": "w-1", "wait_seconds": 30}


async def deployed(app: App, **more: Any) -> str:
    """The id of a deployment in the work pool `pool`."""
    flow = (await ask(app, "POST", "/flows/", {"name": "etl"})).json
    assert (await ask(app, "POST", "/work_pools/", {"name": "pool", "type": "process"})).status == 201
    body = {"name": "daily", "flow_id": flow["id"], "work_pool_name": "pool", **more}
    made = await ask(app, "POST", "/deployments/", body)
    assert made.status == 201, made.json
    return str(made.json["id"])


async def flow_of(server: Reachable, deployment: str) -> str:
    return str((await ask(server.app, "GET", f"/deployments/{deployment}")).json["flow_id"])


def waiting(server: Reachable) -> bool:
    return bool(server.app.services.hub.lines.waiting)


def claim(server: Reachable, path: str = "work_pools/pool", **more: Any) -> asyncio.Task[Any]:
    """A claim through the network."""

    def ask_for_runs() -> Any:
        transport = HttpTransport(server.url)
        return transport.request("POST", f"/penstock/{path}/claim", json.dumps({**CLAIM, **more}).encode(), {}, 40)

    return asyncio.create_task(asyncio.to_thread(ask_for_runs))


async def test_a_claim_is_answered_when_a_run_comes(server: Reachable) -> None:
    deployment = await deployed(server.app)
    claiming = claim(server)
    await until(lambda: waiting(server))
    made = await ask(server.app, "POST", f"/deployments/{deployment}/create_flow_run", {})
    answer = await claiming
    (claimed,) = json.loads(answer.body)
    assert claimed["flow_run"]["id"] == made.json["id"]
    assert claimed["flow_run"]["state_type"] == "PENDING"
    labels = claimed["flow_run"]["labels"]
    assert (labels["prefect.worker.name"], labels["prefect.worker.type"]) == ("w-1", "process")
    assert (labels["prefect.work-pool.name"], labels["prefect.flow.id"]) == ("pool", claimed["flow"]["id"])


async def test_a_claim_for_deployments_without_a_pool_is_answered_when_a_run_comes(server: Reachable) -> None:
    deployment = await deployed(server.app, work_pool_name=None)
    other = await ask(
        server.app, "POST", "/deployments/", {"name": "other", "flow_id": await flow_of(server, deployment)}
    )
    claiming = claim(server, "deployments", deployment_ids=[deployment])
    await until(lambda: waiting(server))
    await ask(server.app, "POST", f"/deployments/{other.json['id']}/create_flow_run", {})
    made = await ask(server.app, "POST", f"/deployments/{deployment}/create_flow_run", {})
    (claimed,) = json.loads((await claiming).body)
    assert (claimed["flow_run"]["id"], claimed["work_pool"]) == (made.json["id"], None)
    shown = (await ask(server.app, "GET", f"/deployments/{deployment}")).json
    assert shown["last_polled"] is not None
    held = {"worker_name": "w-1", "runs": [{"flow_run_id": made.json["id"], "attempt": claimed["attempt"]}]}
    assert (await ask(server.app, "POST", "/penstock/leases/renew", held)).json == {
        "lost": [],
        "cancelling": [],
        "watched": [],
    }


async def test_a_claim_hears_of_a_run_that_a_new_schedule_plans(server: Reachable) -> None:
    deployment = await deployed(server.app)
    claiming = claim(server)
    await until(lambda: waiting(server))
    soon = (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()
    schedule = {"schedule": {"interval": 3600, "anchor_date": soon}}
    await ask(server.app, "POST", f"/deployments/{deployment}/schedules", [schedule])
    (claimed,) = json.loads((await claiming).body)
    assert claimed["flow_run"]["auto_scheduled"] is True


async def test_a_run_is_not_given_to_a_client_that_hung_up(server: Reachable) -> None:
    deployment = await deployed(server.app)
    host, _, port = server.host.partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps(CLAIM).encode()
    head = f"POST /api/penstock/work_pools/pool/claim HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await until(lambda: waiting(server))
    writer.close()
    await writer.wait_closed()
    await until(lambda: not waiting(server))
    made = await ask(server.app, "POST", f"/deployments/{deployment}/create_flow_run", {})
    run = await ask(server.app, "GET", f"/flow_runs/{made.json['id']}")
    assert run.json["state_type"] == "SCHEDULED"


async def test_a_stop_ends_a_claim_at_once(tmp_path: Path) -> None:
    async with reachable(settings_in(tmp_path)) as server:
        await deployed(server.app)
        claiming = claim(server)
        await until(lambda: waiting(server))
        began = time.monotonic()
    answer = await claiming
    assert (answer.status, answer.body) == (200, b"[]")
    assert time.monotonic() - began < 10
