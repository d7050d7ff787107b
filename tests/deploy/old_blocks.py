"""The stored blocks that the files of `old_repository` name, made on a server as clients of Prefect 2 would."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.live.api import Api

RUNS, FETCHES = ["run-infrastructure"], ["get-directory", "put-directory"]


@dataclass(frozen=True)
class Stored:
    """A block of a type, with fields, secret ones among them."""

    slug: str
    name: str
    capabilities: list[str]
    data: dict[str, Any]
    secrets: list[str] = field(default_factory=list)


COMMON = {"env": {}, "labels": {}, "name": None, "command": None}
LIMITS = {"op": "add", "path": "/spec/template/spec/containers/0/resources", "value": {"limits": {"memory": "2Gi"}}}
STORED = (
    Stored("process", "small", RUNS, {**COMMON, "env": {"STAGE": "prod", "REGION": "eu"}, "working_dir": "/srv/work"}),
    Stored("process", "quiet", RUNS, {**COMMON, "stream_output": False}),
    Stored(
        "docker-registry",
        "main",
        [],
        {"username": "bot", "password": "hush", "registry_url": "registry.example.com"},
        ["password"],
    ),
    Stored(
        "docker-container",
        "etl",
        RUNS,
        {
            **COMMON,
            "image": "registry.example.com/etl:7",
            "env": {"STAGE": "prod"},
            "volumes": ["/srv/data:/data"],
            "image_pull_policy": "ALWAYS",
            "image_registry": {"$ref": {"block_document_id": "docker-registry/main"}},
        },
        ["image_registry.password"],
    ),
    Stored(
        "docker-container",
        "plain",
        RUNS,
        {**COMMON, "image": "prefecthq/prefect:2.14-python3.11", "auto_remove": True, "mem_limit": "2g"},
    ),
    Stored(
        "kubernetes-job",
        "cluster",
        RUNS,
        {
            **COMMON,
            "image": "registry.example.com/etl:7",
            "namespace": "flows",
            "service_account_name": "runner",
            "finished_job_ttl": 300,
            "customizations": [LIMITS],
        },
    ),
    Stored("local-file-system", "share", FETCHES, {"basepath": "/srv/share"}),
    Stored(
        "s3",
        "code",
        FETCHES,
        {"bucket_path": "acme-code/flows", "aws_access_key_id": "AKIA", "aws_secret_access_key": "hush"},
        ["aws_access_key_id", "aws_secret_access_key"],
    ),
    Stored(
        "gcs",
        "lake",
        FETCHES,
        {"bucket_path": "acme-lake/flows", "service_account_info": "hush", "project": "acme"},
        ["service_account_info"],
    ),
    Stored(
        "azure",
        "store",
        FETCHES,
        {"bucket_path": "container/flows", "azure_storage_connection_string": "hush"},
        ["azure_storage_connection_string"],
    ),
    Stored(
        "github",
        "flows",
        FETCHES[:1],
        {"repository": "https://github.com/acme/flows.git", "reference": "main", "access_token": "hush"},
        ["access_token"],
    ),
    Stored(
        "remote-file-system",
        "minio",
        FETCHES,
        {"basepath": "s3://acme-minio/flows", "settings": {"key": "AK", "secret": "hush"}},
        ["settings.*"],
    ),
    Stored(
        "smb",
        "nas",
        FETCHES,
        {"share_path": "/flows", "smb_username": "u", "smb_password": "hush", "smb_host": "nas"},
        ["smb_username", "smb_password"],
    ),
    Stored("gcp-credentials", "main", [], {"service_account_info": {"key": "hush"}}, ["service_account_info.*"]),
)


def store_all(api: Api) -> None:
    """Makes them, in an order in which each finds what it refers to."""
    ids: dict[str, str] = {}
    for one in STORED:
        ids[f"{one.slug}/{one.name}"] = _store(api, one, ids)


def _store(api: Api, one: Stored, ids: dict[str, str]) -> str:
    status, kind = api.ask("GET", f"/block_types/slug/{one.slug}")
    known = [] if status == 404 else api.post("/block_schemas/filter", _of_type(kind["id"]))
    if status == 404:
        kind = api.post("/block_types/", {"name": one.slug, "slug": one.slug})
    fields = {
        "type": "object",
        "title": one.slug,
        "properties": {name: {"title": name} for name in one.data},
        "secret_fields": one.secrets,
        "block_type_slug": one.slug,
    }
    schema = {"fields": fields, "block_type_id": kind["id"], "capabilities": one.capabilities}
    made = known[0] if known else api.post("/block_schemas/", schema)
    data = {name: _pointed(value, ids) for name, value in one.data.items()}
    body = {"name": one.name, "data": data, "block_schema_id": made["id"], "block_type_id": kind["id"]}
    return str(api.post("/block_documents/", body)["id"])


def _of_type(id: str) -> dict[str, Any]:
    return {"block_schemas": {"block_type_id": {"any_": [id]}}}


def _pointed(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict) and "$ref" in value:
        return {"$ref": {"block_document_id": ids[value["$ref"]["block_document_id"]]}}
    return value
