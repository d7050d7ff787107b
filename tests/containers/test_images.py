"""Images are built and pushed on a real engine and to a real registry, and what fails is explained."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock import settings as configuration
from penstock.core.images import architecture_doubt, split_image
from penstock.docker import DockerImage
from penstock.errors import InfrastructureFailed, InvalidRequest, StepFailed
from penstock.infra.docker import DockerInfrastructure
from penstock.steps import dockerfiles
from penstock.steps.docker import build_docker_image, push_docker_image
from penstock.steps.find import find
from penstock.steps.image_builds import Build, buildx_command
from penstock.steps.protocol import Place
from penstock.testing.infrastructure import hosted, job
from tests.containers import project
from tests.live.docker import PASSWORD, USER, Engine

NAME = "penstock-test/images"


@pytest.fixture
def place(docker_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A project with a requirement, whose images are removed at the end."""
    folder = tmp_path / "imports"
    project.write(folder)
    monkeypatch.chdir(folder)
    environ = {"PENSTOCK_HOME": str(tmp_path), "PENSTOCK_DEPLOYMENTS_BASE_IMAGE": docker_engine.image}
    with configuration.using(configuration.load(environ=environ)):
        yield Place(folder)
    for one in docker_engine.client.images.list(filters={"reference": f"*{NAME}*"}):
        docker_engine.client.images.remove(one.id, force=True)


def credentials(host: str, password: str = PASSWORD) -> dict[str, str]:
    return {"username": USER, "password": password, "registry_url": host}


