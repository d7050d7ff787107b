"""Checks when a pool is written that a push pool can sign in to its cloud, not when its first run is due."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from penstock.core.push_credentials import given, lacking, needed
from penstock.core.templates import references
from penstock.errors import InvalidRequest
from penstock.server.bind import Request
from penstock.server.blocks import seal_for
from penstock.store.block_documents import read_document, read_document_by_name


async def check_credentials(at: Request, pool_type: str, template: Mapping[str, Any]) -> None:
    """Raises `InvalidRequest` that names the type of the block that is lacking, or its fields that are not set."""
    wanted = needed(pool_type)
    if wanted is None:
        return
    if fault := lacking(wanted, pool_type, await _data(at, given(wanted, template))):
        raise InvalidRequest(fault, loc=("body", "base_job_template", "variables", wanted.variable))


async def _data(at: Request, credentials: Any) -> Mapping[str, Any] | None:
    """The data of the block that is referred to; credentials that are written out are their own data."""
    seal = await seal_for(at.store, at.settings)
    found = references(credentials)
    for id in found.documents:
        document = await at.store.read(read_document(UUID(str(id)), seal, secrets=False))
        return document.data if document else None
    for block in found.blocks:
        document = await at.store.read(read_document_by_name(block.type_slug, block.name, seal, secrets=False))
        return document.data if document else None
    return credentials if isinstance(credentials, Mapping) else None
