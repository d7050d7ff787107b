"""From a job to the settings its container is created with; nothing here asks the engine.

Names, labels and what is done about an API on this machine are as Prefect's Docker worker has them, so that what
looks for its containers finds ours. The container's own name differs: it is made of the job's identity alone, so that
the engine refuses a second container for the same attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from penstock.infra.protocol import Job
from penstock.infra.templates import fill

IDENTITY = "io.penstock.identity"
GATEWAY = "host.docker.internal"
LOCAL = ("localhost", "127.0.0.1", "[::1]", "0.0.0.0")
ADDRESSES = ("PENSTOCK_API_URL", "PREFECT_API_URL")
PullPolicy = Literal["IfNotPresent", "Always", "IfPossible", "Never"]


class RegistryCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """The data of a `docker-registry-credentials` block."""

    username: str
    password: str
    registry_url: str
    reauth: bool = True


class DockerVariables(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment may set for a container."""

    command: Annotated[str | None, Meta(title="Command", description="Run instead of the flow's own start.")] = None
    env: Annotated[
        dict[str, str | None] | None, Meta(title="Environment Variables", description="Set in the container.")
    ] = None
    labels: Annotated[dict[str, str] | None, Meta(title="Labels", description="Labels of the container.")] = None
    name: Annotated[
        str | None, Meta(title="Name", description="Kept as a label: the container is named after run and attempt.")
    ] = None
    image: Annotated[str | None, Meta(title="Image", description="The image, with its tag or digest.")] = None
    registry_credentials: Annotated[
        RegistryCredentials | None, Meta(title="Registry Credentials", description="To pull the image with.")
    ] = None
    image_pull_policy: Annotated[
        PullPolicy | None,
        Meta(title="Image Pull Policy", description="By default Always for the tag latest, else IfNotPresent."),
    ] = None
    networks: Annotated[
        list[str] | None, Meta(title="Networks", description="Networks that the container is connected to.")
    ] = None
    network_mode: Annotated[
        str | None, Meta(title="Network Mode", description="Such as host or bridge; not together with networks.")
    ] = None
    auto_remove: Annotated[
        bool, Meta(title="Auto Remove", description="Remove the container once its end has been reported.")
    ] = False
    volumes: Annotated[
        list[str] | None,
        Meta(title="Volumes", description="Mounts, as /here:/there; a relative source starts where the worker does."),
    ] = None
    stream_output: Annotated[
        bool, Meta(title="Stream Output", description="Show the container's output in the worker's.")
    ] = True
    container_wait_timeout: Annotated[
        Annotated[int, Meta(gt=0)] | None,
        Meta(title="Container Wait Timeout", description="Accepted; ends are followed, however long they take."),
    ] = None
    mem_limit: Annotated[
        str | None, Meta(title="Memory Limit", description="Such as 512m or 2g; a plain number is bytes.")
    ] = None
    memswap_limit: Annotated[
        str | None, Meta(title="Memory Swap Limit", description="Memory and swap together; -1 for no limit.")
    ] = None
    privileged: Annotated[
        bool, Meta(title="Privileged", description="Give the container extended rights on its host.")
    ] = False


class DockerConfiguration(DockerVariables, frozen=True, kw_only=True):
    """A job's configuration: a pool's template may say more than what it lets deployments set."""

    container_create_kwargs: dict[str, Any] | None = None
    """Further arguments of docker-py's `containers.create`."""


def read(configuration: Mapping[str, Any]) -> DockerConfiguration:
    """The configuration, typed; `InfrastructureFailed` names what does not fit. Null is what nobody said."""
    given = {name: value for name, value in configuration.items() if value is not None}
    return fill(DockerConfiguration, given)


def name_of(identity: str) -> str:
    """The one name that a container of this identity can have."""
    return f"penstock-{identity}"


def settings(job: Job, wanted: DockerConfiguration, *, shares_host: bool) -> dict[str, Any]:
    """The arguments to create the container with; `shares_host` says that it can have this machine's network."""
    mode = _network_mode(job, wanted, shares_host)
    hosts, further = _further(wanted)
    if wanted.networks:
        further["network"] = wanted.networks[0]
    if mode:
        further["network_mode"] = mode
    return {
        **further,
        "image": wanted.image,
        "command": wanted.command or job.command,
        "environment": environment(job.env, mode),
        "labels": labels(job, wanted),
        "name": name_of(job.identity),
        "extra_hosts": None if mode == "host" else {GATEWAY: "host-gateway", **hosts},
        "volumes": [_absolute(one) for one in wanted.volumes or ()],
        "mem_limit": wanted.mem_limit,
        "memswap_limit": wanted.memswap_limit,
        "privileged": wanted.privileged,
    }


def environment(env: Mapping[str, str], mode: str | None) -> dict[str, str]:
    """The variables; an API on this machine has another name inside, unless the network is this machine's."""
    found = dict(env)
    if mode != "host":
        for name in ADDRESSES:
            if name in found:
                found[name] = _seen_from_inside(found[name])
    return found


def labels(job: Job, wanted: DockerConfiguration) -> dict[str, str]:
    """`prefect.io/flow-run-id` is `io.prefect.flow-run-id` here; the identity is what `find` goes by."""
    found = {_label(name): value for name, value in (wanted.labels or {}).items()}
    if wanted.name:
        found["io.penstock.name"] = wanted.name
    return {**found, IDENTITY: job.identity}


def _label(name: str) -> str:
    domain, slash, key = name.partition("/")
    return ".".join([*reversed(domain.split(".")), key]) if slash else name


def _network_mode(job: Job, wanted: DockerConfiguration, shares_host: bool) -> str | None:
    if wanted.network_mode or wanted.networks:
        return wanted.network_mode
    is_local = any(_is_local(job.env[name]) for name in ADDRESSES if name in job.env)
    return "host" if is_local and shares_host else None


def _is_local(url: str) -> bool:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    return host in ("localhost", "127.0.0.1", "::1", "0.0.0.0")


def _seen_from_inside(url: str) -> str:
    if not _is_local(url):
        return url
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    for name in LOCAL:
        if place == name or place.startswith(f"{name}:"):
            place = GATEWAY + place[len(name) :]
    return parts._replace(netloc=f"{user}{at}{place}").geturl()


def _further(wanted: DockerConfiguration) -> tuple[dict[str, str], dict[str, Any]]:
    """The hosts and the other arguments that a pool adds; what is a variable can't be said twice."""
    known = set(DockerVariables.__struct_fields__) | {"environment"}
    given = {key: value for key, value in (wanted.container_create_kwargs or {}).items() if key not in known}
    hosts = given.pop("extra_hosts", None) or {}
    if isinstance(hosts, list):
        hosts = dict(one.split(":", 1) for one in hosts if ":" in one)
    return hosts, given


def _absolute(volume: str) -> str:
    """A bind mount whose source is relative starts in the worker's folder; a bare word names a volume."""
    source, colon, rest = volume.partition(":")
    return f"{Path(source).resolve()}{colon}{rest}" if colon and source.startswith(".") else volume
