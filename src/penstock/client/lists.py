"""All records of a list, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from penstock.client.client import Client
from penstock.wire.endpoint import Endpoint, Result
from penstock.wire.model import Criteria

T = TypeVar("T")

PAGE = 200
"""The most that a server gives at once."""


def each_of(
    client: Client, endpoint: Endpoint[Criteria, list[Result]], limit: int | None = None, **criteria: Any
) -> Iterator[Result]:
    """Every record that a filter endpoint finds, up to a limit; a page is asked for when it is come to."""
    given = 0
    while limit is None or given < limit:
        room = PAGE if limit is None else min(PAGE, limit - given)
        page = client.call(endpoint, Criteria(**criteria, limit=room, offset=given))
        yield from page
        given += len(page)
        if len(page) < room:
            return


def all_of(
    client: Client, endpoint: Endpoint[Criteria, list[Result]], limit: int | None = None, **criteria: Any
) -> list[Result]:
    """Every record that a filter endpoint finds, up to a limit."""
    return list(each_of(client, endpoint, limit, **criteria))


def chunks(ids: Sequence[T]) -> Iterator[Sequence[T]]:
    """Parts of what a list is asked by, each with no more than a server gives at once."""
    for start in range(0, len(ids), PAGE):
        yield ids[start : start + PAGE]
