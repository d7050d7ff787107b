"""Templates that refer to variables and blocks, on a real server in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from penstock import assemble
from penstock.client.client import AsyncClient, Client
from penstock.errors import StepFailed, TemplateInvalid
from penstock.settings import load
from penstock.steps.protocol import Place
from penstock.steps.references import Filler, resolve_references
from penstock.steps.run import run_steps
from penstock.wire import blocks, variables
from penstock.wire.blocks import BlockDocumentCreate, BlockSchemaCreate, BlockTypeCreate
from penstock.wire.variables import VariableCreate


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[AsyncClient]:
    settings = load({"PENSTOCK_HOME": str(tmp_path / "home")}, tmp_path)
    server = assemble.embedded(settings)
    async with AsyncClient(Client(server)) as client:
        await client.call(variables.create_variable, VariableCreate(name="region", value={"code": "eu"}))
        await block(client, "secret", "token", {"value": "s3cr3t"})
        await block(client, "local-file-system", "code", {"basepath": str(tmp_path / "shelf")})
        yield client
    server.close()


async def block(client: AsyncClient, slug: str, name: str, data: dict[str, str]) -> None:
    kind = await client.call(blocks.create_block_type, BlockTypeCreate(name=f"my {slug}", slug=f"my-{slug}"))
    fields = {"title": slug, "type": "object", "properties": {key: {"type": "string"} for key in data}}
    body = BlockSchemaCreate(block_type_id=kind.id, fields={**fields, "secret_fields": ["value"]})
    schema = await client.call(blocks.create_block_schema, body)
    document = BlockDocumentCreate(name=name, data=data, block_schema_id=schema.id, block_type_id=kind.id)
    await client.call(blocks.create_block_document, document)


async def test_blocks_and_variables_are_put_in_with_their_secrets(client: AsyncClient) -> None:
    template = {
        "token": "{{ prefect.blocks.my-secret.token }}",
        "region": "{{ prefect.variables.region }}",
        "gone": "in {{ prefect.variables.nowhere }}",
    }
    filled = await resolve_references(client, template)
    assert filled == {"token": "s3cr3t", "region": {"code": "eu"}, "gone": "in "}


async def test_a_missing_block_is_named(client: AsyncClient) -> None:
    with pytest.raises(TemplateInvalid, match="my-secret/nothing"):
        await resolve_references(client, "{{ prefect.blocks.my-secret.nothing }}")


async def test_without_an_api_references_can_not_be_filled() -> None:
    assert await resolve_references(None, {"plain": 1}) == {"plain": 1}
    with pytest.raises(TemplateInvalid, match="no API address"):
        await resolve_references(None, "{{ prefect.variables.x }}")


async def test_step_inputs_prefer_outputs_to_the_environment(
    client: AsyncClient, at: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHO", "env")
    fill = Filler(client)
    assert await fill({"a": "{{ WHO }}", "b": "{{ $WHO }}", "c": "{{ none }}"}, {}) == {"a": "env", "b": "env"}
    assert await fill({"a": "{{ WHO }}"}, {"WHO": "output"}) == {"a": "output"}


async def test_pull_with_block_says_what_it_can_not_read(client: AsyncClient, at: Place) -> None:
    step = {"pull_with_block": {"block_type_slug": "my-local-file-system", "block_document_name": "code"}}
    with pytest.raises(StepFailed, match="Nothing is installed"):
        await run_steps([step], Place(at.start, client), Filler(client))
