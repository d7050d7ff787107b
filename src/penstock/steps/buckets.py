"""Steps that push the working directory to cloud storage, and pull it from there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from penstock.errors import StepFailed
from penstock.steps.protocol import Place
from penstock.storage.clouds import azure_options, gcs_options, s3_options
from penstock.storage.folders import pull, push
from penstock.storage.ignore import IGNORE_FILE, Ignore
from penstock.storage.remote import RemoteStorage
from penstock.storage.secrets import without_user

Json = Mapping[str, Any]


async def push_to_s3(
    at: Place,
    *,
    bucket: str,
    folder: str,
    credentials: Json | None = None,
    client_parameters: Json | None = None,
    ignore_file: str | None = IGNORE_FILE,
) -> dict[str, Any]:
    """Copies the working directory to a folder of a bucket. Outputs `bucket` and `folder`."""
    options = s3_options(_mapping("credentials", credentials), _mapping("client_parameters", client_parameters))
    return await _push("s3", {"bucket": bucket, "folder": folder}, options, ignore_file)


async def pull_from_s3(
    at: Place, *, bucket: str, folder: str, credentials: Json | None = None, client_parameters: Json | None = None
) -> dict[str, Any]:
    """Copies a folder of a bucket to the working directory. Outputs `bucket`, `folder` and `directory`."""
    options = s3_options(_mapping("credentials", credentials), _mapping("client_parameters", client_parameters))
    return await _pull("s3", {"bucket": bucket, "folder": folder}, options)


async def push_to_gcs(
    at: Place,
    *,
    bucket: str,
    folder: str,
    project: str | None = None,
    credentials: Json | None = None,
    ignore_file: str | None = IGNORE_FILE,
) -> dict[str, Any]:
    """Copies the working directory to a folder of a bucket. Outputs `bucket` and `folder`."""
    options = gcs_options(_mapping("credentials", credentials), project)
    return await _push("gs", {"bucket": bucket, "folder": folder}, options, ignore_file)


async def pull_from_gcs(
    at: Place, *, bucket: str, folder: str, project: str | None = None, credentials: Json | None = None
) -> dict[str, Any]:
    """Copies a folder of a bucket to the working directory. Outputs `bucket`, `folder` and `directory`."""
    options = gcs_options(_mapping("credentials", credentials), project)
    return await _pull("gs", {"bucket": bucket, "folder": folder}, options)


async def push_to_azure_blob_storage(
    at: Place, *, container: str, folder: str, credentials: Json, ignore_file: str | None = IGNORE_FILE
) -> dict[str, Any]:
    """Copies the working directory to a folder of a container. Outputs `container` and `folder`."""
    options = azure_options(_mapping("credentials", credentials))
    return await _push("az", {"container": container, "folder": folder}, options, ignore_file)


async def pull_from_azure_blob_storage(at: Place, *, container: str, folder: str, credentials: Json) -> dict[str, Any]:
    """Copies a folder of a container to the working directory. Outputs `container`, `folder` and `directory`."""
    options = azure_options(_mapping("credentials", credentials))
    return await _pull("az", {"container": container, "folder": folder}, options)


async def pull_from_remote_storage(at: Place, /, *, url: str, **settings: Any) -> dict[str, Any]:
    """Copies what is at any address fsspec can reach to a folder named as the address is. Outputs its `directory`.

    The `settings` are those of the address's file system.
    """
    parts = urlsplit(url)
    target = Path.cwd() / (parts.hostname or "") / unquote(parts.path).strip("/")
    if ".." in PurePosixPath(unquote(parts.path)).parts:
        raise StepFailed("The address of pull_from_remote_storage may not lead upwards with '..'.")
    await _fetch(url, settings, target)
    return {"directory": str(target)}


async def _push(scheme: str, where: dict[str, Any], options: Json, ignore_file: str | None) -> dict[str, Any]:
    ignore = Ignore(Path(ignore_file) if ignore_file else None)
    await asyncio.to_thread(lambda: push(Path.cwd(), RemoteStorage(_url(scheme, where), options), ignore))
    return where


async def _pull(scheme: str, where: dict[str, Any], options: Json) -> dict[str, Any]:
    await _fetch(_url(scheme, where), options, Path.cwd())
    return {**where, "directory": str(Path.cwd())}


async def _fetch(url: str, options: Json, target: Path) -> None:
    """Nothing at the address is an error: a run would go on without its code and say something less plain."""
    if not await asyncio.to_thread(lambda: pull(RemoteStorage(url, options), target)):
        raise StepFailed(f"There are no files at {without_user(url)}.")


def _url(scheme: str, where: dict[str, Any]) -> str:
    return f"{scheme}://{'/'.join(str(part or '').strip('/') for part in where.values())}".rstrip("/")


def _mapping(name: str, value: Any) -> Any:
    if value is not None and not isinstance(value, Mapping):
        raise StepFailed(f"`{name}` must be a mapping, or name a block: {{{{ prefect.blocks.<type>.<name> }}}}.")
    return value
