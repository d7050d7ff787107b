"""The steps `build_docker_image` and `push_docker_image`.

Within one command the same build, and the same push, is done once, however many deployments ask for it.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from penstock import settings
from penstock.clock import utc_now
from penstock.core.images import split_image
from penstock.errors import StepFailed
from penstock.steps import dockerfiles
from penstock.steps.progress import Progress
from penstock.steps.protocol import Place

BACKENDS = ("docker-py", "buildx")
_TAG = re.compile(r"^\w[\w.-]{0,127}$", re.ASCII)


async def build_docker_image(
    at: Place,
    *,
    image_name: str,
    dockerfile: str = "Dockerfile",
    tag: str | None = None,
    additional_tags: Sequence[str] | None = None,
    ignore_cache: bool = False,
    persist_dockerfile: bool = False,
    dockerfile_output_path: str = "Dockerfile.generated",
    build_backend: str = "docker-py",
    **build_kwargs: Any,
) -> dict[str, Any]:
    """Builds an image of the working directory; further inputs are those of docker-py's build.

    `dockerfile: auto` makes one: the project's requirements and its code. Outputs `image_name`, `tag`, `image`
    (name:tag), `image_id`, `additional_tags`.
    """
    name, tags = _named(image_name, tag, additional_tags)
    _check_backend(build_backend)
    asked = [name, tag, tags[1:], dockerfile, build_backend, build_kwargs, str(Path.cwd())]

    async def work() -> dict[str, Any]:
        context = Path.cwd() / build_kwargs.get("path", ".")
        options = {key: value for key, value in build_kwargs.items() if key != "path"}
        names = [f"{name}:{one}" for one in tags]
        kept = context / dockerfile_output_path if persist_dockerfile else None
        with _dockerfile(dockerfile, context, kept) as (file, shown):
            image = await _build(names, context, file, shown, options, build_backend)
        if build_backend == "buildx" and build_kwargs.get("push"):
            at.memory.update({_key("pushed", [one]): image for one in names})
        return _outputs(name, tags, image_id=image)

    return await _once(at, _key("build", asked), work, again=ignore_cache)


async def push_docker_image(
    at: Place,
    *,
    image_name: str,
    tag: str | None = None,
    credentials: Mapping[str, Any] | None = None,
    additional_tags: Sequence[str] | None = None,
    ignore_cache: bool = False,
    build_backend: str = "docker-py",
) -> dict[str, Any]:
    """Pushes an image that the engine has. `credentials` are the data of a `docker-registry-credentials` block.

    Outputs `image_name`, `tag`, `image`, `additional_tags`, and `digest`, by which a registry knows it for ever.
    """
    name, tags = _named(image_name, tag or split_image(image_name)[1] or "latest", additional_tags)
    _check_backend(build_backend)

    async def work() -> dict[str, Any]:
        digest = ""
        for one in reversed(tags):
            pushed: str | None = at.memory.get(_key("pushed", [f"{name}:{one}"]))  # by buildx, as it built
            digest = pushed or str(await asyncio.to_thread(_push, name, one, credentials))
        return _outputs(name, tags, digest=digest)

    return await _once(at, _key("push", [name, tags, credentials]), work, again=ignore_cache)


def _named(image_name: str, tag: str | None, additional: Sequence[str] | None) -> tuple[str, list[str]]:
    """The name without a tag, and all tags; by default the moment is the tag."""
    name, written = split_image(image_name)
    if tag and written and str(tag) != written:
        raise StepFailed(f"image_name {image_name!r} has a tag, and tag is {tag!r}: give one of the two.")
    tags = [str(tag or written or utc_now().strftime("%Y-%m-%dt%H-%M-%S-%f")), *map(str, additional or ())]
    for one in tags:
        if not _TAG.match(one):
            raise StepFailed(f"{one!r} can't be the tag of an image: letters, digits, '_', '.' and '-', at most 128.")
    return name, tags


def _check_backend(backend: str) -> None:
    if backend not in BACKENDS:
        raise StepFailed(f"build_backend is {backend!r}; it can be {' or '.join(BACKENDS)}.")


@contextmanager
def _dockerfile(wanted: str, context: Path, kept: Path | None) -> Iterator[tuple[Path, str]]:
    """The file, and what to call it. A generated one stands outside of the project, so that none is in its way."""
    if wanted != "auto":
        if not (context / wanted).is_file():
            raise StepFailed(f"There is no Dockerfile at {context / wanted}. Write one, or say dockerfile: auto.")
        yield context / wanted, wanted
        return
    text = dockerfiles.generated(context.resolve(), settings.current().deployments.base_image)
    if kept:
        kept.write_text(text)
    with tempfile.TemporaryDirectory(prefix="penstock-build-") as folder:
        file = Path(folder, "Dockerfile")
        file.write_text(text)
        yield file, "the generated Dockerfile"


async def _build(names: list[str], context: Path, file: Path, shown: str, options: dict[str, Any], backend: str) -> str:
    try:
        from penstock.steps import image_builds  # its package is an extra
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    build = image_builds.Build(names, context, file, shown, options)
    if backend == "buildx":
        return await image_builds.build_with_buildx(build, Progress())
    return await asyncio.to_thread(image_builds.build_with_engine, build, Progress())


def _push(name: str, tag: str, credentials: Mapping[str, Any] | None) -> str:
    try:
        from penstock.infra.docker import engine
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    image, registry, digest = f"{name}:{tag}", engine.registry_of(name), ""
    auth = _auth(engine, credentials)
    client, progress = engine.connect(), Progress()
    progress.line(f"{image}: push to {registry}")
    try:
        for event in engine.push(client, name, tag, auth):
            if "error" in event:
                raise _unpushed(engine, image, str(event["error"]), auth)
            progress.passing("  " + " ".join(str(event[key]) for key in ("id", "status", "progress") if event.get(key)))
            digest = (event.get("aux") or {}).get("Digest") or digest
    except engine.FAULTS as error:
        raise _unpushed(engine, image, engine.said(error), auth) from error
    finally:
        progress.done()
        client.close()
    return digest


def _auth(engine: Any, credentials: Mapping[str, Any] | None) -> Mapping[str, str] | None:
    if not credentials:
        return None
    missing = [name for name in ("username", "password") if not credentials.get(name)]
    if missing:
        raise StepFailed(f"The credentials of push_docker_image have no {' and no '.join(missing)}.")
    found: Mapping[str, str] = engine.auth_of(credentials)
    return found


def _unpushed(engine: Any, image: str, message: str, auth: Mapping[str, str] | None) -> StepFailed:
    said = message.strip().rstrip(".")
    if auth:
        said = said.replace(auth["password"], "***")
    registry = engine.registry_of(image)
    return StepFailed(f"The image {image!r} could not be pushed: {said}. {engine.hint(said, registry, auth)}")


def _not_installed(error: ModuleNotFoundError) -> StepFailed:
    return StepFailed(f"Images need the package {error.name!r}. Install it with: pip install 'penstock[docker]'")


def _outputs(name: str, tags: list[str], **more: str) -> dict[str, Any]:
    return {
        "image_name": name,
        "tag": tags[0],
        "image": f"{name}:{tags[0]}",
        "additional_tags": tags[1:],
        **{key: value for key, value in more.items() if value},
    }


def _key(kind: str, asked: Any) -> str:
    return f"{kind} {msgspec.json.encode(asked, order='sorted').decode()}"


async def _once(at: Place, key: str, work: Callable[[], Awaitable[dict[str, Any]]], *, again: bool) -> dict[str, Any]:
    """The outputs of an earlier call with the same inputs; one that is on its way is waited for."""
    if again or key not in at.memory:
        at.memory[key] = asyncio.ensure_future(work())
    doing = at.memory[key]
    try:
        return dict(await doing)
    except BaseException:
        at.memory.pop(key, None)
        raise
