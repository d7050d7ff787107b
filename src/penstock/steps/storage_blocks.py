"""The step `pull_with_block`, and what it shares with older deployments that name a storage block."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.errors import NotFound, StepFailed
from penstock.steps import repositories
from penstock.steps.git import clone
from penstock.steps.protocol import Place
from penstock.storage.blocks import open_block
from penstock.storage.folders import pull
from penstock.wire import blocks

REPOSITORIES = ("bitbucket-repository", "github", "github-repository", "gitlab-repository")
"""Types of blocks that are cloned rather than copied."""


async def pull_with_block(at: Place, *, block_type_slug: str, block_document_name: str) -> dict[str, str]:
    """Copies what a storage block holds into a folder `<type>-<name>` of its own. Outputs it as `directory`.

    What an earlier pull left in that folder goes.
    """
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
    target = Path.cwd() / repositories.folder(f"{block_type_slug}-{block_document_name}".replace("/", "-"))
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    await fetch(block_type_slug, block.data, target)
    return {"directory": str(target)}


async def fetch(slug: str, data: Mapping[str, Any], target: Path, path: str = "") -> None:
    """Copies what a block of this type holds, or one folder of it, to files below a folder that is there.

    Raises `StepFailed` or `StorageFailed`.
    """
    if slug not in REPOSITORIES:
        await asyncio.to_thread(lambda: pull(open_block(slug, data, path), target))
    elif not path:
        await _clone(data, target)
    else:
        await _clone_a_folder(data, target, repositories.folder(path))


async def _clone(data: Mapping[str, Any], target: Path) -> None:
    await clone(
        target,
        repository=data.get("repository_url") or data.get("repository") or "",
        branch=data.get("reference"),
        access_token=data.get("access_token"),
        credentials=data.get("credentials") or data.get("bitbucket_credentials"),
    )


async def _clone_a_folder(data: Mapping[str, Any], target: Path, folder: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        await _clone(data, Path(name))
        try:
            shutil.copytree(Path(name, folder), target, dirs_exist_ok=True)
        except FileNotFoundError:
            raise StepFailed(f"The repository has no folder {folder!r}.") from None