async def test_a_build_gives_what_templates_ask_for_and_is_done_once(
    place: Place, docker_engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    wanted: dict[str, Any] = {"image_name": NAME, "dockerfile": "auto", "additional_tags": ["v1"], "pull": False}
    first = await build_docker_image(place, **wanted, persist_dockerfile=True)
    said = capfd.readouterr().err
    assert await build_docker_image(place, **wanted, persist_dockerfile=True) == first
    assert capfd.readouterr().err == ""
    again = await build_docker_image(place, **wanted, ignore_cache=True)
    assert again["tag"] != first["tag"]
    assert first["image"] == f"{NAME}:{first['tag']}"
    assert f"{first['image']} 1/6: FROM {docker_engine.image}\n" in said
    found = docker_engine.client.images.get(f"{NAME}:v1")
    assert (found.id, first["additional_tags"]) == (first["image_id"], ["v1"])
    assert found.labels["io.prefect.version"]
    assert Path("Dockerfile.generated").read_text().startswith(f"FROM {docker_engine.image}\n")  # noqa: ASYNC240
    assert sorted(path.name for path in place.start.iterdir()) == sorted(
        ["Dockerfile.generated", "flows.py", project.WHEEL, "requirements.txt"]
    )


async def test_an_image_is_pushed_and_pulled_with_credentials_that_nobody_sees(
    place: Place, docker_engine: Engine, docker_registry: str, capfd: pytest.CaptureFixture[str]
) -> None:
    name = f"{docker_registry}/{NAME}"
    (place.start / "Dockerfile").write_text("FROM scratch\nCOPY flows.py /\n")
    built = await build_docker_image(place, image_name=name, tag="1", pull=False)
    with pytest.raises(StepFailed, match=f"no basic auth.*Give credentials .* for {docker_registry}"):
        await push_docker_image(place, image_name=name, tag="1")
    with pytest.raises(StepFailed, match="Check the credentials"):
        await push_docker_image(place, image_name=name, tag="1", credentials=credentials(docker_registry, "wrong"))
    with pytest.raises(StepFailed, match="have no password"):
        await push_docker_image(place, image_name=name, tag="1", credentials={"username": USER})
    pushed = await push_docker_image(place, image_name=name, tag="1", credentials=credentials(docker_registry))
    assert pushed["image"] == built["image"] == f"{name}:1"
    assert pushed["digest"].startswith("sha256:")
    docker_engine.client.images.remove(f"{name}:1", force=True)
    pinned = {"image": f"{name}@{pushed['digest']}", "command": "not-there"}
    async with hosted_docker() as driver:
        with pytest.raises(InfrastructureFailed, match=f"could not be pulled.*credentials .* for {docker_registry}"):
            await driver.start(job(pinned, "pull-1"))
        with pytest.raises(InfrastructureFailed, match="lacks the program"):  # but the image is there
            await driver.start(job({**pinned, "registry_credentials": credentials(docker_registry)}, "pull-2"))
    assert PASSWORD not in "".join(capfd.readouterr())


class hosted_docker(hosted):
    """A driver that is open within the block."""

    def __init__(self) -> None:
        self.driver = DockerInfrastructure()


@pytest.mark.parametrize(
    ("dockerfile", "inputs", "said"),
    [
        (
            "FROM {image}\n# say\nRUN echo one && \\\n  exit 4\n",
            {},
            r"Dockerfile:3: RUN echo one && exit 4\n.*code: 4\n  one",
        ),
        ("FROM {image}\nCOPY nothing /\n", {}, "Dockerfile:2: COPY nothing /"),
        ("FROM 127.0.0.1:1/none:1\n", {"pull": True}, r"(?s)Dockerfile:1: FROM 127.*with pull: false it takes the one"),
        ("FROM {image}\nRUNN x\n", {}, "unknown instruction: RUNN"),
        (
            "FROM {image}\nARG API_TOKEN\nRUN echo got $API_TOKEN && false\n",
            {"buildargs": {"API_TOKEN": "not-to-be-shown"}},
            r"(?s)got \*\*\*",
        ),
        ("FROM {image}\n", {"nocach": True}, "no input 'nocach'.*Did you mean 'nocache'"),
        ("FROM {image}\n", {"dockerfile": "Dokerfile"}, "There is no Dockerfile at .*imports/Dokerfile"),
        ("FROM {image}\n", {"tag": "feature/x"}, "'feature/x' can't be the tag"),
        ("FROM {image}\n", {"image_name": f"{NAME}:2", "tag": "3"}, "give one of the two"),
        ("FROM {image}\n", {"build_backend": "kaniko"}, "it can be docker-py or buildx"),
    ],
)
async def test_a_build_that_fails_says_where_and_why(
    place: Place, docker_engine: Engine, dockerfile: str, inputs: dict[str, object], said: str
) -> None:
    (place.start / "Dockerfile").write_text(dockerfile.format(image=docker_engine.image))
    wanted: dict[str, Any] = {"image_name": NAME, "tag": "bad", "pull": False, **inputs}
    with pytest.raises(StepFailed, match=said) as failed:
        await build_docker_image(place, **wanted)
    assert "not-to-be-shown" not in str(failed.value)


async def test_no_engine_is_said_with_what_to_do(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(InfrastructureFailed, match=r"No Docker engine answers at \S+nowhere.*DOCKER_HOST"):
        await build_docker_image(place, image_name=NAME, dockerfile="auto")


async def test_steps_answer_to_the_names_that_project_files_have() -> None:
    for name in ("prefect_docker.deployments.steps.build_docker_image", "penstock.steps.build_docker_image"):
        assert await find(name, ["prefect-docker"]) is build_docker_image
    assert await find("prefect_docker.projects.steps.push_docker_image", []) is push_docker_image


def test_buildx_gets_no_value_of_an_argument_in_its_command(tmp_path: Path) -> None:
    options = {
        "buildargs": {"TOKEN": "not-to-be-shown"},
        "platforms": ["linux/amd64", "linux/arm64"],
        "push": True,
        "nocache": True,
        "target": "run",
        "cache_from": "type=gha",
    }
    build = Build(["etl:1", "etl:v1"], tmp_path, tmp_path / "Dockerfile", "Dockerfile", options)
    command = shlex.join(buildx_command(build, tmp_path / "id"))
    assert "--push --tag etl:1 --tag etl:v1 --platform linux/amd64,linux/arm64 --build-arg TOKEN --label" in command
    assert "--cache-from type=gha --no-cache --target run" in command
    assert "not-to-be-shown" not in command
    with pytest.raises(StepFailed, match="no input 'colour'"):
        buildx_command(Build(["a:1"], tmp_path, tmp_path, "", {"colour": 1}), tmp_path)


@pytest.mark.parametrize(
    ("requirements", "order"),
    [
        (None, ["COPY .", "WORKDIR"]),
        ("requests==2\n# a comment\n", ["COPY requirements.txt", "WORKDIR", "RUN pip", "COPY ."]),
        ("requests\n./own.whl\n", ["COPY .", "WORKDIR", "RUN pip"]),
        ("own @ file:./own\n", ["COPY .", "WORKDIR", "RUN pip"]),
    ],
)
def test_requirements_are_installed_before_the_code_unless_they_are_of_it(
    tmp_path: Path, requirements: str | None, order: list[str]
) -> None:
    folder = tmp_path / "imports"
    folder.mkdir()
    if requirements is not None:
        (folder / "requirements.txt").write_text(requirements)
    text = dockerfiles.generated(folder, None)
    head, check, *lines = text.replace('["', "").replace("python -m ", "").splitlines()
    assert head.startswith("FROM python:3.")
    assert "pip install penstock==" in check
    assert len(lines) == len(order)
    assert all(line.startswith(wanted) for line, wanted in zip(lines, order, strict=True)), text


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("etl", ("etl", None)),
        ("etl:1", ("etl", "1")),
        ("localhost:5000/etl", ("localhost:5000/etl", None)),
        ("localhost:5000/team/etl:1", ("localhost:5000/team/etl", "1")),
        ("etl@sha256:ab", ("etl@sha256:ab", None)),
    ],
)
def test_an_image_reference_is_taken_apart(reference: str, parts: tuple[str, str | None]) -> None:
    assert split_image(reference) == parts


@pytest.mark.parametrize(
    ("pool", "platform", "machine", "doubtful"),
    [
        ("ecs:push", None, "aarch64", True),
        ("cloud-run:push", None, "arm64", True),
        ("ecs:push", "linux/amd64", "aarch64", False),
        ("ecs:push", None, "x86_64", False),
        ("ecs", None, "aarch64", False),
    ],
)
def test_an_image_that_would_not_start_in_a_push_pool_is_doubted(
    pool: str, platform: str | None, machine: str, doubtful: bool
) -> None:
    doubt = architecture_doubt(pool, platform, machine)
    assert bool(doubt) is doubtful
    assert doubt is None or ("arm64" in doubt and "platform: linux/amd64" in doubt)


def test_an_image_of_code_has_its_name_and_tag(tmp_path: Path) -> None:
    assert DockerImage("etl:1").reference == "etl:1"
    assert DockerImage("etl").tag.startswith("2")
    environ = {"PENSTOCK_HOME": str(tmp_path), "PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE": "registry.example/team"}
    with configuration.using(configuration.load(environ=environ)):
        assert DockerImage("etl", tag="2").reference == "registry.example/team/etl:2"
        assert DockerImage("own/etl", tag="2").reference == "own/etl:2"
    with pytest.raises(InvalidRequest, match="has a tag already"):
        DockerImage("etl:1", tag="2")
