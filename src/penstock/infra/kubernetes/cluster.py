"""The one place that talks to an API server, with the official client; every call blocks and is bounded.

Answers stay JSON, of which `seen.py` reads what matters: the client's models would check more than
Kubernetes itself does, and cost more than the rest of the driver.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from kubernetes import client, config
from urllib3.exceptions import HTTPError

from penstock.errors import InfrastructureFailed
from penstock.infra.kubernetes.manifest import JOB_LABEL
from penstock.infra.kubernetes.seen import ClusterJob, Page, Trouble
from penstock.infra.kubernetes.variables import KubernetesClusterConfig
from penstock.infra.polling import Absent, AlreadyThere, Passing

CALL_TIMEOUT = (10, 30)
"""Seconds to connect, and to wait for the next piece of an answer."""
WATCH_SECONDS = 240
"""How long a watch may last; the server ends it, and nothing is missed."""
SILENCE_SECONDS = 60
PAGE = 500
TAIL_LINES, TAIL_BYTES = 20, 4096
REACHING_OUT = {
    *("exec", "auth-provider", "tokenFile"),
    *("client-certificate", "client-key", "certificate-authority"),
}
"""What in a kubeconfig runs programs or reads files of the machine it is used on."""
CONNECTIONS = 32
KINDS = ("jobs", "pods", "events")


class Expired(Passing):
    """The version to go on from is too old (410): list anew."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A whole list, and the version of the cluster that it shows."""

    items: list[msgspec.Raw]
    version: str


class Stream:
    """Lines as they come. `close` may be called from another thread, and ends the reading."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        try:
            for piece in self._response.stream(amt=None, decode_content=True):
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
            if rest:
                yield rest
        except (HTTPError, OSError, ValueError, AttributeError) as error:
            raise Passing(f"a connection to the API server broke: {error}") from error
        finally:
            self._response.close()

    def close(self) -> None:
        """Cuts the connection, so that who reads comes to an end."""
        try:
            self._response.shutdown()
        except (OSError, ValueError, AttributeError, RuntimeError):
            self._response.close()


class Cluster:
    """One API server, with one set of credentials.

    Every call may raise `Passing`, `Absent`, `AlreadyThere`, `Expired`, or `InfrastructureFailed` with the server's
    words.
    """

    def __init__(self, wanted: KubernetesClusterConfig | None, *, trusting: bool = True) -> None:
        """Not `trusting` means that who wrote the kubeconfig may neither run programs nor read files here."""
        if wanted and not trusting:
            _refuse_reaching_out(wanted.config)
        self._wanted = wanted
        self._lock = threading.Lock()
        self._api: client.ApiClient | None = None

    def create_job(self, namespace: str, manifest: dict[str, Any]) -> None:
        """Makes a job of a manifest; what the server does not know in it, it drops, as for kubectl."""
        self._ask(
            f"create a job in the namespace {namespace!r}",
            lambda api: client.CustomObjectsApi(api).create_namespaced_custom_object(
                "batch", "v1", namespace, "jobs", manifest, _request_timeout=CALL_TIMEOUT
            ),
        )

    def read_job(self, namespace: str, name: str) -> ClusterJob:
        """The job of this name."""
        answer = self._ask(
            f"read the job {namespace}/{name}",
            lambda api: client.BatchV1Api(api).read_namespaced_job(
                name, namespace, _preload_content=False, _request_timeout=CALL_TIMEOUT
            ),
        )
        return msgspec.json.decode(answer.data, type=ClusterJob)

    def delete_job(self, namespace: str, name: str) -> None:
        """Asks for a job's end and that of its pods; it is there until they are gone."""
        options: dict[str, Any] = {"propagation_policy": "Foreground", "_preload_content": False}
        self._ask(
            f"delete the job {namespace}/{name}",
            lambda api: client.BatchV1Api(api).delete_namespaced_job(
                name, namespace, _request_timeout=CALL_TIMEOUT, **options
            ),
        ).read()

    def delete_pod(self, namespace: str, name: str, grace: int) -> None:
        """Asks for a pod's end; with a grace of 0 the cluster forgets it at once."""
        options: dict[str, Any] = {"grace_period_seconds": grace, "_preload_content": False}
        self._ask(
            f"delete the pod {namespace}/{name}",
            lambda api: client.CoreV1Api(api).delete_namespaced_pod(
                name, namespace, _request_timeout=CALL_TIMEOUT, **options
            ),
        ).read()

    def list(self, kind: str, namespace: str, name: str | None = None) -> Listed:
        """All of Penstock's jobs or pods, or those of one job; or all events of the namespace."""
        items: list[msgspec.Raw] = []
        options: dict[str, Any] = {"limit": PAGE, **_selected(kind, name)}
        while True:
            call = self._lister(kind, namespace, options)
            page = msgspec.json.decode(self._ask(f"list {kind} in the namespace {namespace!r}", call).data, type=Page)
            items += page.items or []
            if not page.metadata.continue_:
                return Listed(items, page.metadata.resource_version)
            options["_continue"] = page.metadata.continue_

    def watch(self, kind: str, namespace: str, version: str) -> Stream:
        """What changed after a version, until the server ends it."""
        options = {
            "watch": True,
            "allow_watch_bookmarks": True,
            "resource_version": version,
            "timeout_seconds": WATCH_SECONDS,
            **_selected(kind, None),
        }
        call = self._lister(kind, namespace, options, WATCH_SECONDS + SILENCE_SECONDS)
        return Stream(self._ask(f"watch {kind} in the namespace {namespace!r}", call))

    def tail(self, namespace: str, pod: str, container: str) -> str:
        """The last lines of a container's output."""
        answer = self._log(namespace, pod, container, tail_lines=TAIL_LINES)
        return str(answer.data[-TAIL_BYTES:].decode(errors="replace"))

    def output(self, namespace: str, pod: str, container: str, since_seconds: int | None) -> Stream:
        """A container's output as it comes, each line with its time before it."""
        since = {} if since_seconds is None else {"since_seconds": since_seconds}
        timeout = WATCH_SECONDS + SILENCE_SECONDS
        return Stream(self._log(namespace, pod, container, timeout, follow=True, timestamps=True, **since))

    def close(self) -> None:
        """Lets go of the connections that are not in use."""
        with self._lock:
            if self._api:
                self._api.rest_client.pool_manager.clear()
                self._api = None

    def _log(self, namespace: str, pod: str, container: str, silence: int = 30, **options: Any) -> Any:
        return self._ask(
            f"read the log of the pod {namespace}/{pod}",
            lambda api: client.CoreV1Api(api).read_namespaced_pod_log(
                pod,
                namespace,
                container=container,
                _preload_content=False,
                _request_timeout=(CALL_TIMEOUT[0], silence),
                **options,
            ),
        )

    def _lister(
        self, kind: str, namespace: str, options: dict[str, Any], silence: float = CALL_TIMEOUT[1]
    ) -> Callable[[client.ApiClient], Any]:
        options = {**options, "_preload_content": False, "_request_timeout": (CALL_TIMEOUT[0], silence)}

        def call(api: client.ApiClient) -> Any:
            if kind == "jobs":
                return client.BatchV1Api(api).list_namespaced_job(namespace, **options)
            if kind == "pods":
                return client.CoreV1Api(api).list_namespaced_pod(namespace, **options)
            return client.CoreV1Api(api).list_namespaced_event(namespace, **options)

        return call

    def _ask(self, what: str, call: Callable[[client.ApiClient], Any]) -> Any:
        try:
            return call(self._connected())
        except client.ApiException as error:
            if error.status == 401:
                self.close()  # a token that has run out: the next try reads the credentials anew
            raise _meaning(what, error) from error
        except (HTTPError, OSError) as error:
            raise Passing(f"could not {what}: the API server does not answer ({error})") from error

    def _connected(self) -> client.ApiClient:
        with self._lock:
            if self._api is None:
                settings = client.Configuration()
                _load(self._wanted, settings)
                settings.retries = False  # tried again here, where what may be doubled is known
                settings.connection_pool_maxsize = CONNECTIONS
                self._api = client.ApiClient(settings)
            return self._api


