"""Many deployments of agents on a server, as they grew: blocks of several types, keys, limits, schedules."""

from __future__ import annotations

from typing import Any

from tests.live.api import Api

POOL = "agents"
QUEUES = ("default", "slow", "urgent")
BLOCKS = {
    "process": {"env": {"TEAM": "data"}, "stream_output": True},
    "docker-container": {"image": "shop/etl:1", "env": {"TEAM": "data"}, "auto_remove": True},
    "kubernetes-job": {"image": "shop/etl:1", "namespace": "flows", "env": {"TEAM": "data"}},
}
BLOCKS_OF_TYPE = 10
OVERRIDES: dict[str, dict[str, Any]] = {
    "process": {"env.NUMBER": "1"},
    "docker-container": {"env.NUMBER": "1", "image": "shop/etl:2"},
    "kubernetes-job": {"env.NUMBER": "1", "namespace": "others"},
}
KEYS = {"bucket_path": "flows/etl", "aws_access_key_id": "AKIA", "aws_secret_access_key": "hush-hush"}


def make_estate(api: Api, count: int) -> list[str]:
    """Makes so many deployments; gives their ids. One in ten has no block, one in five its code in a bucket."""
    api.post("/work_pools/", {"name": POOL, "type": "prefect-agent", "concurrency_limit": 50})
    for name in QUEUES[1:]:
        api.post(f"/work_pools/{POOL}/queues", {"name": name, "concurrency_limit": 5})
    flows = [api.post("/flows/", {"name": f"flow-{number}"})["id"] for number in range(20)]
    infrastructure = [
        (slug, make_block(api, slug, f"{slug}-{number}", {**data, "env": {**data["env"], "BLOCK": str(number)}}))
        for number in range(BLOCKS_OF_TYPE)
        for slug, data in BLOCKS.items()
    ]
    bucket = make_block(api, "s3", "code", KEYS)
    return [_deployment(api, number, flows, infrastructure, bucket) for number in range(count)]


def _deployment(api: Api, number: int, flows: list[str], blocks: list[tuple[str, str]], bucket: str) -> str:
    slug, block = blocks[number % len(blocks)]
    has_block, has_bucket = number % 10 != 0, number % 5 == 0
    body = {
        "name": f"deployment-{number:04}",
        "flow_id": flows[number % len(flows)],
        "work_pool_name": POOL,
        "work_queue_name": QUEUES[number % len(QUEUES)],
        "path": "" if has_bucket else "/srv/flows",
        "entrypoint": "flow.py:etl",
        "storage_document_id": bucket if has_bucket else None,
        "infrastructure_document_id": block if has_block else None,
        "infra_overrides": OVERRIDES[slug] if has_block and number % 2 else {},
        "schedules": [{"schedule": {"cron": f"{number % 60} 3 * * *"}}] if number % 3 == 0 else [],
    }
    id = str(api.post("/deployments/", body)["id"])
    if number % 20 == 0:
        api.post(f"/deployments/{id}/create_flow_run", {})
    return id


def make_block(api: Api, slug: str, name: str, data: dict[str, Any]) -> str:
    """The id of a new block document, of a type that is made as Prefect 2 makes it where the server has none."""
    status, kind = api.ask("GET", f"/block_types/slug/{slug}")
    if status == 404:
        kind = api.post("/block_types/", {"name": slug.replace("-", " ").title(), "slug": slug})
    secret = [name for name in data if name.startswith("aws_")]
    fields = {"title": slug, "type": "object", "properties": {name: {} for name in data}, "secret_fields": secret}
    schema = api.post("/block_schemas/", {"block_type_id": kind["id"], "fields": fields})
    document = {"name": name, "data": data, "block_schema_id": schema["id"], "block_type_id": kind["id"]}
    return str(api.post("/block_documents/", document)["id"])
