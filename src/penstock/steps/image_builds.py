"""Builds one image: by the engine itself, or by `docker buildx`; shown step by step, and its failure explained."""

from __future__ import annotations

import inspect
import os
import re
import tempfile
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock import __version__
from penstock.errors import StepFailed
from penstock.infra.docker.engine import FAULTS, connect, said
from penstock.names import nearest
from penstock.steps import dockerfiles
from penstock.steps.commands import run
from penstock.steps.progress import Progress

LAST_LINES = 15
LABELS = {"io.prefect.version": __version__}
_TALK = re.compile(r"^( ---> |Removing intermediate container |Successfully )")
_STEP = re.compile(r"^Step (\d+)/(\d+) : (.*)")
_SECRET_NAME = re.compile(r"token|secret|password|passwd|credential|api_?key|auth", re.I)
_NO_BUILDX = ("unknown flag: --progress", "unknown command: docker buildx", "'buildx' is not a docker command")
# Options of a build as docker-py names them, and what buildx calls those that go with a value.
_VALUES = {"target": "--target", "network_mode": "--network", "shmsize": "--shm-size"}
_BASE_HINT = "\nEach build asks the registry for its base image; with pull: false it takes the one that is here."
_FLAGS = {"nocache": "--no-cache", "pull": "--pull"}
_OURS = {"fileobj", "custom_context", "decode", "tag", "path", "dockerfile", "encoding", "gzip", "quiet", "self"}


@dataclass(frozen=True)
class Build:
    """What is to be built: the first of `names` (name:tag) from a context, by a Dockerfile."""

    names: list[str]
    context: Path
    dockerfile: Path
    shown: str
    """What the Dockerfile is called when something is said of it."""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, str]:
        return {name: str(value) for name, value in (self.options.get("buildargs") or {}).items()}

    def hidden(self, text: str) -> str:
        """The text without the values of arguments that are named like secrets."""
        for name, value in self.arguments.items():
            if value and _SECRET_NAME.search(name):
                text = text.replace(value, "***")
        return text


class Story:
    """What a build says: its last lines, and at which instruction it is."""

    def __init__(self, build: Build, progress: Progress) -> None:
        self._build = build
        self._progress = progress
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._at: int | None = None

    def tell(self, text: str) -> None:
        for line in text.splitlines():
            self._tell(self._build.hidden(line.rstrip()))

    def _tell(self, line: str) -> None:
        step = _STEP.match(line)
        if step:
            self._at = int(step[1]) - 1
            self._last.clear()
            self._progress.line(f"{self._build.names[0]} {step[1]}/{step[2]}: {step[3]}")
        elif line.strip() and not _TALK.match(line):
            self._last.append(line)
            self._progress.passing(f"  {line}")

    def failure(self, message: str) -> StepFailed:
        """Where it stopped, why, and what was said last."""
        name, where, hint = self._build.names[0], self._build.shown, ""
        known = list(dockerfiles.instructions(self._build.dockerfile.read_text()))
        if self._at is not None and self._at < len(known):
            number, text = known[self._at]
            where += f":{number}: {self._build.hidden(text)}"
            hint = _BASE_HINT if text.upper().startswith("FROM ") and self._build.options.get("pull", True) else ""
        said = self._build.hidden(message.strip())
        words = f"The image {name!r} could not be built.\n{where}\n{said}{hint}"
        return StepFailed("\n  ".join([words, *self._last]) if self._last else words)


def build_with_engine(build: Build, progress: Progress) -> str:
    """Builds and tags; gives the image's id."""
    story = Story(build, progress)
    client = connect()
    try:
        options = _engine_options(build, client.api.build)
        image = _built(client.api.build(**options), story)
        for name in build.names[1:]:
            repository, _, tag = name.rpartition(":")
            client.api.tag(image, repository, tag, force=True)
        return image
    except FAULTS as error:
        raise story.failure(said(error)) from error
    finally:
        progress.done()
        client.close()


def _built(events: Iterable[Mapping[str, Any]], story: Story) -> str:
    image = ""
    for event in events:
        if "error" in event:
            raise story.failure(str(event["error"]))
        if "stream" in event:
            story.tell(str(event["stream"]))
        elif "status" in event:
            story.tell(" ".join(str(event[key]) for key in ("id", "status", "progress") if event.get(key)))
        image = (event.get("aux") or {}).get("ID") or image
    if not image:
        raise story.failure("The engine gave no id for it.")
    return image


def _engine_options(build: Build, function: Any) -> dict[str, Any]:
    known = set(inspect.signature(function).parameters) - _OURS
    for name in build.options.keys() - known:
        meant = nearest(name, sorted(known))
        hint = f" Did you mean {meant!r}?" if meant else ""
        raise StepFailed(f"build_docker_image has no input {name!r}, and neither has a build of docker-py.{hint}")
    return {
        "pull": True,
        "rm": True,
        "forcerm": True,
        **build.options,
        "buildargs": build.arguments or None,
        "labels": {**(build.options.get("labels") or {}), **LABELS},
        "path": str(build.context),
        "dockerfile": str(build.dockerfile),
        "tag": build.names[0],
        "decode": True,
    }


async def build_with_buildx(build: Build, progress: Progress) -> str:
    """Builds with the `docker` command's builder; gives the image's id."""
    story = Story(build, progress)
    with tempfile.NamedTemporaryFile(prefix="penstock-build-") as written:
        argv = buildx_command(build, Path(written.name))
        progress.line(f"{build.names[0]}: docker buildx build")
        finished = await run(argv, cwd=build.context, env={**os.environ, **build.arguments})
        story.tell(finished.stderr)
        progress.done()
        if finished.code and any(words in finished.stderr for words in _NO_BUILDX):
            raise StepFailed("build_backend is buildx, and the command 'docker' has no buildx here: install it.")
        if finished.code:
            raise story.failure(f"docker buildx ended with exit code {finished.code}.")
        return written.read().decode().strip()


def buildx_command(build: Build, id_file: Path) -> list[str]:
    """The command. Arguments of the build are named in it, and their values are in its environment."""
    options = dict(build.options)
    options.pop("buildargs", None)
    argv = ["docker", "buildx", "build", "--progress", "plain", "--iidfile", str(id_file)]
    argv += ["--push"] if options.pop("push", False) else ["--load"]
    for name in build.names:
        argv += ["--tag", name]
    platforms = options.pop("platforms", None) or options.pop("platform", None)
    if platforms:
        argv += ["--platform", platforms if isinstance(platforms, str) else ",".join(platforms)]
    for name in build.arguments:
        argv += ["--build-arg", name]
    for name, value in {**(options.pop("labels", None) or {}), **LABELS}.items():
        argv += ["--label", f"{name}={value}"]
    for name in [name for name in options if name in ("cache_from", "cache_to")]:
        value = options.pop(name)
        for one in [value] if isinstance(value, str) else value:
            argv += [f"--{name.replace('_', '-')}", one]
    argv += [flag for name, flag in _FLAGS.items() if options.pop(name, False)]
    for name in [name for name in options if name in _VALUES]:
        argv += [_VALUES[name], str(options.pop(name))]
    if options:
        raise StepFailed(f"A build with buildx has no input {sorted(options)[0]!r}.")
    return [*argv, "--file", str(build.dockerfile), str(build.context)]
