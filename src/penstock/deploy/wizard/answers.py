"""What the wizard was told, all of it before the first thing is done; and doing what comes before a deploy."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from penstock.client.client import Client
from penstock.core.deployment_plans import FlowFacts
from penstock.deploy.manifest import Manifest
from penstock.errors import Conflict, NotFound
from penstock.wire import blocks, work_pools
from penstock.wire.blocks import BlockDocumentCreate, BlockDocumentUpdate
from penstock.wire.model import Criteria
from penstock.wire.work_pools import WorkPool, WorkPoolCreate


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the questions are asked: the project, and the server that knows pools and blocks."""

    client: Client
    folder: Path
    manifest: Manifest
    now: datetime


@dataclass(frozen=True, slots=True)
class NewBlock:
    """A block to be stored, or to be given new values if it is there."""

    type_slug: str
    name: str
    data: dict[str, Any]

    @property
    def reference(self) -> str:
        """How a project file names it; the value is filled in where it is used."""
        return f"{{{{ prefect.blocks.{self.type_slug}.{self.name} }}}}"


@dataclass(slots=True)
class Answers:
    """A deployment as it is being described."""

    values: dict[str, Any]
    """As in a project file."""
    facts: FlowFacts | None = None
    pool: WorkPool | None = None
    new_pool: WorkPoolCreate | None = None
    new_blocks: list[NewBlock] = field(default_factory=list)
    code_in_image: bool = False
    """Whether the image that is built brings the code along."""

    @property
    def name(self) -> str:
        return str(self.values["name"])

    def set_pool(self, **values: Any) -> None:
        """Changes what is said of the work pool."""
        self.values["work_pool"] = {**(self.values.get("work_pool") or {}), **values}

    def set_job_variable(self, name: str, value: Any) -> None:
        """Adds a job variable."""
        variables = (self.values.get("work_pool") or {}).get("job_variables") or {}
        self.set_pool(job_variables={**variables, name: value})

    def to_be_made(self) -> list[str]:
        """What has to be there before the deployment, in words."""
        pool = [f"Work pool {self.new_pool.name!r} ({self.new_pool.type})"] if self.new_pool else []
        return [*pool, *(f"Block {block.type_slug}/{block.name}" for block in self.new_blocks)]


def make_ready(answers: Answers, client: Client) -> list[str]:
    """Creates the pool and the blocks that the deployment needs, and says what was made."""
    made = []
    if answers.new_pool is not None:
        client.call(work_pools.create_work_pool, answers.new_pool)
        made.append(f"Work pool {answers.new_pool.name!r} created.")
    for block in answers.new_blocks:
        _store(block, client)
        made.append(f"Block {block.type_slug}/{block.name} stored.")
    return made


def knows_type(client: Client, slug: str) -> bool:
    """Whether the server knows a block type."""
    try:
        client.call(blocks.read_block_type_by_slug, slug=slug)
    except NotFound:
        return False
    return True


def _store(block: NewBlock, client: Client) -> None:
    kind = client.call(blocks.read_block_type_by_slug, slug=block.type_slug)
    wanted = Criteria(block_schemas={"block_type_id": {"any_": [str(kind.id)]}}, limit=1)
    schema = client.call(blocks.filter_block_schemas, wanted)[0]
    document = BlockDocumentCreate(block_schema_id=schema.id, block_type_id=kind.id, name=block.name, data=block.data)
    try:
        client.call(blocks.create_block_document, document)
    except Conflict:
        found = client.call(blocks.read_block_document_by_name, slug=block.type_slug, block_document_name=block.name)
        client.call(blocks.update_block_document, BlockDocumentUpdate(data=block.data), id=found.id)
