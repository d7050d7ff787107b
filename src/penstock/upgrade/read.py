"""Reads what an upgrade is planned from: of our server, of Prefect 3 and of Prefect 2.20. Nothing is written.

Everything is asked for in pages and by lists of ids, so that a thousand deployments take some dozens of requests; those
that need nothing of each other are on their way at the same time.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from penstock.client.client import Client
from penstock.client.lists import PAGE, all_of, chunks, each_of
from penstock.core.infrastructure_blocks import InfrastructureBlock
from penstock.core.pool_types import AGENT_POOL
from penstock.core.upgrade_plans import Existing, OldDeployment, is_of_agents
from penstock.errors import NotFound
from penstock.upgrade.runs import unfinished_runs, waiting_runs
from penstock.wire import automations, blocks, deployments, flows, upgrades, work_pools, work_queues
from penstock.wire.automations import Automation
from penstock.wire.blocks import BlockDocument
from penstock.wire.deployments import Deployment
from penstock.wire.endpoint import post
from penstock.wire.model import Criteria
from penstock.wire.upgrades import Upgrade, UpgradesOf
from penstock.wire.work_pools import WorkPool
from penstock.wire.work_queues import WorkQueue

AT_ONCE = 8
"""Requests that are on their way at the same time."""
CREDENTIALS = (
    *("aws-credentials", "gcp-credentials", "azure-blob-storage-credentials", "secret"),
    *("s3", "gcs", "azure", "smb", "remote-file-system", "local-file-system"),
)
"""Types of blocks that pull steps may need made."""
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


def read(client: Client, told: Told = lambda _: None, runs_of: Collection[UUID] | None = None) -> Landscape:
    """Every deployment with what belongs to it; `told` hears how far it has come, where that takes a while.

    Runs are counted of all that agents have or had to do with, or only of those of them that are in `runs_of`.
    """
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="penstock-upgrade") as threads:
        lists = _Lists(client, threads)
        found = list(_deployments(client, threads, told))
        recorded = _recorded(client, threads, [one.id for one in found])
        wanted = [one for one in found if one.id in recorded or is_of_agents(one, lists.pool_of(one))]
        counted = [one.id for one in wanted if runs_of is None or one.id in runs_of]
        waiting = threads.submit(waiting_runs, client, counted)
        unfinished = threads.submit(unfinished_runs, client, counted)
        documents = _documents(client, threads, _document_ids(wanted, recorded))
        there, names, related = lists.there, lists.flow_names(), lists.related()

        def old(one: Deployment) -> OldDeployment:
            home = (one.work_pool_name or AGENT_POOL, one.work_queue_name or "default")
            pool, queue = lists.pool_of(one), there.queues.get(home)
            was = None if is_of_agents(one, pool) else recorded.get(one.id)
            infrastructure = documents.get(one.infrastructure_document_id)
            return OldDeployment(
                flow_name=names.get(one.flow_id, str(one.flow_id)),
                deployment=one,
                block=InfrastructureBlock.of(infrastructure) if infrastructure else None,
                storage=documents.get(was.before.storage_document_id if was else one.storage_document_id),
                pool=pool,
                queue=queue,
                automations=related.to(one, pool, queue, home),
                waiting=waiting.result()[one.id],
                unfinished=unfinished.result()[one.id],
                recorded=recorded.get(one.id),
            )

        return Landscape(tuple(map(old, found)), there)


class _Lists:
    """What stands around the deployments: asked for at once, known when it is first looked at."""

    def __init__(self, client: Client, threads: ThreadPoolExecutor) -> None:
        self._pools = threads.submit(all_of, client, work_pools.filter_work_pools)
        self._queues = threads.submit(all_of, client, work_queues.filter_work_queues)
        self._flows = threads.submit(all_of, client, flows.filter_flows)
        self._credentials = threads.submit(_credentials, client)
        self._automations = threads.submit(_every_automation, client)

    @cached_property
    def there(self) -> Existing:
        pools = {one.name: one for one in self._pools.result()}
        return Existing(pools=pools, queues=_queues(self._queues.result(), pools), blocks=self._credentials.result())

    def pool_of(self, one: Deployment) -> WorkPool | None:
        return self.there.pools.get(one.work_pool_name or "")

    def flow_names(self) -> dict[UUID, str]:
        return {one.id: one.name for one in self._flows.result()}

    def related(self) -> _Related:
        queues = {name for _, name in self.there.queues} - {"default"}
        return _Related(self._automations.result(), [*self.there.pools, *queues])


def _deployments(client: Client, threads: ThreadPoolExecutor, told: Told) -> Iterator[Deployment]:
    def page(start: int) -> list[_Answer]:
        return client.call(_filter_deployments, Criteria(sort="NAME_ASC", limit=PAGE, offset=start))

    every = client.call(deployments.count_deployments, Criteria())
    for number, found in enumerate(threads.map(page, range(0, every, PAGE)), 1):
        if number % 5 == 0 and len(found) == PAGE:
            told(f"{number * PAGE:,} deployments read.")
        yield from (replace(one, job_variables=one.job_variables or one.infra_overrides or {}) for one in found)


def _queues(every: Iterable[WorkQueue], pools: Mapping[str, WorkPool]) -> dict[tuple[str, str], WorkQueue]:
    by_id = {one.id: one.name for one in pools.values()}
    found = {}
    for one in every:
        pool = one.work_pool_name or by_id.get(one.work_pool_id or UUID(int=0), AGENT_POOL)
        found[pool, one.name] = one
    return found


def _recorded(client: Client, threads: ThreadPoolExecutor, ids: Sequence[UUID]) -> dict[UUID, Upgrade]:
    """The newest upgrade of each, those that were taken back too; no Prefect server keeps any."""

    def part(ids: Sequence[UUID]) -> list[Upgrade]:
        try:
            return client.call(upgrades.list_upgrades, UpgradesOf(deployment_ids=list(ids)))
        except NotFound:
            return []

    return {one.deployment_id: one for some in threads.map(part, chunks(ids)) for one in some}


def _document_ids(wanted: Iterable[Deployment], recorded: Mapping[UUID, Upgrade]) -> list[UUID]:
    ids: set[UUID | None] = set()
    for one in wanted:
        was = recorded.get(one.id)
        ids |= {one.infrastructure_document_id, one.storage_document_id}
        ids |= {was.before.infrastructure_document_id, was.before.storage_document_id} if was else set()
    return sorted(id for id in ids if id is not None)


def _documents(client: Client, threads: ThreadPoolExecutor, ids: Sequence[UUID]) -> dict[UUID | None, BlockDocument]:
    """Blocks by id, unnamed ones too; their secrets stay hidden."""

    def part(ids: Sequence[UUID]) -> list[BlockDocument]:
        asked = {"id": {"any_": [str(id) for id in ids]}, "is_anonymous": None}
        return client.call(blocks.filter_block_documents, Criteria(block_documents=asked, limit=PAGE))

    return {one.id: one for some in threads.map(part, chunks(ids)) for one in some}


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
