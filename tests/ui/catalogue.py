"""A lifelike catalogue beside a day's runs: blocks, variables, limits with holders, artifacts with versions, events."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.ui.lifelike import Day

REPORT = """# Sales of 26 November

All **3 regions** reported in time; *APAC* was late by 40 minutes.

| Region | Orders | Revenue |
|:-------|-------:|--------:|
| EU     | 48,211 | € 1.92 M |
| US     | 31,004 | $ 1.37 M |
| APAC   |  9,870 | ¥ 41.2 M |

## What to look at

1. 312 orders name a customer that is not there: [the list](https://reports.example/quarantine/2026-11-26).
2. `sales_staging` was locked for 12 s.
   - by `invoice-mails`
   - twice

> Numbers are before returns.

```sql
select region, count(*) from orders where day = '2026-11-26' group by region
```

<script>alert("this stays text")</script>
"""
TABLE = [
    {"customer": f"C-{4000 + n * 37}", "orders": 3 + n % 5, "reason": "no such customer", "seen": n % 2 == 0}
    for n in range(24)
]
LONG = "a-key-that-somebody-made-" + "very-" * 20 + "long"


async def block(day: Day, slug: str, name: str, data: dict[str, Any]) -> str:
    """Keeps a block of a type that the server brings along."""
    kind = (await day.call("GET", f"/block_types/slug/{slug}"))["id"]
    schemas = await day.call("POST", "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind]}}})
    body = {"name": name, "block_type_id": kind, "block_schema_id": schemas[0]["id"], "data": data}
    return str((await day.call("POST", "/block_documents/", body))["id"])


async def fill(day: Day) -> dict[str, str]:
    """Fills the catalogue; gives the ids of what tests look at, by a word."""
    return {**await _blocks(day), **await _limits(day), **await _artifacts(day), **await _others(day)}


async def _blocks(day: Day) -> dict[str, str]:
    keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "hidden-away", "region_name": "eu-central-1"}
    prod = await block(day, "aws-credentials", "prod", keys)
    await block(day, "aws-credentials", "staging", {"region_name": "eu-central-1"})
    reference = {"$ref": {"block_document_id": prod}}
    results = {"bucket_name": "acme-results", "bucket_folder": "flows", "credentials": reference}
    bucket = await block(day, "s3-bucket", "results", results)
    await block(day, "secret", "oracle-password", {"value": "hidden-away"})
    await block(day, "slack-webhook", "on-call", {"url": "https://hooks.example/hidden-away"})
    await block(day, "json", "regions", {"value": {"eu": ["de", "fr"], "us": ["ny"]}})
    kind = {"name": "Docker Container", "slug": "docker-container", "description": "Starts a run as a container."}
    made = await day.call("POST", "/block_types/", kind)
    fields = {"title": "DockerContainer", "type": "object", "properties": {"image": {"type": "string"}}}
    schema = {"block_type_id": made["id"], "fields": fields, "capabilities": ["run-infrastructure"]}
    await day.call("POST", "/block_schemas/", schema)
    old = await block(day, "docker-container", "etl-jobs", {"image": "acme/etl:4"})
    return {"credentials": prod, "bucket": bucket, "infrastructure": old}


async def _limits(day: Day) -> dict[str, str]:
    made = {}
    for name, limit, more in (
        ("warehouse-db", 5, {}),
        ("gpu", 2, {}),
        ("mail-gateway", 20, {"slot_decay_per_second": 2}),
        ("old-one", 3, {"active": False}),
    ):
        body = {"name": name, "limit": limit, **more}
        made[name] = str((await day.call("POST", "/v2/concurrency_limits/", body))["id"])
    for run in ("brave-otter", "quick-heron"):
        for name in ("warehouse-db", "gpu"):
            await take(day, name, day.runs[run])
    await day.call("POST", "/v2/concurrency_limits/increment", {"slots": 1, "names": ["warehouse-db"]})
    await day.call("POST", "/v2/concurrency_limits/increment", {"slots": 7, "names": ["mail-gateway"]})
    await day.call("POST", "/concurrency_limits/", {"tag": "oracle", "concurrency_limit": 3})
    tasks = await day.call("POST", "/task_runs/filter", {"task_runs": {"state": {"type": {"any_": ["RUNNING"]}}}})
    for task in tasks[:2]:
        await day.call("POST", "/concurrency_limits/increment", {"names": ["oracle"], "task_run_id": task["id"]})
    return {"limit": made["warehouse-db"], "rate": made["mail-gateway"]}


async def take(day: Day, name: str, run: str, slots: int = 1) -> None:
    """A run takes slots of a limit, with a lease."""
    body = {"slots": slots, "names": [name], "lease_duration": 900, "holder": {"type": "flow_run", "id": run}}
    await day.call("POST", "/v2/concurrency_limits/increment-with-lease", body)


async def _artifacts(day: Day) -> dict[str, str]:
    run = day.runs["brave-otter"]
    ids = {}
    for hours in (72, 48, 24, 0):
        body = {"key": "sales-report", "type": "markdown", "data": REPORT, "description": "The day's sales by region."}
        made = await day.call(
            "POST", "/artifacts/", {**body, "flow_run_id": run}, at=day.now - timedelta(hours=hours, minutes=3)
        )
        ids["markdown"] = str(made["id"])
    others: tuple[tuple[str, str, Any], ...] = (
        ("table", "quarantine", json.dumps(TABLE)),
        ("progress", "backfill-2025", 62.5),
        ("image", "churn-curve", "https://reports.example/churn/curve.png"),
        ("markdown", LONG, "[the dashboard](https://reports.example)"),
    )
    for kind, key, data in others:
        body = {"key": key, "type": kind, "data": data, "flow_run_id": run}
        ids.setdefault(kind, str((await day.call("POST", "/artifacts/", body))["id"]))
    joins = {"flow_runs": {"id": {"any_": [run]}}, "task_runs": {"name": {"like_": "join"}}}
    for task in await day.call("POST", "/task_runs/filter", joins):
        body = {"key": "joined-rows", "type": "table", "data": json.dumps(TABLE), "flow_run_id": run}
        moment = day.now - timedelta(seconds=60)
        await day.call("POST", "/artifacts/", {**body, "task_run_id": task["id"]}, at=moment)
    return ids


async def _others(day: Day) -> dict[str, str]:
    values: dict[str, Any] = {
        "region": "eu",
        "holidays_2026": ["2026-12-25", "2026-12-26"],
        "thresholds": {"churn": 0.18, "late_minutes": 30, "notify": True},
        "greeting": "Guten Tag, 東京 – a text that is long enough to be cut in a list of variables, which has one line",
    }
    for name, value in values.items():
        await day.call("POST", "/variables/", {"name": name, "value": value, "tags": ["sales", "eu"][: len(name) % 3]})
    events = [
        {
            "id": str(uuid4()),
            "occurred": (day.now - timedelta(minutes=n * 9)).isoformat(),
            "event": "acme.shop.order.placed",
            "resource": {"prefect.resource.id": f"acme.shop.{n % 3}", "prefect.resource.name": f"Shop {n % 3}"},
            "payload": {"orders": n},
        }
        for n in range(40)
    ]
    await day.call("POST", "/events", events)
    variable = await day.call("GET", "/variables/name/thresholds")
    return {"variable": str(variable["id"]), "event": str(events[0]["id"])}
