"""`penstock deploy` as a plan: what it would do, whose word counts, what leaves with the file, what can return."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.test_deploy import NEEDED, Project
from tests.live.programs import penstock
from tests.live.servers import Server, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(penstock(), tmp_path_factory.mktemp("plan") / "server") as live:
        for name in ("pool-a", "pool-b"):
            live.api.post("/work_pools/", {"name": name, "type": "process"})
        yield live


@pytest.fixture
def project(server: Server, tmp_path: Path) -> Project:
    return Project(server, tmp_path)


BASE: dict[str, Any] = {
    "entrypoint": "flows.py:hello",
    "version": "v1",
    "description": "one",
    "tags": ["a", "b"],
    "parameters": {"name": "x"},
    "concurrency_limit": {"limit": 2, "collision_strategy": "ENQUEUE"},
    "schedules": [{"cron": "0 6 * * *", "slug": "six"}, {"interval": 3600}],
    "work_pool": {"name": "pool-a", "job_variables": {"env": {"A": "b"}}},
    "pull": [{"prefect.deployments.steps.set_working_directory": {"directory": "/srv"}}],
    "triggers": [{"name": "TRIGGER", "expect": ["e"]}],
}
SIX = {"cron": "0 6 * * *", "slug": "six"}
HOURLY = {"interval": 3600}
# The name of a deployment, what its entry says otherwise, and the fields that the plan then names.
KINDS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("same", {}, []),
    ("version", {"version": "v2"}, ["version"]),
    ("description", {"description": "two"}, ["description"]),
    ("tags", {"tags": ["a", "c"]}, ["tags", "tags"]),
    ("parameter", {"parameters": {"name": "y"}}, ["parameters.name"]),
    ("more", {"parameters": {"name": "x", "n": 3}}, ["parameters.n"]),
    ("less", {"parameters": {}}, ["parameters.name"]),
    ("unchecked", {"enforce_parameter_schema": False}, ["enforce_parameter_schema"]),
    ("limit", {"concurrency_limit": {"limit": 3, "collision_strategy": "ENQUEUE"}}, ["concurrency_limit"]),
    (
        "strategy",
        {"concurrency_limit": {"limit": 2, "collision_strategy": "CANCEL_NEW"}},
        ["concurrency_options.collision_strategy"],
    ),
    ("pool", {"work_pool": {**BASE["work_pool"], "name": "pool-b"}}, ["work_pool_name"]),
    ("queue", {"work_pool": {**BASE["work_pool"], "work_queue_name": "fast"}}, ["work_queue_name"]),
    ("env", {"work_pool": {"name": "pool-a", "job_variables": {"env": {"A": "c"}}}}, ["job_variables.env.A"]),
    ("no-env", {"work_pool": {"name": "pool-a"}}, ["job_variables.env"]),
    ("pull", {"pull": [{"prefect.deployments.steps.set_working_directory": {"directory": "/x"}}]}, ["pull_steps"]),
    ("paused", {"paused": True}, ["paused"]),
    ("rule", {"schedules": [{**SIX, "cron": "0 7 * * *"}, HOURLY]}, ["schedules[six].rule"]),
    ("zone", {"schedules": [{**SIX, "timezone": "Europe/Rome"}, HOURLY]}, ["schedules[six].rule"]),
    ("inactive", {"schedules": [{**SIX, "active": False}, HOURLY]}, ["schedules[six].active"]),
    ("often", {"schedules": [SIX, {"interval": 60}]}, ["schedules[every hour]", "schedules[every minute]"]),
    ("fewer", {"schedules": [HOURLY]}, ["schedules[six]"]),
    ("with", {"schedules": [{**SIX, "parameters": {"n": 1}}, HOURLY]}, ["schedules[six].parameters.n"]),
    ("untriggered", {"triggers": []}, ["automations[untriggered]"]),
    ("expects", {"triggers": [{"name": "TRIGGER", "expect": ["f"]}]}, ["automations[expects].trigger.expect"]),
    ("off", {"triggers": [{"name": "TRIGGER", "expect": ["e"], "enabled": False}]}, ["automations[off].enabled"]),
]


def entries(changed: bool) -> str:
    listed = [
        {"name": name, **json.loads(json.dumps(BASE | (otherwise if changed else {})).replace("TRIGGER", name))}
        for name, otherwise, _ in KINDS
    ]
    return json.dumps({"name": "kinds", "deployments": listed})


def planned(project: Project, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the deployments of the plan by their own names."""
    done = project.run("--all", "--plan", "-o", "json", *arguments)
    assert done.returncode in (0, NEEDED), done.stdout + done.stderr
    plan = json.loads(done.stdout)
    assert plan["format"] == 1
    return done.returncode, {one["name"].partition("/")[2]: one for one in plan["deployments"]}


