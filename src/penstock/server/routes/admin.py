"""The server itself: whether it is well, which version it speaks, where results go by default."""

from __future__ import annotations

import asyncio

import msgspec
from msgspec import UNSET

from penstock.errors import Unavailable
from penstock.server.bind import Encoded, Request, handles
from penstock.server.versions import API_VERSION, PREFECT_VERSION
from penstock.store import configuration
from penstock.wire import admin as wire
from penstock.wire.admin import ResultStorage, ResultStorageUpdate
from penstock.wire.model import encode

RESULT_STORAGE = "result_storage"
DATABASE_ANSWERS_WITHIN = 3.0


@handles(wire.health)
async def health(at: Request) -> bool:
    """True while everything that should run does; 503 with what does not."""
    if problems := at.problems():
        raise Unavailable("; ".join(problems))
    return True


@handles(wire.ready)
async def ready(at: Request) -> dict[str, str]:
    """As `health`, and the database answers."""
    await health(at)
    try:
        await asyncio.wait_for(at.store.read(configuration.answer()), DATABASE_ANSWERS_WITHIN)
    except TimeoutError:
        raise Unavailable("The database does not answer.") from None
    return {"message": "OK"}


@handles(wire.hello)
async def hello(at: Request) -> str:
    """A greeting, to try a connection with."""
    return "\N{WAVING HAND SIGN}"


@handles(wire.api_version)
async def api_version(at: Request) -> str:
    """The version of the API."""
    return API_VERSION


@handles(wire.server_version)
async def server_version(at: Request) -> str:
    """The version of Prefect whose server this one stands in for; its clients ask once and go by it."""
    return PREFECT_VERSION


@handles(wire.read_result_storage)
async def read_result_storage(at: Request) -> Encoded:
    """The block that results go to where a flow names none."""
    doc = await at.store.read(configuration.read_value(RESULT_STORAGE))
    return Encoded(doc.encode() if doc else encode(ResultStorage()))


@handles(wire.update_result_storage)
async def update_result_storage(at: Request, body: ResultStorageUpdate) -> ResultStorage:
    """Names that block."""
    block_id = body.default_result_storage_block_id
    storage = ResultStorage(default_result_storage_block_id=None if block_id is UNSET else block_id)
    await at.store.write(configuration.write_value(RESULT_STORAGE, msgspec.json.encode(storage).decode()))
    return storage


@handles(wire.clear_result_storage)
async def clear_result_storage(at: Request) -> None:
    """Names none."""
    await at.store.write(configuration.delete_value(RESULT_STORAGE))
