"""Code by way of storage: pushed by `penstock deploy`, pulled by a run of a real worker, from real services.

One project is deployed once for each way, its files are taken away, and one worker has all the runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live import git, s3
from tests.live.api import FINAL
from tests.live.azurite import Azurite, azurite
from tests.live.gcs import Bucket, google_storage
from tests.live.programs import penstock
from tests.live.servers import Server, running

TOKEN = "g1t-t0ken-of-the-tests"
WRONG = "wr0ng-t0ken-of-the-tests"
FLOW = """
import os, subprocess
from pathlib import Path
from penstock import flow

@flow(log_prints=True)
def look():
    print("files:", sorted(path.name for path in Path().iterdir()))
    if Path(".git").exists():
        print(subprocess.run(["git", "remote", "-v"], capture_output=True, text=True).stdout)
        print(Path(".git", "config").read_text())
"""
BLOCKS = """
import json, sys
from penstock.blocks import *
given = json.load(open(sys.argv[1]))
aws = AwsCredentials(aws_access_key_id=given["key"], aws_secret_access_key=SecretStr(given["secret"]),
                     aws_client_parameters={"endpoint_url": given["s3"]})
aws.save("moto")
S3Bucket(bucket_name="code", bucket_folder="block", credentials=aws).save("shelf")
azure = AzureBlobStorageCredentials(connection_string=SecretStr(given["azure"]))
azure.save("azurite")
AzureBlobStorageContainer(container_name="code", base_folder="azure", credentials=azure).save("shelf")
gcp = GcpCredentials(project="p")
gcp.save("double")
GcsBucket(bucket="code", bucket_folder="google", gcp_credentials=gcp).save("shelf")
LocalFileSystem(basepath=given["folder"]).save("shelf")
RemoteFileSystem(basepath="s3://code/inline", settings={"key": given["key"], "secret": given["secret"],
                 "endpoint_url": given["s3"]}).save("shelf")
Secret(value=SecretStr(given["token"])).save("token")
Secret(value=SecretStr(given["secret"])).save("aws")
Secret(value=SecretStr(given["wrong"])).save("wrong")
hub = GitHubCredentials(token=SecretStr(given["token"]))
hub.save("hub")
GitHubRepository(repository_url=given["repository"], reference="main", credentials=hub).save("code")

class S3(Block):
    "As a client of Prefect 2 registers it."
    bucket_path: str
    aws_access_key_id: SecretStr | None = None
    aws_secret_access_key: SecretStr | None = None

S3(bucket_path="code/inline", aws_access_key_id=SecretStr(given["key"]),
   aws_secret_access_key=SecretStr(given["secret"])).save("old")