def fields(changes: list[dict[str, Any]]) -> list[str]:
    return sorted(one["field"] for one in changes)


def test_a_plan_says_exactly_what_changed(project: Project) -> None:
    project.write(entries(changed=False))
    code, plan = planned(project)
    assert code == NEEDED
    assert {one["action"] for one in plan.values()} == {"create"}
    project.deploy("--all")
    code, plan = planned(project)
    assert (code, {one["action"] for one in plan.values()}) == (0, {"none"})
    project.write(entries(changed=True))
    code, plan = planned(project)
    assert code == NEEDED
    assert {name: fields(plan[name]["changes"]) for name, _, _ in KINDS} == {name: told for name, _, told in KINDS}
    assert all(one["kept"] == [] for one in plan.values())
    said = project.deploy("--all")
    assert "Deployment 'hello/same' unchanged" in said
    assert said.count("updated: ") == len(KINDS) - 1
    code, plan = planned(project)
    assert (code, [name for name, one in plan.items() if one["changes"] or one["kept"]]) == (0, [])
    assert (plan["same"]["version"], plan["env"]["version"]) == (1, 2)


def test_what_a_person_changed_is_kept_unless_the_file_says_otherwise(project: Project) -> None:
    entry = {**BASE, "name": "owned", "triggers": []}
    project.write(json.dumps({"deployments": [entry]}))
    project.deploy()
    one = project.read("hello/owned")
    at = f"/deployments/{one['id']}"
    six = next(each["id"] for each in one["schedules"] if each["slug"] == "six")
    project.api.expect("PATCH", at, {"parameters": {"name": "hand", "n": 5}, "tags": ["a", "b", "hand"]})
    project.api.expect("PATCH", at, {"job_variables": {"env": {"A": "b", "HOT": "fix"}}, "paused": True})
    project.api.expect("PATCH", f"{at}/schedules/{six}", {"active": False})
    project.api.post(f"{at}/schedules", [{"schedule": {"cron": "5 5 * * *"}, "slug": "hand"}])
    code, plan = planned(project)
    kept = ["job_variables.env.HOT", "parameters.n", "parameters.name", "paused", "schedules[hand]"]
    assert (code, fields(plan["owned"]["kept"])) == (0, [*kept, "schedules[six].active", "tags"])
    assert '(kept: changed on the server; the file says "x")' in project.planned(0)
    assert "unchanged" in project.deploy()

    project.write(json.dumps({"deployments": [{**entry, "parameters": {"name": "file"}, "schedules": [SIX]}]}))
    said = project.planned(NEEDED)
    assert '~ parameters.name: "hand" -> "file" (file wins: changed on the server too)' in said
    project.deploy()
    after = project.read("hello/owned")
    assert after["parameters"] == {"name": "file", "n": 5}
    assert {(each["slug"], each["active"]) for each in after["schedules"]} == {("six", False), ("hand", True)}
    assert next(each["id"] for each in after["schedules"] if each["slug"] == "six") == six
    assert (after["paused"], after["tags"]) == (True, ["a", "b", "hand"])

    project.deploy("--reset")
    reset = project.read("hello/owned")
    assert (reset["parameters"], reset["paused"], reset["tags"]) == ({"name": "file"}, False, ["a", "b"])
    assert [each["slug"] for each in reset["schedules"]] == ["six"]


