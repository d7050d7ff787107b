"""Reads what an upgrade is planned from: of our server, of Prefect 3 and of Prefect 2.20. Nothing is written.

Everything is asked for in pages and by lists of ids, so that a thousand deployments take some dozens of requests.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from penstock.client.client import Client
from penstock.client.lists import PAGE, each_of
from penstock.core.infrastructure_blocks import InfrastructureBlock
from penstock.core.pool_types import AGENT_POOL, AGENT_TYPE
from penstock.core.upgrade_plans import Existing, OldDeployment
from penstock.errors import NotFound
from penstock.wire import automations, blocks, flow_runs, flows, upgrades, work_pools, work_queues
from penstock.wire.automations import Automation
from penstock.wire.blocks import BlockDocument
from penstock.wire.deployments import Deployment
from penstock.wire.endpoint import post
from penstock.wire.model import Criteria
from penstock.wire.upgrades import Upgrade, UpgradesOf
from penstock.wire.work_pools import WorkPool
from penstock.wire.work_queues import WorkQueue

FEW = 400
"""So many runs are looked at rather than counted again in halves."""
CREDENTIALS = (
    *("aws-credentials", "gcp-credentials", "azure-blob-storage-credentials", "secret"),
    *("s3", "gcs", "azure", "smb", "remote-file-system", "local-file-system"),
)
"""Types of blocks that pull steps may need made."""
AUTO = "auto-scheduled"
"""The tag of runs that a schedule made."""
CLAIMED = ("PENDING", "RUNNING", "CANCELLING")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Told = Callable[[str], None]


class _Answer(Deployment):
    """A deployment of any generation: Prefect 2 may call job variables otherwise."""

    infra_overrides: dict[str, Any] | None = None


_filter_deployments = post("/deployments/filter", body=Criteria, returns=list[_Answer])


@dataclass(frozen=True, slots=True)
class Landscape:
    """All that a plan is made from."""

    deployments: tuple[OldDeployment, ...]
    there: Existing


def read(client: Client, told: Told = lambda _: None) -> Landscape:
    """Every deployment with what belongs to it; `told` hears how far it has come, where that takes a while."""
    pools = {one.name: one for one in each_of(client, work_pools.filter_work_pools)}
    queues = _queues(client, pools)
    names = {one.id: one.name for one in each_of(client, flows.filter_flows)}
    found = list(_deployments(client, told))
    recorded = _recorded(client, [one for one in found if not _is_of_agents(one, pools)])
    wanted = [one for one in found if _is_of_agents(one, pools) or one.id in recorded]
    documents = _documents(client, _document_ids(wanted, recorded))
    there = Existing(pools=pools, queues=queues, blocks=_credentials(client))
    related = _Related(_every_automation(client), [*pools, *{name for _, name in queues} - {"default"}])
    waiting, unfinished = _waiting(client, [one.id for one in wanted]), _unfinished(client)

    def old(one: Deployment) -> OldDeployment:
        was = recorded.get(one.id)
        home = (one.work_pool_name or AGENT_POOL, one.work_queue_name or "default")
        pool, queue = pools.get(one.work_pool_name or ""), queues.get(home)
        infrastructure = documents.get(one.infrastructure_document_id)
        storage = documents.get(was.before.storage_document_id if was else one.storage_document_id)
        return OldDeployment(
            flow_name=names.get(one.flow_id, str(one.flow_id)),
            deployment=one,
            block=InfrastructureBlock.of(infrastructure) if infrastructure else None,
            storage=storage,
            pool=pool,
            queue=queue,
            automations=related.to(one, pool, queue, home),
            waiting=waiting[one.id],
            unfinished=unfinished[one.id],
            recorded=was,
        )

    return Landscape(tuple(map(old, found)), there)


def _is_of_agents(one: Deployment, pools: Mapping[str, WorkPool]) -> bool:
    pool = pools.get(one.work_pool_name or "")
    return pool.type == AGENT_TYPE if pool else one.infrastructure_document_id is not None


def _deployments(client: Client, told: Told) -> Iterator[Deployment]:
    for number, one in enumerate(each_of(client, _filter_deployments, sort="NAME_ASC"), 1):
        if number % 1000 == 0:
            told(f"{number:,} deployments read.")
        yield replace(one, job_variables=one.job_variables or one.infra_overrides or {})


def _queues(client: Client, pools: Mapping[str, WorkPool]) -> dict[tuple[str, str], WorkQueue]:
    by_id = {one.id: one.name for one in pools.values()}
    found = {}
    for one in each_of(client, work_queues.filter_work_queues):
        pool = one.work_pool_name or by_id.get(one.work_pool_id or UUID(int=0), AGENT_POOL)
        found[pool, one.name] = one
    return found


def _recorded(client: Client, found: Sequence[Deployment]) -> dict[UUID, Upgrade]:
    """The newest upgrade of each; no Prefect server keeps any."""
    done: dict[UUID, Upgrade] = {}
    for ids in _chunks([one.id for one in found]):
        try:
            answer = client.call(upgrades.list_upgrades, UpgradesOf(deployment_ids=ids))
        except NotFound:
            return {}
        done |= {one.deployment_id: one for one in answer}
    return done


def _document_ids(wanted: Iterable[Deployment], recorded: Mapping[UUID, Upgrade]) -> list[UUID]:
    ids: set[UUID | None] = set()
    for one in wanted:
        was = recorded.get(one.id)
        ids |= {one.infrastructure_document_id, one.storage_document_id}
        ids |= {was.before.infrastructure_document_id, was.before.storage_document_id} if was else set()
    return sorted(id for id in ids if id is not None)


def _documents(client: Client, ids: Sequence[UUID]) -> dict[UUID | None, BlockDocument]:
    """Blocks by id, unnamed ones too; their secrets stay hidden."""
    found: dict[UUID | None, BlockDocument] = {}
    for some in _chunks(ids):
        asked = {"id": {"any_": [str(id) for id in some]}, "is_anonymous": None}
        page = client.call(blocks.filter_block_documents, Criteria(block_documents=asked, limit=PAGE))
        found |= {one.id: one for one in page}
    return found


def _credentials(client: Client) -> dict[tuple[str, str], BlockDocument]:
    found = each_of(client, blocks.filter_block_documents, block_types={"slug": {"any_": list(CREDENTIALS)}})
    named = [one for one in found if one.block_type and one.name]
    return {(one.block_type.slug, one.name): one for one in named if one.block_type and one.name}


def _every_automation(client: Client) -> list[Automation]:
    try:
        return list(each_of(client, automations.filter_automations))
    except NotFound:
        return []


class _Related:
    """Finds the automations that name something, without reading each for every deployment."""

    def __init__(self, every: Iterable[Automation], names: Collection[str]) -> None:
        self._by: defaultdict[str, list[Automation]] = defaultdict(list)
        for one in every:
            text = msgspec.json.encode(one).decode()
            for key in {*_ID.findall(text), *(name for name in names if f'"{name}"' in text)}:
                self._by[key].append(one)

    def to(
        self, one: Deployment, pool: WorkPool | None, queue: WorkQueue | None, home: tuple[str, str]
    ) -> tuple[Automation, ...]:
        """Those that name the deployment, its pool or its queue, each once."""
        keys = [str(one.id), *(str(each.id) for each in (pool, queue) if each), *home]
        return tuple({each.id: each for key in keys for each in self._by.get(key, ())}.values())


def _waiting(client: Client, ids: Sequence[UUID]) -> Counter[UUID]:
    """Runs that wait and that no schedule made, by deployment; counted first, since most often there are none."""
    found: Counter[UUID] = Counter()
    for some in _chunks(ids):
        _count_waiting(client, some, found)
    return found


def _count_waiting(client: Client, ids: Sequence[UUID], found: Counter[UUID]) -> None:
    waits = {"state": {"type": {"any_": ["SCHEDULED"]}}, "deployment_id": {"any_": [str(id) for id in ids]}}
    every = client.call(flow_runs.count_flow_runs, Criteria(flow_runs=waits)) if ids else 0
    by_hand = every and every - client.call(
        flow_runs.count_flow_runs, Criteria(flow_runs={**waits, "tags": {"all_": [AUTO]}})
    )
    if not by_hand:
        return
    if len(ids) == 1:
        found[ids[0]] = by_hand
    elif every <= FEW:
        for run in each_of(client, flow_runs.filter_flow_runs, flow_runs=waits):
            if run.deployment_id and AUTO not in run.tags:
                found[run.deployment_id] += 1
    else:
        half = len(ids) // 2
        _count_waiting(client, ids[:half], found)
        _count_waiting(client, ids[half:], found)


def _unfinished(client: Client) -> Counter[UUID]:
    claimed = {"state": {"type": {"any_": list(CLAIMED)}}, "deployment_id": {"is_null_": False}}
    runs = each_of(client, flow_runs.filter_flow_runs, flow_runs=claimed)
    return Counter(run.deployment_id for run in runs if run.deployment_id)


def _chunks(ids: Sequence[UUID]) -> Iterator[list[UUID]]:
    for start in range(0, len(ids), PAGE):
        yield list(ids[start : start + PAGE])
