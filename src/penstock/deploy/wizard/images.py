"""The image that a pool's jobs run in: built when it is deployed, and pushed to a registry."""

from __future__ import annotations

import re
from typing import Any

from penstock.core.deployment_values import go_to
from penstock.deploy.wizard.answers import Answers, NewBlock, Scene, knows_type
from penstock.deploy.wizard.asker import Asker, Choice, something

BUILD_ID = "build-image"
BUILD, PUSH_STEP = "penstock.steps.build_docker_image", "penstock.steps.push_docker_image"
IN_IMAGE = "/opt/prefect"
AUTO = "auto"
HUB = "docker.io"
CREDENTIALS = "docker-registry-credentials"
_PART = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


def ask_image(asker: Asker, scene: Scene, answers: Answers) -> None:
    """Whether one is built, where the pool's jobs have an image and nothing is said of one yet."""
    if not _takes_image(answers) or "build" in answers.values:
        return
    if built := scene.manifest.steps.get("build"):
        _take_built(answers, built)
    elif asker.confirm("Build an image for it?", default=False):
        _ask_build(asker, scene, answers)


def _ask_build(asker: Asker, scene: Scene, answers: Answers) -> None:
    dockerfile = asker.choose("Dockerfile", _dockerfiles(scene))
    repository = asker.text("User or organisation", check=_repository)
    name = asker.text("Image name", default=image_part(answers.name), check=_image_name)
    tag = asker.text("Tag", default="latest", check=_tag)
    image = f"{repository}/{name}" if repository else name
    if asker.confirm("Push it to a registry?", default=False):
        image = _pushed(asker, scene, answers, image)
    build: dict[str, Any] = {"id": BUILD_ID, "image_name": image, "tag": tag, "dockerfile": dockerfile}
    answers.values["build"] = [{BUILD: build}]
    answers.set_job_variable("image", f"{{{{ {BUILD_ID}.image }}}}")
    answers.code_in_image = dockerfile == AUTO
    if dockerfile != AUTO:
        _ask_folder(asker, scene, answers)


def _take_built(answers: Answers, steps: list[dict[str, Any]]) -> None:
    """The image that steps for the whole file build, where they give it a name to refer to."""
    for step in steps:
        for name, inputs in step.items():
            if name.endswith("build_docker_image") and (inputs or {}).get("id"):
                answers.set_job_variable("image", f"{{{{ {inputs['id']}.image }}}}")


def _takes_image(answers: Answers) -> bool:
    """A plain text variable of that name in the pool's template, which nothing has set."""
    variables = (answers.pool.base_job_template if answers.pool else {}).get("variables") or {}
    field = (variables.get("properties") or {}).get("image") or {}
    said = (answers.values.get("work_pool") or {}).get("job_variables") or {}
    return field.get("type") == "string" and "image" not in said


def _dockerfiles(scene: Scene) -> list[Choice[str]]:
    """Those of the folder first."""
    found = sorted(path.name for path in scene.folder.glob("Dockerfile*") if path.is_file())
    own = [Choice(name, (name, "the one of this folder")) for name in found]
    return [*own, Choice(AUTO, (AUTO, "made for it: this folder and its requirements.txt"))]


def _ask_folder(asker: Asker, scene: Scene, answers: Answers) -> None:
    """Only its author knows where a Dockerfile puts the code, or that it does not."""
    if not asker.confirm("Does it copy the code?", default=True):
        return
    folder = asker.text("Folder of the code in it", default=f"{IN_IMAGE}/{scene.folder.name}", check=something)
    answers.values["pull"] = [go_to(folder)]
    answers.code_in_image = True


def _pushed(asker: Asker, scene: Scene, answers: Answers, image: str) -> str:
    """Adds the step, and gives the name with the registry before it."""
    registry = asker.text("Registry", default=HUB, check=_registry)
    step: dict[str, Any] = {"image_name": f"{{{{ {BUILD_ID}.image_name }}}}", "tag": f"{{{{ {BUILD_ID}.tag }}}}"}
    private = asker.confirm("Does it need a login?", default=False)
    if private and (block := _credentials(asker, scene, answers, registry)):
        step["credentials"] = block
    answers.values["push"] = [{PUSH_STEP: step}]
    return f"{registry}/{image}"


def _credentials(asker: Asker, scene: Scene, answers: Answers, registry: str) -> str | None:
    if not knows_type(scene.client, CREDENTIALS):
        asker.tell("The server has no block type for registry logins; `docker login` on this machine is used.")
        return None
    user = asker.text("User", check=something)
    password = asker.secret("Password or token")
    data = {"username": user, "password": password, "registry_url": registry}
    block = NewBlock(CREDENTIALS, f"deployment-{block_part(answers.name)}-registry", data)
    answers.new_blocks.append(block)
    return block.reference


def image_part(text: str) -> str:
    """A text as a part of an image's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "flows"


def block_part(text: str) -> str:
    """A text as a part of a block's name: small letters, digits and dashes."""
    return image_part(text)


def _repository(text: str) -> str:
    parts = text.strip().strip("/")
    if parts and not all(_PART.fullmatch(part) for part in parts.split("/")):
        raise ValueError("small letters, digits and single . _ - between them; nothing for none")
    return parts


def _image_name(text: str) -> str:
    if not _PART.fullmatch(text.strip()):
        raise ValueError("small letters, digits and single . _ - between them")
    return text.strip()


def _tag(text: str) -> str:
    if not _TAG.fullmatch(text.strip()):
        raise ValueError("letters, digits, . _ and -, at most 128")
    return text.strip()


def _registry(text: str) -> str:
    host = something(text).removeprefix("https://").removeprefix("http://").strip("/")
    if not re.fullmatch(r"[\w.-]+(:\d+)?(/[\w./-]+)?", host, re.ASCII):
        raise ValueError("a host such as ghcr.io, without spaces")
    return host
