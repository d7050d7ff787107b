"""What a project file refers to on the server: whether it is there, and what may be written down of it.

Secrets are not read at all: what a deployment says is stored and shown, so a reference to a secret stays one where
a run can follow it (job variables, steps), and is refused where it would have to be written out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.client.client import AsyncClient
from penstock.core.block_schemas import HIDDEN
from penstock.core.templates import Found, Kind, References, placeholders, references, resolve
from penstock.errors import DeployFailed, NotFound
from penstock.wire import blocks, variables


@dataclass(frozen=True, slots=True)
class Library:
    """What was read so far; None is what is not there."""

    blocks: dict[tuple[str, str], Mapping[str, Any] | None] = field(default_factory=dict)
    documents: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)

    async def look_up(self, client: AsyncClient, needed: References) -> None:
        """Reads what is not known yet, all at once."""
        names = {(one.type_slug, one.name) for one in needed.blocks} - self.blocks.keys()
        await asyncio.gather(
            *(self._block(client, *name) for name in names),
            *(self._document(client, id) for id in needed.documents - self.documents.keys()),
            *(self._variable(client, name) for name in needed.variables - self.variables.keys()),
        )

    async def _block(self, client: AsyncClient, slug: str, name: str) -> None:
        try:
            call = client.call(blocks.read_block_document_by_name, slug=slug, block_document_name=name)
            self.blocks[slug, name] = (await call).data
        except NotFound:
            self.blocks[slug, name] = None

    async def _document(self, client: AsyncClient, id: str) -> None:
        try:
            self.documents[id] = (await client.call(blocks.read_block_document, id=id)).data
        except NotFound:
            self.documents[id] = None

    async def _variable(self, client: AsyncClient, name: str) -> None:
        try:
            self.variables[name] = (await client.call(variables.read_variable_by_name, name=name)).value
        except NotFound:
            self.variables[name] = None

    def found(self) -> Found:
        """As templates want it."""
        return Found(
            blocks={name: data for name, data in self.blocks.items() if data is not None},
            documents={id: data for id, data in self.documents.items() if data is not None},
            variables={name: value for name, value in self.variables.items() if value is not None},
        )

    def absent_blocks(self, template: Any) -> list[str]:
        """The blocks that a template refers to and that are not there, in words."""
        names = sorted({(one.type_slug, one.name) for one in references(template).blocks})
        return [f"block {slug}/{name}" for slug, name in names if self.blocks.get((slug, name)) is None]

    def absent_variables(self, template: Any) -> list[str]:
        """The same of variables."""
        return [f"variable {name!r}" for name in sorted(references(template).variables) if self.variables[name] is None]


def written_out(values: Any, found: Found) -> Any:
    """The values with blocks and variables put in. Raises `DeployFailed` for a secret."""
    for one in placeholders(values):
        if one.kind is Kind.BLOCK and _is_hidden(resolve(one.text, found)):
            raise DeployFailed(
                f"{one.text} is a secret, and would be stored in the deployment for all to see. "
                "Refer to it in job variables or steps, or load the block in the flow."
            )
    return resolve(values, found)


def _is_hidden(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_is_hidden(one) for one in value.values())
    return isinstance(value, str) and HIDDEN in value
