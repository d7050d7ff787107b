"""Steps that say where the code is: `set_working_directory` and `pull_with_block`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from penstock import plugins
from penstock.errors import NotFound, StepFailed
from penstock.steps.protocol import Place
from penstock.storage.local import LocalStorage
from penstock.storage.protocol import Storage
from penstock.wire import blocks


async def set_working_directory(at: Place, *, directory: str) -> dict[str, str]:
    """Goes to an existing directory. Outputs it as `directory`."""
    path = at.start / os.path.expanduser(directory)  # noqa: ASYNC240, PTH111 - a look at the user's home only
    try:
        os.chdir(path)
    except OSError as error:
        raise StepFailed(f"The working directory {directory!r} can't be entered: {error.strerror}.") from error
    return {"directory": str(path)}


async def pull_with_block(at: Place, *, block_type_slug: str, block_document_name: str) -> dict[str, str]:
    """Copies what a storage block holds into the working directory. Outputs it as `directory`."""
    if at.client is None:
        raise StepFailed("pull_with_block reads a block, and no API address is set.")
    try:
        block = await at.client.call(
            blocks.read_block_document_by_name,
            slug=block_type_slug,
            block_document_name=block_document_name,
            query={"include_secrets": True},
        )
    except NotFound:
        raise StepFailed(f"There is no block {block_document_name!r} of type {block_type_slug!r}.") from None
    storage = open_storage(block_type_slug, block.data)
    await asyncio.to_thread(copy, storage, Path.cwd())
    return {"directory": str(Path.cwd())}


def open_storage(slug: str, data: dict[str, Any]) -> Storage:
    """The storage that a block of this type describes; `StepFailed` when nothing here can read it."""
    if slug == "local-file-system":
        return LocalStorage(Path(data.get("basepath") or "~"))
    opener = plugins.load(plugins.STORAGES, slug)
    if opener is None:
        raise StepFailed(f"Nothing is installed that can read storage of type {slug!r}.")
    storage: Storage = opener(data)
    return storage


def copy(storage: Storage, folder: Path) -> None:
    """Copies everything in a storage to files below a folder."""
    for key in storage.list():
        target = folder / key
        if not target.resolve().is_relative_to(folder.resolve()):
            raise StepFailed(f"The storage has a key {key!r}, which leads out of {folder}.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(storage.read(key))