def test_what_steps_will_give_is_not_counted_as_a_change(project: Project) -> None:
    step = {"prefect.deployments.steps.run_shell_script": {"id": "say", "script": "echo seven"}}
    variables = {"env": {"V": "{{ say.stdout }}"}}
    entry = {"name": "built", "entrypoint": "flows.py:hello", "tags": ["{{ say.stdout }}"], "build": [step]}
    project.write(json.dumps({"deployments": [{**entry, "work_pool": {"name": "pool-a", "job_variables": variables}}]}))
    project.deploy()
    assert project.read("hello/built")["tags"] == ["seven"]
    assert planned(project)[0] == 0


def test_what_left_the_file_is_removed_and_nothing_else(project: Project) -> None:
    def say(name: str, *deployments: str) -> None:
        listed = [{"name": one, "entrypoint": "flows.py:slow", "work_pool": {"name": "pool-a"}} for one in deployments]
        project.write(json.dumps({"name": name, "deployments": listed}))

    def there() -> set[str]:
        every = project.api.post("/deployments/filter", {"deployments": {"name": {"like_": "gone-"}}})
        return {one["name"] for one in every}

    say("other", "gone-not-ours")
    project.deploy()
    project.deploy("flows.py:slow", "-n", "gone-by-flags", "-p", "pool-a", "--prefect-file", "prefect.yaml")
    say("mine", "gone-1", "gone-2")
    project.deploy("--all")
    id = project.read("slow%20one/gone-2")["id"]
    project.api.post(f"/deployments/{id}/create_flow_run", {"state": {"type": "RUNNING"}})
    say("mine", "gone-1")
    assert "Plan:" not in project.planned(0)
    said = project.planned(NEEDED, "--all", "--prune")
    assert "- Deployment 'slow one/gone-2' would be removed. 1 run of it will go on to the end." in said
    assert "'gone-not-ours'" not in said
    assert "give --yes" in project.refused("--all", "--prune")
    assert len(there()) == 4
    assert "'slow one/gone-2' removed" in project.deploy("--all", "--prune", "--yes")
    assert there() == {"gone-1", "gone-not-ours", "gone-by-flags"}
    (run,) = project.api.runs(state={"type": {"any_": ["RUNNING"]}})
    assert run["deployment_id"] is None
    assert "give --all" in project.refused("-n", "by-another-name", "--prune", "--yes")


