"""Where a deployment comes from: the project whose file it stands in, the commit, and who deploys it."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock.deploy.git import git_says, repository_root
from penstock.deploy.manifest import Manifest
from penstock.wire.deployment_versions import PROJECT_LABEL, SOURCE_LABEL, VersionSource
from penstock.wire.model import Labels

_IN_CI = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILDKITE_BUILD_CREATOR", "BUILD_REQUESTEDFOR")
_ADDRESS = re.compile(r"^(?:\w[\w+.-]*://)?(?:[^@/]+@)?(?P<host>[^:/]+)(?::\d+(?=/))?[:/]+(?P<path>.+?)/?$")


@dataclass(frozen=True, slots=True)
class Provenance:
    """What versions and deployments are marked with."""

    source: VersionSource
    labels: Labels
    """The project's mark; none without a file."""


def read_provenance(manifest: Manifest, folder: Path, environment: Mapping[str, str]) -> Provenance:
    """Asks git about a folder in a repository; what nobody can tell is left out."""
    is_kept = repository_root(folder.resolve()) is not None or "GIT_DIR" in environment
    commit = git_says(folder, "rev-parse", "HEAD") if is_kept else None
    branch = git_says(folder, "rev-parse", "--abbrev-ref", "HEAD") if commit else None
    remote = git_says(folder, "remote", "get-url", "origin") if is_kept else None
    address = without_credentials(remote) if remote else None
    source = VersionSource(
        by=person(environment),
        commit=commit,
        dirty=bool(git_says(folder, "status", "--porcelain", "--untracked-files=no")) if commit else None,
        branch=branch if branch != "HEAD" else None,
        repository=address,
    )
    return Provenance(source, project_labels(manifest, address) if manifest.is_there else {})


def project_labels(manifest: Manifest, address: str | None) -> Labels:
    """A project is known by its name and by where its file is: in a repository, or else in a folder."""
    inside = git_says(manifest.folder, "rev-parse", "--show-prefix") if address else None
    place = f"{address}:{inside or ''}{manifest.path.name}" if address else str(manifest.path.resolve())
    return {PROJECT_LABEL: manifest.name or "", SOURCE_LABEL: place}


def without_credentials(remote: str) -> str:
    """A remote's address in one form for all ways to it: `host/path`, or the path of a local one."""
    if remote.startswith(("/", ".", "file:")):
        return remote
    found = _ADDRESS.match(remote)
    return f"{found['host']}/{found['path'].removesuffix('.git')}" if found else remote.rpartition("@")[2]


def person(environment: Mapping[str, str] = os.environ) -> str | None:
    """Who deploys: as a CI system says, else the user of this machine."""
    named = next((environment[name] for name in _IN_CI if environment.get(name)), None)
    try:
        return named or getpass.getuser()
    except (KeyError, OSError):  # a container may have users without names
        return None
