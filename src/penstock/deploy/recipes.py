"""Beginnings of a project file: how the code of a project gets to its workers, in ten ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.core.deployment_values import go_to
from penstock.deploy.yaml_text import as_block, plain

IMAGE_ID, CODE_ID = "build_image", "push_code"
IN_IMAGE = "/opt/prefect"
Steps = dict[str, list[dict[str, Any]]]

_TOP = """\
# What is deployed from this folder: `penstock deploy --all`. Commit this file with your code.
name: {name}
prefect-version: 3.8.8
"""
_SECTIONS = {
    "build": "Steps before a deployment is made, such as building an image.",
    "push": "Steps that take what was built to where workers find it.",
    "pull": "Steps of a run before it starts, which fetch the code.",
}
_DEPLOYMENTS = """
# Each names a flow as `path/to/file.py:function`, and the pool that runs it. `penstock deploy` asks, and adds one:
#
#   - name: nightly
#     entrypoint: flows/etl.py:etl
#     parameters: {{}}
#     schedules:
#       - cron: "0 2 * * *"
#         timezone: UTC
#     work_pool:
#       name: my-pool
{variables}deployments: []
"""
_VARIABLES = """\
#       job_variables:
#         image: "{{{{ {id}.image }}}}"
"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way: what it is good for, what it needs to be told, and the steps that come of that."""

    about: str
    fields: tuple[str, ...]
    steps: Callable[[Mapping[str, str]], Steps]


@dataclass(frozen=True, slots=True)
class _Store:
    push: str
    pull: str
    place: str
    credentials: str


_S3 = _Store("push_to_s3", "pull_from_s3", "bucket", "")
_GCS = _Store("push_to_gcs", "pull_from_gcs", "bucket", "")
_AZURE = _Store(
    "push_to_azure_blob_storage",
    "pull_from_azure_blob_storage",
    "container",
    "{{ prefect.blocks.azure-blob-storage-credentials.my-credentials }}",
)


def _step(name: str, **inputs: Any) -> dict[str, Any]:
    return {f"penstock.steps.{name}": inputs}


def _local(given: Mapping[str, str]) -> Steps:
    return {"pull": [go_to(given["folder"])]}


def _git(given: Mapping[str, str]) -> Steps:
    step = _step("git_clone", repository=given["repository"], branch=given["branch"], access_token=None)
    return {"pull": [step]}


def _image(given: Mapping[str, str]) -> Steps:
    """The image brings the code along."""
    build = _step(
        "build_docker_image", id=IMAGE_ID, image_name=given["image_name"], tag=given["tag"], dockerfile="auto"
    )
    made = {key: f"{{{{ {IMAGE_ID}.{key} }}}}" for key in ("image_name", "tag")}
    folder = f"{IN_IMAGE}/{given['folder'].rstrip('/').rpartition('/')[2]}"
    return {"build": [build], "push": [_step("push_docker_image", **made)], "pull": [go_to(folder)]}


def _stored(store: _Store) -> Callable[[Mapping[str, str]], Steps]:
    def steps(given: Mapping[str, str]) -> Steps:
        login = {"credentials": store.credentials} if store.credentials else {}
        place = {store.place: given[store.place], "folder": given["name"]}
        there = {key: f"{{{{ {CODE_ID}.{key} }}}}" for key in place}
        push = _step(store.push, id=CODE_ID, **place, **login)
        return {"push": [push], "pull": [_step(store.pull, **there, **login)]}

    return steps


def _image_and(code: Callable[[Mapping[str, str]], Steps]) -> Callable[[Mapping[str, str]], Steps]:
    """An image with what the code needs; the code itself comes from elsewhere."""

    def steps(given: Mapping[str, str]) -> Steps:
        image, other = _image(given), code(given)
        return {**image, "push": [*image["push"], *other.get("push", [])], "pull": other["pull"]}

    return steps


_OF_GIT, _OF_IMAGE, _OF_BUCKET, _OF_CONTAINER = (
    ("repository", "branch"),
    ("image_name", "tag"),
    ("bucket",),
    ("container",),
)
RECIPES: Mapping[str, Recipe] = {
    "local": Recipe("runs start in this folder", (), _local),
    "git": Recipe("workers clone a repository", _OF_GIT, _git),
    "docker": Recipe("an image has the code", _OF_IMAGE, _image),
    "docker-git": Recipe("an image, and code out of a repository", _OF_IMAGE + _OF_GIT, _image_and(_git)),
    "s3": Recipe("code in Amazon S3", _OF_BUCKET, _stored(_S3)),
    "docker-s3": Recipe("an image, and code in Amazon S3", _OF_IMAGE + _OF_BUCKET, _image_and(_stored(_S3))),
    "gcs": Recipe("code in Google Cloud Storage", _OF_BUCKET, _stored(_GCS)),
    "docker-gcs": Recipe(
        "an image, and code in Google Cloud Storage", _OF_IMAGE + _OF_BUCKET, _image_and(_stored(_GCS))
    ),
    "azure": Recipe("code in Azure Blob Storage", _OF_CONTAINER, _stored(_AZURE)),
    "docker-azure": Recipe(
        "an image, and code in Azure Blob Storage", _OF_IMAGE + _OF_CONTAINER, _image_and(_stored(_AZURE))
    ),
}


def fitting(*, remote: bool, dockerfile: bool) -> str:
    """The recipe that what is in a folder suggests: whether it has a git remote, and a Dockerfile."""
    if remote:
        return "docker-git" if dockerfile else "git"
    return "docker" if dockerfile else "local"


def project_file(recipe: Recipe, given: Mapping[str, str]) -> str:
    """The text of a file; `given` has the recipe's fields, the project's `name` and its `folder`."""
    steps = recipe.steps(given)
    parts = [_TOP.format(name=plain(given["name"]))]
    for key, about in _SECTIONS.items():
        if key in steps:
            parts.append(f"\n# {about}\n{key}:\n{as_block(steps[key], 2)}\n")
    variables = _VARIABLES.format(id=IMAGE_ID) if "build" in steps else ""
    return "".join([*parts, _DEPLOYMENTS.format(variables=variables)])
