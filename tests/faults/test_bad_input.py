"""Bad input at every door, with the message that is shown for it; docs/errors.md lists them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.catalogue import Catalogue
from tests.live.programs import Shell, penstock
from tests.live.servers import Server, free_port, running

NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Bad:
    """One request that must be refused, its status, and what the answer says."""

    method: str
    path: str
    body: Any
    status: int
    says: str

    def __str__(self) -> str:
        return f"{self.method} {self.path} {str(self.body)[:40]}"


REQUESTS = (
    Bad("POST", "/flows/", {}, 422, "Field required"),
    Bad("POST", "/flows/", {"name": 5}, 422, "valid string"),
    Bad("POST", "/flows/", {"name": "a/b"}, 422, "String should match pattern"),
    Bad("POST", "/flows/", [], 422, "Invalid request received."),
    Bad("POST", "/flow_runs/", {"flow_id": "x"}, 422, "valid UUID"),
    Bad("POST", "/flow_runs/", {"flow_id": NOBODY}, 409, "does not exist"),
    Bad("POST", "/flow_runs/filter", {"sort": "NOPE"}, 422, "ID_DESC"),
    Bad("POST", "/flow_runs/filter", {"limit": 201}, 422, "200 is the most"),
    Bad("POST", "/flow_runs/filter", {"limit": -1}, 422, "can't be below 0"),
    Bad("POST", "/flow_runs/filter", {"flow_runs": {"bogus": 1}}, 422, "not permitted"),
    Bad("GET", f"/flows/{NOBODY}", None, 404, "Flow not found"),
    Bad("GET", f"/flow_runs/{NOBODY}", None, 404, "Flow run not found"),
    Bad("GET", "/flow_runs/not-a-uuid", None, 404, "Not Found"),
    Bad("GET", f"/deployments/{NOBODY}", None, 404, "Deployment not found"),
    Bad("GET", "/work_pools/nope", None, 404, 'Work pool \\"nope\\" not found.'),
    Bad("GET", "/no/such/route", None, 404, "Not Found"),
    Bad("PUT", "/flows/", {}, 405, "Method Not Allowed"),
    Bad("POST", f"/flow_runs/{NOBODY}/set_state", {"state": {"type": "RUNNING"}}, 404, f"id {NOBODY} not found"),
    Bad("POST", f"/flow_runs/{NOBODY}/set_state", {"state": {"type": "SLEEPING"}}, 422, "SLEEPING"),
    Bad("POST", "/work_pools/", {"name": "Prefect-x", "type": "process"}, 403, "reserved"),
    Bad("POST", "/work_pools/", {"name": "t", "type": "process", "base_job_template": {"nope": 1}}, 422, "job_conf"),
    Bad("POST", "/variables/", {"name": "Bad Name", "value": 1}, 422, "only small letters"),
    Bad("POST", "/v2/concurrency_limits/", {"name": "l", "limit": -1}, 422, "greater than or equal to 0"),
    Bad("POST", f"/v2/concurrency_limits/leases/{NOBODY}/renew", {"lease_duration": 60}, 410, "has run out"),
    Bad("POST", "/logs/", [{"level": "loud"}], 422, "valid integer"),
    Bad("POST", "/flows/filter", b"{bad", 422, "JSON decode error"),
    Bad("POST", "/flows/", b"\xff\xfe", 422, "Invalid request received."),
    Bad("POST", "/flows/", b"[" * 100_000, 422, "Invalid request received."),
)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the whole catalogue."""
    with running(penstock(), tmp_path_factory.mktemp("bad-input")) as server:
        yield server


@pytest.mark.parametrize("bad", REQUESTS, ids=str)
def test_request_is_refused_with_a_message(bad: Bad, live: Server, seen: Catalogue) -> None:
    body = bad.body if isinstance(bad.body, bytes) or bad.body is None else json.dumps(bad.body).encode()
    status, answer = live.api.send(bad.method, bad.path, body, {"Content-Type": "application/json"})
    seen.note("Requests", f"{bad.method} {bad.path} {shortened(bad.body)}".strip(), f"{status} {answer.decode()}")
    assert (status, bad.says in answer.decode()) == (bad.status, True), answer.decode()[:500]
    assert live.api.healthy()


def shortened(body: object) -> str:
    """A body as the page shows it."""
    text = "" if body is None else body.decode("latin-1") if isinstance(body, bytes) else json.dumps(body)
    return text if len(text) <= 100 else f"{text[:20]}... ({len(text):,} bytes)"


