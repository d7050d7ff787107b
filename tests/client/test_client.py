"""The client against a server that answers what the test says: errors, patience, credentials."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock import settings as configuration
from penstock.client.client import AsyncClient, Client, Manners, user_agent
from penstock.client.failures import failure
from penstock.client.open import open_client
from penstock.client.transport import HttpTransport, Response
from penstock.errors import (
    Conflict,
    InvalidRequest,
    Locked,
    NotFound,
    PenstockError,
    ServerFault,
    ServerUnreachable,
    SettingInvalid,
    Unauthorized,
    Unavailable,
)
from penstock.wire import admin, flows, variables
from penstock.wire.flows import FlowCreate
from tests.client.conftest import Script


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (401, {"exception_message": "Unauthorized"}, Unauthorized, "Unauthorized"),
        (404, {"detail": "Flow not found"}, NotFound, "Flow not found"),
        (409, {"detail": "twice"}, Conflict, "twice"),
        (422, {"exception_message": "Invalid", "exception_detail": [{"loc": ["body", "name"], "msg": "bad"}]},
         InvalidRequest, "name: bad"),
        (423, {"detail": "Locked"}, Locked, "Locked"),
        (500, {"exception_message": "Internal Server Error"}, ServerFault, "Internal Server Error"),
        (418, "tea", ServerFault, "418"),
    ],
)  # fmt: skip
def test_an_error_has_its_kind_and_the_servers_words(
    script: Script, client: Client, status: int, body: Any, kind: type[PenstockError], says: str
) -> None:
    script.answers.append((status, {}, body))
    with pytest.raises(kind, match=says):
        client.call(flows.create_flow, FlowCreate(name="x"))
    assert len(script.asked) == 1


def test_the_page_of_a_proxy_is_not_shown() -> None:
    error = failure(Response(502, {}, b"<html>\n<h1>502 Bad Gateway</h1></html>"), "GET /flows/x")
    assert error.message == "GET /flows/x answered 502"
    assert failure(Response(500, {}, b"<html></html>"), "GET /flows/x").message == "GET /flows/x answered 500"


def test_what_may_pass_is_tried_again(script: Script, client: Client) -> None:
    script.answers += [(503, {"Retry-After": "0.01"}, {}), (429, {"Retry-After": "0"}, {}), (200, {}, "3.8.8")]
    assert client.call(admin.server_version) == "3.8.8"
    assert len(script.asked) == 3


def test_tries_end(script: Script, client: Client) -> None:
    script.answers += [(503, {"Retry-After": "0"}, {"exception_message": "Service Unavailable"})] * 3
    with pytest.raises(Unavailable, match="Service Unavailable"):
        client.call(admin.server_version)


def test_a_lock_tells_how_long_to_wait(script: Script, client: Client) -> None:
    script.answers.append((423, {"Retry-After": "2.5"}, {"detail": "Locked"}))
    with pytest.raises(Locked) as caught:
        client.call(admin.server_version)
    assert caught.value.retry_after == 2.5


def test_no_answer_is_said_with_the_address() -> None:
    client = Client(HttpTransport("http://127.0.0.1:9/api"), Manners(max_retries=0))  # the discard port
    with client, pytest.raises(ServerUnreachable, match=r"http://127\.0\.0\.1:9/api"):
        client.call(admin.server_version)


def test_path_and_query_are_encoded(script: Script, client: Client) -> None:
    script.answers.append((404, {}, {"detail": "x"}))
    with pytest.raises(NotFound):
        client.call(variables.read_variable_by_name, name="a b/c", query={"deep": True, "none": None})
    assert script.asked[0][1] == "/api/variables/name/a%20b%2Fc?deep=true"


def test_a_forgery_token_is_fetched_when_it_is_asked_for(script: Script, client: Client) -> None:
    flow = {"id": "0198f7a0-0000-7000-8000-000000000000", "name": "x"}
    token = {"id": flow["id"], "token": "t", "client": "c", "expiration": "2030-01-01T00:00:00Z"}
    script.answers += [(403, {}, {"detail": "Missing CSRF token."}), (200, {}, token), (201, {}, flow), (201, {}, flow)]
    for _ in range(2):
        client.call(flows.create_flow, FlowCreate(name="x"))
    assert [path.partition("?")[0] for _, path, _ in script.asked] == [
        "/api/flows/", "/api/csrf-token", "/api/flows/", "/api/flows/"
    ]  # fmt: skip
    assert script.asked[-1][2]["prefect-csrf-token"] == "t"


def test_who_asks_is_said_in_the_form_servers_know(script: Script, client: Client) -> None:
    script.answers.append((200, {}, "3.8.8"))
    client.call(admin.server_version)
    headers = script.asked[0][2]
    assert headers["user-agent"] == user_agent()
    assert user_agent().startswith("prefect/3.8.8 (API 0.8.4")
    assert headers["x-prefect-api-version"] == "0.8.4"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"PREFECT_API_AUTH_STRING": "me:secret"}, "Basic bWU6c2VjcmV0"),
        ({"PENSTOCK_API_KEY": "k"}, "Bearer k"),
        ({"PENSTOCK_API_KEY": "k", "PENSTOCK_API_AUTH_STRING": "me:secret"}, "Basic bWU6c2VjcmV0"),
    ],
)
def test_credentials_come_from_the_settings(script: Script, given: dict[str, str], sent: str) -> None:
    script.answers.append((200, {}, "3.8.8"))
    headers = json.dumps({"X-Mine": "1", "User-Agent": "other"})
    environ = {"PENSTOCK_API_URL": script.url, "PENSTOCK_CLIENT_CUSTOM_HEADERS": headers, **given}
    with open_client(configuration.load(environ=environ)) as client:
        client.call(admin.server_version)
    found = script.asked[0][2]
    assert (found["authorization"], found["x-mine"], found["user-agent"]) == (sent, "1", user_agent())


def test_an_address_is_needed() -> None:
    with pytest.raises(SettingInvalid, match="PENSTOCK_API_URL"):
        open_client(configuration.load(environ={"PENSTOCK_PROFILE": "ephemeral"}))
    with pytest.raises(SettingInvalid, match="http://"):
        open_client(configuration.load(environ={"PENSTOCK_API_URL": "localhost:4200"}))


async def test_the_awaiting_client_calls_the_same(script: Script) -> None:
    script.answers += [(200, {}, "3.8.8"), (404, {}, {"detail": "gone"})]
    async with AsyncClient(Client(HttpTransport(script.url))) as client:
        assert await client.call(admin.server_version) == "3.8.8"
        with pytest.raises(NotFound, match="gone"):
            await client.call(admin.server_version)


def test_no_forgery_token_is_fetched_when_that_is_switched_off(script: Script) -> None:
    script.answers.append((403, {}, {"detail": "Missing CSRF token."}))
    quiet = Client(HttpTransport(script.url), Manners(sends_forgery_token=False))
    with pytest.raises(PenstockError):
        quiet.call(flows.create_flow, FlowCreate(name="x"))
    assert len(script.asked) == 1
