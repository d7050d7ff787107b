"""`penstock upgrade import` from real servers: Prefect 2.20.25, Prefect 3.8.8, and another Penstock."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live.api import Api
from tests.live.old_server import DEPLOYMENTS, SECRET, Old, old_server
from tests.live.programs import Shell, penstock, prefect
from tests.live.servers import Server, running

SLOW = 300.0
AT_REST = {"hello/d02", "hello/d03", "hello/d09", "hello/d17", "hello/d19"}
"""The deployments of the old server whose schedules act there."""


@dataclass(frozen=True)
class Copied:
    """An old server, a Penstock server that was filled from it, and what the command printed."""

    old: Old
    new: Server
    shell: Shell
    plan: subprocess.CompletedProcess[str]
    done: subprocess.CompletedProcess[str]

    def again(self, *more: str) -> subprocess.CompletedProcess[str]:
        return self.shell.run("upgrade", "import", "--from", self.old.server.url, "--yes", *more)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copied]:
    folder = tmp_path_factory.mktemp("import")
    with old_server(folder / "old") as old, running(penstock(), folder / "new") as new:
        shell = new.shell(folder)
        words = ("upgrade", "import", "--from", old.server.url.removesuffix("/api"))
        plan = shell.run(*words, "--plan", "--output", "json")
        yield Copied(old, new, shell, plan, shell.run(*words, "--yes", "--output", "json"))


def facts(done: subprocess.CompletedProcess[str], code: int = 0) -> dict[str, Any]:
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def by_name(api: Api, path: str, key: str = "name", **criteria: object) -> dict[str, dict[str, Any]]:
    return {one[key]: one for one in api.post(path, {"limit": 200, **criteria})}


def blocks(api: Api) -> dict[str, dict[str, Any]]:
    found = api.post("/block_documents/filter", {"include_secrets": True})
    return {f"{one['block_type']['slug']}/{one['name']}": one for one in found}


def infrastructure(api: Api, deployment: dict[str, Any]) -> dict[str, Any] | None:
    """The block that a deployment's runs are started by, with its secrets."""
    id = deployment["infrastructure_document_id"]
    return dict(api.get(f"/block_documents/{id}?include_secrets=true")["data"]) if id else None


def test_the_plan_counts_everything_and_writes_nothing(copied: Copied) -> None:
    plan = facts(copied.plan)
    assert {kind: found["new"] for kind, found in plan["counts"].items() if not kind.startswith("block ")} == {
        "block": 17,
        "variable": 2,
        "tag limit": 1,
        "limit": 1,
        "work pool": 4,
        "work queue": 8,
        "flow": 2,
        "deployment": DEPLOYMENTS,
        "automation": 1,
        "notification policy": 1,
    }
    assert Counter(one["kind"] for one in facts(copied.done)["items"] if one["outcome"] == "created") == Counter(
        {kind: found["new"] for kind, found in plan["counts"].items()}
    )


def test_nothing_secret_is_printed_or_logged(copied: Copied) -> None:
    said = [copied.plan.stdout, copied.plan.stderr, copied.done.stdout, copied.done.stderr, copied.new.tail(10**6)]
    assert not any(SECRET in text for text in said)


def test_blocks_arrive_with_their_secrets_and_the_blocks_in_them(copied: Copied) -> None:
    there, here = blocks(copied.old.server.api), blocks(copied.new.api)
    for name, block in there.items():
        assert here[name]["data"] == block["data"], name
        assert here[name]["block_schema"]["checksum"] == block["block_schema"]["checksum"], name
    inner = here["docker-container/boxes"]["block_document_references"]["image_registry"]["block_document"]
    assert inner["id"] == here["docker-registry/inner"]["id"]
    hidden = copied.new.api.get(f"/block_documents/{here['s3/code']['id']}")
    assert SECRET in json.dumps(here["s3/code"]["data"])
    assert SECRET not in json.dumps(hidden)


def test_deployments_arrive_as_they_were_but_at_rest(copied: Copied) -> None:
    there, here = (by_name(api, "/deployments/filter") for api in (copied.old.server.api, copied.new.api))
    assert len(here) == DEPLOYMENTS
    resting = set()
    for name, one in here.items():
        was = there[name]
        assert one["job_variables"] == was["infra_overrides"], name
        for field in ("parameters", "tags", "path", "entrypoint", "version", "description", "parameter_openapi_schema"):
            assert one[field] == was[field], (name, field)
        assert (one["work_pool_name"], one["work_queue_name"]) == (was["work_pool_name"], was["work_queue_name"]), name
        assert infrastructure(copied.new.api, one) == infrastructure(copied.old.server.api, was), name
        assert len(one["schedules"]) == len(was["schedules"]), name
        assert sorted(s["active"] for s in one["schedules"]) == sorted(s["active"] for s in was["schedules"]), name
        if one["paused"] and not was["paused"]:
            resting.add(name)
    assert {name.partition("/")[2] for name in AT_REST} == resting
    assert here["d07"]["paused"], "it was paused there too"


