"""Where the code of a deployed flow comes from: a folder, or a repository that is cloned."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from penstock.errors import InvalidRequest
from penstock.plugins import load

if TYPE_CHECKING:
    from penstock.sdk.flow import Flow

PROGRAMS = "penstock.programs"


@dataclass(frozen=True)
class GitRepository:
    """A repository, and what of it. `access_token` may be text or a `Secret` block's placeholder."""

    url: str
    branch: str | None = None
    commit_sha: str | None = None
    access_token: str | None = None
    include_submodules: bool = False
    directories: tuple[str, ...] = ()

    def inputs(self) -> dict[str, Any]:
        """The inputs of the step that clones it."""
        found = {
            "repository": self.url,
            "branch": self.branch,
            "commit_sha": self.commit_sha,
            "access_token": self.access_token,
            "include_submodules": self.include_submodules or None,
            "directories": list(self.directories) or None,
        }
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class Source:
    """The code of a flow as a deployment names it."""

    entrypoint: str
    path: str | None = None
    pull_steps: list[dict[str, Any]] = field(default_factory=list)


def flow_from_source(source: str | Path | GitRepository, entrypoint: str) -> Flow[..., Any]:
    """The flow at an entrypoint of a source; its deployments fetch the code from there.

    Raises `FlowNotFound`; `StepFailed` when a repository can't be cloned.
    """
    from penstock.sdk.entrypoints import load_flow

    if isinstance(source, str) and source.startswith(("http://", "https://", "git@", "ssh://", "git://")):
        source = GitRepository(source)
    if isinstance(source, GitRepository):
        folder = _clone(source)
        origin = Source(entrypoint, pull_steps=[{"prefect.deployments.steps.git_clone": source.inputs()}])
    else:
        folder = Path(source).expanduser().resolve()
        origin = Source(entrypoint, path=str(folder))
    flow = load_flow(entrypoint, folder).with_options()
    flow.source = origin
    return flow


def _clone(repository: GitRepository) -> Path:
    """A copy for this process to look into."""
    clone = load(PROGRAMS, "git_clone")
    if clone is None:
        raise InvalidRequest("This installation can't clone repositories: it has no program for it.")
    target = Path(tempfile.mkdtemp(prefix="penstock-source-"))
    with contextlib.chdir(target):
        made: dict[str, str] = asyncio.run(clone(SimpleNamespace(start=target, client=None), **repository.inputs()))
        return Path(made["directory"]).resolve()
