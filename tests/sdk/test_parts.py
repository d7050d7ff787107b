"""Variables, blocks, artifacts, limits: what flow code asks the server for."""

from __future__ import annotations

import pytest

from penstock import Block, Variable, flow, task
from penstock.client.client import Client
from penstock.errors import Conflict, InvalidRequest, Locked, NotFound
from penstock.sdk import artifacts
from penstock.sdk.block_schemas import SecretStr
from penstock.sdk.blocks import JSON, Secret
from penstock.sdk.concurrency import concurrency, rate_limit
from penstock.wire import artifacts as artifact_api
from penstock.wire import limits


class Login(Block):
    """Who we are there."""

    user: str
    password: SecretStr
    port: int = 5432


class Warehouse(Block):
    login: Login
    schemas: list[str]


def test_a_variable_is_set_read_and_removed(api: Client) -> None:
    Variable.set("region", {"name": "eu"}, tags=["x"])
    assert Variable.get("region") == {"name": "eu"}
    with pytest.raises(Conflict, match="overwrite"):
        Variable.set("region", 1)
    assert Variable.set("region", 2, overwrite=True).value == 2
    assert Variable.unset("region")
    assert not Variable.unset("region")
    assert Variable.get("region", default="none") == "none"


async def test_a_variable_can_be_awaited(api: Client) -> None:
    await Variable.aset("awaited", [1])
    assert await Variable.aget("awaited") == [1]


def test_a_block_is_saved_and_loaded_with_its_secret(api: Client) -> None:
    login = Login(user="me", password=SecretStr("hunter2"))
    assert "hunter2" not in repr(login)
    login.save("main")
    found = Login.load("main")
    assert found == login
    assert found.password.get_secret_value() == "hunter2"
    assert isinstance(Block.load("login/main"), Login)


def test_saving_over_a_block_must_be_meant(api: Client) -> None:
    JSON(value=[1]).save("kept")
    with pytest.raises(Conflict, match="overwrite"):
        JSON(value=[2]).save("kept")
    JSON(value=[2]).save("kept", overwrite=True)
    assert JSON.load("kept").value == [2]
    JSON.delete("kept")
    with pytest.raises(NotFound):
        JSON.load("kept")


def test_a_block_in_a_block_is_named_not_copied(api: Client) -> None:
    login = Login(user="inner", password=SecretStr("p"))
    login.save("inner")
    Warehouse(login=login, schemas=["a"]).save("outer")
    found = Warehouse.load("outer")
    assert (found.login.user, found.schemas) == ("inner", ["a"])


def test_wrong_fields_are_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match="needs a value for 'password'"):
        Login(user="x")
    with pytest.raises(InvalidRequest, match="no field 'passwort'"):
        Login(user="x", password=SecretStr("y"), passwort="z")


def test_a_secret_gives_its_value(api: Client) -> None:
    Secret(value=SecretStr("s")).save("one")
    assert Secret.load("one").get() == "s"


def test_artifacts_belong_to_the_run_that_makes_them(api: Client) -> None:
    @task
    def makes() -> None:
        artifacts.create_markdown_artifact("# Hi", key="report", description="d")
        artifacts.create_table_artifact([{"a": 1}], key="rows")
        artifacts.create_link_artifact("http://x", "text", key="link")
        artifacts.create_image_artifact("http://x/y.png", key="image")
        made = artifacts.create_progress_artifact(150, key="progress")
        artifacts.update_progress_artifact(made, 40)

    @flow
    def showing() -> None:
        makes()

    showing()
    report = api.call(artifact_api.read_latest_artifact, key="report")
    assert (report.type, report.data, report.description) == ("markdown", "# Hi", "d")
    assert report.task_run_id is not None
    assert report.flow_run_id is not None
    assert api.call(artifact_api.read_latest_artifact, key="rows").data == '[{"a":1}]'
    assert api.call(artifact_api.read_latest_artifact, key="progress").data == 40.0


def test_a_limit_is_held_for_the_length_of_a_block(api: Client) -> None:
    api.call(limits.create_global_limit, limits.GlobalLimitCreate(name="database", limit=1))

    def used() -> int:
        return api.call(limits.read_global_limit, id_or_name="database").active_slots

    with concurrency("database"):
        assert used() == 1
        with pytest.raises(Locked), concurrency("database", max_retries=0):
            pass
        with pytest.raises(TimeoutError), concurrency("database", timeout_seconds=0):
            pass
    assert used() == 0


async def test_a_limit_is_held_in_async_code_too(api: Client) -> None:
    async with concurrency(["no-such-limit"]):
        pass
    with pytest.raises(NotFound, match="no-such-limit"):
        async with concurrency("no-such-limit", strict=True):
            pass


def test_a_rate_lets_through_what_fits(api: Client) -> None:
    body = limits.GlobalLimitCreate(name="rate", limit=2, slot_decay_per_second=0.001)
    api.call(limits.create_global_limit, body)
    rate_limit("rate", occupy=2)
    with pytest.raises(TimeoutError):
        rate_limit("rate", timeout_seconds=0)
