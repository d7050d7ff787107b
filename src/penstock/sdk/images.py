"""An image that deployments from code are built into. What builds and pushes it are the steps of a project file."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from penstock import settings as configuration
from penstock.clock import utc_now
from penstock.core.images import split_image
from penstock.errors import InvalidRequest
from penstock.plugins import load

PROGRAMS = "penstock.programs"


class DockerImage:
    """An image of the current folder: its name, its tag (by default the moment), and how it is built.

    `dockerfile` is a path, or "auto" for one that is made: requirements.txt is installed and the folder copied.
    Further arguments are those of docker-py's build. A name without a registry or account gets the one of the
    setting `deployments.default_docker_build_namespace`.
    """

    def __init__(self, name: str, tag: str | None = None, dockerfile: str = "auto", **build_kwargs: Any) -> None:
        bare, written = split_image(name)
        if tag and written:
            raise InvalidRequest(f"The image {name!r} has a tag already, and tag {tag!r} is given too.")
        namespace = configuration.current().deployments.default_docker_build_namespace
        self.name = f"{namespace}/{bare}" if namespace and "/" not in bare else bare
        self.tag = tag or written or utc_now().strftime("%Y-%m-%dt%H-%M-%S-%f")
        self.dockerfile = dockerfile
        self.build_kwargs = build_kwargs

    @property
    def reference(self) -> str:
        """The name and the tag, as a container is started from."""
        return f"{self.name}:{self.tag}"

    def __str__(self) -> str:
        return self.reference

    def build(self) -> None:
        """Builds it. `StepFailed` says where and why that did not go."""
        _do("build_image", image_name=self.name, tag=self.tag, dockerfile=self.dockerfile, **self.build_kwargs)

    def push(self) -> None:
        """Pushes it, as who the `docker` command is logged in as. `StepFailed` says why it could not."""
        _do("push_image", image_name=self.name, tag=self.tag)


def _do(program: str, **inputs: Any) -> Mapping[str, Any]:
    step = load(PROGRAMS, program)
    if step is None:
        raise InvalidRequest("This installation can't build images: it has no program for it.")
    place = SimpleNamespace(start=Path.cwd(), client=None, memory={})
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append(asyncio.run(step(place, **inputs)))
        except BaseException as error:  # raised below, where it is waited for
            outcome.append(error)

    context = contextvars.copy_context()  # the settings in force are there
    thread = threading.Thread(
        target=context.run, args=(work,), name=program
    )  # the caller may be within a loop of its own
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    found: Mapping[str, Any] = outcome[0]
    return found
