"""What the known steps take, to find a wrong name or input before anything runs (deploy.md 2).

Steps are told apart by the last part of their dotted name, as far as the package is one whose steps are known;
what stands in any other package is the user's own, and is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.names import nearest

RESERVED = ("id", "requires")
_SHELL = re.compile(r"(?<!\\)(?:\||&&|>|<|;|`|\$\()")
_HOME = ("prefect.deployments.steps", "prefect.projects.steps", "penstock.steps", "penstock.deployments.steps")


@dataclass(frozen=True, slots=True)
class StepShape:
    """The inputs of a step: those it must have, those it may have, and whether it passes others on."""

    package: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    passes_on: bool = False
    excludes: tuple[tuple[str, str], ...] = ()
    """Pairs of inputs that can't stand together."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return (*self.needs, *self.takes)


_OWN, _DOCKER, _AWS, _GCP, _AZURE = "prefect", "prefect_docker", "prefect_aws", "prefect_gcp", "prefect_azure"
_S3 = ("credentials", "client_parameters")
_IMAGE = ("tag", "credentials", "additional_tags", "ignore_cache", "build_backend")

STEPS: Mapping[str, StepShape] = {
    "set_working_directory": StepShape(_OWN, ("directory",)),
    "git_clone": StepShape(
        _OWN,
        ("repository",),
        (
            "branch",
            "commit_sha",
            "include_submodules",
            "access_token",
            "credentials",
            "directories",
            "clone_directory_name",
        ),
        excludes=(("access_token", "credentials"), ("branch", "commit_sha")),
    ),
    "pull_from_remote_storage": StepShape(_OWN, ("url",), passes_on=True),
    "pull_with_block": StepShape(_OWN, ("block_type_slug", "block_document_name")),
    "run_shell_script": StepShape(_OWN, ("script",), ("directory", "env", "stream_output", "expand_env_vars", "shell")),
    "pip_install_requirements": StepShape(_OWN, (), ("directory", "requirements_file", "stream_output")),
    "build_docker_image": StepShape(_DOCKER, ("image_name",), ("dockerfile", *_IMAGE, "platform"), passes_on=True),
    "push_docker_image": StepShape(_DOCKER, ("image_name",), _IMAGE),
    "push_to_s3": StepShape(_AWS, ("bucket", "folder"), (*_S3, "ignore_file")),
    "pull_from_s3": StepShape(_AWS, ("bucket", "folder"), _S3),
    "push_to_gcs": StepShape(_GCP, ("bucket", "folder"), ("project", "credentials", "ignore_file")),
    "pull_from_gcs": StepShape(_GCP, ("bucket", "folder"), ("project", "credentials")),
    "push_to_azure_blob_storage": StepShape(_AZURE, ("container", "folder", "credentials"), ("ignore_file",)),
    "pull_from_azure_blob_storage": StepShape(_AZURE, ("container", "folder", "credentials")),
}

RENAMED = {"git_clone_project": "git_clone", "pull_project_from_s3": "pull_from_s3", "push_project_to_s3": "push_to_s3"}
RENAMED |= {"pull_project_from_gcs": "pull_from_gcs", "push_project_to_gcs": "push_to_gcs"}


def current_name(name: str) -> str:
    """The name that a step has today: Prefect's projects became deployments, and lost the word in their steps."""
    package, _, last = name.rpartition(".")
    if ".projects." not in f"{package}." and last not in RENAMED:
        return name
    return f"{package.replace('.projects.', '.deployments.')}.{RENAMED.get(last, last)}".lstrip(".")


def shape_of(name: str) -> StepShape | None:
    """What a step takes; None for one that is not known, or is the user's own."""
    return STEPS.get(name.rpartition(".")[2]) if is_known_place(name) else None


def unknown_step(name: str) -> str | None:
    """The words about a step that its package does not have, with the nearest; None where it may be there."""
    package, dot, last = name.rpartition(".")
    own = package.startswith(_HOME) or (not dot and last.isidentifier())
    if last in STEPS and (is_known_place(name) or not own):
        return None
    if not own and not (is_known_place(name) and package.endswith(".steps")):
        return None
    meant = nearest(last, STEPS)
    known = ", ".join(key for key, shape in STEPS.items() if own == (shape.package == _OWN))
    hint = f"did you mean {f'{package}.' if dot else ''}{meant}?" if meant else f"there are {known}."
    return f"there is no step {name!r}; {hint}"


def is_known_place(name: str) -> bool:
    """Whether the steps of this name's package are all known."""
    package = name.rpartition(".")[0]
    first = package.partition(".")[0]
    if not package:
        return True
    families = ("prefect", "penstock", _DOCKER, _AWS, _GCP, _AZURE)
    return first in families and ".steps" in package


def wrong_inputs(name: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
    """What is wrong with the inputs of a known step, each with the input it is about, if there is one."""
    shape = shape_of(name)
    if shape is None:
        return
    last = name.rpartition(".")[2]
    for key in inputs.keys() - set(shape.inputs) - set(RESERVED) if not shape.passes_on else ():
        meant = nearest(key, shape.inputs)
        yield key, f"{meant}, not {key!r}" if meant else f"one of {', '.join(shape.inputs)}, not {key!r}"
    if shape.passes_on:
        for key in inputs.keys() - set(shape.inputs) - set(RESERVED):
            if (meant := nearest(key, shape.needs)) and meant not in inputs:
                yield key, f"{meant}, not {key!r}"
    for key in shape.needs:
        if inputs.get(key) in (None, ""):
            yield None, f"the input {key}, which {last} needs"
    for one, other in shape.excludes:
        if inputs.get(one) and inputs.get(other):
            yield other, f"{one} or {other}, not both"


def looks_like_shell(name: str, inputs: Mapping[str, Any]) -> str | None:
    """What of a script only a shell understands, where none will see it."""
    if name.rpartition(".")[2] != "run_shell_script" or inputs.get("shell"):
        return None
    script = re.sub(r"'[^']*'|\"[^\"]*\"", "", str(inputs.get("script") or ""))
    found = _SHELL.search(re.sub(r"\{\{.*?\}\}", "", script))
    return found.group() if found else None
