"""`penstock upgrade plan` and `verify` against real servers of every generation; planned steps, carried out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.client.client import AsyncClient
from penstock.core.storage_steps import code_steps
from penstock.core.upgrade_planning import plan
from penstock.core.upgrade_plans import UpgradeState
from penstock.infra.templates import shipped_templates
from penstock.steps.protocol import Place
from penstock.steps.references import Filler
from penstock.steps.run import run_steps
from penstock.upgrade.read import read
from tests.core.test_upgrade_storage import document
from tests.live.api import PATIENT, Api, eventually
from tests.live.git import Upstream
from tests.live.programs import Program, Shell, penstock, prefect, prefect2
from tests.live.servers import running
from tests.server.conftest import Reachable

SECRET = "hush-of-the-bucket"
KEYS = {"bucket_path": "shop/code", "aws_access_key_id": "AKIA", "aws_secret_access_key": SECRET}
PROGRAMS: dict[str, Callable[[], Program]] = {"penstock": penstock, "prefect 3": prefect, "prefect 2": prefect2}
EXPECTED: dict[str, dict[str, Any]] = {
    "etl/code": {
        "work_pool_name": "small-team",
        "work_queue_name": "urgent",
        "job_variables": {},
        "steps": ["prefect_aws.deployments.steps.pull_from_s3"],
        "codes": {"C10", "C18", "C21", "C22"},
    },
    "etl/plain": {
        "work_pool_name": "process",
        "work_queue_name": "main",
        "job_variables": {},
        "steps": ["prefect.deployments.steps.set_working_directory"],
        "codes": {"C11", "C20"},
    },
    "etl/small": {
        "work_pool_name": "small",
        "work_queue_name": "main",
        "job_variables": {"env": {"B": "2"}, "stream_output": False},
        "steps": ["prefect.deployments.steps.set_working_directory"],
        "codes": {"C17", "C20"},
    },
}


@pytest.fixture(params=PROGRAMS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    """A server that agents work for, of each generation."""
    events = {"PREFECT_EXPERIMENTAL_EVENTS": "true", "PREFECT_API_SERVICES_TRIGGERS_ENABLED": "true"}
    settings = events if request.param == "prefect 2" else {}
    with running(PROGRAMS[request.param](), tmp_path / "old", settings=settings) as server:
        fill(server.api, "infra_overrides" if request.param == "prefect 2" else "job_variables")
        yield server.api


def make(api: Api, path: str, body: dict[str, Any]) -> Any:
    """What a POST makes; a Prefect server on SQLite says 503 while it is busy, and wants to be asked again."""
    status, answer = eventually(lambda: _unless_busy(api.ask("POST", path, body)), PATIENT, f"an answer to {path}")
    assert 200 <= status < 300, (path, status, answer)
    return answer


def _unless_busy(answer: tuple[int, Any]) -> tuple[int, Any] | None:
    return None if answer[0] == 503 else answer


def fill(api: Api, overrides: str = "job_variables") -> None:
    """Three deployments of agents, one of workers; two queues; an automation; a run that somebody made."""
    team = make(api, "/work_pools/", {"name": "team", "type": "prefect-agent", "concurrency_limit": 4})
    make(api, "/work_pools/team/queues", {"name": "urgent", "concurrency_limit": 2})
    make(api, "/work_pools/", {"name": "typed", "type": "process", "base_job_template": shipped_templates()["process"]})
    small = stored(api, "process", "small", {"env": {"A": "1"}, "stream_output": True})
    bucket = stored(api, "s3", "bucket", KEYS)
    flow = make(api, "/flows/", {"name": "etl"})["id"]

    def deploy(name: str, given: dict[str, Any] | None = None, **fields: Any) -> str:
        usual = {"path": "/srv/flows", "entrypoint": "etl.py:etl", "work_queue_name": "main"}
        body = {**usual, "name": name, "flow_id": flow, overrides: given or {}, **fields}
        return str(make(api, "/deployments/", body)["id"])

    deploy("plain", {"env.A": "1"})
    on_small = deploy("small", {"env.B": "2", "stream_output": "false"}, infrastructure_document_id=small)
    in_team = {"work_pool_name": "team", "work_queue_name": "urgent", "path": "nightly"}
    deploy("code", {"memory": "1"}, infrastructure_document_id=small, storage_document_id=bucket, **in_team)
    deploy("typed", work_pool_name="typed", work_queue_name="default")
    make(api, f"/deployments/{on_small}/create_flow_run", {})
    pause = {"type": "pause-work-pool", "source": "selected", "work_pool_id": team["id"]}
    posture = {"type": "event", "posture": "Reactive", "threshold": 1, "within": 10, "expect": ["x"], "match": {}}
    make(api, "/automations/", {"name": "quiet", "trigger": posture, "actions": [pause]})


def stored(api: Api, slug: str, name: str, data: dict[str, Any]) -> str:
    """The id of a new block, of a type that is made where the server has none."""
    status, kind = api.ask("GET", f"/block_types/slug/{slug}")
    if status == 404:
        kind = make(api, "/block_types/", {"name": slug.title(), "slug": slug})
    properties = {key: {"title": key} for key in data}
    secret = [key for key in data if key.startswith("aws_")]
    fields = {"title": name, "type": "object", "properties": properties, "block_type_slug": slug}
    schema = make(api, "/block_schemas/", {"block_type_id": kind["id"], "fields": {**fields, "secret_fields": secret}})
    body = {"name": name, "data": data, "block_schema_id": schema["id"], "block_type_id": kind["id"]}
    return str(make(api, "/block_documents/", body)["id"])


def told(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is asserted of each deployment of a plan."""
    return {
        one["name"]: {
            **{name: one["after"][name] for name in ("work_pool_name", "work_queue_name", "job_variables")},
            "steps": [name for step in one["after"]["pull_steps"] for name in step],
            "codes": {each["code"] for each in one["remarks"]},
        }
        for one in data["deployments"]
        if one["state"] == "ready"
    }


