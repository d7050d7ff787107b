"""Where every page is, on a server that has a bit of everything: made from the table of pages, so none is forgotten.

A page with a place in its address that `Atlas.places` does not know fails the tests by name: it is added there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from penstock.server.app import App
from penstock.ui import routes
from tests.ui.catalogue import fill
from tests.ui.lifelike import LINES, Day, seed

routes.load()
STREAMS = ("/live", "/runs/{id}/log/live", "/task-runs/{id}/log/live")
"""What never ends, and is no page."""
FILES = ("/artifacts/{id}/data", "/runs/{id}/logs", "/task-runs/{id}/logs")
"""What is downloaded."""
ASKS = {
    "type": "object",
    "required": ["approve"],
    "properties": {
        "approve": {"title": "Approve", "type": "boolean", "description": "Whether the mails go out."},
        "note": {"title": "Note", "type": "string"},
        "share": {"title": "Share", "type": "number", "default": 0.5},
        "regions": {"title": "Regions", "type": "array", "items": {"type": "string"}},
    },
}
TABS = {
    "/pools/{name}": ("queues", "workers", "template", "settings"),
    "/deployments/{id}": ("schedules", "configuration", "versions"),
}


def patterns() -> list[str]:
    """The addresses of all pages as the table has them, without streams, files and what only leads elsewhere."""
    gets = sorted(path for method, path in routes.every() if method == "GET")
    return [path for path in gets if path not in (*STREAMS, *FILES) and not _leads_elsewhere(path)]


def changes() -> list[str]:
    """The addresses of all that changes something."""
    return sorted(path for method, path in routes.every() if method == "POST")


@dataclass(frozen=True)
class Atlas:
    """A server with a bit of everything; `places` has a value for each place in an address, by the page's section."""

    day: Day
    places: dict[str, str]
    more: dict[str, list[str]]
    """Other looks of a page, by its pattern."""

    def at(self, pattern: str) -> str:
        """The address of the page at a pattern."""
        section = pattern.split("/")[1]
        for part in pattern.split("/"):
            if part.startswith("{"):
                name = f"{section}/{part[1:-1]}"
                assert name in self.places, f"{pattern} is new: give Atlas.places a value for {name}"
                pattern = pattern.replace(part, quote(self.places[name], safe=""), 1)
        return pattern

    def looks(self, pattern: str) -> list[str]:
        """All addresses under which the page at a pattern looks different."""
        first = self.at(pattern)
        return [first, *(f"{first}?tab={tab}" for tab in TABS.get(pattern, ())), *self.more.get(pattern, [])]


async def atlas(app: App, runs: int = 60) -> Atlas:
    """Fills a server with a bit of everything."""
    day = await seed(app, runs=runs)
    ids = await fill(day)
    one = day.deployments["daily-sales/prod"]
    await _of_pools(day)
    await _of_deployments(day, ids)
    kinds = await _of_runs(day)
    tasks = await day.call("POST", "/task_runs/filter", {"flow_runs": {"id": {"any_": [day.runs["brave-otter"]]}}})
    places = {
        "artifacts/id": ids["markdown"],
        "artifacts/key": "sales-report",
        "blocks/id": ids["bucket"],
        "blocks/slug": "s3-bucket",
        "deployments/id": one,
        "deployments/number": "1",
        "deployments/schedule": (await day.call("GET", f"/deployments/{one}/schedules"))[0]["id"],
        "deployments/action": "run",
        "events/id": ids["event"],
        "flows/id": day.flows["daily-sales"],
        "limits/id": ids["limit"],
        "pools/name": "warehouse",
        "pools/queue": "urgent",
        "pools/number": "1",
        "pools/worker": "worker-berlin-1",
        "pools/action": "pause",
        "runs/id": day.runs["brave-otter"],
        "runs/task": tasks[0]["id"],
        "runs/action": "cancel",
        "task-runs/id": tasks[0]["id"],
        "upgrade/id": day.deployments["old-report/nightly"],
        "variables/id": ids["variable"],
    }
    return Atlas(day, places, _more(day, ids, kinds, tasks))


