"""Block types, schemas and documents."""

from __future__ import annotations

import uuid
from typing import Any

from penstock.core.block_schemas import checksum
from penstock.store.database import Steps
from penstock.store.statements import statement
from tests.server.routes.conftest import Api

CREDENTIALS = {
    "block_schema_references": {},
    "block_type_slug": "mycreds",
    "properties": {
        "user": {"title": "User", "type": "string", "position": 0},
        "password": {"format": "password", "title": "Password", "type": "string", "writeOnly": True, "position": 1},
    },
    "required": ["user", "password"],
    "secret_fields": ["password", "headers.*"],
    "title": "MyCreds",
    "type": "object",
}


async def kind(api: Api, slug: str = "mycreds", fields: dict[str, Any] | None = None) -> dict[str, str]:
    """The ids a document of a new type needs."""
    made = await api.post("/block_types/", {"name": slug, "slug": slug}, 201)
    body = {"fields": fields or CREDENTIALS, "block_type_id": made["id"], "capabilities": ["notify"]}
    schema = await api.post("/block_schemas/", body, 201)
    return {"block_type_id": made["id"], "block_schema_id": schema["id"]}


def test_the_checksum_is_the_one_clients_reckon() -> None:
    fields = {**CREDENTIALS, "secret_fields": ["password"]}
    assert checksum(fields) == "sha256:676e190f55ac108a39e8db8b083a3a9466ade2525fa8d6c48feaff222bd696ef"
    nested = {"block_type_slug": "inner", "properties": {}}
    refers = {**fields, "properties": {"a": {"$ref": "#/definitions/Plain"}, "b": {"$ref": "#/definitions/Inner"}}}
    with_more = {**refers, "definitions": {"Plain": {"type": "string"}, "Inner": nested, "Unused": {}}}
    assert checksum(with_more) == checksum({**refers, "definitions": {"Plain": {"type": "string"}}})
    assert checksum({**fields, "definitions": {"Unused": {}}}) == checksum(fields)


def test_what_a_block_in_a_block_refers_to_counts() -> None:
    """As prefect-aws 0.7.12 reckons it for S3Bucket, whose AwsCredentials refer to a plain definition."""
    plain = {"title": "Parameters", "type": "object"}
    inner = {"block_type_slug": "inner", "properties": {"p": {"$ref": "#/definitions/Plain"}}}
    fields = {**CREDENTIALS, "properties": {"b": {"$ref": "#/definitions/Inner"}}}
    counted = checksum({**fields, "definitions": {"Plain": plain, "Inner": inner, "Empty": {}}})
    assert counted == checksum({**fields, "definitions": {"Plain": plain, "Inner": inner}})
    assert counted != checksum(fields)


async def test_the_server_brings_block_types_along(api: Api) -> None:
    await api.post("/block_types/install_system_block_types", None)
    slugs = {one["slug"] for one in await api.post("/block_types/filter", {})}
    assert {"secret", "json", "string", "date-time", "webhook", "local-file-system", "slack-webhook", "smb"} <= slugs
    assert {"aws-credentials", "s3-bucket", "gcs-bucket", "azure-blob-storage-container", "modal-credentials"} <= slugs
    assert {"github-repository", "gitlab-credentials", "bitbucket-repository", "docker-registry-credentials"} <= slugs
    secret = await api.get("/block_types/slug/secret")
    assert secret["is_protected"]
    heard = await api.ask("DELETE", f"/block_types/{secret['id']}")
    assert (heard.status, heard.json) == (403, {"detail": "A protected block type is not deleted."})
    [schema] = await api.post(
        "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [secret["id"]]}}, "limit": 1}
    )
    assert schema["block_type"] == secret
    assert "notify" in await api.get("/block_capabilities/")


async def test_types_and_schemas_are_registered_as_clients_do(api: Api) -> None:
    heard = await api.ask("GET", "/block_types/slug/mycreds")
    assert (heard.status, heard.json) == (404, {"detail": "Block type not found"})
    made = await api.post("/block_types/", {"name": "MyCreds", "slug": "mycreds"}, 201)
    await api.post("/block_types/", {"name": "MyCreds", "slug": "mycreds"}, 409)
    await api.post("/block_types/", {"name": "Prefect things", "slug": "x"}, 403)
    await api.patch(f"/block_types/{made['id']}", {"description": "d"})
    assert (await api.get(f"/block_types/{made['id']}"))["description"] == "d"
    path = f"/block_schemas/checksum/{checksum(CREDENTIALS)}"
    heard = await api.ask("GET", f"{path}?version=non-versioned")
    assert (heard.status, heard.json) == (404, {"detail": "Block schema not found"})
    body = {"fields": CREDENTIALS, "block_type_id": made["id"]}
    schema = await api.post("/block_schemas/", body, 201)
    assert schema["block_type"]["slug"] == "mycreds"
    assert await api.post("/block_schemas/", body, 200) == schema
    assert await api.get(f"{path}?version=non-versioned") == schema
    assert await api.get(path) == schema
    assert await api.get(f"/block_schemas/{schema['id']}") == schema
    await api.post("/block_schemas/", {**body, "block_type_id": str(uuid.uuid4())}, 409)


