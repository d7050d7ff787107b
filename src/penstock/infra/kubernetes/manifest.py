"""The manifest that is sent: the pool's own, with the run's environment, labels, command and name put in."""

from __future__ import annotations

import copy
import re
import shlex
from collections.abc import Mapping
from typing import Any

from penstock.errors import InfrastructureFailed
from penstock.infra.cloud_names import resource_name, words
from penstock.infra.kubernetes.variables import KubernetesConfiguration
from penstock.infra.protocol import Job

JOB_LABEL = "penstock/job"
"""On the job and its pods: the job's name. What is watched is selected by it."""
START = "penstock/start"
"""An annotation that differs from start to start: who gets no answer can tell later whether the job is theirs."""
RUN = "penstock/run"
LONGEST_NAME = 57
"""A pod's name is the job's and six characters more, and must be good as a host's name."""
LONGEST_LABEL, LONGEST_PREFIX = 63, 253

Tree = dict[str, Any]


def job_name(identity: str) -> str:
    """The name of the job of this identity, the same every time."""
    return resource_name(identity, LONGEST_NAME)


def namespace_of(wanted: KubernetesConfiguration) -> str:
    """Where the job is to be: the manifest's word goes before the variable's."""
    metadata = wanted.job_manifest.get("metadata") or {}
    return str(metadata.get("namespace") or wanted.namespace or "default")


def complete(wanted: KubernetesConfiguration, job: Job, start: str) -> Tree:
    """The manifest of a job; `InfrastructureFailed` says what the pool's lacks.

    What the pool's manifest says itself is kept, but for the name: it is made of the identity, so that the
    cluster refuses a second job of the same.
    """
    manifest = copy.deepcopy(wanted.job_manifest)
    spec = _tree(manifest, "spec", "job_manifest")
    template = _tree(spec, "template", "job_manifest.spec")
    pod = _tree(template, "spec", "job_manifest.spec.template")
    manifest.setdefault("apiVersion", "batch/v1")
    manifest.setdefault("kind", "Job")
    labels = slugified({**(wanted.labels or {}), **_labels(manifest)}) | {JOB_LABEL: job_name(job.identity)}
    _name(manifest, wanted, labels, {START: start, **({RUN: wanted.name} if wanted.name else {})}, job.identity)
    template_metadata = template.setdefault("metadata", {})
    template_metadata["labels"] = slugified(_labels(template)) | labels
    _run_once(spec, pod)
    _fill_container(pod, wanted, job)
    return manifest


def slugified(labels: Mapping[str, Any]) -> dict[str, str]:
    """Labels in Kubernetes' letters; those of which nothing is left are dropped."""
    found = {_key(str(name)): _plain(str(value)) for name, value in labels.items()}
    return {name: value for name, value in found.items() if name}


def _name(
    manifest: Tree, wanted: KubernetesConfiguration, labels: dict[str, str], notes: dict[str, str], identity: str
) -> None:
    metadata = manifest.setdefault("metadata", {})
    metadata.pop("generateName", None)
    metadata["name"] = job_name(identity)
    metadata["namespace"] = namespace_of(wanted)
    metadata["labels"] = labels
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **notes}


def _run_once(spec: Tree, pod: Tree) -> None:
    """A run must not be carried out twice, so a pod is not replaced unless the pool's manifest says so.

    Prefect's template has `parallelism` and `completions` within the pod, where Kubernetes does not know them.
    """
    for field in ("parallelism", "completions"):
        misplaced = pod.pop(field, None)
        if spec.setdefault(field, misplaced or 1) != 1:
            raise InfrastructureFailed(f"job_manifest.spec.{field} is {spec[field]}: each run would be run as often.")
    spec.setdefault("backoffLimit", 0)
    pod.setdefault("restartPolicy", "Never")


def _fill_container(pod: Tree, wanted: KubernetesConfiguration, job: Job) -> None:
    containers = pod.get("containers")
    if not isinstance(containers, list) or not containers or not isinstance(containers[0], dict):
        raise InfrastructureFailed("job_manifest.spec.template.spec.containers has no container for the run.")
    container: Tree = containers[0]
    if not container.get("image"):
        raise InfrastructureFailed(
            "The job has no image. Set the job variable `image`, in the deployment or as the pool's default."
        )
    given = container.get("args")
    if not isinstance(given, list):
        container["args"] = shlex.split(given) if given else words(wanted.command, job.command)
    container["env"] = _environment(container.get("env"), job.env)


def _environment(given: object, env: Mapping[str, str]) -> list[Tree]:
    """A list is the manifest's own word and is kept; the run's environment is added to it."""
    own: list[Tree] = [dict(one) for one in given] if isinstance(given, list) else []
    taken = {one.get("name") for one in own}
    return own + [{"name": name, "value": value} for name, value in env.items() if name not in taken]


def _tree(parent: Tree, key: str, path: str) -> Tree:
    found = parent.get(key)
    if not isinstance(found, dict):
        raise InfrastructureFailed(f"{path} has no `{key}`. See: penstock work-pool preview POOL --job")
    return found


def _labels(thing: Tree) -> dict[str, Any]:
    return dict((thing.get("metadata") or {}).get("labels") or {})


def _key(name: str) -> str:
    prefix, slash, rest = name.rpartition("/")
    prefix = re.sub(r"[^a-z0-9.-]+", "-", prefix.lower())[:LONGEST_PREFIX].strip("-.")
    rest = _plain(rest)
    return f"{prefix}/{rest}" if slash and prefix and rest else rest


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-_.")[:LONGEST_LABEL].rstrip("-_.")
