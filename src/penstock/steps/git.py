"""The step `git_clone`: code at a branch or commit, with nothing that came from a deployment run or leaked.

Every value is checked by `repositories`; git is told with `--end-of-options`, may use few protocols, runs no
hooks and asks nobody. A secret is in the environment of git alone, and git gets it only for the host it is
for: never in an argument, an address, the clone's configuration or a message.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from penstock.errors import StepFailed
from penstock.steps import repositories
from penstock.steps.commands import Finished, run
from penstock.steps.protocol import Place
from penstock.steps.repositories import Credentials, Repository

TRIES = 3
_ABSENT = "couldn't find remote ref"
HOPELESS = (
    *("not found", _ABSENT, "authentication failed", "does not exist", "could not read", "403"),
    *("not allowed", "no url found"),
)
"""Said by git when another try would end the same way."""

HANDED_ON = (
    frozenset({"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME", "SYSTEMROOT", "USERPROFILE"})
    | {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"}
    | {"GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_NO_VERIFY", "GIT_SSH", "GIT_SSH_COMMAND", "SSH_AUTH_SOCK"}
    | {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "KRB5CCNAME", "LD_LIBRARY_PATH"}
)
"""What git gets of the environment: what it needs to reach a host, and none of the worker's own secrets."""

_HELPER = (
    '!f() { test "$1" = get && '
    'printf \'username=%s\\npassword=%s\\n\' "$PENSTOCK_GIT_USER" "$PENSTOCK_GIT_SECRET"; }; f'
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be cloned, all of it checked."""

    source: Repository
    branch: str | None
    commit: str | None
    submodules: bool
    folders: tuple[str, ...]
    target: Path


async def git_clone(
    at: Place,
    *,
    repository: str,
    branch: str | None = None,
    commit_sha: str | None = None,
    include_submodules: bool = False,
    access_token: str | None = None,
    credentials: Mapping[str, Any] | None = None,
    directories: Sequence[str] | None = None,
    clone_directory_name: str | None = None,
) -> dict[str, str]:
    """Clones a repository, or brings an earlier clone up to date. Outputs its `directory`.

    The directory is `<repository>`, or `<repository>-<branch or commit>`, below the working directory.
    """
    source = repositories.repository(repository)
    point = repositories.branch(branch) if branch else repositories.commit(commit_sha) if commit_sha else ""
    name = clone_directory_name or "-".join(filter(None, [source.name, point.replace("/", "-")]))
    target = Path.cwd() / repositories.folder(name)
    await clone(
        target,
        repository=repository,
        branch=branch,
        commit_sha=commit_sha,
        include_submodules=include_submodules,
        access_token=access_token,
        credentials=credentials,
        directories=directories,
    )
    return {"directory": str(target)}


async def clone(
    target: Path,
    *,
    repository: str,
    branch: str | None = None,
    commit_sha: str | None = None,
    include_submodules: bool = False,
    access_token: str | None = None,
    credentials: Mapping[str, Any] | None = None,
    directories: Sequence[str] | None = None,
) -> None:
    """Makes a folder hold a repository's files. Raises `StepFailed`."""
    if branch and commit_sha:
        raise StepFailed("git_clone takes a branch or a commit_sha, not both.")
    if access_token and credentials:
        raise StepFailed("git_clone takes an access_token or credentials, not both.")
    source = repositories.repository(repository)
    folders = [directories] if isinstance(directories, str) else directories or ()
    wish = Wish(
        source,
        repositories.branch(branch) if branch else None,
        repositories.commit(commit_sha) if commit_sha else None,
        bool(include_submodules),
        tuple(repositories.folder(path) for path in folders),
        target,
    )
    await _clone(wish, _Git(wish, repositories.credentials(source, access_token, credentials)))


class _Git:
    """Runs git in the clone, the same careful way each time."""

    def __init__(self, wish: Wish, credentials: Credentials | None) -> None:
        self.target = wish.target
        self.secret = credentials.secret if credentials else None
        self.env = _environment(wish.source, credentials)

    async def __call__(self, *argv: str) -> None:
        finished = await self.attempt(*argv)
        if finished.code:
            raise StepFailed(self.words(argv[0], finished))

    async def attempt(self, *argv: str) -> Finished:
        return await run(["git", *argv], cwd=self.target, env=self.env)

    def words(self, verb: str, finished: Finished) -> str:
        said = finished.stderr.strip()
        if self.secret:
            said = said.replace(self.secret, "***").replace(quote(self.secret, safe=""), "***")
        return f"git {verb} failed with exit code {finished.code}:\n{said}"


def _environment(source: Repository, credentials: Credentials | None) -> dict[str, str]:
    """Git's environment. File access within a clone from elsewhere (by a submodule) is not allowed."""
    settings = [
        ("core.hooksPath", os.devnull),
        ("core.fsmonitor", "false"),
        ("advice.detachedHead", "false"),
        ("init.defaultBranch", "main"),
    ]
    env = {name: value for name, value in os.environ.items() if name.upper() in HANDED_ON}
    if credentials:
        # The empty one drops the user's own helpers, which would be told to remember the secret.
        scope = f"credential.{source.scheme}://{source.host}.helper"
        settings += [("credential.helper", ""), (scope, _HELPER)]
        env |= {"PENSTOCK_GIT_USER": credentials.user, "PENSTOCK_GIT_SECRET": credentials.secret}
    env |= {f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in enumerate(settings)}
    env |= {f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in enumerate(settings)}
    allowed = "https:http:ssh:file" if source.scheme == "file" else "https:http:ssh"
    env.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
    return env | {
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_ALLOW_PROTOCOL": allowed,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "LC_ALL": "C",
    }


async def _clone(wish: Wish, git: _Git) -> None:
    wish.target.mkdir(parents=True, exist_ok=True)
    await git("init", "--quiet", "--template=")
    await git("config", "remote.origin.url", wish.source.url)
    if wish.folders:
        await git("sparse-checkout", "set", "--end-of-options", *wish.folders)
    await _fetch(wish, git)
    await git("checkout", "--quiet", "--force", "--detach", wish.commit or "FETCH_HEAD", "--")
    if wish.submodules:
        await _again(git, "submodule", "update", "--init", "--recursive", "--force", "--depth=1")


async def _fetch(wish: Wish, git: _Git) -> None:
    """Gets the one commit that is wanted; where a server does not give single commits, all of them."""
    shallow = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--depth=1", "--end-of-options", "origin")
    if wish.branch:
        finished = await git.attempt(*shallow, f"refs/heads/{wish.branch}")
        if not finished.code:
            return None
        if _ABSENT in finished.stderr:
            return await _fetch_tag(wish, git, shallow)
        return await _again(git, *shallow, f"refs/heads/{wish.branch}")
    if wish.commit:
        whole = len(wish.commit) in (40, 64)
        if not whole or (await git.attempt(*shallow, wish.commit)).code:
            everything = "+refs/heads/*:refs/remotes/origin/*"
            await _again(git, "fetch", "--quiet", "--tags", "--end-of-options", "origin", everything)
        return None
    return await _again(git, *shallow, "HEAD")


async def _fetch_tag(wish: Wish, git: _Git, shallow: Sequence[str]) -> None:
    try:
        await _again(git, *shallow, f"refs/tags/{wish.branch}")
    except StepFailed as error:
        if _ABSENT not in error.message:
            raise
        raise StepFailed(f"{wish.source.url} has no branch and no tag {wish.branch!r}.") from error


async def _again(git: _Git, *argv: str) -> None:
    """Runs what needs the network; tries again, after waits, what may go better then."""
    for number in range(TRIES):
        finished = await git.attempt(*argv)
        if not finished.code:
            return
        hopeless = any(word in finished.stderr.lower() for word in HOPELESS)
        if hopeless or number == TRIES - 1:
            raise StepFailed(git.words(argv[0], finished))
        await asyncio.sleep(min(10, 1 + 2**number))