def test_pools_and_queues_keep_limits_priorities_and_pauses(copied: Copied) -> None:
    there, here = (by_name(api, "/work_pools/filter") for api in (copied.old.server.api, copied.new.api))
    kept = ("type", "is_paused", "concurrency_limit", "base_job_template", "description")
    assert {name: [one[field] for field in kept] for name, one in there.items()} == {
        name: [one[field] for field in kept] for name, one in here.items()
    }
    kept = ("is_paused", "concurrency_limit", "description", "filter")
    for pool in there:
        old, new = (
            by_name(api, f"/work_pools/{pool}/queues/filter") for api in (copied.old.server.api, copied.new.api)
        )
        for name, queue in old.items():
            assert [new[name][field] for field in kept] == [queue[field] for field in kept], (pool, name)
        order = sorted(old, key=lambda name: int(old[name]["priority"]))
        assert [name for name in sorted(new, key=lambda name: int(new[name]["priority"])) if name in old] == order


def test_variables_limits_and_notices_arrive(copied: Copied) -> None:
    there, here = copied.old.server.api, copied.new.api
    assert {n: v["value"] for n, v in by_name(here, "/variables/filter").items()} == {
        n: v["value"] for n, v in by_name(there, "/variables/filter").items()
    }
    assert by_name(here, "/concurrency_limits/filter", "tag")["database"]["concurrency_limit"] == 3
    limit = by_name(here, "/v2/concurrency_limits/filter")["mails"]
    assert (limit["limit"], limit["slot_decay_per_second"]) == (10, 0.5)
    alarm = blocks(here)["slack-webhook/alarm"]["id"]
    [policy] = here.post("/flow_run_notification_policies/filter", {})
    assert (policy["state_names"], policy["tags"], policy["block_document_id"]) == (
        ["Failed", "Crashed"],
        ["nightly"],
        alarm,
    )
    automation = by_name(here, "/automations/filter")["alarm"]
    paused = by_name(here, "/deployments/filter")["d00"]["id"]
    assert [one.get("block_document_id") or one["deployment_id"] for one in automation["actions"]] == [alarm, paused]
    assert not automation["enabled"]


def test_a_second_time_finds_everything_and_copies_what_is_new(copied: Copied) -> None:
    assert copied.again().stdout.endswith("Nothing to copy.\n")
    copied.old.server.api.post("/variables/", {"name": "later", "value": "1"})
    done = facts(copied.again("--output", "json"))
    assert [one["name"] for one in done["items"] if one["outcome"] == "created"] == ["later"]


def test_what_differs_is_left_and_named_unless_it_may_be_updated(copied: Copied) -> None:
    api = copied.new.api
    api.expect("PATCH", "/variables/name/region", {"value": "east"})
    api.expect("PATCH", "/work_pools/ag", {"concurrency_limit": 1})
    deployment = by_name(api, "/deployments/filter")["d02"]
    api.expect("PATCH", f"/deployments/{deployment['id']}", {"job_variables": {"env.A": "mine"}})
    left = copied.again()
    for name in ("variable 'region'", "work pool 'ag'", "deployment 'hello/d02'"):
        assert name in left.stderr
    assert api.get("/variables/name/region")["value"] == "east"
    done = facts(copied.again("--update", "--output", "json"))
    assert {one["name"] for one in done["items"] if one["outcome"] == "updated"} == {"region", "ag", "hello/d02"}
    assert api.get("/variables/name/region")["value"] == "west"
    again = api.get(f"/deployments/{deployment['id']}")
    assert (again["job_variables"], again["paused"], len(again["schedules"])) == ({}, True, 1)
    assert copied.again().stdout.endswith("Nothing to copy.\n")