def test_oversize_body_is_refused_before_it_is_sent(live: Server) -> None:
    connection = http.client.HTTPConnection(live.api.host, live.api.port, timeout=10)
    connection.putrequest("POST", "/api/flows/")
    connection.putheader("Content-Length", "20000000")
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, b"over the limit of" in answer.read()) == (413, True)
    connection.close()


def test_client_that_sends_all_of_an_oversize_body_reads_why_it_is_refused(live: Server, seen: Catalogue) -> None:
    status, answer = live.api.send("POST", "/flows/", b"x" * 60_000_000, {"Content-Type": "application/json"})
    seen.note("Requests", "POST /flows/ (60,000,000 bytes)", f"{status} {answer.decode()}")
    assert (status, b"over the limit of" in answer) == (413, True)
    assert live.api.healthy()


def test_bad_schedules_are_refused_with_their_fault(live: Server, seen: Catalogue) -> None:
    flow = live.api.post("/flows/", {"name": "scheduled"})["id"]
    for number, (schedule, says) in enumerate(
        (
            ({"cron": "nonsense"}, "nonsense"),
            ({"cron": "0 6 * * *", "timezone": "Mars/Olympus"}, "Mars/Olympus"),
            ({"interval": -5}, "more than zero"),
            ({"rrule": "FREQ=SOMETIMES"}, "SOMETIMES"),
            ({"rhythm": "samba"}, "has exactly one of"),
        )
    ):
        body = {"name": f"d{number}", "flow_id": flow, "schedules": [{"schedule": schedule}]}
        status, answer = live.api.ask("POST", "/deployments/", body)
        seen.note("Schedules", json.dumps(schedule), f"{status} {json.dumps(answer)}")
        assert (status, says in json.dumps(answer)) == (422, True), (schedule, answer)


PROJECT = """
deployments:
  - name: {name}
    entrypoint: {entrypoint}
    work_pool: {{name: bad}}
    schedules: {schedules}
"""

SOURCES = {
    "good.py": "from penstock import flow\n\n@flow\ndef good(n: int = 1):\n    return n\n",
    "raises.py": "from penstock import flow\nraise RuntimeError('no luck at import')\n\n@flow\ndef raises(): ...\n",
    "needs.py": "from penstock import flow\nimport not_installed_anywhere\n\n@flow\ndef needs(): ...\n",
}


@pytest.fixture
def shell(live: Server, tmp_path: Path) -> Shell:
    """A terminal in a folder with three flow files, of which one can be imported."""
    live.api.ask("POST", "/work_pools/", {"name": "bad", "type": "process"})
    for name, text in SOURCES.items():
        (tmp_path / name).write_text(text)
    return live.shell(tmp_path)


@pytest.mark.parametrize(
    ("entrypoint", "schedules", "says"),
    [
        ("good.py:missing", "[]", "missing"),
        ("nowhere.py:good", "[]", "nowhere.py"),
        ("good.py:good", '[{cron: "nonsense"}]', "nonsense"),
        ("good.py:good", '[{cron: "0 6 * * *", timezone: Mars/Olympus}]', "Mars/Olympus"),
    ],
)
def test_deploy_says_what_is_wrong(entrypoint: str, schedules: str, says: str, shell: Shell, seen: Catalogue) -> None:
    text = PROJECT.format(name="d", entrypoint=entrypoint, schedules=schedules)
    (shell.folder / "prefect.yaml").write_text(text)
    done = shell.run("--no-prompt", "deploy", "--all")
    seen.note("deploy --all", f"entrypoint: {entrypoint}, schedules: {schedules}", done.stdout + done.stderr)
    assert (done.returncode, says in done.stdout + done.stderr) == (1, True), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("entrypoint", "says"),
    [
        ("good.py:missing", "missing"),
        ("nowhere.py:good", "nowhere.py"),
        ("raises.py:raises", "no luck at import"),
        ("needs.py:needs", "not_installed_anywhere"),
    ],
)
def test_run_says_why_its_flow_could_not_be_loaded(
    entrypoint: str, says: str, shell: Shell, live: Server, seen: Catalogue
) -> None:
    run = deploy_and_run(live, shell, entrypoint, {})
    seen.note("A run by a worker", entrypoint, f"{run['state']['name']}: {run['state']['message']}")
    assert run["state_type"] in ("CRASHED", "FAILED"), run["state"]
    assert says in run["state"]["message"]


