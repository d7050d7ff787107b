"""The client a command talks through, and the little that many commands do with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from penstock.cli.console import Failure
from penstock.client.client import Client
from penstock.client.open import open_client
from penstock.errors import NotFound
from penstock.settings import current
from penstock.wire.endpoint import Endpoint, Result


@contextmanager
def connect() -> Iterator[Client]:
    """A client for the API of the settings; without one, for a server inside this process, where that is allowed."""
    settings = current()
    if settings.api.url or not settings.server.ephemeral.enabled:
        with open_client(settings) as client:
            yield client
        return
    from penstock.assemble import embedded
    from penstock.client.open import manners

    with Client(embedded(settings), manners(settings)) as client:
        yield client


def find(client: Client, endpoint: Endpoint[Any, Result], missing: str, **path: Any) -> Result:
    """What the endpoint reads. Raises Failure with the text `missing` when it is not there."""
    try:
        return client.call(endpoint, **path)
    except NotFound:
        raise Failure(missing) from None


def as_id(text: str) -> UUID | None:
    """The UUID that a text spells, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None


def every(
    client: Client, endpoint: Endpoint[Any, list[Result]], limit: int | None = None, **criteria: Any
) -> list[Result]:
    """All records of a filter endpoint, page by page, up to a limit."""
    from penstock.client.lists import all_of

    return all_of(client, endpoint, limit, **criteria)