def test_an_agent_executes_what_arrived(copied: Copied, tmp_path: Path) -> None:
    """A real agent of Prefect 2, turned to the new server: it has the blocks, the overrides and the code."""
    api = copied.new.api
    deployment = by_name(api, "/deployments/filter")["d01"]["id"]
    run = api.post(f"/deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}})["id"]
    shell = Shell(copied.old.shell.program, copied.old.shell.home, copied.new.url, copied.old.shell.folder)
    done = shell.run("agent", "start", "-q", "test", "--run-once", timeout=SLOW, SEEN=str(tmp_path / "seen"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert api.get(f"/flow_runs/{run}")["state_type"] == "COMPLETED", done.stdout
    assert (tmp_path / "seen").read_text().split() == [run, "hello", "ford", "override", "block", "2.20.25"]


def test_one_command_activates_what_was_active(copied: Copied) -> None:
    said = copied.shell.run("upgrade", "activate", "--yes")
    assert said.returncode == 0, said.stderr
    here = by_name(copied.new.api, "/deployments/filter")
    assert {name for name, one in here.items() if one["paused"]} == {"d07"}
    assert by_name(copied.new.api, "/automations/filter")["alarm"]["enabled"]
    assert "Nothing that was imported waits" in copied.shell.run("upgrade", "activate").stdout


def test_penstock_copies_from_penstock(copied: Copied, tmp_path: Path) -> None:
    with running(penstock(), tmp_path / "third") as third:
        shell = third.shell(tmp_path)
        words = ("upgrade", "import", "--from", copied.new.url, "--yes")
        done = facts(shell.run(*words, "--keep-active", "--output", "json"))
        assert not [one for one in done["items"] if one["outcome"] == "failed"]
        assert len(third.api.post("/flow_run_notification_policies/filter", {})) == 1
        assert len(third.api.post("/automations/filter", {})) == 2, "the automation, and that of the policy"
        here = by_name(third.api, "/deployments/filter")
        assert {name for name, one in here.items() if one["paused"]} == {"d07"}
        assert shell.run(*words).stdout.endswith("Nothing to copy.\n")


def test_servers_that_are_none_or_the_same_are_refused(copied: Copied) -> None:
    for address, words in (("http://127.0.0.1:1", "No API"), (copied.new.url, "is the server that is configured here")):
        done = copied.shell.run("upgrade", "import", "--from", address, "--plan")
        assert (done.returncode, words in done.stderr) == (1, True), done.stderr


def test_a_server_of_prefect_3_is_copied(tmp_path: Path) -> None:
    with running(prefect(), tmp_path / "prefect") as theirs, running(penstock(), tmp_path / "ours") as ours:
        made = fill(theirs.api)
        shell = ours.shell(tmp_path)
        words = ("upgrade", "import", "--from", theirs.url, "--yes")
        done = facts(shell.run(*words, "--output", "json"))
        assert not [one for one in done["items"] if one["outcome"] == "failed"], done
        here = by_name(ours.api, "/deployments/filter")
        assert here["alone"]["global_concurrency_limit"]["limit"] == 2
        assert here["shared"]["global_concurrency_limit"]["name"] == "mails"
        [schedule] = here["alone"]["schedules"]
        assert (schedule["slug"], schedule["parameters"], schedule["active"]) == ("dawn", {"x": 1}, True)
        template = ours.api.get("/work_pools/jobs")["base_job_template"]
        document = blocks(ours.api)["secret/token"]
        assert template["variables"]["properties"]["token"]["default"] == {
            "$ref": {"block_document_id": document["id"]}
        }
        assert document["data"] == {"value": SECRET}
        [automation] = ours.api.post("/automations/filter", {})
        assert automation["actions"][0]["deployment_id"] == here["alone"]["id"] != made["alone"]
        assert shell.run(*words).stdout.endswith("Nothing to copy.\n")


def fill(api: Api) -> dict[str, str]:
    """A pool whose template refers to a block, two deployments with limits, an automation; the deployments' ids."""
    kind = api.get("/block_types/slug/secret")
    [schema, *_] = api.post("/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}})
    document = {
        "name": "token",
        "block_type_id": kind["id"],
        "block_schema_id": schema["id"],
        "data": {"value": SECRET},
    }
    block = api.post("/block_documents/", document)["id"]
    template = api.get("/collections/views/aggregate-worker-metadata")["prefect"]["process"][
        "default_base_job_configuration"
    ]
    template["variables"]["properties"]["token"] = {"default": {"$ref": {"block_document_id": block}}}
    api.post("/work_pools/", {"name": "jobs", "type": "process", "base_job_template": template})
    shared = api.post("/v2/concurrency_limits/", {"name": "mails", "limit": 5})["id"]
    flow = api.post("/flows/", {"name": "hello", "tags": ["a"]})["id"]
    schedule = {"schedule": {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}, "slug": "dawn", "parameters": {"x": 1}}
    body = {"flow_id": flow, "work_pool_name": "jobs", "enforce_parameter_schema": False}
    alone = api.post("/deployments/", {**body, "name": "alone", "concurrency_limit": 2, "schedules": [schedule]})["id"]
    other = api.post("/deployments/", {**body, "name": "shared", "global_concurrency_limit_id": shared})["id"]
    trigger = {"type": "event", "posture": "Reactive", "expect": ["prefect.flow-run.Failed"], "threshold": 1}
    action = {"type": "pause-deployment", "source": "selected", "deployment_id": alone}
    api.post("/automations/", {"name": "stop", "trigger": trigger, "actions": [action]})
    return {"alone": alone, "shared": other}