"""
AWS = "prefect_aws.deployments.steps"
GCP = "prefect_gcp.deployments.steps"
AZURE = "prefect_azure.deployments.steps"
CORE = "prefect.deployments.steps"
MOTO = "{{ prefect.blocks.aws-credentials.moto }}"
EMULATOR = "{{ prefect.blocks.azure-blob-storage-credentials.azurite }}"
DOUBLE = "{{ prefect.blocks.gcp-credentials.double }}"


def with_block(slug: str, name: str = "shelf") -> list[dict[str, Any]]:
    return [{f"{CORE}.pull_with_block": {"block_type_slug": slug, "block_document_name": name}}]


def ways(s3_url: str, repository: str, bare: str) -> dict[str, dict[str, Any]]:
    """Deployments by name: how each pushes and pulls."""
    to_s3 = {"id": "push_code", "requires": "prefect-aws", "bucket": "code", "folder": "block", "credentials": MOTO}
    from_s3 = {"bucket": "{{ push_code.bucket }}", "folder": "{{ push_code.folder }}", "credentials": MOTO}
    keys = {"aws_access_key_id": s3.KEY, "aws_secret_access_key": "{{ prefect.blocks.secret.aws }}"}
    inline = {"bucket": "code", "folder": "inline", "credentials": keys, "client_parameters": {"endpoint_url": s3_url}}
    azure = {"container": "code", "folder": "azure", "credentials": EMULATOR}
    google = {"bucket": "code", "folder": "google", "credentials": DOUBLE}
    options = {"key": s3.KEY, "secret": "{{ prefect.blocks.secret.aws }}", "endpoint_url": s3_url}
    token = {"repository": repository, "branch": "main", "access_token": "{{ prefect.blocks.secret.token }}"}
    block = {"repository": repository, "credentials": "{{ prefect.blocks.github-credentials.hub }}"}
    old_s3 = {"env": {"AWS_ENDPOINT_URL": s3_url}}
    return {
        "s3": {"push": [{f"{AWS}.push_to_s3": to_s3}], "pull": [{f"{AWS}.pull_from_s3": from_s3}]},
        "s3-inline": {"push": [{f"{AWS}.push_to_s3": inline}], "pull": [{f"{AWS}.pull_from_s3": inline}]},
        "azure": {
            "push": [{f"{AZURE}.push_to_azure_blob_storage": azure}],
            "pull": [{f"{AZURE}.pull_from_azure_blob_storage": azure}],
        },
        "gcs": {"push": [{f"{GCP}.push_to_gcs": google}], "pull": [{f"{GCP}.pull_from_gcs": google}]},
        "remote": {"pull": [{f"{CORE}.pull_from_remote_storage": {"url": "s3://code/inline", **options}}]},
        "s3-block": {"pull": with_block("s3-bucket")},
        "azure-block": {"pull": with_block("azure-blob-storage-container")},
        "gcs-block": {"pull": with_block("gcs-bucket")},
        "local-block": {"pull": with_block("local-file-system")},
        "remote-block": {"pull": with_block("remote-file-system")},
        "old-s3-block": {"pull": with_block("s3", "old"), "work_pool": {"name": "pool", "job_variables": old_s3}},
        "git-file": {"pull": [{f"{CORE}.git_clone": {"repository": bare}}]},
        "git-token": {"pull": [{f"{CORE}.git_clone": token}]},
        "git-block": {"pull": [{f"{CORE}.git_clone": block}]},
        "repository-block": {"pull": with_block("github-repository", "code")},
        "git-denied": {"pull": [{f"{CORE}.git_clone": {**token, "access_token": "{{ prefect.blocks.secret.wrong }}"}}]},
        "s3-missing": {"pull": [{f"{AWS}.pull_from_s3": {**inline, "bucket": "nowhere"}}]},
    }


FAILING = {"git-denied": "Authentication failed", "s3-missing": "s3://nowhere/inline"}
OLDER = {"older-s3": "s3-bucket/shelf", "older-repository": "github-repository/code"}
"""Deployments as Prefect 2 made them: with the id of a storage block, and no pull steps."""
NAMES = [*(name for name in ways("", "", "") if name not in FAILING), *OLDER]


@dataclass
class Journey:
    """What there was to see once all runs had ended."""

    server: Server
    runs: dict[str, dict[str, Any]]
    deploy: str
    worker: str
    argv: str
    hub: git.Hub

    def logs(self, name: str) -> str:
        criteria = {"logs": {"flow_run_id": {"any_": [self.runs[name]["id"]]}}, "limit": 200}
        return "\n".join(one["message"] for one in self.server.api.post("/logs/filter", criteria))

    def everything(self) -> str:
        """All that was written down where somebody could read it."""
        api = self.server.api
        criteria = {"filter": {"occurred": {"since": "2000-01-01T00:00:00Z"}}, "limit": 50}
        page = api.post("/events/filter", criteria)
        events = page["events"]
        while page["next_page"]:
            page = api.get(page["next_page"].partition("/api")[2])
            events += page["events"]
        assert any("pull-step" in one["event"] for one in events)
        parts = [events, api.post("/deployments/filter", {}), self.runs, api.post("/block_documents/filter", {})]
        logs = [self.logs(name) for name in self.runs]
        return "\n".join([*map(json.dumps, parts), *logs, self.deploy, self.worker, self.argv, self.server.tail(10**7)])


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    if not git.BACKEND.exists():
        pytest.skip("git was installed without git-http-backend")
    root = tmp_path_factory.mktemp("journey")
    upstream = git.Upstream(root)
    upstream.commit({"flow.py": FLOW})
    with (
        s3.s3("code") as s3_url,
        azurite(root / "azurite") as emulator,
        google_storage() as google,
        git.hub(upstream.bare.parent, TOKEN) as hub,
        running(penstock(), root / "server") as server,
    ):
        yield travelled(root, s3_url, emulator, google, hub, server)


def travelled(root: Path, s3_url: str, emulator: Azurite, google: Bucket, hub: git.Hub, server: Server) -> Journey:
    project = root / "project"
    project.mkdir()
    shell = server.shell(project)
    repository = f"{hub.url}/project.git"
    make_blocks(shell, root, {"s3": s3_url, "azure": emulator.connection_string, "repository": repository})
    write_project(project, ways(s3_url, repository, (root / "upstream" / "project.git").as_uri()))
    path, argv = git.spying_git(root)
    env = {
        "PATH": path,
        "STORAGE_EMULATOR_HOST": google.url,
        "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",  # asks by gRPC what kind of bucket it is
        "PREFECT_LOGGING_LEVEL": "DEBUG",
    }
    done = shell.run("deploy", "--all", **env)
    assert done.returncode == 0, done.stdout + done.stderr
    for name, block in OLDER.items():
        make_older(server, name, block)
    (project / "flow.py").unlink()
    runs = {name: start(server, name) for name in (*NAMES, *FAILING)}
    worker = shell.run("worker", "start", "--pool", "pool", "--run-once", timeout=300, **env)
    ended = {name: server.api.get(f"/flow_runs/{id}") for name, id in runs.items()}
    assert {run["state_type"] for run in ended.values()} <= FINAL, worker.stdout + worker.stderr
    said = (done.stdout + done.stderr, worker.stdout + worker.stderr)
    return Journey(server, ended, *said, argv.read_text(), hub)


def make_blocks(shell: Any, root: Path, places: dict[str, str]) -> None:
    folder = root / "shelf"
    folder.mkdir()
    (folder / "flow.py").write_text(FLOW)
    secrets = {"key": s3.KEY, "secret": s3.SECRET, "token": TOKEN, "wrong": WRONG, "folder": str(folder)}
    (root / "given.json").write_text(json.dumps({**places, **secrets}))
    (root / "make_blocks.py").write_text(BLOCKS)
    container = "import json, sys; from azure.storage.blob import BlobServiceClient as C; " + (
        "C.from_connection_string(json.load(open(sys.argv[1]))['azure']).create_container('code')"
    )
    for words in (("-c", container), (str(root / "make_blocks.py"),)):
        done = shell.python(*words, str(root / "given.json"))
        assert done.returncode == 0, done.stderr
    assert shell.run("work-pool", "create", "pool", "--type", "process").returncode == 0


def write_project(project: Path, deployments: dict[str, dict[str, Any]]) -> None:
    (project / "flow.py").write_text(FLOW)
    (project / "notes.txt").write_text("stays at home")
    (project / ".prefectignore").write_text("notes.txt\nprefect.yaml\n")
    pool = {"work_pool": {"name": "pool"}}
    every = [{"name": name, "entrypoint": "flow.py:look", **pool, **way} for name, way in deployments.items()]
    (project / "prefect.yaml").write_text(json.dumps({"deployments": every}))


def make_older(server: Server, name: str, block: str) -> None:
    flow = server.api.get("/flows/name/look")["id"]
    slug, _, document = block.partition("/")
    storage = server.api.get(f"/block_types/slug/{slug}/block_documents/name/{document}")["id"]
    body = {"name": name, "flow_id": flow, "entrypoint": "flow.py:look", "storage_document_id": storage}
    server.api.post("/deployments/", {**body, "work_pool_name": "pool"})


def start(server: Server, name: str) -> str:
    deployment = server.api.get(f"/deployments/name/look/{name}")
    return str(server.api.post(f"/deployments/{deployment['id']}/create_flow_run", {})["id"])


@pytest.mark.parametrize("name", NAMES)
def test_the_run_has_its_code_from_there(journey: Journey, name: str) -> None:
    run = journey.runs[name]
    assert run["state_type"] == "COMPLETED", f"{run['state']['message']}\n{journey.logs(name)}"
    [files] = re.findall(r"files: (.*)", journey.logs(name))
    assert "'flow.py'" in files
    assert "notes.txt" not in files


@pytest.mark.parametrize(("name", "said"), FAILING.items())
def test_a_run_says_why_it_has_no_code(journey: Journey, name: str, said: str) -> None:
    state = journey.runs[name]["state"]
    assert state["type"] in ("FAILED", "CRASHED")
    assert said in state["message"]


def test_no_secret_was_told(journey: Journey) -> None:
    everything = journey.everything()
    assert "remote.origin.url" in journey.argv
    assert "origin\t" in journey.logs("git-token")
    assert len([given for given in journey.hub.seen if given]) >= 3
    for secret in (TOKEN, WRONG, s3.SECRET, "AccountKey="):
        assert secret not in everything, everything[max(0, everything.index(secret) - 300) :][:400]