async def test_secrets_are_hidden_unless_asked_for(api: Api) -> None:
    ids = await kind(api)
    data = {"user": "u", "password": "p", "headers": {"a": "b"}}
    made = await api.post("/block_documents/", {"name": "creds", "data": data, **ids}, 201)
    hidden = {"user": "u", "password": "********", "headers": {"a": "********"}}
    assert made["data"] == hidden
    assert made["block_schema"]["block_type"] == made["block_type"]
    assert (made["block_type_name"], made["block_document_references"]) == ("mycreds", {})
    assert await api.get(f"/block_documents/{made['id']}") == made
    by_name = "/block_types/slug/mycreds/block_documents/name/creds"
    assert await api.get(by_name) == made
    assert (await api.get(f"{by_name}?include_secrets=true"))["data"] == data
    assert [one["data"] for one in await api.post("/block_documents/filter", {"include_secrets": True})] == [data]
    assert [one["data"] for one in await api.post("/block_documents/filter")] == [hidden]
    assert await api.get("/block_types/slug/mycreds/block_documents") == [made]
    [event] = await api.events(event={"name": ["prefect.block-document.created"]})
    assert event["payload"]["data"] == {"user": "u", "headers": {}}
    heard = await api.ask("POST", "/block_documents/", {"name": "creds", "data": {}, **ids})
    assert (heard.status, heard.json) == (409, {"detail": "Block already exists"})


async def test_nothing_readable_lies_in_the_database(api: Api) -> None:
    ids = await kind(api)
    data = {"user": "u", "password": "tell-nobody"}
    await api.post("/block_documents/", {"name": "creds", "data": data, **ids}, 201)

    def look() -> Steps[list[str]]:
        documents = yield statement("look", "select doc, data from block_documents")()
        events = yield statement("events", "select doc, event from events")()
        return [str(cell) for row in (*documents, *events) for cell in row]

    cells = await api.app.services.store.read(look())
    assert len(cells) > 4
    assert not any("tell-nobody" in cell for cell in cells)


async def test_a_change_merges_and_keeps_hidden_secrets(api: Api) -> None:
    ids = await kind(api)
    made = await api.post("/block_documents/", {"name": "c", "data": {"user": "u", "password": "p"}, **ids}, 201)
    path = f"/block_documents/{made['id']}"

    async def data() -> Any:
        return (await api.get(f"{path}?include_secrets=true"))["data"]

    await api.patch(path, {"data": {"user": "v", "password": "********"}})
    assert await data() == {"user": "v", "password": "p"}
    await api.patch(path, {"data": {"password": "q"}})
    assert await data() == {"user": "v", "password": "q"}
    await api.patch(path, {"data": {"password": "r"}, "merge_existing_data": False})
    assert await data() == {"password": "r"}
    other = await kind(api, "other", {**CREDENTIALS, "block_type_slug": "other"})
    await api.patch(path, {"block_schema_id": other["block_schema_id"]}, 400)
    await api.delete(path)
    await api.get(path, 404)


async def test_a_block_in_a_block_is_shown_whole(api: Api) -> None:
    inner = await api.post(
        "/block_documents/", {"name": "in", "data": {"user": "u", "password": "p"}, **await kind(api)}, 201
    )
    outer_kind = await kind(api, "outer", {"block_type_slug": "outer", "properties": {}, "title": "Outer"})
    reference = {"$ref": {"block_document_id": inner["id"]}}
    outer = await api.post(
        "/block_documents/", {"name": "out", "data": {"login": reference, "n": 1}, **outer_kind}, 201
    )
    assert outer["data"] == {"login": {"user": "u", "password": "********"}, "n": 1}
    found = outer["block_document_references"]["login"]["block_document"]
    assert (found["id"], found["name"], found["block_type"]["slug"]) == (inner["id"], "in", "mycreds")
    await api.patch(f"/block_documents/{outer['id']}", {"data": {"n": 2}})
    again = await api.get(f"/block_documents/{outer['id']}?include_secrets=true")
    assert again["data"] == {"login": {"user": "u", "password": "p"}, "n": 2}
    await api.patch(f"/block_documents/{outer['id']}", {"data": {"login": "plain"}})
    again = await api.get(f"/block_documents/{outer['id']}")
    assert (again["data"]["login"], again["block_document_references"]) == ("plain", {})
    unknown = {"$ref": {"block_document_id": str(uuid.uuid4())}}
    await api.post("/block_documents/", {"name": "x", "data": {"a": unknown}, **outer_kind}, 409)


async def test_anonymous_documents_are_hidden_unless_asked_for(api: Api) -> None:
    ids = await kind(api)
    await api.post("/block_documents/", {"data": {}, **ids}, 422)
    made = await api.post("/block_documents/", {"data": {}, "is_anonymous": True, **ids}, 201)
    assert await api.post("/block_documents/filter") == []
    assert await api.post("/block_documents/count") == 0
    wanted = {"block_documents": {"is_anonymous": {"eq_": True}}}
    assert await api.post("/block_documents/filter", wanted) == [made]


async def test_a_type_goes_with_all_that_is_of_it(api: Api) -> None:
    ids = await kind(api)
    made = await api.post("/block_documents/", {"name": "c", "data": {}, **ids}, 201)
    await api.delete(f"/block_types/{ids['block_type_id']}")
    await api.get(f"/block_documents/{made['id']}", 404)
    await api.get(f"/block_schemas/{ids['block_schema_id']}", 404)
