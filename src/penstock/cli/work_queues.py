"""`penstock work-queue`; without `--pool` a queue of any pool, by name or id."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from msgspec.structs import asdict

from penstock.cli.connect import as_id, connect, every, find
from penstock.cli.console import Failure, ago, confirm, local, output_option, print_json, say, slots_taken
from penstock.cli.groups import Verbs
from penstock.cli.tables import record, table
from penstock.client.client import Client
from penstock.errors import Conflict, NotFound
from penstock.wire import work_pools, work_queues
from penstock.wire.flow_runs import FlowRun
from penstock.wire.work_pools import PoolPoll, SlotsQuery
from penstock.wire.work_queues import QueuePoll, WorkQueue, WorkQueueCreate, WorkQueueUpdate

pool_option = click.option("--pool", "-p", help="The work pool of the queue.")


@click.group(cls=Verbs)
def work_queue() -> None:
    """Parts of a pool, by priority."""


@work_queue.command()
@click.argument("name")
@click.option("--limit", "-l", type=int, help="Most runs at once.")
@click.option("--priority", "-q", type=int, help="1 goes first; default: last.")
@pool_option
def create(name: str, limit: int | None, priority: int | None, pool: str | None) -> None:
    """Create a queue."""
    queue = WorkQueueCreate(name=name, concurrency_limit=limit, priority=priority)
    with connect() as client:
        try:
            if pool:
                client.call(work_queues.create_pool_queue, queue, work_pool_name=pool)
            else:
                client.call(work_queues.create_work_queue, queue)
        except Conflict:
            raise Failure(f"Work queue {name!r} already exists.") from None
        except NotFound:
            raise Failure(f"Work pool {pool!r} not found.") from None
    say(f"Created work queue {name!r}{_of(pool)}.")


def _of(pool: str | None) -> str:
    return f" in pool {pool!r}" if pool else ""


def read(client: Client, name: str, pool: str | None) -> WorkQueue:
    """A queue by name or id. Raises Failure when there is none."""
    missing = f"Work queue {name!r}{_of(pool)} not found."
    if not name:
        raise Failure("Say which work queue.")
    if pool:
        return find(client, work_queues.read_pool_queue, missing, work_pool_name=pool, name=name)
    if as_id(name):
        return find(client, work_queues.read_work_queue, missing, id=name)
    return find(client, work_queues.read_work_queue_by_name, missing, name=name)


def _update(name: str, pool: str | None, change: WorkQueueUpdate, done: str) -> None:
    with connect() as client:
        queue = read(client, name, pool)
        client.call(work_queues.update_work_queue, change, id=queue.id)
    say(f"{done} work queue {queue.name!r}{_of(pool)}.")


@work_queue.command("set-concurrency-limit")
@click.argument("name")
@click.argument("limit", type=int)
@pool_option
def set_concurrency_limit(name: str, limit: int, pool: str | None) -> None:
    """Limit how many runs may be active at once."""
    _update(name, pool, WorkQueueUpdate(concurrency_limit=limit), f"Set limit {limit} of")


@work_queue.command("clear-concurrency-limit")
@click.argument("name")
@pool_option
def clear_concurrency_limit(name: str, pool: str | None) -> None:
    """Remove the limit."""
    _update(name, pool, WorkQueueUpdate(concurrency_limit=None), "Cleared limit of")


@work_queue.command()
@click.argument("name")
@pool_option
def pause(name: str, pool: str | None) -> None:
    """Give out no more runs."""
    if not pool:
        confirm(f"Pause the work queue {name!r} of the default pool?")
    _update(name, pool, WorkQueueUpdate(is_paused=True), "Paused")


@work_queue.command()
@click.argument("name")
@pool_option
def resume(name: str, pool: str | None) -> None:
    """Give out runs again."""
    _update(name, pool, WorkQueueUpdate(is_paused=False), "Resumed")


@work_queue.command()
@click.argument("name")
@pool_option
@output_option
def inspect(name: str, pool: str | None, as_json: bool) -> None:
    """Show a queue and its health."""
    with connect() as client:
        queue = read(client, name, pool)
        health = find(client, work_queues.read_work_queue_status, f"Work queue {name!r} not found.", id=queue.id)
    fields = {**asdict(queue), "status_details": asdict(health)}
    return print_json(fields) if as_json else record(fields)


@work_queue.command()
@click.argument("name")
@pool_option
@output_option
def slots(name: str, pool: str | None, as_json: bool) -> None:
    """Show who holds the queue's slots."""
    with connect() as client:
        queue = read(client, name, pool)
        status = client.call(work_queues.read_queue_slots, SlotsQuery(), id=queue.id)
    if as_json:
        return print_json(status)
    say(slots_taken(status.active_slots, status.concurrency_limit))
    rows = [[run.name, run.state_name, ago(run.start_time), run.id] for run in status.flow_runs]
    return table(["Run", "State", "Started", "ID"], rows) if rows else None