def _more(day: Day, ids: dict[str, str], kinds: dict[str, str], tasks: list[dict[str, Any]]) -> dict[str, list[str]]:
    failed = next(one["id"] for one in tasks if one["state_type"] == "FAILED")
    agents = day.deployments["old-report/nightly"]
    return {
        "/": ["/?when=7d&of=daily-sales", "/?when=30d&tag=nothing-like-it"],
        "/artifacts/{id}": [f"/artifacts/{ids[kind]}" for kind in ("table", "progress", "image")],
        "/artifacts": ["/artifacts?key=nothing-like-it"],
        "/blocks": ["/blocks?type=s3-bucket", "/blocks?name=nothing-like-it"],
        "/blocks/{id}": [f"/blocks/{ids['credentials']}", f"/blocks/{ids['infrastructure']}"],
        "/blocks/catalog/{slug}": ["/blocks/catalog/docker-container"],
        "/blocks/catalog/{slug}/create": ["/blocks/catalog/custom-webhook/create"],
        "/deployments": ["/deployments?name=nothing-like-it"],
        "/deployments/{id}": [f"/deployments/{agents}", f"/deployments/{agents}?tab=configuration"],
        "/events": ["/events?when=1h"],
        "/limits/{id}": [f"/limits/{ids['rate']}"],
        "/pools/new": ["/pools/new?type=docker"],
        "/pools/{name}": ["/pools/legacy", "/pools/clouds", "/pools/archive"],
        "/runs": [
            "/runs?chart=lengths",
            "/runs?when=next",
            "/runs?name=nothing-like-it",
            "/runs?state=failed&when=30d",
        ],
        "/runs/{id}": [
            *(f"/runs/{one}" for one in kinds.values()),
            f"/runs/{day.runs['brave-otter']}?task={failed}",
        ],
        "/runs/{id}/resume": [f"/runs/{kinds['asks']}/resume"],
        "/search": ["/search?q=sales", "/search?q=nothing-like-it"],
        "/task-runs": ["/task-runs?state=failed&when=7d", "/task-runs?name=nothing-like-it"],
        "/task-runs/{id}": [f"/task-runs/{failed}"],
        "/variables": ["/variables?name=nothing-like-it"],
    }


async def _of_pools(day: Day) -> None:
    await day.pool("legacy", "prefect-agent")
    await day.pool("clouds", "docker:push", description="Started by the server itself")
    for name, priority, limit in (("urgent", 1, None), ("backfill", 9, 2)):
        body = {"name": name, "priority": priority, "concurrency_limit": limit}
        await day.call("POST", "/work_pools/warehouse/queues", body)
    path = "/work_pools/warehouse"
    template = (await day.call("GET", path))["base_job_template"]
    template["variables"]["properties"]["stream_output"]["default"] = False
    await day.call("PATCH", path, {"base_job_template": template})


async def _of_deployments(day: Day, ids: dict[str, str]) -> None:
    await day.deployment("old-report", "nightly", "legacy", infrastructure_document_id=ids["infrastructure"])
    overrides = {"job_variables": {"image": "acme/report:3", "env.REGION": "eu"}}
    await day.deployment(
        "old-report", "weekly", "legacy", infrastructure_document_id=ids["infrastructure"], **overrides
    )
    path = f"/penstock/deployments/{day.deployments['daily-sales/prod']}/versions"
    await day.call("POST", path, {"update": {"parameters": {"limit": 250}, "version": "2026.11.3"}})


async def _of_runs(day: Day) -> dict[str, str]:
    """A run in each state that looks different, by a word."""
    ago = timedelta(minutes=50)
    kinds = {
        "failed": await day.run("daily-sales/prod", ago, "FAILED", 71, name="sour-lemon", tags=["sales", "retry"]),
        "crashed": await day.run("churn-model/weekly", ago, "CRASHED", name="flat-tyre"),
        "done": await day.run("invoice-mails/prod", ago, "COMPLETED", name="calm-lake"),
        "waits": await day.run("churn-model/weekly", timedelta(minutes=6), "SCHEDULED", name="slow-snail"),
        "asks": await day.run("invoice-mails/prod", timedelta(minutes=8), None, name="shy-fox"),
    }
    await day.tasks(kinds["failed"], day.now - ago, 70)
    await day.logs(kinds["failed"], day.now - ago, LINES * 14)
    keys = {part: f"paused-1-{part}" for part in ("response", "schema", "description")}
    inputs = {"schema": json.dumps(ASKS), "description": json.dumps("4,211 mails are ready. Do they go out?")}
    for part, value in inputs.items():
        await day.call("POST", f"/flow_runs/{kinds['asks']}/input", {"key": keys[part], "value": value})
    details = {"pause_key": "1", "run_input_keyset": keys}
    paused = {"state": {"type": "PAUSED", "state_details": details}}
    await day.call("POST", f"/flow_runs/{kinds['asks']}/set_state", paused)
    return kinds


def _leads_elsewhere(path: str) -> bool:
    """Whether it is an address that only Prefect's clients print, or one that asks who comes."""
    handler = routes.find("GET", path)[0]
    return path == "/sign-in" or (handler is not None and handler.__module__.endswith(".elsewhere"))
