"""`penstock deployment versions` and `penstock deployment rollback`"""

from __future__ import annotations

import click

from penstock.cli.connect import connect, find
from penstock.cli.console import Failure, ago, confirm, may_ask, output_option, print_json, say
from penstock.cli.deploy_plan import show
from penstock.cli.groups import Verbs
from penstock.cli.tables import record, table
from penstock.client.client import Client
from penstock.wire import deployment_versions as wire
from penstock.wire import deployments
from penstock.wire.deployment_versions import VERSION_LABEL, DeploymentVersion
from penstock.wire.deployments import Deployment

NONE = "There are no versions: the deployment was not deployed since this server keeps them."
NO_VERSIONS = "This server keeps no versions of deployments: it is not a Penstock server."
SHORT = 10


@click.group(cls=Verbs)
def versions() -> None:
    """What each deploy made of a deployment."""


def _deployment(client: Client, name: str) -> Deployment:
    flow_name, slash, own = name.partition("/")
    if not slash or not own:
        raise Failure(f"{name!r} is not a deployment's name; write it as 'flow/deployment'.")
    missing = f"Deployment {name!r} not found."
    return find(client, deployments.read_deployment_by_name, missing, flow_name=flow_name, deployment_name=own)


def _version(client: Client, found: Deployment, name: str, number: int) -> DeploymentVersion:
    missing = f"There is no version {number} of {name!r}. See: penstock deployment versions ls {name!r}"
    return find(client, wire.read_version, missing, id=found.id, number=number)


def _versions(client: Client, found: Deployment) -> list[DeploymentVersion]:
    return find(client, wire.list_versions, NO_VERSIONS, id=found.id)


@versions.command()
@click.argument("name")
@output_option
def ls(name: str, as_json: bool) -> None:
    """List the versions of a deployment, the newest first."""
    with connect() as client:
        kept = _versions(client, _deployment(client, name))
    if as_json:
        return print_json(kept)
    rows = [
        [
            f"{one.number} *" if one is kept[0] else one.number,
            one.version,
            _commit(one),
            one.source.image,
            one.source.by,
            ago(one.created),
            f"back to {one.restores}" if one.restores else "",
        ]
        for one in kept
    ]
    return table(["Number", "Version", "Commit", "Image", "By", "Made", ""], rows, NONE)


def _commit(one: DeploymentVersion) -> str:
    """A commit's first digits; with a + where files differed from it."""
    return f"{(one.source.commit or '')[:SHORT]}{'+' if one.source.dirty else ''}"


@versions.command()
@click.argument("name")
@click.argument("number", type=click.IntRange(min=1), required=False)
@output_option
def inspect(name: str, number: int | None, as_json: bool) -> None:
    """Show a version of a deployment, by default the newest."""
    with connect() as client:
        found = _deployment(client, name)
        newest = found.labels.get(VERSION_LABEL)
        if number is None and newest is None:
            raise Failure(NONE)
        one = _version(client, found, name, number or int(newest or 0))
    return print_json(one) if as_json else record({key: getattr(one, key) for key in one.__struct_fields__})


@click.command()
@click.argument("name")
@click.option("--to", "number", type=click.IntRange(min=1), help="The version's number.  [default: the one before]")
@click.option("--reset", is_flag=True, help="The version wins over what people changed on the server.")
@click.option("--yes", "-y", is_flag=True, help="Do it without asking.")
def rollback(name: str, number: int | None, reset: bool, yes: bool) -> None:
    """Go back to an earlier version of a deployment, which makes a new one equal to it."""
    from penstock.client.deployments import Deploying, carry_out, compare_version
    from penstock.deploy.plan import item_of
    from penstock.deploy.provenance import person

    with connect() as client:
        found = _deployment(client, name)
        wanted = _version(client, found, name, number or _earlier(client, found, name))
        compared = compare_version(client, found, name.partition("/")[0], wanted, reset=reset)
        show(item_of(compared))
        if not compared.changes.made:
            return say(f"Deployment {name!r} is what version {wanted.number} says.")
        _ask(f"Go back to version {wanted.number} of {name!r}?", yes)
        source = _again(wanted, person())
        how = Deploying(source, reset=reset, restores=wanted.number, as_written=wanted.applied is not None)
        carry_out(client, compared, how)
        current = _versions(client, found)[0]
    return say(f"Deployment {name!r} is at version {current.number}, which is version {wanted.number} again.")


def _earlier(client: Client, found: Deployment, name: str) -> int:
    kept = _versions(client, found)
    if len(kept) < 2:
        raise Failure(f"There is no earlier version of {name!r} to go back to.")
    return kept[1].number


def _ask(question: str, yes: bool) -> None:
    if yes:
        return
    if not may_ask():
        raise Failure("There is nobody to ask: give --yes. Nothing was changed.")
    confirm(question)


def _again(wanted: DeploymentVersion, by: str | None) -> wire.VersionSource:
    """What a version comes from, done again by somebody else."""
    from msgspec.structs import replace

    return replace(wanted.source, by=by)
