"""The types of work pools that a server knows."""

from __future__ import annotations

from typing import Any

from penstock.client.client import Client
from penstock.wire import admin


def pool_types(client: Client) -> dict[str, dict[str, Any]]:
    """Every type by its name, with what the server says of it: description, template."""
    view = client.call(admin.read_collection_view, view="aggregate-worker-metadata")
    return {kind: about for package in view.values() for kind, about in package.items()}
