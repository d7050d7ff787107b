"""The gate: every route and socket, with no, a wrong and the right credential."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from penstock.server.app import App, load_routes
from penstock.server.auth import OPEN_PATHS, Gate
from penstock.server.bind import BOUND
from penstock.server.sockets import SOCKETS
from tests.server.conftest import AUTH, Reachable, ask, reachable, running, settings_in

load_routes()

ROUTES = sorted({(bound.endpoint.method, bound.endpoint.path) for bound in BOUND})
REFUSED = {
    "none": None,
    "wrong": "Basic " + base64.b64encode(b"admin:nope").decode(),
    "prefix": "Basic " + base64.b64encode(b"admin:pas").decode(),
    "longer": "Basic " + base64.b64encode(b"admin:passs").decode(),
    "bearer": "Bearer nope",
    "garbage": "Basic ????",
    "scheme": "Digest " + base64.b64encode(AUTH.encode()).decode(),
    "empty": "Bearer ",
}
ADMITTED = {"basic": "Basic " + base64.b64encode(AUTH.encode()).decode(), "bearer": f"bearer {AUTH}"}


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[App]:
    async with running(settings_in(tmp_path, SERVER_API_AUTH_STRING=AUTH)) as app:
        yield app


@pytest.mark.parametrize("credential", REFUSED)
async def test_no_route_answers_without_the_credential(guarded: App, credential: str) -> None:
    value = REFUSED[credential]
    headers = {"authorization": value} if value else {}
    for method, path in ROUTES:
        heard = await ask(guarded, method, filled(path), b"{}", **headers)
        if path in OPEN_PATHS:
            assert heard.status == 200, (method, path)
        else:
            assert (heard.status, heard.json) == (401, {"exception_message": "Unauthorized"}), (method, path)


@pytest.mark.parametrize("credential", ADMITTED)
async def test_every_route_passes_with_the_credential(guarded: App, credential: str) -> None:
    for method, path in ROUTES:
        heard = await ask(guarded, method, filled(path), b"[]", authorization=ADMITTED[credential])
        assert heard.status not in (401, 403), (method, path)


@pytest.mark.parametrize("path", ["/health/", "//health", "/%68ealth", "/ready?x", "/healthz", "/Health"])
async def test_exemptions_are_exact(guarded: App, path: str) -> None:
    assert (await ask(guarded, "GET", path)).status == (200 if path == "/ready?x" else 401)


def filled(path: str) -> str:
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + str(uuid4()) + rest.partition("}")[2]
    return path


def test_the_gate_is_open_while_nothing_is_set() -> None:
    assert Gate(None).admits(None)
    assert Gate("").admits_token(None)


@pytest.fixture
async def guarded_server(tmp_path: Path) -> AsyncIterator[Reachable]:
    async with reachable(settings_in(tmp_path, SERVER_API_AUTH_STRING=AUTH)) as one:
        yield one


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("token", [None, "bad", 7, AUTH])
async def test_a_socket_asks_who_comes(guarded_server: Reachable, path: str, token: object) -> None:
    import json

    async with connect(guarded_server.socket_url + path, subprotocols=["prefect"]) as socket:
        assert socket.subprotocol == "prefect"
        await socket.send(json.dumps({"type": "auth", "token": token}))
        if token == AUTH:
            assert json.loads(await socket.recv()) == {"type": "auth_success"}
            return
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1008


@pytest.mark.parametrize("path", SOCKETS)
async def test_a_socket_without_the_subprotocol_needs_the_header(guarded_server: Reachable, path: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connect(guarded_server.socket_url + path)
    assert caught.value.response.status_code == 403
    headers = {"Authorization": ADMITTED["basic"]}
    async with connect(guarded_server.socket_url + path, additional_headers=headers):
        pass


async def test_a_socket_that_begins_with_something_else_is_closed(guarded_server: Reachable) -> None:
    async with connect(guarded_server.socket_url + "/events/in", subprotocols=["prefect"]) as socket:
        await socket.send("{nonsense")
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1008


async def test_a_forged_change_is_refused_before_the_credentials_are_asked(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, SERVER_API_AUTH_STRING=AUTH, SERVER_API_CSRF_PROTECTION_ENABLED="true")
    async with running(settings) as app:
        basic = ADMITTED["basic"]
        assert (await ask(app, "POST", "/flows/filter")).json == {"detail": "Missing CSRF token."}
        assert (await ask(app, "GET", "/csrf-token?client=a")).status == 401
        token = (await ask(app, "GET", "/csrf-token?client=a", authorization=basic)).json["token"]
        headers = {"authorization": basic, "prefect_csrf_token": token, "prefect_csrf_client": "a"}
        assert (await ask(app, "POST", "/flows/filter", **headers)).status == 200
        for change in ({"prefect_csrf_client": "b"}, {"prefect_csrf_token": "0" * 80}, {"prefect_csrf_token": "x"}):
            heard = await ask(app, "POST", "/flows/filter", **{**headers, **change})
            assert (heard.status, heard.json) == (403, {"detail": "Invalid CSRF token or client identifier."})
