"""What may be said to git: addresses, branches, commits and folders that can't be mistaken for options.

Whoever may write a deployment chooses these values, and a worker runs git with them; so each is matched
against what it may be, not searched for what it may not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from penstock.errors import StepFailed

_SCHEMES = frozenset({"https", "http", "ssh", "file"})
_BRANCH = re.compile(r"(?!-)[^\x00-\x20\x7f~^:?*\[\\]+")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
_SCP_FORM = re.compile(
    r"(?P<user>[A-Za-z0-9._-]+)@(?P<host>[A-Za-z0-9.-]+):(?P<path>[^\x00-\x20\x7f-][^\x00-\x20\x7f]*)"
)
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and its secret for one host."""

    user: str
    secret: str


@dataclass(frozen=True, slots=True)
class Repository:
    """An address that is safe to hand on: any secret in it has been taken out."""

    url: str
    scheme: str
    host: str
    """With the port, as git compares it; empty for files."""
    credentials: Credentials | None = None

    @property
    def name(self) -> str:
        """The last part of the address, as git itself names a clone."""
        last = re.split(r"[/:]", self.url.rstrip("/"))[-1]
        return last.removesuffix(".git")


def repository(address: str) -> Repository:
    """The repository at an address: https, http, ssh, `user@host:path`, file or a local path."""
    if found := _SCP_FORM.fullmatch(address):
        return Repository(address, "ssh", found["host"])
    if address.startswith("/") and not _CONTROL.search(address):
        return Repository(f"file://{address}", "file", "")
    parts = urlsplit(address)
    if parts.scheme not in _SCHEMES or _CONTROL.search(address):
        raise StepFailed(f"{_shown(address)!r} is not an address that code may be cloned from.")
    host = parts.netloc.rpartition("@")[2]
    if host.startswith("-") or (parts.scheme != "file" and not parts.hostname):
        raise StepFailed(f"{_shown(address)!r} names no host.")
    if parts.scheme in ("ssh", "file"):
        return Repository(address, parts.scheme, host)
    inside = None
    if parts.username:
        user = parts.username if parts.password else "x-access-token"
        inside = Credentials(unquote(user), unquote(parts.password or parts.username))
    return Repository(urlunsplit(parts._replace(netloc=host)), parts.scheme, host, inside)


def _shown(address: str) -> str:
    """An address without what may be a secret in it."""
    return re.sub(r"//[^/@]*@", "//", address)


def credentials(
    source: Repository, access_token: str | None, given: Mapping[str, Any] | None = None
) -> Credentials | None:
    """What opens a repository: an access token, a block's data (`github-`, `gitlab-`, `bitbucket-credentials`, or
    any with a `token` or `password`), or what stood in the address."""
    if given is None or given == {}:
        return token(str(access_token), source.host) if access_token else source.credentials
    if not isinstance(given, Mapping):
        raise StepFailed("The credentials of git_clone must be a block's data, such as {token: ...}.")
    secret = next((given[name] for name in ("token", "access_token", "password", "value") if given.get(name)), None)
    if not secret:
        raise StepFailed("The credentials of git_clone have neither a token nor a password.")
    user = given.get("username")
    # A block may name its host's kind where the address does not: https://gitlab.com beside git.example.org.
    return Credentials(str(user), str(secret)) if user else token(str(secret), source.host, str(given.get("url") or ""))


def token(secret: str, host: str, kind: str = "") -> Credentials:
    """How hosts want an access token: as `user:token` if it is given so, else with the user they expect."""
    user, colon, rest = secret.partition(":")
    if colon:
        return Credentials(user, rest)
    if "bitbucketserver" in host:
        raise StepFailed("A Bitbucket server wants a user too: write the token as `user:token`, or give a `username`.")
    host = f"{host} {kind}"
    if "gitlab" in host:
        return Credentials("oauth2", secret)
    return Credentials("x-token-auth" if "bitbucket" in host else "x-access-token", secret)


def branch(name: str) -> str:
    """A branch or tag by the rules that git itself has for them."""
    bad = ("..", "@{", "//", "/.")
    if not _BRANCH.fullmatch(name) or any(part in name for part in bad) or name.endswith((".lock", "/", ".")):
        raise StepFailed(f"{name!r} can't be the name of a branch or tag.")
    return name


def commit(sha: str) -> str:
    """A commit's hash, at least seven digits of it."""
    if not _COMMIT.fullmatch(sha):
        raise StepFailed(f"{sha!r} is not the hash of a commit.")
    return sha


def folder(path: str) -> str:
    """A folder inside a repository, or the name of a clone: relative, and never upwards."""
    parts = PurePosixPath(path).parts
    if (
        not parts
        or path.startswith(("/", "-", "~"))
        or ".." in parts
        or "\\" in path
        or re.search(r"[\x00-\x1f]", path)
    ):
        raise StepFailed(f"{path!r} is not a relative folder.")
    return path
