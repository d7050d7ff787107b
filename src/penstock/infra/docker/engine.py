"""Calls of a Docker engine: in threads of its own, with time limits, and with errors that say what to do.

The engine is the one that `DOCKER_HOST` names, else that of the current context of the `docker` command.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import docker
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.utils import kwargs_from_env, parse_repository_tag

from penstock.errors import InfrastructureBusy, InfrastructureFailed

T = TypeVar("T")

CALL_SECONDS = 60
MOST_CALLS = 16
FAULTS = (DockerException, OSError)
"""What a call may raise; the errors of the HTTP library below are OSErrors."""

Auth = Mapping[str, str]
"""`username` and `password`; sent with the one request that needs it, and kept nowhere."""


def connect() -> docker.DockerClient:
    """A client of the engine. `InfrastructureFailed` says how to get one that answers."""
    parameters = kwargs_from_env()
    if "base_url" not in parameters and (context := ContextAPI.get_current_context()):
        parameters |= {"base_url": context.Host}
        if context.TLSConfig:
            parameters["tls"] = context.TLSConfig
    try:
        return docker.DockerClient(**parameters, timeout=CALL_SECONDS, max_pool_size=MOST_CALLS)
    except FAULTS as error:
        where = parameters.get("base_url") or "its usual socket"
        raise InfrastructureFailed(
            f"No Docker engine answers at {where}: {said(error)}. "
            "Start one, or name one by DOCKER_HOST; on Linux the user must be in the group 'docker'."
        ) from error


def said(error: BaseException) -> str:
    """What the engine itself says of a failure."""
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation).strip().rstrip(".")
    return str(error).strip().rstrip(".") or type(error).__name__


def status_of(error: BaseException) -> int | None:
    """The HTTP status of a refusal by the engine."""
    return error.status_code if isinstance(error, APIError) else None


def refusal(error: BaseException, words: str) -> InfrastructureFailed:
    """The failure that an error stands for; where the engine did not answer at all, another try may go better."""
    is_silent = isinstance(error, OSError) and status_of(error) is None
    return (InfrastructureBusy if is_silent else InfrastructureFailed)(words)


class Engine:
    """One engine."""

    def __init__(self) -> None:
        self.client: docker.DockerClient = None
        self._threads = ThreadPoolExecutor(MOST_CALLS, thread_name_prefix="docker")

    async def open(self) -> None:
        """Connects; `InfrastructureFailed` when nothing answers."""
        self.client = await self.call(connect)

    async def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """The function's result, from a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *args, **kwargs))

    def close(self) -> None:
        """Lets go of the connections; calls that are on their way end by themselves."""
        self._threads.shutdown(wait=False)
        if self.client is not None:
            self.client.close()

    @property
    def shares_host(self) -> bool:
        """Whether containers can be in this machine's network: the engine is here and in no virtual machine."""
        return os.uname().sysname == "Linux" and str(self.client.api.base_url).startswith("http+docker://")


def has_image(client: docker.DockerClient, image: str) -> bool:
    """Whether the engine has the image already."""
    try:
        client.images.get(image)
    except ImageNotFound:
        return False
    return True


def pull(client: docker.DockerClient, image: str, auth: Auth | None) -> None:
    """Pulls an image; `InfrastructureFailed` says why it is not there to be pulled."""
    repository, tag = parse_repository_tag(image)
    try:
        for event in client.api.pull(repository, tag or "latest", stream=True, decode=True, auth_config=auth):
            if "error" in event:
                raise InfrastructureFailed(_unpulled(image, str(event["error"]), auth))
    except FAULTS as error:
        raise InfrastructureFailed(_unpulled(image, said(error), auth)) from error


def push(client: docker.DockerClient, name: str, tag: str, auth: Auth | None) -> Iterator[dict[str, Any]]:
    """Pushes one tag, and gives what the engine says as it goes; its errors are among that."""
    found: Iterator[dict[str, Any]] = client.api.push(name, tag, stream=True, decode=True, auth_config=auth)
    return found


def registry_of(name: str) -> str:
    """The registry that an image's name leads to."""
    first, slash, _ = name.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def auth_of(credentials: Mapping[str, Any]) -> Auth:
    """The two words of a `docker-registry-credentials` block that a request needs."""
    url = str(credentials.get("registry_url") or "")
    address = urlsplit(url).netloc or url
    found = {"username": str(credentials["username"]), "password": str(credentials["password"])}
    return {**found, "serveraddress": address} if address else found


def hint(message: str, registry: str, auth: Auth | None) -> str:
    """What to do about a registry's refusal."""
    words = message.lower()
    if any(word in words for word in ("denied", "unauthorized", "no basic auth", "authentication required")):
        given = "Check the credentials" if auth else "Give credentials (a docker-registry-credentials block)"
        return f"{given} for {registry}, and the name of the image."
    if "not found" in words or "manifest unknown" in words or "does not exist" in words:
        return "Check its name and tag."
    if "toomanyrequests" in words or "rate limit" in words:
        return f"{registry} lets nobody pull that often: give credentials, or keep the image in a registry of your own."
    return f"Check that the engine can reach {registry}."


def _unpulled(image: str, message: str, auth: Auth | None) -> str:
    return f"The image {image!r} could not be pulled: {message.strip().rstrip('.')}. " + hint(
        message, registry_of(image), auth
    )


__all__ = [
    "FAULTS",
    "APIError",
    "Auth",
    "Engine",
    "NotFound",
    "auth_of",
    "connect",
    "has_image",
    "hint",
    "pull",
    "push",
    "refusal",
    "registry_of",
    "said",
    "status_of",
]
