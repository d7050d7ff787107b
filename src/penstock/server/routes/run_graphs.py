"""The graph of a run, as the dashboard draws it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from penstock.core.run_graph import graph_of
from penstock.errors import InvalidRequest, NotFound
from penstock.server.bind import Request, handles
from penstock.store.run_graphs import parts_of
from penstock.wire import flow_runs as wire
from penstock.wire.flow_runs import Graph


@handles(wire.read_flow_run_graph)
async def read_graph(at: Request, id: UUID) -> Graph:
    """A run's tasks and subflows, with what each waited for."""
    asked = at.settings.server.flow_run_graph
    parts = await at.store.scan(parts_of(id, asked.max_nodes, asked.max_artifacts))
    if parts is None:
        raise NotFound("Flow run not found")
    return graph_of(
        parts.run, parts.tasks, parts.subflows, parts.artifacts, parts.states, _since(at), most_nodes=asked.max_nodes
    )


def _since(at: Request) -> datetime | None:
    text = at.query.get("since")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise InvalidRequest(f"The query parameter since must be a time, not {text!r}.") from None
    return moment if moment.tzinfo else None
