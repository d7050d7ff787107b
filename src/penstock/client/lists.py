"""All records of a list, page by page."""

from __future__ import annotations

from typing import Any

from penstock.client.client import Client
from penstock.wire.endpoint import Endpoint, Result
from penstock.wire.model import Criteria

PAGE = 200
"""The most that a server gives at once."""


def all_of(client: Client, endpoint: Endpoint[Criteria, list[Result]], **criteria: Any) -> list[Result]:
    """Every record that a filter endpoint finds."""
    found: list[Result] = []
    while True:
        page = client.call(endpoint, Criteria(**criteria, limit=PAGE, offset=len(found)))
        found += page
        if len(page) < PAGE:
            return found
