"""`penstock deployment schedule`"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from penstock.cli.connect import connect, every, find
from penstock.cli.console import Failure, confirm, local, output_option, print_json, say
from penstock.cli.files import parse_json
from penstock.cli.groups import Verbs
from penstock.cli.tables import table
from penstock.client.client import Client
from penstock.core.change_words import describe
from penstock.wire import deployments
from penstock.wire.deployments import Deployment
from penstock.wire.schedules import DeploymentSchedule, DeploymentScheduleCreate, DeploymentScheduleUpdate

NONE = "There are no schedules. Create one with: penstock deployment schedule create NAME --cron LINE"


@click.group(cls=Verbs)
def schedule() -> None:
    """When a deployment runs."""


def _read(client: Client, name: str) -> Deployment:
    flow_name, slash, own = name.partition("/")
    if not slash or not own:
        raise Failure(f"{name!r} is not a deployment's name; write it as 'flow/deployment'.")
    missing = f"Deployment {name!r} not found."
    return find(client, deployments.read_deployment_by_name, missing, flow_name=flow_name, deployment_name=own)


def _of(found: Deployment, schedule_id: UUID) -> DeploymentSchedule:
    for one in found.schedules:
        if one.id == schedule_id:
            return one
    raise Failure(f"The deployment {found.name!r} has no schedule '{schedule_id}'.")


@schedule.command()
@click.argument("name")
@click.option("--interval", type=float, help="Seconds between runs.")
@click.option("--anchor-date", help="From when the interval counts.")
@click.option("--rrule", help="An iCalendar rule, or JSON {'rrule': ..., 'timezone': ...}.")
@click.option("--cron", help="A cron line.")
@click.option("--day_or/--no-day_or", default=True, help="Whether day of month or of week is enough.")
@click.option("--timezone", help="The zone of the schedule.")
@click.option("--active/--no-active", default=True, help="Whether it acts at once.")
@click.option("--replace", is_flag=True, help="Replace the schedules there are.")
@click.option("--accept-yes", "-y", "yes", is_flag=True, help="Replace without asking.")
def create(
    name: str,
    interval: float | None,
    anchor_date: str | None,
    rrule: str | None,
    cron: str | None,
    day_or: bool,
    timezone: str | None,
    active: bool,
    replace: bool,
    yes: bool,
) -> None:
    """Add a schedule."""
    if sum(value is not None for value in (interval, rrule, cron)) != 1:
        raise Failure("Give exactly one of --interval, --cron and --rrule.")
    if anchor_date and interval is None:
        raise Failure("--anchor-date goes with --interval.")
    if cron is not None:
        content: dict[str, Any] = {"cron": cron, "day_or": day_or, "timezone": timezone}
    elif interval is not None:
        content = {"interval": _positive(interval), "anchor_date": _anchor(anchor_date), "timezone": timezone}
    else:
        content = _rrule(rrule or "", timezone)
    with connect() as client:
        found = _read(client, name)
        if replace and found.schedules and not yes:
            confirm(f"Replace the {len(found.schedules)} schedule(s) of {name!r}?")
        new = DeploymentScheduleCreate(schedule=content, active=active)
        client.call(deployments.create_schedules, [new], id=found.id)
        for old in found.schedules if replace else ():
            client.call(deployments.delete_schedule, id=found.id, schedule_id=old.id)
    say(f"{'Replaced the schedules' if replace else 'Added a schedule'} of {name!r}: {describe(content)}.")


def _positive(interval: float) -> float:
    if interval <= 0:
        raise Failure("--interval must be above 0.")
    return interval


def _anchor(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(f"{text!r} is not a date; write it like '2026-01-31T08:00'.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _rrule(text: str, timezone: str | None) -> dict[str, Any]:
    if not text.strip().startswith("{"):
        return {"rrule": text, "timezone": timezone or "UTC"}
    given = parse_json(text.replace("'", '"'), "The rule for --rrule")
    if timezone and given.get("timezone"):
        raise Failure("Give the zone either in --rrule or in --timezone.")
    return {"rrule": given.get("rrule"), "timezone": given.get("timezone") or timezone or "UTC"}


@schedule.command()
@click.argument("deployment_name")
@click.argument("schedule_id", type=click.UUID)
@click.option("--accept-yes", "-y", "yes", is_flag=True, help="Delete without asking.")
def delete(deployment_name: str, schedule_id: UUID, yes: bool) -> None:
    """Delete a schedule."""
    with connect() as client:
        found = _read(client, deployment_name)
        _of(found, schedule_id)
        if not yes:
            confirm(f"Delete the schedule '{schedule_id}'?")
        client.call(deployments.delete_schedule, id=found.id, schedule_id=schedule_id)
    say(f"Deleted schedule '{schedule_id}'.")


@schedule.command()
@click.argument("deployment_name", required=False)
@click.argument("schedule_id", type=click.UUID, required=False)
@click.option("--all", "all_of_them", is_flag=True, help="Every schedule of every deployment.")
def pause(deployment_name: str | None, schedule_id: UUID | None, all_of_them: bool) -> None:
    """Stop a schedule from making runs."""
    _switch(deployment_name, schedule_id, all_of_them, active=False)


@schedule.command()
@click.argument("deployment_name", required=False)
@click.argument("schedule_id", type=click.UUID, required=False)
@click.option("--all", "all_of_them", is_flag=True, help="Every schedule of every deployment.")
def resume(deployment_name: str | None, schedule_id: UUID | None, all_of_them: bool) -> None:
    """Let a schedule make runs again."""
    _switch(deployment_name, schedule_id, all_of_them, active=True)


def _switch(name: str | None, schedule_id: UUID | None, all_of_them: bool, *, active: bool) -> None:
    done = "Resumed" if active else "Paused"
    if all_of_them and (name or schedule_id):
        raise Failure("Give either a schedule or --all, not both.")
    if all_of_them:
        return _switch_all(done, active=active)
    if name is None or schedule_id is None:
        raise Failure("Give the deployment and the schedule's id, or --all.")
    with connect() as client:
        found = _read(client, name)
        if _of(found, schedule_id).active == active:
            raise Failure(f"The schedule is {'active' if active else 'paused'} already.")
        change = DeploymentScheduleUpdate(active=active)
        client.call(deployments.update_schedule, change, id=found.id, schedule_id=schedule_id)
    return say(f"{done} schedule '{schedule_id}' of {name!r}.")


def _switch_all(done: str, *, active: bool) -> None:
    with connect() as client:
        found = every(client, deployments.filter_deployments)
        wrong = [(one.id, each.id) for one in found for each in one.schedules if each.active != active]
        if not wrong:
            return say(f"There is no schedule to be {done.lower()}.")
        confirm(f"{done} means all {len(wrong)} schedules; go on?")
        change = DeploymentScheduleUpdate(active=active)
        for deployment_id, schedule_id in wrong:
            client.call(deployments.update_schedule, change, id=deployment_id, schedule_id=schedule_id)
    return say(f"{done} {len(wrong)} schedule{'s' if len(wrong) > 1 else ''}.")


@schedule.command()
@click.argument("deployment_name")
@output_option
def ls(deployment_name: str, as_json: bool) -> None:
    """List the schedules of a deployment."""
    with connect() as client:
        found = _read(client, deployment_name).schedules
    if as_json:
        return print_json(found)
    rows = [[describe(one.schedule), one.active, local(one.created), one.slug, one.id] for one in found]
    return table(["Schedule", "Active", "Created", "Slug", "ID"], rows, NONE)


@schedule.command()
@click.argument("deployment_name")
@click.option("--accept-yes", "-y", "yes", is_flag=True, help="Delete without asking.")
def clear(deployment_name: str, yes: bool) -> None:
    """Delete all schedules of a deployment."""
    with connect() as client:
        found = _read(client, deployment_name)
        if not yes:
            confirm(f"Delete all schedules of {deployment_name!r}?")
        for one in found.schedules:
            client.call(deployments.delete_schedule, id=found.id, schedule_id=one.id)
    say(f"Deleted {len(found.schedules)} schedule(s) of {deployment_name!r}.")
