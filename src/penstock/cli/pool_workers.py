"""`penstock worker ls`, `inspect`, `pause`, `resume`, `drain`: the workers of a pool, and what is wanted of them."""

from __future__ import annotations

from typing import Any

import click
from msgspec.structs import asdict

from penstock.cli.connect import connect, every, find
from penstock.cli.console import Failure, ago, local, output_option, print_json, say
from penstock.cli.tables import record, table
from penstock.client.client import Client
from penstock.errors import NotFound
from penstock.wire import dispatch, pool_workers, work_pools, workers
from penstock.wire.model import Criteria
from penstock.wire.pool_workers import Orders, PoolWorker, Wish, WorkerState

POOL_OPTION = click.option("--pool", "-p", required=True, metavar="POOL", help="The work pool.")
COLORS = {"ONLINE": "green", "PAUSED": "yellow", "DRAINING": "magenta", "OFFLINE": "bright_black"}


@click.command()
@click.option("--pool", "-p", metavar="POOL", help="Only workers of this pool.")
@output_option
def ls(pool: str | None, as_json: bool) -> None:
    """List workers: since when they run, when they were last heard of, and what they do."""
    with connect() as client:
        pools = [pool] if pool else [one.name for one in every(client, work_pools.filter_work_pools)]
        found = [(name, one) for name in pools for one in workers_of(client, name)]
    if as_json:
        return print_json([asdict(one) | {"work_pool": name} for name, one in found])
    rows = [
        [
            one.name,
            name,
            click.style(one.state, fg=COLORS[one.state]),
            local(one.started),
            ago(one.last_heartbeat_time),
            ago(one.last_polled),
            _jobs(one),
        ]
        for name, one in found
    ]
    none = f"There are no workers. Start one with: penstock worker start --pool {pool or 'POOL'}"
    return table(["Name", "Pool", "State", "Started", "Heard of", "Polled", "Jobs"], rows, none)


def _jobs(worker: PoolWorker) -> str:
    if worker.about is None or worker.state is WorkerState.OFFLINE:
        return ""
    about = worker.about
    return str(about.running) if about.capacity is None else f"{about.running} of {about.capacity}"


def workers_of(client: Client, pool: str) -> list[PoolWorker]:
    """A pool's workers; of a Prefect server as far as it knows them. Raises Failure for an unknown pool."""
    missing = f"Work pool {pool!r} not found."
    if _is_penstock(client):
        return find(client, pool_workers.list_workers_of_pool, missing, name=pool)
    find(client, work_pools.read_work_pool, missing, name=pool)
    known = client.call(workers.filter_workers, Criteria(), work_pool_name=pool)
    return [
        PoolWorker(
            id=one.id,
            name=one.name,
            state=WorkerState(one.status),
            started=one.created,
            last_heartbeat_time=one.last_heartbeat_time or one.created,
            heartbeat_interval_seconds=one.heartbeat_interval_seconds,
        )
        for one in known
        if one.created
    ]


def _is_penstock(client: Client) -> bool:
    try:
        client.call(dispatch.probe)
    except NotFound:
        return False
    return True


@click.command()
@click.argument("name")
@POOL_OPTION
@output_option
def inspect(name: str, pool: str, as_json: bool) -> None:
    """Show a worker."""
    with connect() as client:
        found = next((one for one in workers_of(client, pool) if one.name == name), None)
    if found is None:
        raise Failure(f"There is no worker {name!r} in work pool {pool!r}.")
    fields: dict[str, Any] = asdict(found)
    return print_json(found) if as_json else record(fields)


@click.command()
@click.argument("name")
@POOL_OPTION
def pause(name: str, pool: str) -> None:
    """Let a worker take no more runs until it is resumed; its jobs go on."""
    _order(name, pool, Wish.PAUSE, "is paused")


@click.command()
@click.argument("name")
@POOL_OPTION
def resume(name: str, pool: str) -> None:
    """Let a paused worker take runs again."""
    _order(name, pool, Wish.WORK, "takes runs again")


@click.command()
@click.argument("name")
@POOL_OPTION
def drain(name: str, pool: str) -> None:
    """Let a worker take no more runs, and end when its last job has."""
    _order(name, pool, Wish.DRAIN, "drains: it ends with its last job")


def _order(name: str, pool: str, wish: Wish, done: str) -> None:
    with connect() as client:
        if not _is_penstock(client):
            raise Failure("This server can't tell workers anything: it is not a Penstock server.")
        client.call(pool_workers.order_worker, Orders(wish=wish), name=pool, worker=name)
    say(f"Worker {name!r} {done}.")
