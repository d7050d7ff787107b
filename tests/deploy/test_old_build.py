"""`penstock deployment build` and `apply` on a real server: what is written, kept, uploaded, refused and run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from penstock.deploy.old_files import read_old_files
from tests.deploy.old_blocks import store_all
from tests.live.programs import Shell, penstock
from tests.live.servers import Server, running

FLOW = """
import os
from pathlib import Path
from penstock import flow

@flow(description="Greets.", version="of the flow")
def hello(name: str = "Ada"):
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(f"{os.environ.get('A')} {name} {Path('data.txt').read_text()}")
"""


@dataclass(frozen=True)
class Bench:
    """A folder with a flow and a terminal in front of a server that has blocks."""

    folder: Path
    server: Server
    shell: Shell

    def run(self, *words: str, code: int = 0) -> str:
        """A command that must end with this code; gives all that it said."""
        done = self.shell.run(*words, SEEN=str(self.folder / "seen"))
        said = done.stdout + done.stderr
        assert done.returncode == code, f"$ {' '.join(words)}\n{said}"
        return said

    def build(self, name: str, *words: str, code: int = 0) -> str:
        return self.run("deployment", "build", "flows.py:hello", "-n", name, "-o", name, *words, code=code)

    def values(self, name: str) -> dict[str, Any]:
        """What is in a file that a build wrote."""
        [found] = read_old_files(self.folder / f"{name}.yaml")
        return dict(found.values)

    def made(self, name: str) -> dict[str, Any]:
        """What the server has of a deployment."""
        return dict(self.server.api.get(f"/deployments/name/hello/{name}"))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("build")
    (folder / "project").mkdir()
    (folder / "project" / "flows.py").write_text(FLOW)
    (folder / "project" / "data.txt").write_text("data\n")
    with running(penstock(), folder / "server") as server:
        store_all(server.api)
        server.api.post("/work_pools/", {"name": "ag", "type": "prefect-agent"})
        yield Bench(folder / "project", server, server.shell(folder / "project", home=folder / "home"))


def test_what_is_built_and_applied_is_run_with_its_overrides(bench: Bench) -> None:
    said = bench.build(
        "first", "-q", "one", "-l", "3", "--override", "env.A=over=ridden", "--param", "name=Bo", "--apply"
    )
    assert (bench.folder / ".prefectignore").exists()
    assert bench.server.api.get("/work_queues/name/one")["concurrency_limit"] == 3
    assert "penstock agent start --work-queue one" in said
    bench.server.api.post(f"/deployments/{bench.made('first')['id']}/create_flow_run", {})
    bench.run("agent", "start", "-q", "one", "--run-once")
    assert (bench.folder / "seen").read_text() == "over=ridden Bo data\n"


def test_a_second_apply_changes_nothing(bench: Bench) -> None:
    bench.build("again", "--cron", "0 1 * * *", "--apply", "--skip-upload")
    before = bench.made("again")
    bench.run("deployment", "apply", "again.yaml")
    after = bench.made("again")
    assert {**after, "updated": None, "schedules": []} == {**before, "updated": None, "schedules": []}
    times = [[(each["schedule"], each["active"]) for each in one["schedules"]] for one in (before, after)]
    assert times[0] == times[1]


def test_what_is_not_said_stays_as_the_server_has_it(bench: Bench) -> None:
    words = ("-q", "kept", "-t", "a", "--param", "name=Cy", "--interval", "60", "-d", "Mine.", "-ib", "process/small")
    bench.build("kept", *words, "--override", "env.A=x", "-v", "1", "--apply", "--skip-upload")
    bench.build("kept", "-t", "b", "--skip-upload")
    found = bench.values("kept")
    assert (found["work_queue_name"], found["tags"], found["parameters"]) == ("kept", ["b"], {"name": "Cy"})
    assert found["description"] == "Mine."
    assert [one["schedule"]["interval"] for one in found["schedules"]] == [60.0]
    assert found["infrastructure"]["_block_document_name"] == "small"
    assert (found["infra_overrides"], found["version"]) == ({}, "of the flow")
    bench.build("kept", "--no-schedule", "--skip-upload")
    assert bench.values("kept")["schedules"] == []


def test_code_goes_to_storage_and_comes_from_there(bench: Bench, tmp_path: Path) -> None:
    bench.run("block", "create", "local-file-system", "shelf", "--set", f"basepath={tmp_path}")
    (bench.folder / ".prefectignore").write_text("*.secret\n")
    (bench.folder / "a.secret").write_text("x")
    said = bench.build("stored", "-sb", "local-file-system/shelf/sub/folder", "-q", "stored", "--apply")
    assert re.search(r"Uploaded \d+ files to local-file-system/shelf/sub/folder\.", said)
    stored = tmp_path / "sub" / "folder"
    assert (stored / "flows.py").exists()
    assert not (stored / "a.secret").exists()
    (stored / "data.txt").write_text("from storage\n")
    bench.server.api.post(f"/deployments/{bench.made('stored')['id']}/create_flow_run", {})
    bench.run("agent", "start", "-q", "stored", "--run-once")
    assert (bench.folder / "seen").read_text().endswith("None Ada from storage\n")
    (stored / "flows.py").unlink()
    assert "Uploaded" in bench.run("deployment", "apply", "stored.yaml", "--upload")
    assert (stored / "flows.py").exists()


def test_secrets_of_blocks_are_not_in_files(bench: Bench) -> None:
    bench.build("secret", "-sb", "s3/code", "-ib", "docker-container/etl", "--skip-upload")
    text = (bench.folder / "secret.yaml").read_text()
    assert "hush" not in text
    assert bench.values("secret")["storage"]["aws_secret_access_key"] == "*" * 10
    bench.run("deployment", "apply", "secret.yaml")
    unnamed = re.sub(r"^  _block_document.*\n", "", text, flags=re.MULTILINE)
    (bench.folder / "unnamed.yaml").write_text(unnamed)
    said = bench.run("deployment", "apply", "unnamed.yaml", code=1)
    assert re.search(r"unnamed\.yaml:\d+: the block has secrets, which are not in the file\.", said)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("process", None),
        ("docker-container", "/opt/prefect/flows"),
        ("kubernetes-job", "/opt/prefect/flows"),
        ("ecs-task", "/opt/prefect/flows"),
    ],
)
def test_infrastructure_of_a_type_is_written_as_it_is_by_default(bench: Bench, kind: str, path: str | None) -> None:
    bench.build(f"of-{kind}", "-i", kind, "--skip-upload", "--apply")
    found = bench.values(f"of-{kind}")
    assert found["infrastructure"] | {"type": kind, "env": {}, "block_type_slug": kind} == found["infrastructure"]
    assert found["path"] == path or str(bench.folder)
    document = bench.server.api.get(f"/block_documents/{bench.made(f'of-{kind}')['infrastructure_document_id']}")
    assert (document["block_type"]["slug"], document["is_anonymous"]) == (kind, True)


REFUSED: dict[str, tuple[list[str], str]] = {
    "two schedules": (["--cron", "0 1 * * *", "--interval", "60"], "Only one schedule can be given"),
    "a schedule and none": (["--rrule", "FREQ=DAILY", "--no-schedule"], "Only one schedule can be given"),
    "an anchor alone": (["--anchor-date", "2024-01-01"], "--anchor-date goes with --interval."),
    "a wrong cron": (["--cron", "every day"], "cron:"),
    "two kinds of infrastructure": (["-i", "process", "-ib", "process/small"], "Give either --infra or --infra-block"),
    "two kinds of parameters": (["--param", "a=1", "--params", "{}"], "Give either --param or --params"),
    "two folders": (["-sb", "s3/code/a", "--path", "b"], "Say the folder either with --path or behind"),
    "another suffix": (["-o", "file.json"], "The file must end in .yaml, not '.json'."),
    "no override": (["--override", "env.A"], "Can't understand the override 'env.A'"),
    "an unknown type": (["-i", "proces"], "There is no block type 'proces'. Did you mean 'process'?"),
    "a type that needs something": (["-i", "cloud-run-job"], "needs image, region, credentials."),
    "an unknown block": (["-ib", "process/none"], "There is no block process/none."),
    "a block that starts nothing": (["-ib", "s3/code"], "The block s3/code starts no jobs"),
    "a block that gives no code": (["-sb", "process/small"], "The block process/small gives no code to runs"),
    "an unknown pool": (["-p", "none", "--apply"], "Work pool not found!"),
}


@pytest.mark.parametrize(("words", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_fit_is_refused(bench: Bench, words: list[str], said: str) -> None:
    assert said in bench.build("refused", "--skip-upload", *words, code=1)


def test_a_deployment_needs_a_name_and_a_function(bench: Bench) -> None:
    assert "give one with --name" in bench.run("deployment", "build", "flows.py:hello", code=1)
    assert "must be path/to/file.py:function" in bench.run("deployment", "build", "flows.py", "-n", "x", code=1)


def test_the_file_is_there_even_if_its_pool_is_not(bench: Bench) -> None:
    bench.build("poolless", "-p", "none", "--skip-upload", "--apply", code=1)
    assert bench.values("poolless")["work_pool_name"] == "none"


def test_all_files_are_checked_before_the_first_is_applied(bench: Bench) -> None:
    bench.build("good", "--skip-upload")
    text = (bench.folder / "good.yaml").read_text()
    (bench.folder / "bad.yaml").write_text(text.replace("tags:", "tag:"))
    said = bench.run("deployment", "apply", "good.yaml", "bad.yaml", code=1)
    assert re.search(r"bad\.yaml:\d+: tag is no key of a deployment\.yaml\. Did you mean tags\?", said)
    assert bench.server.api.ask("GET", "/deployments/name/hello/good")[0] == 404


def test_pools_and_their_queues_are_used_and_limited(bench: Bench) -> None:
    said = bench.build("pooled", "-p", "ag", "-q", "inner", "--skip-upload", "--apply")
    assert "penstock agent start --pool ag" in said
    bench.run("deployment", "apply", "pooled.yaml", "--limit", "2")
    queue = bench.server.api.get("/work_pools/ag/queues/inner")
    assert (queue["concurrency_limit"], bench.made("pooled")["work_pool_name"]) == (2, "ag")
