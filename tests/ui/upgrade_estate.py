"""Deployments of agents as a team has them: blocks of several kinds, storage, overrides, limits, runs that wait."""

from __future__ import annotations

from typing import Any

from tests.ui.lifelike import Day

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
BLOCKS: dict[str, tuple[str, dict[str, Any]]] = {
    "etl-image": ("docker-container", {"image": "acme/etl:4", "env": {"TEAM": "data"}, "auto_remove": True}),
    "cluster": ("kubernetes-job", {"image": "acme/ml:9", "namespace": "ml", "env": {"TEAM": "ml"}}),
    "beside": ("process", {"env": {"TEAM": "data"}, "working_dir": "/srv/flows", "stream_output": True}),
    "rack": ("nomad-job", {"datacenter": "north"}),
}
KEYS = {"bucket_path": "acme-code/flows", "aws_access_key_id": "AKIA", "aws_secret_access_key": "hush-hush"}
DEPLOYMENTS: dict[tuple[str, str], tuple[str, str | None, dict[str, Any]]] = {
    ("daily-sales", "prod"): ("default", "etl-image", {"infra_overrides": {"env.REGION": "eu", "mem_limit": "2g"}}),
    ("daily-sales", "staging"): ("slow", "etl-image", {}),
    ("churn-model", "weekly"): ("default", "cluster", {"infra_overrides": {"namespace": "ml-weekly"}}),
    ("invoice-mails", "prod"): ("default", "beside", {"infra_overrides": {"env.A": "1", "colour": "red"}}),
    ("clean-up", "nightly"): ("default", None, {"path": "/srv/flows"}),
    ("forecast", "north"): ("default", "rack", {}),
}
"""By flow and name: queue, block, and what else there is to it."""


async def old_block(day: Day, slug: str, name: str, data: dict[str, Any]) -> str:
    """A block of a type that is made as Prefect 2 makes it, where the server has none."""
    known = {one["slug"]: one["id"] for one in await day.call("POST", "/block_types/filter", {})}
    if slug not in known:
        known[slug] = (await day.call("POST", "/block_types/", {"name": slug.title(), "slug": slug}))["id"]
    secret = [one for one in data if one.startswith("aws_")]
    fields = {"title": slug, "type": "object", "properties": {one: {} for one in data}, "secret_fields": secret}
    schema = await day.call("POST", "/block_schemas/", {"block_type_id": known[slug], "fields": fields})
    body = {"name": name, "data": data, "block_schema_id": schema["id"], "block_type_id": known[slug]}
    return str((await day.call("POST", "/block_documents/", body))["id"])


async def of_agents(day: Day, flow: str, name: str, queue: str, block: str | None, **more: Any) -> str:
    """A deployment as `deployment build` makes it, in the pool of agents."""
    if flow not in day.flows:
        day.flows[flow] = (await day.call("POST", "/flows/", {"name": flow}))["id"]
    body = {
        "name": name,
        "flow_id": day.flows[flow],
        "work_pool_name": "agents",
        "work_queue_name": queue,
        "entrypoint": f"flows/{flow.replace('-', '_')}.py:{flow.replace('-', '_')}",
        "infrastructure_document_id": block,
        **more,
    }
    id = str((await day.call("POST", "/deployments/", body))["id"])
    day.deployments[f"{flow}/{name}"] = id
    return id


async def move_in(day: Day) -> None:
    """The whole estate: six deployments of agents, one of which nothing can be made of, and one of workers."""
    await day.pool("agents", "prefect-agent", concurrency_limit=20)
    await day.call("POST", "/work_pools/agents/queues", {"name": "slow", "concurrency_limit": 2})
    await day.pool("warehouse", "process")
    await day.deployment("reports", "prod", "warehouse")
    blocks = {name: await old_block(day, slug, name, data) for name, (slug, data) in BLOCKS.items()}
    code = await old_block(day, "s3", "code", KEYS)
    for (flow, name), (queue, block, more) in DEPLOYMENTS.items():
        storage = {"storage_document_id": code, "path": "sales"} if flow == "daily-sales" else {}
        await of_agents(day, flow, name, queue, blocks[block] if block else None, **{**storage, **more})
    for _ in range(2):
        await day.call("POST", f"/deployments/{day.deployments['daily-sales/prod']}/create_flow_run", {})
