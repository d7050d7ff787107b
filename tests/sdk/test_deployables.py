"""Deployments made from code: what the server is told, where the code comes from."""

from __future__ import annotations

import subprocess
import textwrap
from datetime import timedelta
from pathlib import Path

import pytest

import penstock
from penstock import Flow, flow, run_deployment
from penstock.blocks import GitHubCredentials, LocalFileSystem, Secret, SecretStr
from penstock.client.client import Client
from penstock.deployments import deploy
from penstock.errors import DeployFailed, FlowNotFound, InvalidRequest, NotFound, ScheduleInvalid
from penstock.sdk.sources import GitRepository, RemoteStorage
from penstock.wire import deployments, work_pools
from penstock.wire.states import StateType
from penstock.wire.work_pools import WorkPoolCreate


@flow
def etl(table: str, rows: int = 10) -> None:
    """Loads a table."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "jobs.py").write_text(
        textwrap.dedent("""
        from penstock import flow

        @flow(name="sourced")
        def main(n: int = 1):
            return n
        """)
    )
    return tmp_path


def test_a_deployment_carries_schema_schedules_and_parameters(api: Client) -> None:
    made = etl.to_deployment(
        "nightly", cron="0 3 * * *", timezone="Europe/Rome", parameters={"table": "users"}, tags=["a"]
    ).apply()
    found = api.call(deployments.read_deployment, id=made)
    assert (found.name, found.description, found.tags) == ("nightly", "Loads a table.", ["a"])
    assert found.parameters == {"table": "users"}
    assert found.parameter_openapi_schema is not None
    assert found.parameter_openapi_schema["required"] == ["table"]
    assert found.schedules[0].schedule["cron"] == "0 3 * * *"
    assert found.schedules[0].schedule["timezone"] == "Europe/Rome"
    assert found.entrypoint == "tests/sdk/test_deployables.py:etl"


def test_applying_again_updates_in_place(api: Client) -> None:
    first = etl.to_deployment("again", interval=timedelta(hours=1)).apply()
    second = etl.to_deployment("again", interval=60).apply()
    assert first == second
    (schedule,) = api.call(deployments.read_deployment, id=first).schedules
    assert schedule.schedule["interval"] == 60


def test_deploying_names_a_pool(api: Client) -> None:
    with pytest.raises(InvalidRequest, match="work pool"):
        etl.deploy("pooled")
    with pytest.raises(DeployFailed, match="deployment 'etl/pooled': there is no work pool 'no-pool'"):
        etl.deploy("pooled", "no-pool")
    api.call(work_pools.create_work_pool, WorkPoolCreate(name="local", type="process"))
    made = etl.deploy("pooled", "local", job_variables={"env": {"A": "1"}})
    found = api.call(deployments.read_deployment, id=made)
    assert (found.work_pool_name, found.job_variables) == ("local", {"env": {"A": "1"}})


def test_what_does_not_fit_is_refused_before_the_server_is_asked() -> None:
    with pytest.raises(InvalidRequest, match="did you mean 'table'"):
        etl.to_deployment("x", parameters={"tabel": "users"})
    misspelt = {"tag": ["x"]}
    with pytest.raises(InvalidRequest, match="no option 'tag'"):
        etl.to_deployment("x", **misspelt)  # type: ignore[arg-type]  # the mistake is the test
    with pytest.raises(DeployFailed, match="no other process could load it"):
        flow(name="inner")(lambda: None).to_deployment("x").apply()
    with pytest.raises(ScheduleInvalid):
        etl.to_deployment("x", cron="every day").apply()


def test_a_flow_is_loaded_from_a_folder(api: Client, project: Path) -> None:
    found = Flow.from_source(project, "jobs.py:main")
    assert found.name == "sourced"
    told = api.call(deployments.read_deployment, id=found.to_deployment("d").apply())
    assert (told.path, told.entrypoint) == (str(project), "jobs.py:main")
    assert flow.from_source(project, "jobs.py:main").name == "sourced"
    with pytest.raises(FlowNotFound):
        Flow.from_source(project, "jobs.py:nothing")


def test_a_flow_is_loaded_from_a_repository(api: Client, project: Path) -> None:
    git = ["git", "-C", str(project), "-c", "user.name=n", "-c", "user.email=e@x"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "c"]):
        subprocess.run([*git, *command], check=True)
    url = f"file://{project}"
    found = Flow.from_source(GitRepository(url), "jobs.py:main")
    assert found.fn(4) == 4
    told = api.call(deployments.read_deployment, id=found.to_deployment("git").apply())
    assert told.pull_steps == [{"prefect.deployments.steps.git_clone": {"repository": url}}]


def test_a_flow_is_loaded_from_storage_and_its_secrets_are_named(api: Client, project: Path) -> None:
    Secret(value=SecretStr("s3cr3t")).save("key")
    LocalFileSystem(basepath=str(project)).save("project")
    remote = RemoteStorage(f"file://{project}", auto_mkdir=Secret.load("key"))
    for source, step in (
        (
            remote,
            {"pull_from_remote_storage": {"url": remote.url, "auto_mkdir": "{{ prefect.blocks.secret.key }}"}},
        ),
        (f"file://{project}", {"pull_from_remote_storage": {"url": remote.url}}),
        (
            LocalFileSystem.load("project"),
            {"pull_with_block": {"block_type_slug": "local-file-system", "block_document_name": "project"}},
        ),
    ):
        found = Flow.from_source(source, "jobs.py:main")
        told = api.call(deployments.read_deployment, id=found.to_deployment("stored").apply())
        assert told.pull_steps == [{f"prefect.deployments.steps.{name}": given for name, given in step.items()}]
    with pytest.raises(InvalidRequest, match="once it is saved"):
        Flow.from_source(LocalFileSystem(basepath=str(project)), "jobs.py:main")


def test_a_repository_s_token_is_named_and_never_kept(api: Client) -> None:
    Secret(value=SecretStr("s3cr3t")).save("token")
    GitHubCredentials(token=SecretStr("s3cr3t")).save("hub")
    url = "https://host.invalid/x.git"
    assert GitRepository(url, access_token=Secret.load("token")).inputs() == {
        "repository": url,
        "access_token": "{{ prefect.blocks.secret.token }}",
    }
    named = GitRepository(url, credentials=GitHubCredentials.load("hub")).inputs()
    assert named["credentials"] == "{{ prefect.blocks.github-credentials.hub }}"
    with pytest.raises(InvalidRequest, match="does not keep an access token"):
        GitRepository(url, access_token="s3cr3t").inputs()
    with pytest.raises(InvalidRequest, match="Save the secret block first"):
        GitRepository(url, access_token=Secret(value=SecretStr("x"))).inputs()


def test_a_run_of_a_deployment_is_made_and_may_be_left(api: Client) -> None:
    etl.to_deployment("to-run").apply()
    run = run_deployment("etl/to-run", parameters={"table": "t"}, timeout=0, tags=["x"])
    assert (run.state_type, run.parameters, run.tags) == (StateType.SCHEDULED, {"table": "t"}, ["x"])
    with pytest.raises(NotFound):
        run_deployment("etl/none", timeout=0)
    with pytest.raises(InvalidRequest, match="names no deployment"):
        run_deployment("etl", timeout=0)


def test_several_are_deployed_at_once(api: Client) -> None:
    api.call(work_pools.create_work_pool, WorkPoolCreate(name="many", type="process"))
    ids = deploy(etl.to_deployment("one"), etl.to_deployment("two"), work_pool_name="many")
    names = [api.call(deployments.read_deployment, id=id).work_pool_name for id in ids]
    assert names == ["many", "many"]
    assert penstock.deploy(etl.to_deployment("one"), work_pool_name="many") == ids[:1]  # a package of that name too
    with pytest.raises(DeployFailed, match="'etl/wr%ng'"):
        deploy(etl.to_deployment("right"), etl.to_deployment("wr%ng"), work_pool_name="many")
    with pytest.raises(NotFound):
        api.call(deployments.read_deployment_by_name, flow_name="etl", deployment_name="right")