def shell(api: str, tmp_path: Path) -> Shell:
    (tmp_path / "folder").mkdir(exist_ok=True)
    return Shell(penstock(), tmp_path / "client", api, tmp_path / "folder")


def contents(api: Api) -> Any:
    """What a plan might have written."""
    found = [api.post(f"/{noun}/filter", {}) for noun in ("work_pools", "work_queues", "deployments", "automations")]
    blocks = api.post("/block_documents/filter", {"block_documents": {"is_anonymous": None}})
    names = [sorted((one["id"], one["name"]) for one in each) for each in (*found, blocks)]
    where = sorted((one["name"], one["work_pool_name"], str(one["pull_steps"])) for one in found[2])
    return [*names, where]


def test_every_generation_of_server_is_planned_alike_and_left_as_it_was(old: Api, tmp_path: Path) -> None:
    before = contents(old)
    done = shell("http://127.0.0.1:1/api", tmp_path).run("upgrade", "plan", "--from", old.url, "--output", "json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert told(data) == EXPECTED
    assert data["counts"] == {"ready": 3, "blocked": 0, "upgraded": 0, "not of agents": 1}
    assert [(one["type"], one["name"]) for one in data["blocks"]] == [("aws-credentials", "bucket-s3")]
    [team] = [one for one in data["pools"] if one["name"] == "small-team"]
    assert team["concurrency_limit"] == 4
    assert [(one["name"], one["concurrency_limit"]) for one in team["queues"]] == [("urgent", 2)]
    assert SECRET not in done.stdout
    assert contents(old) == before
    proof = shell(old.url, tmp_path).run("upgrade", "verify")
    assert (proof.returncode, proof.stdout.splitlines()[-1]) == (0, "Jobs compared: 3 the same.")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with running(penstock(), tmp_path / "server") as server:
        yield server.api


def test_what_is_blocked_is_told_by_the_exit_code(api: Api, tmp_path: Path) -> None:
    fill(api)
    at = shell(api.url, tmp_path)
    flow = api.post("/flows/", {"name": "odd"})["id"]
    odd = stored(api, "lambda-function", "odd", {"env": {}})
    api.post("/deployments/", {"name": "odd", "flow_id": flow, "infrastructure_document_id": odd, "entrypoint": "a:b"})
    every = at.run("upgrade", "plan")
    assert every.returncode == 2
    assert "! odd/odd is blocked." in every.stdout
    assert "C16 error: There is no pool type for infrastructure blocks of type 'lambda-function'." in every.stdout
    assert "3 to upgrade, 1 blocked, 1 not of agents." in every.stdout
    assert at.run("upgrade", "plan", "etl/*").returncode == 0
    only = at.run("upgrade", "plan", "--only", "blocked")
    assert (only.returncode, "etl/small" in only.stdout) == (2, False)
    assert at.run("upgrade", "verify").returncode == 2
    assert at.run("upgrade", "verify", "small").returncode == 0
    unknown = at.run("upgrade", "plan", "etl/smal")
    assert (unknown.returncode, unknown.stderr) == (
        1,
        "Error: There is no deployment 'etl/smal'. Did you mean 'etl/small'?\n",
    )


def test_an_edited_pool_is_no_proof_any_more(api: Api, tmp_path: Path) -> None:
    fill(api)
    at = shell(api.url, tmp_path)
    assert at.run("upgrade", "apply", "small", "--yes").returncode == 0
    assert at.run("upgrade", "verify", "small").returncode == 0
    again = at.run("upgrade", "plan", "small")
    assert again.stdout.splitlines()[-1] == "Nothing to do. Deployments: 1 upgraded already."
    template = api.get("/work_pools/small")["base_job_template"]
    template["variables"]["properties"]["env"]["default"] = {"A": "another"}
    api.expect("PATCH", "/work_pools/small", {"base_job_template": template})
    proof = at.run("upgrade", "verify", "small")
    assert proof.returncode == 1
    assert 'env.A: "1" -> "another"' in proof.stdout


async def test_many_deployments_take_few_requests(client: AsyncClient, server: Reachable) -> None:
    """On both databases; each deployment has a block, every tenth a run that waits."""
    await asyncio.to_thread(many, Api(server.url))
    asked: list[str] = []
    transport = client.blocking.transport
    ask = transport.request

    def counted(method: str, target: str, *rest: Any) -> Any:
        asked.append(target)
        return ask(method, target, *rest)

    transport.request = counted  # type: ignore[method-assign]  # the seam that every request passes
    landscape = await asyncio.to_thread(read, client.blocking)
    found = plan(landscape.deployments, landscape.there, shipped_templates())
    assert len(found.of(UpgradeState.READY)) == MANY
    assert sum(one.waiting for one in landscape.deployments) == MANY // 10
    assert {one.name for one in found.pools} == {"small", "other"}
    assert len(asked) < 30


MANY = 450


def many(api: Api) -> None:
    ids = [stored(api, "process", name, {"env": {"NAME": name}}) for name in ("small", "other")]
    flow = api.post("/flows/", {"name": "etl"})["id"]
    for number in range(MANY):
        body = {"name": f"d{number}", "flow_id": flow, "entrypoint": "etl.py:etl", "path": "/srv"}
        body |= {"infrastructure_document_id": ids[number % 2], "job_variables": {"env.N": str(number)}}
        id = api.post("/deployments/", {**body, "work_queue_name": "default"})["id"]
        if number % 10 == 0:
            api.post(f"/deployments/{id}/create_flow_run", {})


async def code(data: dict[str, Any], slug: str, path: str, folder: Path) -> str:
    """What stands in the flow's file, where the planned steps lead."""
    planned = code_steps("etl.py:etl", path, document(slug, data))
    outputs = await run_steps(planned.steps, Place(folder, None), Filler(None))
    return (Path(outputs["directory"]) / "etl.py").read_text()


async def test_planned_steps_lead_to_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept" / "flows").mkdir(parents=True)
    (tmp_path / "kept" / "flows" / "etl.py").write_text("kept")
    assert await code({"basepath": str(tmp_path / "kept")}, "local-file-system", "flows", tmp_path) == "kept"
    remote = {"basepath": f"file://{tmp_path}/kept", "settings": {"auto_mkdir": True}}
    assert await code(remote, "remote-file-system", "flows", tmp_path) == "kept"


async def test_a_repository_is_cloned_and_its_folder_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (tmp_path / "git").mkdir()
    repository = Upstream(tmp_path / "git")
    sha = repository.commit({"flows/etl.py": "cloned"})
    address = {"repository": str(repository.bare)}
    assert await code(address, "github", "flows", work) == "cloned"
    assert await code({**address, "reference": "main"}, "gitlab-repository", "flows/", work) == "cloned"
    assert await code({**address, "reference": sha}, "github", "flows", work) == "cloned"