def test_run_fails_with_the_parameter_when_it_does_not_fit(shell: Shell, live: Server, seen: Catalogue) -> None:
    run = deploy_and_run(live, shell, "good.py:good", {"n": "many"})
    seen.note(
        "A run by a worker", 'good.py:good with {"n": "many"}', f"{run['state']['name']}: {run['state']['message']}"
    )
    assert run["state_type"] == "FAILED"
    assert "n" in run["state"]["message"]


def deploy_and_run(live: Server, shell: Shell, entrypoint: str, parameters: dict[str, object]) -> dict[str, Any]:
    """One run of an entrypoint through a worker, as it ended."""
    flow = live.api.post("/flows/", {"name": "from-file"})["id"]
    step = {"penstock.steps.set_working_directory": {"directory": str(shell.folder)}}
    body = {
        "name": entrypoint.replace(":", "-"),
        "flow_id": flow,
        "work_pool_name": "bad",
        "entrypoint": entrypoint,
        "pull_steps": [step],
    }
    deployment = live.api.post("/deployments/", body)["id"]
    made = live.api.post(f"/deployments/{deployment}/create_flow_run", {"parameters": parameters})
    done = shell.run("worker", "start", "--pool", "bad", "--run-once")
    assert done.returncode == 0, done.stderr
    run: dict[str, Any] = live.api.get(f"/flow_runs/{made['id']}")
    return run


OLD_FILE = "name: d\nflow_name: f\nnope: 1\nentrypoint: good.py:good\n"
OF_AGENTS = (
    ("worker start --pool older", 1, "are started by an agent"),
    ("agent start --pool bad", 1, "are started by workers"),
    ("agent start", 1, "--pool"),
    ("agent start --pool nope --run-once", 1, "nope"),
    ("deploy good.py:good --name d --pool older", 1, "is for agents"),
    ("deployment build good.py:good", 1, "name"),
    ("deployment build good.py:good --name d --infra nope", 1, "nope"),
    ("deployment build good.py:good --name d --infra-block process/nope", 1, "process/nope"),
    ("deployment apply old.yaml", 1, "nope"),
    ("upgrade apply", 1, "--all"),
    ("upgrade plan nope", 1, "nope"),
    ("upgrade rollback nope", 1, "nope"),
    ("upgrade files nowhere", 1, "nowhere"),
    ("upgrade command ls", 1, "agent"),
    ("upgrade helm old.yaml", 1, "agent"),
    ("upgrade plan --pool-type process=docker", 1, "process"),
)


@pytest.mark.parametrize(("line", "code", "says"), OF_AGENTS, ids=[line for line, _, _ in OF_AGENTS])
def test_what_is_about_agents_says_what_to_do(
    line: str, code: int, says: str, live: Server, shell: Shell, seen: Catalogue
) -> None:
    live.api.ask("POST", "/work_pools/", {"name": "older", "type": "prefect-agent"})
    (shell.folder / "old.yaml").write_text(OLD_FILE)
    done = shell.run("--no-prompt", *line.split())
    seen.note("Agents and upgrades", f"penstock {line}", done.stderr)
    assert (done.returncode, says in done.stderr) == (code, True), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("line", ["flow-run ls", "deployment run a/b", "work-pool create x --type process"])
def test_command_says_which_server_it_could_not_reach(line: str, tmp_path: Path, seen: Catalogue) -> None:
    url = f"http://127.0.0.1:{free_port()}/api"
    done = Shell(penstock(), tmp_path / "home", url, tmp_path).run(*line.split())
    seen.note("No server", f"penstock {line}", done.stdout + done.stderr)
    assert (done.returncode, url in done.stderr + done.stdout) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


def test_script_says_which_server_it_could_not_reach(tmp_path: Path, seen: Catalogue) -> None:
    (tmp_path / "flow.py").write_text("from penstock import flow\n\n@flow\ndef f(): ...\n\nf()\n")
    url = f"http://127.0.0.1:{free_port()}/api"
    done = Shell(penstock(), tmp_path / "home", url, tmp_path).python("flow.py")
    seen.note("No server", "python flow.py", f"(traceback)\n{done.stderr.splitlines()[-1]}")
    assert done.returncode == 1
    assert url in done.stderr
