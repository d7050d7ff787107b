"""Workers as real processes on a real server: what becomes of runs, whatever becomes of workers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.live.api import PATIENT, Api, eventually
from tests.live.servers import free_port
from tests.worker.bench import Bench


def test_a_due_run_is_executed_and_its_output_shown(bench: Bench) -> None:
    worker = bench.worker()
    run = bench.run("quick")
    assert bench.ended(run)["state_type"] == "COMPLETED"
    eventually(lambda: str(bench.read(run)["infrastructure_pid"]).isdigit(), 5, "the process is known")
    eventually(lambda: "hello from the flow" in bench.log(), 5, "the output is shown")
    assert worker.poll() is None


def test_a_plain_function_is_run_as_a_flow(bench: Bench) -> None:
    bench.worker()
    run = bench.run("plain", {"number": "7"})
    assert bench.ended(run)["state_type"] == "COMPLETED"
    eventually(lambda: "was given 7" in bench.log(), 5, "the output is shown")


def test_who_took_a_run_is_among_its_labels(bench: Bench) -> None:
    bench.worker()
    run = bench.run("quick")
    bench.ended(run)
    eventually(lambda: "prefect.worker.name" in bench.read(run)["labels"], 5, "the labels are known")
    labels = bench.read(run)["labels"]
    pool = bench.api.get("/work_pools/pool")["id"]
    assert labels["prefect.worker.name"] == "worker-0"
    assert labels["prefect.worker.type"] == "process"
    assert (labels["prefect.work-pool.name"], labels["prefect.work-pool.id"]) == ("pool", pool)


def test_run_once_ends_with_its_runs(bench: Bench) -> None:
    runs = [bench.run("quick") for _ in range(3)]
    worker = bench.worker(run_once=True)
    assert worker.wait(PATIENT) == 0
    assert {bench.read(run)["state_type"] for run in runs} == {"COMPLETED"}
    assert list(bench.folder.glob("home/jobs/*")) == []


def test_a_worker_of_another_type_or_without_a_pool_is_refused(bench: Bench) -> None:
    bench.api.ask("DELETE", "/work_pools/agents")
    bench.post("/work_pools/", {"name": "agents", "type": "prefect-agent", "base_job_template": {}})
    expected = {
        "started by an agent": {"pool": "agents"},
        "is for jobs of type 'process', and this worker starts jobs of type 'docker'": {"kind": "docker"},
        "no work pool 'poool'. Did you mean 'pool'? To have it made, say its type": {"pool": "poool"},
        "no work pool 'new'": {"pool": "new", "kind": "process", "create_pool": False},
    }
    refused = [bench.worker(run_once=True, **options) for options in expected.values()]
    for number, (words, worker) in enumerate(zip(expected, refused, strict=True)):
        assert worker.wait(PATIENT) == 1
        assert words in bench.log(number)


def test_a_queue_that_is_not_there_is_made(bench: Bench) -> None:
    assert bench.worker(run_once=True, name=None, queues=["default", "fresh"]).wait(PATIENT) == 0
    assert "work queue 'fresh' of work pool 'pool' did not exist, and was created" in bench.log()
    assert "worker 'ProcessWorker " in bench.log()
    assert bench.api.get("/work_pools/pool/queues/fresh")["priority"] == 2


def test_limit_is_kept(bench: Bench) -> None:
    bench.worker(limit=1)
    first = bench.run("waiting", {"folder": str(bench.folder)})
    bench.began()
    second = bench.run("quick")
    assert bench.read(second)["state_type"] == "SCHEDULED"
    bench.go()
    assert bench.ended(first)["state_type"] == bench.ended(second)["state_type"] == "COMPLETED"


def test_a_killed_process_is_explained_with_its_last_words(bench: Bench) -> None:
    bench.worker()
    state = bench.ended(bench.run("dying"))["state"]
    assert state["type"] == "CRASHED"
    assert "exit code -9" in state["message"]
    assert "SIGKILL" in state["message"]
    assert "these are my last words" in state["message"]


def test_a_process_that_ends_without_a_word_is_crashed(bench: Bench) -> None:
    bench.worker()
    state = bench.ended(bench.run("silent"))["state"]
    assert (state["type"], "without reporting" in state["message"]) == ("CRASHED", True)


def test_failures_outside_of_the_flow_are_told(bench: Bench) -> None:
    bench.worker()
    missing = bench.run("quick", entrypoint="nowhere.py:quick")
    step = bench.run("quick", pull_steps=[{"prefect.deployments.steps.git_clone": {"repository": "ext::sh"}}])
    failed = bench.run("failing")
    command = bench.run("quick", job_variables={"command": "no-such-program"})
    ill = bench.run("quick", job_variables={"working_dir": "/no/such/folder"})
    assert "nowhere.py" in bench.ended(missing)["state"]["message"]
    assert "git_clone" in bench.ended(step)["state"]["message"]
    assert "as it should" in bench.ended(failed)["state"]["message"]
    assert "not found" in bench.ended(command)["state"]["message"]
    assert "can't be entered" in bench.ended(ill)["state"]["message"]
    types = [bench.read(run)["state_type"] for run in (missing, step, failed, command, ill)]
    assert types == ["CRASHED", "CRASHED", "FAILED", "CRASHED", "CRASHED"]


def test_a_cancelled_run_ends_at_once(bench: Bench) -> None:
    bench.worker()
    run = bench.run("waiting", {"folder": str(bench.folder)})
    pid = bench.began()
    bench.cancel(run)
    assert bench.ended(run)["state_type"] == "CANCELLED"
    eventually(lambda: not Path(f"/proc/{pid}").exists(), 10, "the process is gone")


def test_a_run_outlives_its_worker_and_the_next_one_reports_it(bench: Bench) -> None:
    first = bench.worker()
    run = bench.run("waiting", {"folder": str(bench.folder)})
    bench.began()
    first.kill()
    first.wait()
    bench.worker()
    eventually(lambda: "Watching on" in bench.log(), 20, "the job is found")
    bench.go()
    assert bench.ended(run)["state_type"] == "COMPLETED"
    eventually(lambda: not list(bench.folder.glob("home/jobs/*")), 10, "the job is forgotten")


def test_a_run_that_dies_while_no_worker_looks_is_reported_by_the_next(bench: Bench) -> None:
    first = bench.worker()
    run = bench.run("waiting", {"folder": str(bench.folder)})
    pid = bench.began()
    first.kill()
    first.wait()
    os.kill(pid, signal.SIGKILL)
    bench.worker()
    state = bench.ended(run)["state"]
    assert (state["type"], "exit code -9" in state["message"]) == ("CRASHED", True)


def test_a_cancelled_run_of_a_dead_worker_is_stopped_by_the_next(bench: Bench) -> None:
    first = bench.worker()
    run = bench.run("waiting", {"folder": str(bench.folder)})
    pid = bench.began()
    first.kill()
    first.wait()
    bench.cancel(run)
    bench.worker()
    assert bench.ended(run, 40)["state_type"] == "CANCELLED"
    eventually(lambda: not Path(f"/proc/{pid}").exists(), 10, "the process is gone")


def test_drain_lets_runs_end_and_takes_no_more(bench: Bench) -> None:
    worker = bench.worker()
    run = bench.run("waiting", {"folder": str(bench.folder)})
    bench.began()
    worker.send_signal(signal.SIGTERM)
    eventually(lambda: "is draining" in bench.log(), 10, "the worker drains")
    other = bench.run("quick")
    bench.go()
    assert worker.wait(PATIENT) == 0
    assert bench.read(run)["state_type"] == "COMPLETED"
    assert bench.read(other)["state_type"] == "SCHEDULED"


def test_a_second_signal_ends_the_runs(bench: Bench) -> None:
    worker = bench.worker()
    run = bench.run("waiting", {"folder": str(bench.folder)})
    bench.began()
    worker.send_signal(signal.SIGTERM)
    eventually(lambda: "is draining" in bench.log(), 10, "the worker drains")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENT) == 0
    assert bench.read(run)["state_type"] == "CRASHED"


def test_a_worker_outlasts_an_absent_server(bench: Bench) -> None:
    worker = bench.worker(env={"PENSTOCK_API_URL": "http://127.0.0.1:9/api", "PENSTOCK_CLIENT_MAX_RETRIES": "0"})
    eventually(lambda: "trying again" in bench.log(), 20, "the worker says that nobody answers")
    assert worker.poll() is None
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0


def test_hooks_of_a_killed_run_are_called_where_it_was(bench: Bench) -> None:
    bench.worker()
    run = bench.run("hooked", {"folder": str(bench.folder)})
    os.kill(bench.began(), signal.SIGKILL)
    assert bench.ended(run)["state_type"] == "CRASHED"
    assert hook_said(bench) == f"hooked CRASHED {bench.code}"


def test_hooks_of_a_cancelled_run_are_called(bench: Bench) -> None:
    bench.worker()
    run = bench.run("hooked", {"folder": str(bench.folder)})
    bench.began()
    bench.cancel(run)
    assert bench.ended(run)["state_type"] == "CANCELLED"
    assert hook_said(bench) == f"hooked CANCELLED {bench.code}"


def hook_said(bench: Bench) -> str:
    mark = bench.folder / "hook"
    return eventually(lambda: mark.read_text() if mark.exists() else "", 10, "the hook is called")


def test_an_async_flow_is_executed(bench: Bench) -> None:
    bench.worker()
    assert bench.ended(bench.run("later"))["state_type"] == "COMPLETED"


def test_configuration_is_filled_from_pool_deployment_and_run(bench: Bench) -> None:
    bench.worker()
    script = "sh -c 'echo $GREETING $NUMBER $PREFECT__FLOW_NAME $PREFECT__WORKER_NAME; exit 9'"
    env = {"GREETING": "{{ prefect.variables.greeting }}", "NUMBER": 7}
    bench.api.ask("POST", "/variables/", {"name": "greeting", "value": "welcome"})
    run = bench.run("quick", job_variables={"command": script, "env": env})
    assert "welcome 7 quick worker-0" in bench.ended(run)["state"]["message"]


def test_a_missing_block_crashes_the_run_and_is_named(bench: Bench) -> None:
    bench.worker()
    run = bench.run("quick", job_variables={"env": {"X": "{{ prefect.blocks.secret.nowhere }}"}})
    state = bench.ended(run)["state"]
    assert (state["type"], "secret/nowhere" in state["message"]) == ("CRASHED", True)


def test_health_page_of_a_worker(bench: Bench) -> None:
    port = free_port()
    bench.worker(with_healthcheck=True, env={"PENSTOCK_WORKER_WEBSERVER_PORT": str(port)})
    page = Api(f"http://127.0.0.1:{port}")
    eventually(page.healthy, 20, "the worker is healthy")
    assert page.get("/health") == {"message": "OK"}


def test_a_stale_attempt_is_told_to_stop(bench: Bench) -> None:
    """A worker that was thought dead finds its run given to another: its job ends and changes nothing."""
    if bench.server.program.name != "penstock":
        pytest.skip("a Prefect server has no leases")
    first = bench.worker(env={"PENSTOCK_WORKER_LEASE_SECONDS": "5"})
    run = bench.run("waiting", {"folder": str(bench.folder)})
    pid = bench.began()
    first.send_signal(signal.SIGSTOP)
    os.kill(pid, signal.SIGSTOP)
    assert bench.ended(run, PATIENT)["state_type"] == "CRASHED"
    os.kill(pid, signal.SIGCONT)
    first.send_signal(signal.SIGCONT)
    eventually(lambda: not bench.hosts(), 40, "the worker lets go of the job")
    assert bench.read(run)["state_type"] == "CRASHED"


def test_what_a_worker_does_is_known_as_events(bench: Bench) -> None:
    bench.run("quick")
    assert bench.worker(run_once=True, name=f"teller {bench.server.port}").wait(PATIENT) == 0
    worker = f"prefect.worker.process.teller-{bench.server.port}"
    wish = {"filter": {"resource": {"id": [worker]}, "order": "ASC"}}

    def look() -> list[str]:
        names = [event["event"] for event in bench.post("/events/filter", wish)["events"]]
        return names if len(names) >= 4 else []

    names = ["started", "submitted-flow-run", "executed-flow-run", "stopped"]
    assert eventually(look, 20, "the events arrive") == [f"prefect.worker.{name}" for name in names]


def test_a_push_pool_takes_no_worker(bench: Bench) -> None:
    """Prefect's own server knows no such type, but takes it as any other."""
    bench.api.ask("DELETE", "/work_pools/pushed")
    bench.post("/work_pools/", {"name": "pushed", "type": "dummy:push"})
    worker = bench.worker(pool="pushed")
    assert worker.wait(PATIENT) == 1
    assert "the server starts its runs itself, so it takes no worker" in bench.log()
    bench.api.ask("DELETE", "/work_pools/pushed")


def test_a_worker_whose_claim_is_refused_says_why_and_ends(bench: Bench) -> None:
    if bench.server.program.name == "prefect":
        pytest.skip("a Prefect server has no claims")
    worker = bench.worker(env={"PENSTOCK_WORKER_LEASE_SECONDS": "100000"})
    assert worker.wait(PATIENT) == 1
    assert "A lease is for 5 to 86400 seconds, not 100000" in bench.log()
