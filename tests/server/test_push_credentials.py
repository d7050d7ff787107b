"""A push pool is refused without the credentials its cloud asks for, and the answer names the block."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest

from penstock.core.push_credentials import NEEDED
from penstock.server.app import App
from tests.server.conftest import ask

EVERY = json.loads((resources.files("penstock.infra") / "data" / "worker_types.json").read_text())
TYPES: dict[str, Any] = {kind: about for types in EVERY.values() for kind, about in types.items()}


def template(kind: str, credentials: Any = None) -> dict[str, Any]:
    whole = json.loads(json.dumps(TYPES[f"{kind}:push"]["default_base_job_configuration"]))
    if credentials is not None:
        whole["variables"]["properties"][NEEDED[kind].variable]["default"] = credentials
    return dict(whole)


async def create(app: App, kind: str, credentials: Any = None) -> tuple[int, str]:
    body = {"name": "p", "type": f"{kind}:push", "base_job_template": template(kind, credentials)}
    heard = await ask(app, "POST", "/work_pools/", body)
    return heard.status, json.dumps(heard.json)


@pytest.mark.parametrize("kind", NEEDED)
async def test_without_credentials_the_block_is_named(app: App, kind: str) -> None:
    status, said = await create(app, kind)
    assert status == 422
    assert NEEDED[kind].block_type in said
    assert NEEDED[kind].variable in TYPES[f"{kind}:push"]["default_base_job_configuration"]["variables"]["required"]


async def test_an_empty_template_has_none_either(app: App) -> None:
    heard = await ask(app, "POST", "/work_pools/", {"name": "p", "type": "ecs:push"})
    assert heard.status == 422


async def test_a_block_must_say_all_that_is_needed(app: App) -> None:
    half = await block(app, {"aws_access_key_id": "AK", "region_name": ""})
    status, said = await create(app, "ecs", {"$ref": {"block_document_id": half}})
    assert status == 422
    assert "not set: aws_secret_access_key, region_name" in said


async def test_a_whole_block_is_taken(app: App) -> None:
    whole = {"aws_access_key_id": "AK", "aws_secret_access_key": "SK", "region_name": "eu-west-1"}
    document = await block(app, whole)
    assert (await create(app, "ecs", {"$ref": {"block_document_id": document}}))[0] == 201
    changed = {"base_job_template": template("ecs")}
    assert (await ask(app, "PATCH", "/work_pools/p", changed)).status == 422


async def test_pools_of_docker_and_kubernetes_need_none(app: App) -> None:
    for kind in ("docker", "kubernetes"):
        body = {"name": kind, "type": f"{kind}:push", "base_job_template": template(kind)}
        assert (await ask(app, "POST", "/work_pools/", body)).status == 201


async def block(app: App, data: dict[str, Any]) -> str:
    kind = (await ask(app, "GET", "/block_types/slug/aws-credentials")).json
    wanted = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
    [schema] = (await ask(app, "POST", "/block_schemas/filter", wanted)).json
    body = {"name": "aws", "data": data, "block_type_id": kind["id"], "block_schema_id": schema["id"]}
    heard = await ask(app, "POST", "/block_documents/", body)
    assert heard.status == 201, heard.json
    return str(heard.json["id"])
