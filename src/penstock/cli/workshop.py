"""Where deployments are made out of a project: a client, this folder, this environment, this moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from penstock.cli.connect import connect
from penstock.cli.console import note
from penstock.cli.deploy_plan import Wishes, run_deploy
from penstock.cli.next_steps import hint_at_workers
from penstock.client.client import AsyncClient
from penstock.deploy.compile import Workshop
from penstock.deploy.manifest import Entry, Manifest

T = TypeVar("T")
Work = Callable[[list[Entry], Manifest, Workshop, Wishes], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class At:
    """An open workshop; what needs an event loop gets one, again and again."""

    shop: Workshop

    def run(self, work: Work[T], entries: list[Entry], manifest: Manifest, wishes: Wishes, **change: Any) -> T:
        """Does the work with these entries; `change` is what is different in the shop this time."""
        from dataclasses import replace

        shop = replace(self.shop, **change)

        async def working() -> T:
            return await work(entries, manifest, shop, wishes)

        return asyncio.run(working())


@contextmanager
def workshop() -> Iterator[At]:
    """Opens one for the settings of this process."""
    import os

    from penstock.clock import utc_now
    from penstock.settings import current

    with connect() as blocking:
        client = AsyncClient(blocking)
        default = current().deployments.default_work_pool_name
        try:
            yield At(Workshop(client, Path.cwd(), os.environ, utc_now(), default))
        finally:
            asyncio.run(client.close())


async def deploy_and_hint(entries: list[Entry], manifest: Manifest, shop: Workshop, wishes: Wishes) -> None:
    """Deploys, and says what comes next."""
    plans = await run_deploy(entries, manifest, shop, wishes)
    await hint_at_workers(shop.client, sorted({str(plan.work_pool_name) for plan in plans}))
    if len(plans) == 1:
        note(f"Run it with: penstock deployment run {plans[0].full_name!r}")
