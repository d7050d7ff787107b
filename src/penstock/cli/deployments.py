"""`penstock deployment`"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click
from msgspec import UNSET

from penstock.cli import watching
from penstock.cli.connect import as_id, connect, every, find
from penstock.cli.console import Failure, confirm, local, output_option, print_json, say
from penstock.cli.deployment_build import apply, build
from penstock.cli.deployment_versions import rollback, versions
from penstock.cli.files import object_and_pairs, parse_pairs
from penstock.cli.flow_runs import flow_names_of
from penstock.cli.groups import Verbs
from penstock.cli.moments import after, at
from penstock.cli.schedules import schedule
from penstock.cli.tables import record, table
from penstock.client.client import Client
from penstock.core.change_words import describe
from penstock.errors import PenstockError
from penstock.names import nearest
from penstock.wire import deployments
from penstock.wire.deployments import Deployment, DeploymentFlowRunCreate
from penstock.wire.flow_runs import FlowRun
from penstock.wire.states import StateCreate, StateDetails, StateType

NONE = "There are no deployments. Create one with: penstock deploy FILE.py:FUNCTION --name NAME --pool POOL"


@click.group(cls=Verbs, aliases={"schedules": "schedule", "version": "versions"})
def deployment() -> None:
    """Flows set up to run."""


deployment.add_command(schedule)
deployment.add_command(versions)
deployment.add_command(rollback)
deployment.add_command(build)
deployment.add_command(apply)


def read(client: Client, name: str | None, deployment_id: str | UUID | None = None) -> Deployment:
    """A deployment by `flow/name` or by id. Raises Failure when there is none."""
    if (name is None) == (deployment_id is None):
        raise Failure("Give either a name, as 'flow/deployment', or --id.")
    if deployment_id is not None:
        known = deployment_id if isinstance(deployment_id, UUID) else as_id(deployment_id)
        if known is None:
            raise Failure(f"{deployment_id!r} is not an id.")
        return find(client, deployments.read_deployment, f"Deployment with id '{known}' not found.", id=known)
    flow_name, slash, own = (name or "").partition("/")
    if not slash or not own:
        raise Failure(f"{name!r} is not a deployment's name; write it as 'flow/deployment'.")
    missing = f"Deployment {name!r} not found."
    return find(client, deployments.read_deployment_by_name, missing, flow_name=flow_name, deployment_name=own)


@deployment.command()
@click.argument("name")
@output_option
def inspect(name: str, as_json: bool) -> None:
    """Show a deployment."""
    with connect() as client:
        found = read(client, name)
    fields = {key: getattr(found, key) for key in found.__struct_fields__}
    return print_json(found) if as_json else record({key: value for key, value in fields.items() if value is not UNSET})


@deployment.command()
@click.argument("flow_name", nargs=-1)
@click.option("--by-created", is_flag=True, help="Newest first, rather than by name.")
@output_option
def ls(flow_name: tuple[str, ...], by_created: bool, as_json: bool) -> None:
    """List deployments."""
    criteria: dict[str, Any] = {"flows": {"name": {"any_": list(flow_name)}}} if flow_name else {}
    with connect() as client:
        found = every(client, deployments.filter_deployments, **criteria)
        names = flow_names_of(client, {one.flow_id for one in found}) if found else {}
    if as_json:
        return print_json(found)
    oldest = datetime.min.replace(tzinfo=UTC)
    found.sort(key=lambda one: (names.get(one.flow_id, ""), one.name))
    if by_created:
        found.sort(key=lambda one: one.created or oldest, reverse=True)
    rows = [
        [
            f"{names.get(one.flow_id, '?')}/{one.name}",
            one.work_pool_name,
            "PAUSED" if one.paused else one.status,
            "; ".join(describe(each.schedule) for each in one.schedules if each.active),
            one.id,
        ]
        for one in found
    ]
    return table(["Name", "Pool", "Status", "Schedules", "ID"], rows, NONE)


@deployment.command()
@click.argument("name", required=False)
@click.option("--id", "deployment_id", help="The deployment's id, instead of its name.")
@click.option("--job-variable", "-jv", "job_variables", multiple=True, metavar="KEY=VALUE", help="For this run only.")
@click.option("--param", "-p", "pairs", multiple=True, metavar="KEY=VALUE", help="A parameter; JSON or text.")
@click.option("--params", metavar="JSON", help="All parameters as a JSON object; - reads standard input.")
@click.option("--start-in", metavar="TIME", help="When, from now: '10 minutes', '1h30m'.")
@click.option("--start-at", metavar="TIME", help="When: '2026-01-31T08:00', '17:30', '5pm'.")
@click.option("--tag", "tags", multiple=True, help="A tag for the run.")
@click.option("--watch", is_flag=True, help="Wait until the run has ended; fail unless it completed.")
@click.option("--watch-interval", type=float, default=0.5, help="Seconds between looks.")
@click.option("--watch-timeout", type=float, help="Stop waiting after so many seconds.")
@click.option("--flow-run-name", help="A name for the run; {parameters} are filled in.")
def run(
    name: str | None,
    deployment_id: str | None,
    job_variables: tuple[str, ...],
    pairs: tuple[str, ...],
    params: str | None,
    start_in: str | None,
    start_at: str | None,
    tags: tuple[str, ...],
    watch: bool,
    watch_interval: float,
    watch_timeout: float | None,
    flow_run_name: str | None,
) -> None:
    """Create a run of a deployment."""
    parameters = object_and_pairs(params, pairs, "--params", "parameter")
    due = _due(start_in, start_at)
    with connect() as client:
        found = read(client, name, deployment_id)
        _check_parameters(found, parameters)
        new = DeploymentFlowRunCreate(
            parameters=parameters,
            name=_run_name(flow_run_name, {**found.parameters, **parameters}),
            state=StateCreate(type=StateType.SCHEDULED, state_details=StateDetails(scheduled_time=due)),
            tags=list(tags),
            job_variables=parse_pairs(job_variables, "job variable") or None,
        )
        created = client.call(deployments.create_run_of_deployment, new, id=found.id)
        _tell(created, due)
        if watch:
            say(watching.judge(watching.watch(client, created.id, watch_timeout, watch_interval)))


def _due(start_in: str | None, start_at: str | None) -> datetime:
    if start_in and start_at:
        raise Failure("Use either --start-in or --start-at, not both.")
    now = datetime.now(UTC)
    if start_in is not None:
        return after(start_in, now)
    return at(start_at, now) if start_at is not None else now


def _check_parameters(found: Deployment, parameters: dict[str, Any]) -> None:
    schema = found.parameter_openapi_schema or {}
    known = (schema.get("properties") or {}).keys()
    unknown = [name for name in parameters if name not in known] if schema else []
    if unknown:
        near = nearest(unknown[0], known)
        hint = f" Did you mean {near!r}?" if near else f" It takes: {', '.join(known) or 'none'}."
        raise Failure(f"The flow has no parameter {', '.join(map(repr, unknown))}.{hint}")


def _run_name(template: str | None, parameters: dict[str, Any]) -> str | None:
    if template is None:
        return None
    try:
        return template.format(**parameters)
    except (KeyError, IndexError, ValueError) as error:
        raise Failure(f"Can't fill in the run name {template!r}: {error} is not a parameter.") from None


def _tell(created: FlowRun, due: datetime) -> None:
    say(f"Created flow run {created.name!r}.")
    say(f"  ID: {created.id}")
    say(f"  Due: {local(due)}")


@deployment.command()
@click.argument("name", required=False)
@click.option("--id", "deployment_id", type=click.UUID, help="The deployment's id, instead of its name.")
@click.option("--all", "all_of_them", is_flag=True, help="Delete every deployment.")
def delete(name: str | None, deployment_id: UUID | None, all_of_them: bool) -> None:
    """Delete a deployment."""
    with connect() as client:
        if all_of_them:
            return _delete_all(client, name, deployment_id)
        found = read(client, name, deployment_id)
        confirm(f"Delete the deployment {name or deployment_id}?")
        client.call(deployments.delete_deployment, id=found.id)
    return say(f"Deleted deployment '{name or deployment_id}'.")


def _delete_all(client: Client, name: str | None, deployment_id: UUID | None) -> None:
    if name or deployment_id:
        raise Failure("Give either a deployment or --all, not both.")
    found = every(client, deployments.filter_deployments)
    if not found:
        return say("There are no deployments.")
    confirm(f"Delete all {len(found)} deployments?")
    failed = 0
    with click.progressbar(found, label="Deleting", file=sys.stderr) as progress:
        for one in progress:
            try:
                client.call(deployments.delete_deployment, id=one.id)
            except PenstockError:
                failed += 1
    if failed:
        raise Failure(f"{failed} of {len(found)} deployments could not be deleted.")
    return say(f"Deleted {len(found)} deployment{'s' if len(found) > 1 else ''}.")
