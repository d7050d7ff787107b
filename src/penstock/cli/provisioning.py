"""`penstock work-pool provision-infra`, and the same on the way of `work-pool create`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import click

from penstock.cli.connect import connect, find
from penstock.cli.console import Failure, may_ask, say
from penstock.cli.tables import table
from penstock.client.client import Client
from penstock.wire import work_pools
from penstock.wire.work_pools import WorkPoolUpdate

T = TypeVar("T")


@click.command("provision-infra")
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before the plan is carried out.")
def provision_infra(name: str, yes: bool) -> None:
    """Make in the cloud what a push pool needs there."""
    with connect() as client:
        pool = find(client, work_pools.read_work_pool, f"Work pool {name!r} not found.", name=name)
        template = provisioned(client, name, pool.type, pool.base_job_template, yes=yes)
        client.call(work_pools.update_work_pool, WorkPoolUpdate(base_job_template=template), name=name)
    say(f"The work pool {name!r} is ready: the server starts its runs itself.")


def provisioned(client: Client, pool: str, kind: str, template: Mapping[str, Any], *, yes: bool) -> dict[str, Any]:
    """Shows the plan, asks, carries it out, and gives the template with what was made as its defaults."""
    from penstock.provision.blocks import create_block, find_block, reference
    from penstock.provision.plan import block_name, carry_out, credentials_of, provisioner, with_defaults

    cloud = provisioner(kind, pool)
    wanted = credentials_of(kind)
    block = find_block(client, wanted.block_type, name := block_name(pool, wanted))
    plan = _done(cloud.plan())
    rows: list[list[object]] = [[one.what, one.name, _fate(one.exists)] for one in plan]
    table(["Resource", "Name", ""], [*rows, [f"Block of type {wanted.block_type}", name, _fate(block is not None)]])
    if block is None or not all(one.exists for one in plan):
        _agree(yes)
    _done(carry_out(plan, lambda one: say(f"Made the {one.what} {one.name!r}.")))
    if block is None:
        block = create_block(client, wanted.block_type, name, _done(cloud.credentials()))
        say(f"Made the block {wanted.block_type}/{name}.")
    return with_defaults(template, {**_done(cloud.defaults()), wanted.variable: reference(block)})


def _done(work: Coroutine[Any, Any, T]) -> T:
    from penstock.infra.polling import Absent, AlreadyThere

    try:
        return asyncio.run(work)
    except (Absent, AlreadyThere) as error:
        raise Failure(
            f"The cloud refuses: {error} What was made before that stays; the same command goes on."
        ) from None


def _fate(exists: bool) -> str:
    return "exists" if exists else "would be made"


def _agree(yes: bool) -> None:
    if yes:
        return
    if not may_ask():
        raise Failure("Nothing was made. There is nobody to ask: say --yes to carry the plan out.")
    if not click.confirm("Carry this plan out?", default=False):
        raise Failure("Nothing was made.")
