"""The sockets as a real client speaks to them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from penstock.ids import new_id
from penstock.wire.logs import Log
from tests.server.conftest import Reachable, reachable, settings_in, until

WINDOW = {"since": "2000-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}


def event(name: str, resource: str = "a.b", **more: Any) -> dict[str, Any]:
    occurred = datetime.now(UTC).isoformat()
    about = {"prefect.resource.id": resource, **more}
    return {"occurred": occurred, "event": name, "resource": about, "related": [], "payload": {}, "id": str(new_id()),
            "follows": None}  # fmt: skip


async def opened(server: Reachable, path: str) -> ClientConnection:
    socket = await connect(server.socket_url + path, subprotocols=["prefect"])  # type: ignore[list-item]
    await socket.send('{"type": "auth", "token": null}')
    assert json.loads(await socket.recv()) == {"type": "auth_success"}
    return socket


async def listener(server: Reachable, wanted: dict[str, Any], **more: Any) -> ClientConnection:
    """An events subscription that is certainly in force."""
    before = len(server.app.services.hub._events)
    socket = await opened(server, "/events/out")
    await socket.send(json.dumps({"type": "filter", "filter": wanted, **more}))
    await until(lambda: len(server.app.services.hub._events) > before)
    return socket


async def names(socket: ClientConnection, count: int) -> list[str]:
    return [json.loads(await socket.recv())["event"]["event"] for _ in range(count)]


async def test_events_go_in_and_come_out_to_those_who_want_them(server: Reachable) -> None:
    out = await listener(server, {"occurred": WINDOW, "event": {"prefix": ["my."]}, "id": {"id": []}})
    into = await opened(server, "/events/in")
    sent = [event("my.sub"), event("other.sub"), event("my.sub2")]
    for one in sent:
        await into.send(json.dumps(one))
    await into.close()
    frame = json.loads(await out.recv())
    assert frame["type"] == "event"
    assert {**sent[0], "received": None, "occurred": None} == {**frame["event"], "received": None, "occurred": None}
    assert await names(out, 1) == ["my.sub2"]
    await out.close()


async def test_a_bad_event_is_left_out_and_the_next_is_taken(server: Reachable) -> None:
    out = await listener(server, {})
    into = await opened(server, "/events/in")
    for bad in ("{", "[]", json.dumps({"event": "x"}), json.dumps(event("x" * 2000)), json.dumps(event("x", ""))):
        await into.send(bad)
    await into.send(json.dumps(event("good")))
    assert await names(out, 1) == ["good"]
    await into.close()
    await out.close()


async def test_the_backfill_comes_first_and_nothing_twice(server: Reachable) -> None:
    into = await opened(server, "/events/in")
    for number in range(600):
        await into.send(json.dumps(event(f"old.{number}")))
    await into.send(json.dumps({**event("ancient"), "occurred": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}))
    await until(lambda: server.app.services.recorder.recorded == 601)
    out = await listener(server, {"occurred": WINDOW})
    await into.send(json.dumps(event("new")))
    assert await names(out, 601) == [*(f"old.{number}" for number in range(600)), "new"]
    await out.close()
    live_only = await listener(server, {"occurred": WINDOW}, backfill=False)
    await into.send(json.dumps(event("newer")))
    assert await names(live_only, 1) == ["newer"]
    await live_only.close()
    await into.close()


@pytest.mark.parametrize("first", ["{", '{"type": "event"}', '{"type": "filter", "filter": {"bogus": 1}}'])
async def test_a_wrong_first_message_closes_with_1002(server: Reachable, first: str) -> None:
    for path in ("/events/out", "/logs/out"):
        socket = await opened(server, path)
        await socket.send(first)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1002


async def test_the_worker_channel_is_not_there_so_that_workers_poll(server: Reachable) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connect(server.socket_url + "/work_pools/p/workers/connect", subprotocols=["prefect"])  # type: ignore[list-item]
    assert caught.value.response.status_code == 404


async def test_log_lines_come_out_to_those_who_want_them(server: Reachable) -> None:
    run = new_id()
    socket = await opened(server, "/logs/out")
    await socket.send(
        json.dumps({"type": "filter", "filter": {"level": {"ge_": 30}, "flow_run_id": {"any_": [str(run)]}}})
    )
    hub = server.app.services.hub
    await until(lambda: hub.has_log_subscribers)
    for level, flow_run_id in ((20, run), (30, None), (40, run)):
        line = Log(
            id=new_id(), name="x", level=level, message="m", timestamp=datetime.now(UTC), flow_run_id=flow_run_id
        )
        hub.publish_logs([line])
    frame = json.loads(await socket.recv())
    assert (frame["type"], frame["log"]["level"]) == ("log", 40)
    await socket.close()


async def test_a_subscriber_that_falls_behind_is_dropped_and_delays_nobody(server: Reachable) -> None:
    hub = server.app.services.hub
    slow = hub.subscribe_events(lambda one: True)
    slow._most = 5
    out = await listener(server, {})
    into = await opened(server, "/events/in")
    for number in range(10):
        await into.send(json.dumps(event(str(number))))
    assert await names(out, 10) == [str(number) for number in range(10)]
    assert slow.dropped
    assert slow.lost >= 1
    await into.close()
    await out.close()


async def test_a_stop_ends_subscriptions_and_keeps_what_came_in(tmp_path: Path) -> None:
    async with reachable(settings_in(tmp_path)) as server:
        out = await listener(server, {"event": {"name": ["never"]}})
        into = await opened(server, "/events/in")
        for number in range(500):
            await into.send(json.dumps(event(str(number))))
        recorder = server.app.services.recorder
        await until(lambda: recorder.recorded + recorder.waiting == 500)
    with pytest.raises(ConnectionClosed):
        await out.recv()
    assert recorder.recorded == 500
