"""Addresses that Prefect's clients print, led to where the same is here."""

from __future__ import annotations

from penstock.server.bind import Reply
from penstock.ui.reader import Reader, segment
from penstock.ui.routes import page


@page("GET", "/runs/flow-run/{id}")
async def flow_run(at: Reader, id: str) -> Reply:
    """A run."""
    return at.go(at.link(f"/runs/{segment(id)}"))


@page("GET", "/flow-runs/flow-run/{id}")
async def older_flow_run(at: Reader, id: str) -> Reply:
    """A run, as Prefect 2 says it."""
    return at.go(at.link(f"/runs/{segment(id)}"))


@page("GET", "/runs/task-run/{id}")
async def task_run(at: Reader, id: str) -> Reply:
    """A task run."""
    return at.go(at.link(f"/task-runs/{segment(id)}"))


@page("GET", "/deployments/deployment/{id}")
async def deployment(at: Reader, id: str) -> Reply:
    """A deployment."""
    return at.go(at.link(f"/deployments/{segment(id)}"))


@page("GET", "/work-pools")
async def pools(at: Reader) -> Reply:
    """The pools."""
    return at.go(at.link("/pools"))


@page("GET", "/work-pools/work-pool/{name}")
async def pool(at: Reader, name: str) -> Reply:
    """A pool."""
    return at.go(at.link(f"/pools/{segment(name)}"))


@page("GET", "/dashboard")
async def dashboard(at: Reader) -> Reply:
    """The overview."""
    return at.go(at.link("/"))


@page("GET", "/flows/flow/{id}")
async def flow(at: Reader, id: str) -> Reply:
    """A flow."""
    return at.go(at.link(f"/flows/{segment(id)}"))


@page("GET", "/blocks/block/{id}")
async def block(at: Reader, id: str) -> Reply:
    """A block."""
    return at.go(at.link(f"/blocks/{segment(id)}"))


@page("GET", "/artifacts/artifact/{id}")
async def artifact(at: Reader, id: str) -> Reply:
    """An artifact."""
    return at.go(at.link(f"/artifacts/{segment(id)}"))


@page("GET", "/events/event/{day}/{id}")
async def event(at: Reader, day: str, id: str) -> Reply:
    """An event, which its id finds without its day."""
    return at.go(at.link(f"/events/{segment(id)}"))


@page("GET", "/concurrency-limits")
async def limits(at: Reader) -> Reply:
    """The limits."""
    return at.go(at.link("/limits"))


@page("GET", "/concurrency-limits/concurrency-limit/{id}")
async def limit(at: Reader, id: str) -> Reply:
    """A limit."""
    return at.go(at.link(f"/limits/{segment(id)}"))
