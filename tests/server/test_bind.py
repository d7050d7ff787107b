"""Binding: every endpoint has its handler, bodies are read leniently where Prefect's server is, errors say where."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest

import penstock.wire
from penstock.errors import Conflict, InvalidRequest, Locked, NotFound, Unauthorized, Unavailable
from penstock.server.app import App, load_routes
from penstock.server.bind import BOUND, Bound, Request, _client_version
from penstock.server.bodies import BodyInvalid, Decoder
from penstock.server.problems import problem
from penstock.server.router import Ambiguous, Router
from penstock.wire.endpoint import Endpoint, get, post
from penstock.wire.flows import FlowCreate
from penstock.wire.logs import LogCreate
from penstock.wire.model import BulkSelection, Criteria
from tests.server.conftest import ask

load_routes()


def declared() -> list[Endpoint[Any, Any]]:
    """Every endpoint of the wire."""
    modules = [import_module(f"penstock.wire.{module.name}") for module in iter_modules(penstock.wire.__path__)]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Endpoint)]
    return list({id(endpoint): endpoint for endpoint in found}.values())


def named(endpoint: Endpoint[Any, Any]) -> str:
    return f"{endpoint.method} {endpoint.path}"


def test_every_endpoint_has_exactly_one_handler() -> None:
    handled = Counter(named(bound.endpoint) for bound in BOUND)
    missing = sorted(named(one) for one in declared() if named(one) not in handled)
    assert not missing, "without a handler:\n" + "\n".join(missing)
    assert not [name for name, count in handled.items() if count > 1]


@pytest.mark.parametrize("bound", BOUND, ids=lambda bound: named(bound.endpoint))
def test_every_path_parameter_has_its_argument(bound: Bound) -> None:
    arguments = list(inspect.signature(bound.handler).parameters)[1:]
    if bound._takes_body:
        arguments = arguments[1:]
    assert sorted(arguments) == sorted(re.findall(r"{(\w+)}", bound.endpoint.path))


async def _nothing(at: Request, **path: str) -> None:
    return None


def router(*endpoints: Endpoint[Any, Any]) -> Router:
    return Router(Bound(endpoint, _nothing) for endpoint in endpoints)


FLOW = get("/flows/{id}", returns=bool)
FLOW_BY_NAME = get("/flows/name/{name}", returns=bool)
FILTER = post("/flows/filter", body=Criteria, returns=bool)
CREATE = post("/flows/", body=FlowCreate, returns=bool)
LATEST = get("/flows/{key}/latest", returns=bool)


@pytest.mark.parametrize(
    ("method", "path", "found", "values"),
    [
        ("GET", "/flows/abc", FLOW, {"id": "abc"}),
        ("GET", "/flows/name/a%20b%2Fc", FLOW_BY_NAME, {"name": "a b/c"}),
        ("GET", "/flows/name/latest", FLOW_BY_NAME, {"name": "latest"}),
        ("GET", "/flows/other/latest", LATEST, {"key": "other"}),
        ("POST", "/flows/filter", FILTER, {}),
        ("GET", "/flows/filter", FLOW, {"id": "filter"}),
        ("POST", "/flows/", CREATE, {}),
    ],
)
def test_static_segments_win_and_values_are_decoded(
    method: str, path: str, found: Endpoint[Any, Any], values: dict[str, str]
) -> None:
    bound, given, _ = router(FLOW, FLOW_BY_NAME, FILTER, CREATE, LATEST).find(method, path)
    assert bound is not None
    assert (bound.endpoint, given) == (found, values)


@pytest.mark.parametrize(
    ("method", "path", "known"),
    [("DELETE", "/flows/abc", True), ("POST", "/flows", False), ("GET", "/flows/filter/", False), ("GET", "/", False)],
)
def test_what_is_not_there_is_told_from_another_method(method: str, path: str, known: bool) -> None:
    bound, _, has_path = router(FLOW, FILTER, CREATE).find(method, path)
    assert (bound, has_path) == (None, known)


def test_two_handlers_of_one_path_are_refused() -> None:
    with pytest.raises(Ambiguous):
        router(FLOW, get("/flows/{other}", returns=bool))


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"limit": null, "offset": null, "flows": null}'])
def test_an_empty_query_means_the_defaults(body: bytes) -> None:
    assert Decoder(Criteria).decode(body) == Criteria()


def test_a_null_means_the_default_of_a_query_field() -> None:
    assert Decoder(BulkSelection).decode(b'{"limit": null, "flows": null}') == BulkSelection()


@pytest.mark.parametrize(
    ("shape", "body", "kind", "loc", "value"),
    [
        (FlowCreate, b"", "missing", ("name",), {}),
        (FlowCreate, b'{"name": 5}', "string_type", ("name",), 5),
        (FlowCreate, b'{"name": "a", "nam": 1}', "extra_forbidden", ("nam",), 1),
        (FlowCreate, b'{"name": "a", "tags": ["x", 7]}', "string_type", ("tags", 1), 7),
        (FlowCreate, b"[]", "model_attributes_type", (), []),
        (FlowCreate, b'{"name": ', "json_invalid", (0,), {}),
        (FlowCreate, b"\xff\xfe", "json_invalid", (0,), {}),
        (FlowCreate, b'{"name": "\xff"}', "json_invalid", (0,), None),
        (FlowCreate, b"[" * 100_000, "json_invalid", (0,), None),
        (list[LogCreate], b"", "missing", (), None),
        (list[LogCreate], b'[{"level": 1, "message": "", "timestamp": "x", "name": ""}]', "datetime_parsing",
         (0, "timestamp"), "x"),
        (list[LogCreate], b"[{}]", "missing", (0, "name"), {}),
    ],
)  # fmt: skip
def test_a_bad_body_is_said_by_place(
    shape: Any, body: bytes, kind: str, loc: tuple[str | int, ...], value: Any
) -> None:
    with pytest.raises(BodyInvalid) as caught:
        Decoder(shape).decode(body)
    assert (caught.value.kind, caught.value.loc, caught.value.value) == (kind, loc, value)


@pytest.mark.parametrize(
    ("error", "status", "body", "headers"),
    [
        (NotFound("Flow not found"), 404, {"detail": "Flow not found"}, {}),
        (Conflict("taken"), 409, {"detail": "taken"}, {}),
        (InvalidRequest("too many"), 422, {"detail": "too many"}, {}),
        (Unauthorized(), 401, {"exception_message": "Unauthorized"}, {}),
        (Unavailable("gone"), 503, {"exception_message": "gone"}, {"retry-after": "1"}),
        (Locked(retry_after=2.5), 423, {"detail": "Locked"}, {"retry-after": "2.5"}),
    ],
)
def test_errors_are_worded_by_status(error: Any, status: int, body: dict[str, str], headers: dict[str, str]) -> None:
    import json

    answered, text, more = problem(error)
    assert (answered, json.loads(text)) == (status, body)
    assert {name.decode(): value.decode() for name, value in more} == headers


def test_a_value_a_handler_refuses_is_reported_with_its_place() -> None:
    import json

    status, text, _ = problem(
        InvalidRequest("no such zone", loc=("schedule", "timezone")), b'{"schedule":{"timezone":"x"}}'
    )
    assert status == 422
    assert json.loads(text) == {
        "exception_message": "Invalid request received.",
        "exception_detail": [
            {
                "type": "value_error",
                "loc": ["body", "schedule", "timezone"],
                "msg": "Value error, no such zone",
                "input": "x",
            }
        ],
        "request_body": {"schedule": {"timezone": "x"}},
    }


@pytest.mark.parametrize(
    ("agent", "version"),
    [
        (b"prefect/3.8.8 (API 0.8.4)", (3, 8, 8)),
        (b"prefect/3.0.0rc20 (API 0.8.4)", (3, 0, 0)),
        (b"prefect/3.8.8+4.gabc (API 0.8.4)", (3, 8, 8)),
        (b"curl/8.0", None),
        (b"prefect/unknown", None),
        (b"", None),
    ],
)
def test_the_client_version_is_read_from_the_user_agent(agent: bytes, version: tuple[int, ...] | None) -> None:
    assert _client_version(agent) == version


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "body"),
    [
        ("GET", "/no/such/route", {}, 404, {"detail": "Not Found"}),
        ("PUT", "/health", {}, 405, {"detail": "Method Not Allowed"}),
        ("GET", "/flows/not-a-uuid", {}, 404, {"detail": "Not Found"}),
        ("GET", "/health", {"x_prefect_api_version": "0.8.4"}, 200, True),
        ("GET", "/health", {"x_prefect_api_version": "0.7.9"}, 400, {
            "detail": "API version 0.7.9 is too old for this server: it speaks 0.8.0 and later."}),
        ("GET", "/health", {"x_prefect_api_version": "banana"}, 400, {
            "detail": "X-PREFECT-API-VERSION is 'banana'; three numbers are expected, such as 0.8.4."}),
        ("GET", "/ready", {}, 200, {"message": "OK"}),
        ("GET", "/admin/version", {}, 200, "3.8.8"),
        ("GET", "/version", {}, 200, "0.8.4"),
        ("GET", "/csrf-token?client=a", {}, 422, {"detail": "CSRF protection is disabled."}),
    ],
)  # fmt: skip
async def test_answers_that_clients_know_by_heart(
    app: App, method: str, path: str, headers: dict[str, str], status: int, body: Any
) -> None:
    heard = await ask(app, method, path, **headers)
    assert (heard.status, heard.json) == (status, body)


async def test_worker_types_carry_their_templates(app: App) -> None:
    heard = await ask(app, "GET", "/collections/views/aggregate-worker-metadata")
    process = heard.json["prefect"]["process"]
    assert process["type"] == "process"
    assert set(process["default_base_job_configuration"]) == {"job_configuration", "variables"}
    assert heard.json["prefect"]["prefect-agent"]["display_name"]


async def test_the_default_result_storage_is_kept(app: App) -> None:
    block = "01a20ad2-c26e-77b3-aa81-66be2e54aefc"
    assert (await ask(app, "GET", "/admin/storage")).json == {"default_result_storage_block_id": None}
    put = await ask(app, "PUT", "/admin/storage", {"default_result_storage_block_id": block})
    assert (put.status, put.json) == (200, {"default_result_storage_block_id": block})
    assert (await ask(app, "GET", "/admin/storage")).json == put.json
    assert (await ask(app, "DELETE", "/admin/storage")).status == 204
    assert (await ask(app, "GET", "/admin/storage")).json == {"default_result_storage_block_id": None}
