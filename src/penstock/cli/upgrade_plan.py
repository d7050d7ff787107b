"""`penstock upgrade plan`, `penstock upgrade verify`: what an upgrade would do, and that jobs stay what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from penstock.cli.connect import connect
from penstock.cli.console import Failure, note, output_option, print_json
from penstock.cli.upgrade_report import as_proofs, show_plan, show_proofs
from penstock.client.client import Client
from penstock.client.open import open_foreign
from penstock.core.infrastructure_kinds import target
from penstock.core.upgrade_planning import PoolTypes
from penstock.core.upgrade_planning import plan as make_plan
from penstock.core.upgrade_plans import Existing, UpgradePlan, UpgradeState
from penstock.core.upgrade_proofs import prove
from penstock.core.upgrade_selection import select
from penstock.core.upgrade_words import as_data
from penstock.infra.templates import shipped_templates
from penstock.settings import current
from penstock.upgrade.read import read

BLOCKED = 2
"""The exit code when something has to be seen to before it can be upgraded."""
STATES = ("ready", "blocked", "upgraded")


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that name another server than the one of the settings."""
    for option in (
        click.option(
            "--from-auth",
            metavar="USER:PASS",
            envvar="PENSTOCK_IMPORT_AUTH",
            help="Its basic auth; or set PENSTOCK_IMPORT_AUTH.",
        ),
        click.option("--from-key", envvar="PENSTOCK_IMPORT_KEY", help="Its API key; or set PENSTOCK_IMPORT_KEY."),
        click.option("--from", "url", metavar="URL", help="The API of another server to look at."),
    ):
        command = option(command)
    return command


def _read_types(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> PoolTypes:
    """`BLOCK=TYPE`, each of which must go together."""
    found = {}
    for one in given:
        slug, sign, pool_type = one.partition("=")
        if not sign:
            raise Failure(f"{one!r} is not BLOCK=TYPE, such as: --pool-type cloud-run-job=cloud-run-v2")
        target(slug, pool_type)
        found[slug] = pool_type
    return found


types_option = click.option(
    "--pool-type",
    "types",
    multiple=True,
    callback=_read_types,
    metavar="BLOCK=TYPE",
    help="The type of pool for blocks of a type that can become several: cloud-run-job=cloud-run-v2.",
)


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@types_option
@click.option("--only", type=click.Choice(STATES), help="Only deployments in this state.")
@source_options
@output_option
def plan(
    names: tuple[str, ...],
    types: PoolTypes,
    only: str | None,
    url: str | None,
    from_key: str | None,
    from_auth: str | None,
    as_json: bool,
) -> int:
    """Show what an upgrade from agents to workers would do. Nothing is written.

    NAME is a deployment, `flow/name`, or either with `*`; without one all deployments are planned. Exits with 2 when
    some can't be upgraded before something is seen to.
    """
    with _server(url, from_key, from_auth) as client:
        found, _ = planned(client, names, types)
    found = _only(found, only)
    if as_json:
        print_json(as_data(found))
    else:
        show_plan(found, names, url, types)
    return BLOCKED if found.of(UpgradeState.BLOCKED) else 0


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@types_option
@source_options
@output_option
def verify(
    names: tuple[str, ...],
    types: PoolTypes,
    url: str | None,
    from_key: str | None,
    from_auth: str | None,
    as_json: bool,
) -> int:
    """Compare the job that agents start for a deployment with the one that a worker starts for it.

    What differs is listed with its reason. For deployments that are upgraded, the pool counts as it is now. Exits with
    1 when something differs without a reason, with 2 when a deployment can't be upgraded.
    """
    with _server(url, from_key, from_auth) as client:
        found, there = planned(client, names, types)
    proofs = list(prove(found, there, shipped_templates()))
    if as_json:
        print_json(as_proofs(proofs))
    else:
        show_proofs(proofs)
    compared = [one for one in proofs if one.state is not UpgradeState.BLOCKED]
    if not all(one.is_good for one in compared):
        return 1
    return BLOCKED if len(compared) < len(proofs) else 0


def planned(client: Client, names: tuple[str, ...], types: PoolTypes | None = None) -> tuple[UpgradePlan, Existing]:
    """The plan for the deployments that the names mean, and what there is. `NotFound` tells of an unknown name."""
    landscape = read(client, note)
    every = make_plan(landscape.deployments, landscape.there, shipped_templates(), types)
    return select(every, names), landscape.there


@contextmanager
def _server(url: str | None, key: str | None, auth: str | None) -> Iterator[Client]:
    if url is None:
        with connect() as client:
            yield client
        return
    if key and auth:
        raise Failure("Give either --from-key or --from-auth, not both.")
    plain = url.rstrip("/")
    address = plain if plain.endswith("/api") else f"{plain}/api"
    with open_foreign(address, current(), key=key, auth=auth) as client:
        yield client


def _only(found: UpgradePlan, state: str | None) -> UpgradePlan:
    if state is None:
        return found
    return UpgradePlan(tuple(found.of(UpgradeState(state))), found.notes)
