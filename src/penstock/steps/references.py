"""Fills templates: what they refer to is read from the API first, so that rendering itself asks nobody."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from penstock.client.client import AsyncClient
from penstock.core.templates import BlockReference, Found, References, fill, references, resolve
from penstock.errors import NotFound, TemplateInvalid
from penstock.wire import blocks, variables


async def resolve_references(
    client: AsyncClient | None, template: Any, context: Mapping[str, Any] | None = None
) -> Any:
    """The template with its blocks and variables put in, and what it asks of a context.

    `TemplateInvalid` names the block that is missing.
    """
    needed = references(template)
    return resolve(template, await _found(client, needed) if needed else Found(), context=context)


async def read_references(client: AsyncClient, needed: References) -> Found:
    """Reads all that is referred to at once, secrets included."""
    by_name = {(one.type_slug, one.name): one for one in needed.blocks}
    documents, names = sorted(needed.documents), sorted(needed.variables)
    found = await asyncio.gather(
        *(_read_block(client, one) for one in by_name.values()),
        *(_read_document(client, id) for id in documents),
        *(_read_variable(client, name) for name in names),
    )
    first, second = len(by_name), len(by_name) + len(documents)
    return Found(
        blocks=_present(by_name, found[:first]),
        documents=_present(documents, found[first:second]),
        variables=_present(names, found[second:]),
    )


class Filler:
    """Fills a step's inputs: from earlier outputs, else the environment; and from blocks and variables."""

    def __init__(self, client: AsyncClient | None) -> None:
        self._client = client

    async def __call__(self, template: Any, outputs: Mapping[str, Any]) -> Any:
        needed = references(template)
        found = await _found(self._client, needed) if needed else Found()
        return fill(template, {**os.environ, **outputs}, found, environment=os.environ)


async def _found(client: AsyncClient | None, needed: References) -> Found:
    if client is None:
        raise TemplateInvalid(
            "The template refers to blocks or variables, and no API address is set to read them from."
        )
    return await read_references(client, needed)


def _present(keys: Any, values: Any) -> dict[Any, Any]:
    return {key: value for key, value in zip(keys, values, strict=True) if value is not None}


async def _read_block(client: AsyncClient, wanted: BlockReference) -> Any:
    try:
        found = await client.call(
            blocks.read_block_document_by_name,
            slug=wanted.type_slug,
            block_document_name=wanted.name,
            query={"include_secrets": True},
        )
    except NotFound:
        return None
    return found.data


async def _read_document(client: AsyncClient, id: str) -> Any:
    try:
        return (await client.call(blocks.read_block_document, id=id, query={"include_secrets": True})).data
    except NotFound:
        return None


async def _read_variable(client: AsyncClient, name: str) -> Any:
    try:
        return (await client.call(variables.read_variable_by_name, name=name)).value
    except NotFound:
        return None