def versions(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return project.shell.run("--no-prompt", "deployment", *arguments)


def test_versions_are_made_pinned_and_gone_back_to(project: Project) -> None:
    for words in (
        "init -qb main",
        "add .",
        "commit -qm one",
        "remote add origin https://me:secret@git.example/a/b.git",
    ):
        git(project, words)

    def say(path: str, **more: Any) -> None:
        env = {"env": {"P": path}}
        pull = [{"prefect.deployments.steps.set_working_directory": {"directory": path}}]
        entry = {"name": "versioned", "entrypoint": "flows.py:hello", "pull": pull, "schedules": [HOURLY], **more}
        entry["work_pool"] = {"name": "pool-v", "job_variables": env}
        project.write(json.dumps({"name": "v", "deployments": [entry]}))

    def hand_made(due: datetime) -> str:
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}}
        return str(project.api.post(f"/deployments/{id}/create_flow_run", {"state": state})["id"])

    project.api.post("/work_pools/", {"name": "pool-v", "type": "process"})
    say("/one")
    project.deploy(GITHUB_ACTOR="somebody")
    id = project.read("hello/versioned")["id"]
    project.api.post(f"/deployments/{id}/schedule")
    now = datetime.now(UTC)
    early, late = hand_made(now), hand_made(now + timedelta(hours=5))
    say("/two", tags=["t"])
    project.deploy()
    current = hand_made(now)
    project.api.post(f"/deployments/{id}/schedule")
    ahead = [run for run in project.api.runs(deployment_id={"any_": [id]}) if run["auto_scheduled"]]
    pins = {
        run["id"]: run["labels"]["penstock.deployment.version"]
        for run in project.api.runs(deployment_id={"any_": [id]})
    }
    assert (pins[early], pins[late], pins[current]) == (1, 1, 2)
    assert {pins[run["id"]] for run in ahead} == {2}

    claimed = project.api.post("/penstock/work_pools/pool-v/claim", {"worker_name": "w", "limit": 10})
    seen = {one["flow_run"]["id"]: one["deployment"] for one in claimed}
    assert {one: values(seen[one]) for one in (early, current)} == {early: ("/one", "/one"), current: ("/two", "/two")}
    assert values(project.api.get(f"/penstock/flow_runs/{late}/deployment")) == ("/one", "/one")

    listed = json.loads(versions(project, "versions", "ls", "hello/versioned", "-o", "json").stdout)
    assert [one["number"] for one in listed] == [2, 1]
    first = listed[1]["source"]
    assert (first["by"], first["branch"], first["dirty"]) == ("somebody", "main", False)
    assert (first["repository"], len(first["commit"])) == ("git.example/a/b", 40)
    assert "git.example/a/b:prefect.yaml" in json.dumps(project.read("hello/versioned")["labels"])

    assert "give --yes" in versions(project, "rollback", "hello/versioned").stderr
    done = versions(project, "rollback", "hello/versioned", "--yes")
    assert "is at version 3, which is version 1 again." in done.stdout, done.stderr
    assert '- tags: "t"' in done.stdout
    assert values(project.read("hello/versioned")) == ("/one", "/one")
    shown = json.loads(versions(project, "versions", "inspect", "hello/versioned", "-o", "json").stdout)
    assert (shown["restores"], shown["digest"]) == (1, listed[1]["digest"])
    assert "is what version 1 says" in versions(project, "rollback", "hello/versioned", "--to", "1").stdout
    assert "no version 9" in versions(project, "rollback", "hello/versioned", "--to", "9", "-y").stderr
    assert "back to 1" in versions(project, "versions", "ls", "hello/versioned").stdout
    assert project.run("--plan").returncode == NEEDED


MARKING = """
from pathlib import Path
from penstock import flow

@flow
def hello():
    with Path("../ran").open("a") as ran:
        ran.write(Path.cwd().name + " ")
"""


def test_a_run_is_carried_out_with_its_own_version(project: Project) -> None:
    def say(folder: str) -> None:
        (project.folder / folder).mkdir()
        (project.folder / folder / "flows.py").write_text(MARKING)
        pull = [{"prefect.deployments.steps.set_working_directory": {"directory": str(project.folder / folder)}}]
        entry = {"name": "marked", "entrypoint": "flows.py:hello", "pull": pull, "work_pool": {"name": "pool-r"}}
        project.write(json.dumps({"deployments": [entry]}))
        project.deploy()

    def run() -> str:
        id = project.read("hello/marked")["id"]
        return str(project.api.post(f"/deployments/{id}/create_flow_run")["id"])

    project.api.post("/work_pools/", {"name": "pool-r", "type": "process"})
    say("one")
    by_hand, old = run(), run()
    say("two")
    project.api.post(f"/flow_runs/{by_hand}/set_state", {"state": {"type": "PENDING"}})
    assert project.shell.run("flow-run", "execute", by_hand, timeout=120).returncode == 0
    assert (project.folder / "ran").read_text() == "one "
    new = run()
    done = project.shell.run("worker", "start", "--pool", "pool-r", "--run-once", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {project.api.get(f"/flow_runs/{id}")["state_type"] for id in (by_hand, old, new)} == {"COMPLETED"}
    assert sorted((project.folder / "ran").read_text().split()) == ["one", "one", "two"]


def values(deployment: dict[str, Any]) -> tuple[str, str]:
    (step,) = deployment["pull_steps"]
    return next(iter(step.values()))["directory"], deployment["job_variables"]["env"]["P"]


def git(project: Project, words: str) -> None:
    who = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", *who, *words.split()], cwd=project.folder, check=True)
