"""The wizard's questions and what comes of the answers; tests/cli/test_wizard.py sits at a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from penstock import settings as configuration
from penstock.client.client import Client
from penstock.client.open import open_client
from penstock.clock import utc_now
from penstock.deploy.manifest import Manifest, parse_manifest
from penstock.deploy.recipes import RECIPES, fitting, project_file
from penstock.deploy.wizard.answers import Answers, Scene
from penstock.deploy.wizard.asker import Choice, T, anything
from penstock.deploy.wizard.conduct import describe
from penstock.errors import PenstockError
from tests.live.api import Api
from tests.live.programs import penstock
from tests.live.servers import Server, running

FLOW = "from penstock import flow\n\n@flow\ndef hello(): ...\n"
START = {"entrypoint": "flows.py:hello", "name": "nightly"}


class Scripted:
    """Answers by what a question begins with, each once; the default where the answer is None."""

    def __init__(self, **answers: Any) -> None:
        self.left = {key.replace("_", " "): value for key, value in answers.items()}
        self.told: list[str] = []

    def _next(self, question: str) -> Any:
        key = next((key for key in self.left if question.lower().startswith(key.lower())), None)
        assert key is not None, f"{question!r} was not expected"
        return self.left.pop(key)

    def choose(self, question: str, choices: Sequence[Choice[T]], *, start: int = 0) -> T:
        wanted = self._next(question)
        return next(one.value for one in choices if one.cells[0] == wanted)

    def confirm(self, question: str, *, default: bool) -> bool:
        said = self._next(question)
        return default if said is None else bool(said)

    def text(self, question: str, *, default: str = "", check: Callable[[str], str] = anything) -> str:
        said = self._next(question)
        for tried in said if isinstance(said, list) else [said]:
            try:
                return check(default if tried is None else tried)
            except (ValueError, PenstockError) as error:
                self.told.append(str(error))
        raise AssertionError(f"{question!r} took none of {said}: {self.told}")

    def secret(self, question: str) -> str:
        return str(self._next(question))

    def tell(self, text: str) -> None:
        self.told.append(text)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(penstock(), tmp_path_factory.mktemp("questions") / "server") as live:
        for name, kind in (("boxes", "docker"), ("here", "process")):
            made = live.shell(live.home).run("work-pool", "create", name, "--type", kind)
            assert made.returncode == 0, made.stderr
        live.api.post("/work_pools/", {"name": "old", "type": "prefect-agent"})
        yield live


@pytest.fixture
def client(server: Server, tmp_path: Path) -> Iterator[Client]:
    environ = {"PENSTOCK_API_URL": server.url, "PENSTOCK_HOME": str(tmp_path / "home")}
    with open_client(configuration.load(environ=environ)) as one:
        yield one


@pytest.fixture
def scene(client: Client, tmp_path: Path) -> Scene:
    folder = tmp_path / "etl"
    folder.mkdir()
    (folder / "flows.py").write_text(FLOW)
    return Scene(client, folder, Manifest(folder / "prefect.yaml", is_there=False), utc_now())


def described(scene: Scene, values: dict[str, Any] = START, **answers: Any) -> tuple[Answers, Scripted]:
    asker = Scripted(**answers)
    found = describe(asker, scene, values, new=True)
    assert not asker.left, f"not asked: {asker.left}"
    return found, asker


def test_an_image_is_built_and_pushed(scene: Scene) -> None:
    found, _ = described(
        scene,
        Work_pool="boxes",
        Build=True,
        Dockerfile="auto",
        User="team",
        Image_name=["Not So", None],
        Tag="v1",
        Push=True,
        Registry="https://ghcr.io/",
        Does_it_need=False,
        Run_it=False,
    )
    build = {"id": "build-image", "image_name": "ghcr.io/team/nightly", "tag": "v1", "dockerfile": "auto"}
    push = {"image_name": "{{ build-image.image_name }}", "tag": "{{ build-image.tag }}"}
    assert found.values["build"] == [{"penstock.steps.build_docker_image": build}]
    assert found.values["push"] == [{"penstock.steps.push_docker_image": push}]
    assert found.values["work_pool"] == {"name": "boxes", "job_variables": {"image": "{{ build-image.image }}"}}
    assert "pull" not in found.values


def test_code_that_a_dockerfile_copies_is_where_its_author_says(scene: Scene) -> None:
    (scene.folder / "Dockerfile.prod").touch()
    answers: dict[str, Any] = {
        "Work_pool": "boxes",
        "Build": True,
        "Dockerfile": "Dockerfile.prod",
        "User": "",
        "Image_name": None,
    }
    more: dict[str, Any] = {"Tag": None, "Push": False, "Does_it_copy": True, "Folder_of": "/app", "Run_it": False}
    found, _ = described(scene, **answers, **more)
    assert found.values["pull"] == [{"prefect.deployments.steps.set_working_directory": {"directory": "/app"}}]


def test_the_image_of_the_whole_file_is_taken_without_a_question(scene: Scene) -> None:
    steps = {"build": [{"penstock.steps.build_docker_image": {"id": "build_image", "image_name": "x"}}]}
    scene = Scene(scene.client, scene.folder, Manifest(scene.manifest.path, steps=steps), scene.now)
    found, _ = described(scene, Work_pool="boxes", Run_it=False)
    assert found.values["work_pool"]["job_variables"] == {"image": "{{ build_image.image }}"}


@pytest.mark.parametrize(
    ("answers", "schedule"),
    [
        ({"Schedule": "interval", "Seconds": ["soon", "-1", "01:30:00"]}, {"interval": 5400}),
        ({"Schedule": "interval", "Seconds": None}, {"interval": 3600}),
        ({"Schedule": "cron", "Cron": None, "Time_zone": None}, {"cron": "0 0 * * *", "timezone": "UTC"}),
        (
            {"Schedule": "rrule", "Rule": ["FREQ=SOMETIMES", "FREQ=WEEKLY;BYDAY=MO"], "Time_zone": "Asia/Tokyo"},
            {"rrule": "FREQ=WEEKLY;BYDAY=MO", "timezone": "Asia/Tokyo"},
        ),
    ],
)
def test_schedules_are_checked_and_shown(scene: Scene, answers: dict[str, Any], schedule: dict[str, Any]) -> None:
    found, asker = described(scene, Work_pool="here", Run_it=True, **answers, Active=False, Another=False)
    assert found.values["schedules"] == [{**schedule, "active": False}]
    assert asker.told[-1].startswith("next: ")
    assert asker.told[-1].count(":") == 4


def test_only_what_is_not_said_is_asked(scene: Scene) -> None:
    said = {**START, "work_pool": {"name": "here"}, "schedules": [], "pull": []}
    found, _ = described(scene, said)
    assert (found.values, found.facts is not None) == (said, True)


def test_a_bucket_is_offered_where_its_credentials_are_stored(scene: Scene, server: Server) -> None:
    store_credentials(server.api)
    found, _ = described(
        scene, Work_pool="here", Fetch=True, Bucket="code", Folder=None, Credentials="mine", Run_it=False
    )
    key = "{{ prefect.blocks.aws-credentials.mine }}"
    push = {"id": "push-code", "bucket": "code", "folder": "etl/nightly", "credentials": key}
    assert found.values["push"] == [{"penstock.steps.push_to_s3": push}]
    pull = {"bucket": "{{ push-code.bucket }}", "folder": "{{ push-code.folder }}", "credentials": key}
    assert found.values["pull"] == [{"penstock.steps.pull_from_s3": pull}]


def store_credentials(api: Api) -> None:
    """A block of AWS credentials; its type is made where the server does not bring it."""
    status, kind = api.ask("GET", "/block_types/slug/aws-credentials")
    if status != 200:
        kind = api.post("/block_types/", {"name": "AWS Credentials", "slug": "aws-credentials"})
        api.post("/block_schemas/", {"block_type_id": kind["id"], "fields": {"title": "AwsCredentials"}})
    schema = api.post("/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}})[0]
    body = {"name": "mine", "data": {}, "block_type_id": kind["id"], "block_schema_id": schema["id"]}
    api.post("/block_documents/", body)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_gives_a_file_that_loads(name: str, tmp_path: Path) -> None:
    given = {field: f"a-{field}" for field in RECIPES[name].fields}
    text = project_file(RECIPES[name], {**given, "name": "yes", "folder": "/work/etl"})
    found = parse_manifest(text, tmp_path / "prefect.yaml")
    assert (found.name, found.warnings, found.entries) == ("yes", [], [])
    assert found.steps["pull"]
    assert ("build" in found.steps) == name.startswith("docker")
    assert all(value in text for value in given.values())


def test_the_recipe_that_fits_a_folder() -> None:
    found = [fitting(remote=remote, dockerfile=docker) for remote in (False, True) for docker in (False, True)]
    assert found == ["local", "docker", "git", "docker-git"]