@work_queue.command()
@click.option("--verbose", "-v", is_flag=True, help="Also show description and last poll.")
@click.option("--match", "-m", metavar="PREFIX", help="Only queues whose name begins so.")
@pool_option
@output_option
def ls(verbose: bool, match: str | None, pool: str | None, as_json: bool) -> None:
    """List queues."""
    criteria: dict[str, Any] = {"work_queues": {"name": {"startswith_": [match]}}} if match else {}
    with connect() as client:
        queues = _of_pool(client, pool, criteria) if pool else every(client, work_queues.filter_work_queues, **criteria)
    queues = [queue for queue in queues if not match or queue.name.startswith(match)]
    queues.sort(key=lambda queue: (queue.work_pool_name or "", queue.priority))
    if as_json:
        return print_json(queues)
    if not queues:
        return say("There are no work queues. Create one with: penstock work-queue create NAME --pool POOL")
    columns = ["Name", "Pool", "Priority", "Limit", "Status", "Last polled", "ID"]
    rows: list[list[object]] = [
        [
            queue.name,
            queue.work_pool_name or pool,
            queue.priority,
            _limit(queue),
            _status(queue),
            ago(queue.last_polled) or "never",
            queue.id,
        ]
        for queue in queues
    ]
    if verbose:
        columns.append("Description")
        for row, queue in zip(rows, queues, strict=True):
            row.append(queue.description)
    return table(columns, rows)


def _limit(queue: WorkQueue) -> object:
    return "none" if queue.concurrency_limit is None else queue.concurrency_limit


def _status(queue: WorkQueue) -> str:
    return "PAUSED" if queue.is_paused else str(queue.status or "")


def _of_pool(client: Client, pool: str, criteria: dict[str, Any]) -> list[WorkQueue]:
    from penstock.wire.model import Criteria

    try:
        return client.call(work_queues.filter_pool_queues, Criteria(**criteria), work_pool_name=pool)
    except NotFound:
        raise Failure(f"Work pool {pool!r} not found.") from None


@work_queue.command(context_settings={"help_option_names": ["--help"]})
@click.argument("name")
@click.option("--hours", "-h", type=int, default=1, help="How far to look ahead.")
@pool_option
@output_option
def preview(name: str, hours: int, pool: str | None, as_json: bool) -> None:
    """Show runs that are due soon."""
    _show_runs(name, pool, as_json, lambda: datetime.now(UTC) + timedelta(hours=hours))


@work_queue.command("read-runs")
@click.argument("name")
@pool_option
def read_runs(name: str, pool: str | None) -> None:
    """Show runs that are due."""
    _show_runs(name, pool, False, lambda: None)


def _show_runs(name: str, pool: str | None, as_json: bool, before: Callable[[], datetime | None]) -> None:
    with connect() as client:
        queue = read(client, name, pool)
        runs = _due(client, queue, pool, before())
    if as_json:
        return print_json(runs)
    if not runs:
        return say("No runs of the queue are due.")
    rows = [[local(run.expected_start_time), ago(run.expected_start_time), run.name, run.id] for run in runs]
    return table(["Due", "", "Run", "ID"], rows)


def _due(client: Client, queue: WorkQueue, pool: str | None, before: datetime | None) -> list[FlowRun]:
    if not pool:
        poll = QueuePoll(scheduled_before=before)
        return client.call(work_queues.scheduled_runs_of_queue, poll, id=queue.id)
    due = PoolPoll(work_queue_names=[queue.name], scheduled_before=before)
    return [one.flow_run for one in client.call(work_pools.scheduled_runs_of_pool, due, name=pool)]


@work_queue.command()
@click.argument("name")
@pool_option
def delete(name: str, pool: str | None) -> None:
    """Delete a queue."""
    with connect() as client:
        queue = read(client, name, pool)
        confirm(f"Delete the work queue {queue.name!r}{_of(pool)}?")
        client.call(work_queues.delete_work_queue, id=queue.id)
    say(f"Deleted work queue {queue.name!r}{_of(pool)}.")
