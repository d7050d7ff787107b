"""Where the code of a deployed flow comes from: a folder, a repository that is cloned, or storage."""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from penstock.errors import InvalidRequest
from penstock.plugins import load
from penstock.sdk.block_schemas import as_data
from penstock.sdk.blocks import Block, Secret

if TYPE_CHECKING:
    from penstock.sdk.flow import Flow

PROGRAMS = "penstock.programs"
STEPS = "prefect.deployments.steps"
_PLACEHOLDER = re.compile(r"\{\{\s*prefect\.blocks\.([^.\s]+)\.([^.\s]+)\s*\}\}")
_OF_GIT = ("http", "https", "ssh", "git")
_NEEDS = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}


@dataclass(frozen=True)
class GitRepository:
    """A repository, and what of it.

    A token is a saved `Secret`, or the placeholder of one; `credentials` are a saved block of the host's kind.
    """

    url: str
    branch: str | None = None
    commit_sha: str | None = None
    access_token: str | Secret | None = None
    include_submodules: bool = False
    directories: tuple[str, ...] = ()
    credentials: Block | None = None

    def inputs(self) -> dict[str, Any]:
        """The inputs of the step that clones it; secrets are named, not told. Raises `InvalidRequest`."""
        if isinstance(self.access_token, str) and not _PLACEHOLDER.fullmatch(self.access_token):
            raise InvalidRequest(
                "A deployment does not keep an access token. Save it, `Secret(value=token).save('name')`, and give "
                "GitRepository(access_token=Secret.load('name'))."
            )
        found = {
            "repository": self.url,
            "branch": self.branch,
            "commit_sha": self.commit_sha,
            "access_token": self.access_token,
            "credentials": self.credentials,
            "include_submodules": self.include_submodules or None,
            "directories": list(self.directories) or None,
        }
        return {name: _named(value) for name, value in found.items() if value is not None}


class RemoteStorage:
    """Files at any address that fsspec can reach; `settings` are its file system's, with saved blocks for secrets."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.url = url
        self.settings = settings

    def inputs(self) -> dict[str, Any]:
        """The inputs of the step that copies them."""
        needs = _NEEDS.get(urlsplit(self.url).scheme)
        found = {"url": self.url, **{name: _named(value) for name, value in self.settings.items()}}
        return {**found, "requires": needs} if needs else found


@dataclass(frozen=True)
class Source:
    """The code of a flow as a deployment names it."""

    entrypoint: str
    path: str | None = None
    pull_steps: list[dict[str, Any]] = field(default_factory=list)


Place = str | Path | GitRepository | RemoteStorage | Block
"""Where code may be: an address or folder, a repository, or a storage block that was saved."""


def flow_from_source(source: Place, entrypoint: str) -> Flow[..., Any]:
    """The flow at an entrypoint of a source; its deployments fetch the code from there.

    Raises `FlowNotFound`; `StepFailed` or `StorageFailed` when the code can't be had.
    """
    from penstock.sdk.entrypoints import load_flow

    if isinstance(source, str):
        source = _of_text(source)
    if isinstance(source, Path):
        folder = source.expanduser().resolve()
        origin = Source(entrypoint, path=str(folder))
    else:
        step = _step(source)
        folder = _fetched(source)
        origin = Source(entrypoint, pull_steps=[step])
    flow = load_flow(entrypoint, folder).with_options()
    flow.source = origin
    return flow


def _of_text(source: str) -> Path | GitRepository | RemoteStorage:
    scheme = urlsplit(source).scheme
    if scheme in _OF_GIT or source.startswith("git@") or source.endswith(".git"):
        return GitRepository(source)
    return RemoteStorage(source) if "://" in source else Path(source)


def _step(source: GitRepository | RemoteStorage | Block) -> dict[str, Any]:
    if isinstance(source, GitRepository):
        return {f"{STEPS}.git_clone": source.inputs()}
    if isinstance(source, RemoteStorage):
        return {f"{STEPS}.pull_from_remote_storage": source.inputs()}
    slug, name = source.get_block_type_slug(), source._block_document_name
    if name is None or not hasattr(source, "get_directory"):
        raise InvalidRequest(f"A {slug} block can be a source once it is saved, if it has a `get_directory`.")
    return {f"{STEPS}.pull_with_block": {"block_type_slug": slug, "block_document_name": name}}


def _fetched(source: GitRepository | RemoteStorage | Block) -> Path:
    """A copy for this process to look into."""
    folder = Path(tempfile.mkdtemp(prefix="penstock-source-"))
    if isinstance(source, GitRepository):
        return _cloned(source, folder)
    if isinstance(source, RemoteStorage):
        from penstock.sdk.provided_blocks import RemoteFileSystem

        settings = {name: _value(value) for name, value in source.settings.items()}
        source = RemoteFileSystem(basepath=source.url, settings=settings)
    source.get_directory(local_path=str(folder))  # type: ignore[attr-defined]  # looked for by _step
    return folder


def _cloned(repository: GitRepository, target: Path) -> Path:
    clone = load(PROGRAMS, "git_clone")
    if clone is None:
        raise InvalidRequest("This installation can't clone repositories: it has no program for it.")
    known = {"access_token": _value(repository.access_token), "credentials": _value(repository.credentials)}
    inputs = repository.inputs() | {name: value for name, value in known.items() if value is not None}
    with contextlib.chdir(target):
        made: dict[str, str] = asyncio.run(clone(SimpleNamespace(start=target, client=None), **inputs))
        return Path(made["directory"]).resolve()


def _named(value: Any) -> Any:
    """What a deployment keeps: the placeholder of a block in the block's place."""
    if isinstance(value, Mapping):
        return {name: _named(inner) for name, inner in value.items()}
    if not isinstance(value, Block):
        return value
    slug = value.get_block_type_slug()
    if value._block_document_name is None:
        raise InvalidRequest(f"Save the {slug} block first: a deployment names blocks, and keeps no secrets.")
    return f"{{{{ prefect.blocks.{slug}.{value._block_document_name} }}}}"


def _value(value: Any) -> Any:
    """What a block, or the placeholder of one, stands for."""
    if isinstance(value, str) and (found := _PLACEHOLDER.fullmatch(value)):
        value = Block.load(f"{found[1]}/{found[2]}")
    if isinstance(value, Mapping):
        return {name: _value(inner) for name, inner in value.items()}
    if isinstance(value, Secret):
        return value.get()
    return as_data(value, hide=False) if isinstance(value, Block) else value
