"""A server's day, made through its API with a clock that is set back: flows, pools, workers, runs of every kind."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from penstock.clock import utc_now
from penstock.server.app import App
from tests.server.conftest import ask

SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"title": "Region", "type": "string", "enum": ["eu", "us", "apac"], "default": "eu", "position": 0},
        "limit": {"title": "Limit", "type": "integer", "default": 100, "position": 1, "description": "Rows to read."},
        "full": {"title": "Full", "type": "boolean", "default": False, "position": 2},
        "columns": {"title": "Columns", "type": "array", "items": {"type": "string"}, "default": ["id"], "position": 3},
        "note": {"title": "Note", "anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "position": 4},
    },
}
ORACLE = 'ORA-12541: no listener at db.internal:1521\nTraceback (most recent call last):\n  File "sales.py", line 41'
KILLED = "The job ended with signal 9 (SIGKILL): it used more memory than its limit of 512 MiB."
TASKS = [("read-orders", 0.0, 0.3), ("read-customers", 0.02, 0.24), ("join", 0.31, 0.55), ("check", 0.55, 0.66)]


class Day:
    """Writes at any moment; `pools`, `flows`, `deployments` and `runs` are what it made, by name."""

    def __init__(self, app: App, seed: int = 7) -> None:
        self.app = app
        self.now = utc_now()
        self.chance = random.Random(seed)
        self.flows: dict[str, str] = {}
        self.deployments: dict[str, str] = {}
        self.runs: dict[str, str] = {}

    async def call(self, method: str, path: str, body: Any = None, *, at: datetime | None = None) -> Any:
        """A request that the server takes as sent at a moment."""
        before = self.app._clock
        if at is not None:
            self.app._clock = lambda: at
        try:
            heard = await ask(self.app, method, path, body)
        finally:
            self.app._clock = before
        assert heard.status < 300, (method, path, heard)
        return heard.json

    async def pool(self, name: str, kind: str, **more: Any) -> None:
        view = await self.call("GET", "/collections/views/aggregate-worker-metadata")
        types = {one["type"]: one for part in view.values() for one in part.values()}
        template = types[kind]["default_base_job_configuration"]
        await self.call("POST", "/work_pools/", {"name": name, "type": kind, "base_job_template": template, **more})

    async def deployment(self, flow: str, name: str, pool: str, **more: Any) -> str:
        if flow not in self.flows:
            self.flows[flow] = (await self.call("POST", "/flows/", {"name": flow}))["id"]
        body = {
            "name": name,
            "flow_id": self.flows[flow],
            "work_pool_name": pool,
            "entrypoint": f"flows/{flow.replace('-', '_')}.py:{flow.replace('-', '_')}",
            "parameter_openapi_schema": SCHEMA,
            **more,
        }
        version = await self.call("POST", "/penstock/deployments", {"deployment": body})
        self.deployments[f"{flow}/{name}"] = version["deployment_id"]
        return str(version["deployment_id"])

    async def worker(self, pool: str, name: str, running: int = 0, capacity: int | None = 4) -> None:
        about = {"version": "0.1.0", "host": f"{name}.internal", "pid": 812, "running": running, "capacity": capacity}
        path = f"/penstock/work_pools/{pool}/workers/heartbeat"
        await self.call("POST", path, {"name": name, "about": about, "begins": True, "heartbeat_interval_seconds": 30})
        await self.call("POST", f"/work_pools/{pool}/get_scheduled_flow_runs", {})

    async def run(self, deployment: str, ago: timedelta, ends: str | None, lasts: float = 40, **more: Any) -> str:
        """A run that was due some time ago and ended in a way; None for one that runs still."""
        due = self.now - ago
        path = f"/deployments/{self.deployments[deployment]}/create_flow_run"
        scheduled = {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}}
        made = await self.call("POST", path, {"state": scheduled, **more}, at=due - timedelta(seconds=30))
        run = str(made["id"])
        self.runs[str(made["name"])] = run
        if ends == "SCHEDULED":
            return run
        await self.state(run, "PENDING", due + timedelta(seconds=0.02))
        await self.state(run, "RUNNING", due + timedelta(seconds=0.4))
        if ends is not None:
            message = {"FAILED": ORACLE, "CRASHED": KILLED}.get(ends)
            await self.state(run, ends, due + timedelta(seconds=lasts), message)
        return run

    async def state(self, run: str, kind: str, at: datetime, message: str | None = None) -> None:
        body = {"state": {"type": kind, "message": message}, "force": True}
        await self.call("POST", f"/flow_runs/{run}/set_state", body, at=at)

    async def tasks(self, run: str, start: datetime, length: float) -> None:
        """Task runs with their states; the last one runs still."""
        parts = [*TASKS, *((f"load-{n}", 0.5 + n * 0.04, 0.7 + n * 0.05) for n in range(5))]
        for number, (name, begins, ends) in enumerate(parts):
            body = {"flow_run_id": run, "task_key": name, "dynamic_key": str(number), "name": f"{name}-{number:03x}"}
            made = await self.call("POST", "/task_runs/", body, at=start + timedelta(seconds=length * begins))
            path = f"/task_runs/{made['id']}/set_state"
            await self.call("POST", path, {"state": {"type": "RUNNING"}}, at=start + timedelta(seconds=length * begins))
            if name != "load-4":
                kind = "FAILED" if name == "load-1" else "COMPLETED"
                await self.call("POST", path, {"state": {"type": kind}}, at=start + timedelta(seconds=length * ends))

    async def logs(self, run: str, start: datetime, lines: list[tuple[int, str]]) -> None:
        body = [
            {
                "name": "prefect.flow_runs",
                "level": level,
                "message": text,
                "timestamp": (start + timedelta(seconds=0.7 * number)).astimezone(UTC).isoformat(),
                "flow_run_id": run,
            }
            for number, (level, text) in enumerate(lines)
        ]
        await self.call("POST", "/logs/", body)


LINES = [
    (20, "Beginning flow run 'brave-otter' for flow 'daily-sales'"),
    (10, "Read settings from s3://acme-config/sales.toml"),
    (20, "Read 48,211 orders of 2026-11-24 in region 'eu'"),
    (20, "Read 12,908 customers"),
    (30, "312 orders name a customer that is not there; they go to quarantine"),
    (20, "Joined: 47,899 rows, 9 columns"),
    (40, 'load-1: relation "sales_staging" is locked; trying again in 5 s (1 of 3)'),
    (20, "Loaded part 0 of 5 into sales_staging"),
    (20, "Loaded part 2 of 5 into sales_staging"),
]


async def seed(app: App, runs: int = 160) -> Day:
    """A day of an ordinary team."""
    day = Day(app)
    await day.pool("warehouse", "process", description="Short jobs beside the database", concurrency_limit=8)
    await day.pool("ml-cluster", "kubernetes", description="Training, in the cluster's namespace ml")
    await day.pool("mails", "docker")
    await day.pool("archive", "docker", is_paused=True)
    cron = {"schedules": [{"schedule": {"cron": "15 * * * *", "timezone": "Europe/Berlin"}, "active": True}]}
    daily = {"schedules": [{"schedule": {"cron": "0 6 * * *", "timezone": "UTC"}, "active": True}]}
    often = {"schedules": [{"schedule": {"interval": 1200, "anchor_date": "2026-01-01T00:00:00Z"}, "active": False}]}
    await day.deployment("daily-sales", "prod", "warehouse", **cron, tags=["sales", "eu"], version="2026.11.2")
    await day.deployment("daily-sales", "staging", "warehouse", parameters={"limit": 10})
    await day.deployment("churn-model", "weekly", "ml-cluster", **daily, tags=["ml"])
    await day.deployment("invoice-mails", "prod", "mails", **often, tags=["billing"])
    await day.worker("warehouse", "worker-berlin-1", running=2)
    await day.worker("warehouse", "worker-berlin-2", running=1)
    names = list(day.deployments)
    for _ in range(runs):
        ago = timedelta(minutes=day.chance.triangular(3, 1430, 300))
        ends = day.chance.choices(["COMPLETED", "FAILED", "CRASHED", "CANCELLED"], [90, 5, 2, 2])[0]
        await day.run(day.chance.choice(names), ago, ends, day.chance.lognormvariate(3.4, 0.8))
    for minutes in (4, 9):
        await day.run("churn-model/weekly", timedelta(minutes=minutes), "SCHEDULED")
    for name, minutes in (("brave-otter", 2), ("quick-heron", 1)):
        run = await day.run("daily-sales/prod", timedelta(minutes=minutes), None, name=name, parameters={"limit": 5000})
        await day.tasks(run, day.now - timedelta(minutes=minutes), minutes * 60)
        await day.logs(run, day.now - timedelta(minutes=minutes), LINES)
    return day
