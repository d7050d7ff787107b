"""Search: what has these words in its name, or this id."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from penstock.errors import NotFound
from penstock.server.bind import Reply
from penstock.ui.reader import Reader, segment
from penstock.ui.routes import page
from penstock.ui.run_lists import Asked, list_page, names_of, rows_of
from penstock.wire import artifacts, blocks, deployments, flow_runs, flows, variables, work_pools
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import Criteria

SHOWN = 10
READS: list[tuple[Any, str]] = [
    (flow_runs.read_flow_run, "/runs"),
    (deployments.read_deployment, "/deployments"),
    (flows.read_flow, "/flows"),
    (blocks.read_block_document, "/blocks"),
    (artifacts.read_artifact, "/artifacts"),
    (variables.read_variable, "/variables"),
]
"""What has an id, and where its pages are."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found: its page, its name, and a word on it."""

    path: str
    name: str
    about: str = ""


@page("GET", "/search")
async def search(at: Reader) -> Reply:
    """What is found by name, with runs of this very name and the newest of a week; an id leads there at once."""
    words = at.asked("q")[:100]
    by_id = await _by_id(at, words)
    if by_id is not None:
        return at.go(by_id)
    if not words:
        return at.render("search.html", find="", runs=[], older="", groups=[])
    listing = list_page(at.api, Asked(now=at.now, name=words, window="7d"), "", SHOWN)
    (some, older), named, found = await asyncio.gather(listing, _runs_named(at, words), _catalogue(at, words))
    runs = list({run.id: run for run in (*named, *some)}.values())[:SHOWN]
    return at.render("search.html", find=words, runs=await rows_of(at.api, runs), older=older, groups=found)


async def _catalogue(at: Reader, words: str) -> list[tuple[str, list[Hit]]]:
    """What is found besides runs, by noun."""
    found = await asyncio.gather(
        _deployments(at, words),
        _flows(at, words),
        _pools(at, words),
        _blocks(at, words),
        _variables(at, words),
        _artifacts(at, words),
    )
    titles = ("Deployments", "Flows", "Work pools", "Blocks", "Variables", "Artifacts")
    return [(title, hits) for title, hits in zip(titles, found, strict=True) if hits]


async def _by_id(at: Reader, words: str) -> str | None:
    """Where what has an id is."""
    try:
        id = UUID(words)
    except ValueError:
        return None
    for endpoint, path in READS:
        try:
            await at.api.call(endpoint, id=id)
        except NotFound:
            continue
        return at.link(f"{path}/{id}")
    return None


async def _runs_named(at: Reader, words: str) -> list[FlowRun]:
    """The runs of exactly this name, however long ago, which an index knows."""
    wanted = Criteria(flow_runs={"name": {"any_": [words]}}, sort="START_TIME_DESC", limit=SHOWN)
    return await at.api.call(flow_runs.filter_flow_runs, wanted)


async def _deployments(at: Reader, words: str) -> list[Hit]:
    wanted = Criteria(deployments={"flow_or_deployment_name": {"like_": words}}, sort="NAME_ASC", limit=SHOWN)
    found = await at.api.call(deployments.filter_deployments, wanted)
    names = await names_of(at.api, flows.filter_flows, "flows", [str(one.flow_id) for one in found])
    return [Hit(f"/deployments/{one.id}", f"{names.get(one.flow_id, '')}/{one.name}") for one in found]


async def _flows(at: Reader, words: str) -> list[Hit]:
    wanted = Criteria(flows={"name": {"like_": words}}, sort="NAME_ASC", limit=SHOWN)
    return [Hit(f"/flows/{one.id}", one.name) for one in await at.api.call(flows.filter_flows, wanted)]


async def _pools(at: Reader, words: str) -> list[Hit]:
    found = await at.api.call(work_pools.filter_work_pools, Criteria(limit=200))
    fitting = [pool for pool in found if words.lower() in pool.name.lower()][:SHOWN]
    return [Hit(f"/pools/{segment(pool.name)}", pool.name, pool.type) for pool in fitting]


async def _blocks(at: Reader, words: str) -> list[Hit]:
    wanted = Criteria(block_documents={"name": {"like_": words}}, sort="NAME_ASC", limit=SHOWN)
    found = await at.api.call(blocks.filter_block_documents, wanted)
    return [Hit(f"/blocks/{one.id}", one.name or "", one.block_type_name or "") for one in found]


async def _variables(at: Reader, words: str) -> list[Hit]:
    wanted = Criteria(variables={"name": {"like_": words}}, sort="NAME_ASC", limit=SHOWN)
    return [Hit(f"/variables/{one.id}", one.name) for one in await at.api.call(variables.filter_variables, wanted)]


async def _artifacts(at: Reader, words: str) -> list[Hit]:
    wanted = Criteria(artifacts={"key": {"like_": words}}, sort="KEY_ASC", limit=SHOWN)
    found = await at.api.call(artifacts.filter_latest_artifacts, wanted)
    return [Hit(f"/artifacts/key/{segment(one.key)}", one.key, one.type or "") for one in found]
