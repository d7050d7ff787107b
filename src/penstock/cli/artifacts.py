"""`penstock artifact`"""

from __future__ import annotations

from uuid import UUID

import click

from penstock.cli.connect import connect, every, find
from penstock.cli.console import Failure, ago, confirm, output_option, print_json, say
from penstock.cli.groups import Verbs
from penstock.cli.tables import record, table
from penstock.wire import artifacts

NONE = "There are no artifacts. Flows make them with penstock.artifacts."


@click.group(cls=Verbs)
def artifact() -> None:
    """What runs left to be looked at."""


@artifact.command()
@click.option("--limit", type=int, default=100, help="Most artifacts shown.")
@click.option("--all", "-a", "all_versions", is_flag=True, help="Every version of each key.")
@output_option
def ls(limit: int, all_versions: bool, as_json: bool) -> None:
    """List artifacts, the newest of each key."""
    with connect() as client:
        if all_versions:
            every_one = every(client, artifacts.filter_artifacts, limit, sort="KEY_ASC")
            rows = [[one.id, one.key, one.type, ago(one.updated)] for one in every_one]
            return print_json(every_one) if as_json else table(["ID", "Key", "Type", "Updated"], rows, NONE)
        latest = every(client, artifacts.filter_latest_artifacts, limit, sort="KEY_ASC")
    rows = [[one.latest_id, one.key, one.type, ago(one.updated)] for one in latest]
    return print_json(latest) if as_json else table(["ID", "Key", "Type", "Updated"], rows, NONE)


@artifact.command()
@click.argument("key")
@click.option("--limit", type=int, default=10, help="Most versions shown.")
@output_option
def inspect(key: str, limit: int, as_json: bool) -> None:
    """Show the versions of an artifact."""
    with connect() as client:
        found = every(
            client, artifacts.filter_artifacts, limit, artifacts={"key": {"any_": [key]}}, sort="UPDATED_DESC"
        )
    if not found:
        raise Failure(f"Artifact {key!r} not found.")
    if as_json:
        return print_json(found)
    for number, one in enumerate(found):
        if number:
            click.echo()
        record({name: getattr(one, name) for name in one.__struct_fields__})
    return None


@artifact.command()
@click.argument("key", required=False)
@click.option("--id", "artifact_id", type=click.UUID, help="One version, by its id.")
def delete(key: str | None, artifact_id: UUID | None) -> None:
    """Delete every version of an artifact, or one."""
    if (key is None) == (artifact_id is None):
        raise Failure("Give either a key or --id.")
    with connect() as client:
        if artifact_id:
            missing = f"Artifact with id {artifact_id} not found."
            found = [find(client, artifacts.read_artifact, missing, id=artifact_id)]
        else:
            found = every(client, artifacts.filter_artifacts, artifacts={"key": {"any_": [key]}})
        if not found:
            raise Failure(f"Artifact {key!r} not found.")
        confirm(f"Delete {len(found)} version(s) of {key or artifact_id}?")
        for one in found:
            client.call(artifacts.delete_artifact, id=one.id)
    say(f"Deleted {len(found)} artifact(s).")
