"""Saves and loads every infrastructure and storage block of Prefect 2.20, and looks at what the API shows of them."""

import json
import os
import urllib.request
from uuid import uuid4

from prefect.filesystems import GCS, S3, SMB, Azure, GitHub, LocalFileSystem, RemoteFileSystem
from prefect.infrastructure import DockerContainer, KubernetesJob, Process

HIDDEN = "********"
SECRET = "hush-" + uuid4().hex
BLOCKS = (
    Process(env={"A": "1"}, command=["python", "-V"]),
    DockerContainer(image="app:1", networks=["inner"]),
    KubernetesJob(image="app:1", namespace="jobs", customizations=[]),
    LocalFileSystem(basepath="."),
    RemoteFileSystem(basepath="memory://box", settings={"auto_mkdir": True}),
    S3(bucket_path="bucket/path", aws_access_key_id=SECRET, aws_secret_access_key=SECRET),
    GCS(bucket_path="bucket/path", service_account_info=json.dumps({"private": SECRET})),
    Azure(bucket_path="container/path", azure_storage_connection_string=SECRET),
    SMB(share_path="share", smb_host="host", smb_username="ford", smb_password=SECRET),
    GitHub(repository="https://example.com/repository.git", access_token=SECRET),
)


def api(path):
    with urllib.request.urlopen(os.environ["PREFECT_API_URL"] + path) as answer:
        return json.load(answer)


hidden = 0
for block in BLOCKS:
    kind = type(block)
    id = block.save("mine", overwrite=True)
    loaded = kind.load("mine")
    assert loaded.dict(exclude={"env"}) == block.dict(exclude={"env"}), (loaded, block)
    shown = api(f"/block_documents/{id}")
    clear = api(f"/block_documents/{id}?include_secrets=true")
    ours = kind._calculate_schema_checksum()
    assert shown["block_schema"]["checksum"] == ours, f"{kind.__name__}: {shown['block_schema']['checksum']} not {ours}"
    assert api(f"/block_schemas/checksum/{ours}")["fields"]["block_type_slug"] == kind.get_block_type_slug()
    assert SECRET not in json.dumps(shown), kind.__name__
    if SECRET in json.dumps(clear["data"]):
        hidden += 1
        assert HIDDEN in json.dumps(shown["data"]), kind.__name__
    loaded.save("mine", overwrite=True)
    assert api(f"/block_documents/{id}?include_secrets=true")["data"] == clear["data"], kind.__name__
    print(kind.get_block_type_slug(), ours)
assert hidden == 5, hidden
