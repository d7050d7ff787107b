"""`penstock server database`"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from penstock.cli.console import Failure, may_ask, note, say
from penstock.cli.groups import Verbs
from penstock.settings import Settings, current
from penstock.settings.shown import without_password
from penstock.store.database import Database

T = TypeVar("T")


@click.group(cls=Verbs)
def database() -> None:
    """The server's database."""


def _with_database(work: Callable[[Database], Awaitable[T]]) -> T:
    from penstock.store.open import open_database

    async def run() -> T:
        db = open_database(current().server.database.connection_url or "")
        await db.open()
        try:
            return await work(db)
        finally:
            await db.close()

    return asyncio.run(run())


def _agree(yes: bool, question: str) -> None:
    """For what can't be undone, nobody to ask means no."""
    if yes:
        return
    if not may_ask():
        raise Failure(f"{question} Say so with --yes.")
    if not click.confirm(question, default=False):
        raise Failure("Nothing was changed.")


def shown_url(settings: Settings) -> str:
    """The database's address without its password."""
    return without_password(settings.server.database.connection_url or "")


@database.command()
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
def reset(yes: bool) -> None:
    """Delete everything in the database and begin anew."""
    from penstock.store import migrations

    _agree(yes, f"This deletes everything in {shown_url(current())}.")
    _with_database(migrations.reset)
    say(f"The database {shown_url(current())} is empty.")


@database.command()
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
@click.option("--revision", "-r", default="head", help="Only 'head', the newest.")
@click.option("--dry-run", is_flag=True, help="Only list what would be applied.")
def upgrade(yes: bool, revision: str, dry_run: bool) -> None:
    """Bring the tables up to date; the server does so by itself when it starts."""
    from penstock.store import migrations

    if revision != "head":
        raise Failure(f"The tables can only be brought to 'head', not to {revision!r}.")
    if dry_run:
        waiting = _with_database(migrations.pending)
        return say("\n".join(waiting) if waiting else "The database is up to date.")
    _agree(yes, f"This changes the tables of {shown_url(current())}.")
    applied = _with_database(lambda db: migrations.upgrade(db, lambda step: note(f"Applying {step}.")))
    return say(f"Applied {', '.join(applied)}." if applied else "The database is up to date.")


@database.command()
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
@click.option("--revision", "-r", default="-1", help="Ignored.")
@click.option("--dry-run", is_flag=True, help="Ignored.")
def downgrade(yes: bool, revision: str, dry_run: bool) -> None:
    """Refused: tables only go forward."""
    raise Failure(
        "The tables can't be taken back to an older version. Restore the backup you made before the upgrade, "
        "or `penstock server database reset --yes` to begin anew."
    )