def _refuse_reaching_out(kubeconfig: dict[str, Any]) -> None:
    for part, field in (("clusters", "cluster"), ("users", "user")):
        for number, one in enumerate(kubeconfig.get(part) or []):
            for name in sorted(REACHING_OUT & set((one or {}).get(field) or {})):
                raise InfrastructureFailed(
                    f"cluster_config has `{part}[{number}].{field}.{name}`, which would run a program or read a file of"
                    " the server. Use a token or the `-data` fields, or let a worker serve the pool."
                )


def _load(wanted: KubernetesClusterConfig | None, settings: client.Configuration) -> None:
    """The block's kubeconfig; without one the pod's own service account, or else the kubeconfig of this machine.

    The package's loaders have no types.
    """
    try:
        if wanted:
            load_dict: Any = config.load_kube_config_from_dict
            load_dict(wanted.config, context=wanted.context_name, client_configuration=settings, persist_config=False)
            return
        load_pod: Any = config.load_incluster_config
        load_file: Any = config.load_kube_config
        try:
            load_pod(client_configuration=settings)
        except config.ConfigException:
            load_file(client_configuration=settings, persist_config=False)
    except config.ConfigException as error:
        place = f"the context {wanted.context_name!r} of cluster_config" if wanted else "this machine"
        raise InfrastructureFailed(f"No Kubernetes cluster can be reached with {place}: {error}") from error


def _selected(kind: str, name: str | None) -> dict[str, str]:
    if kind == "events":
        return {}
    return {"label_selector": f"{JOB_LABEL}={name}" if name else JOB_LABEL}


def _meaning(what: str, error: client.ApiException) -> Exception:
    """What an answer that is no success means to the driver."""
    trouble = _trouble(error.body)
    said = trouble.message or error.reason or f"status {error.status}"
    if error.status == 404:
        return Absent(said)
    if error.status == 410:
        return Expired(said)
    if error.status == 409 and trouble.reason == "AlreadyExists":
        return AlreadyThere(said)
    if error.status in (401, 409, 429) or (error.status or 500) >= 500:
        return Passing(f"could not {what}: {said} ({error.status})")
    if error.status == 400 and "waiting to start" in said:
        return Passing(said)
    return InfrastructureFailed(f"Kubernetes refused to {what} ({error.status} {trouble.reason or ''}): {said}")


def _trouble(body: object) -> Trouble:
    try:
        return msgspec.convert(json.loads(body), Trouble) if isinstance(body, str | bytes) else Trouble()
    except (ValueError, msgspec.ValidationError):
        return Trouble()
