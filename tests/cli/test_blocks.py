"""Blocks made on the command line: typed by their schema, secrets hidden, blocks in blocks by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_journey import bad, ok, read
from tests.live.programs import Shell, penstock
from tests.live.servers import running


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("folder")
    with running(penstock(), tmp_path_factory.mktemp("server")) as server:
        yield server.shell(folder)


def test_made_from_fields_files_and_other_blocks(shell: Shell) -> None:
    create = ("block", "create")
    (shell.folder / "key").write_text("s3cr3t\n")
    (shell.folder / "account.json").write_text(json.dumps({"private_key": "pr1vate"}))
    ok(shell, *create, "aws-credentials", "main", "-s", "aws_access_key_id=id", "-s", "aws_secret_access_key=@key")
    ok(shell, *create, "s3-bucket", "code", "-s", "bucket_name=b", "-s", "credentials=aws-credentials/main")
    ok(shell, *create, "gcp-credentials", "gcp", "-s", "service_account_info=@account.json")
    ok(shell, *create, "smb", "share", "-s", "smb_host=h", "-s", "share_path=/s", "-s", "smb_port=445")
    bucket = read(shell, "block", "inspect", "s3-bucket/code")
    assert bucket["data"]["credentials"]["aws_access_key_id"] == "id"
    assert bucket["data"]["credentials"]["aws_secret_access_key"] == "********"
    assert read(shell, "block", "inspect", "gcp-credentials/gcp")["data"] == {
        "service_account_info": {"private_key": "********"}
    }
    assert read(shell, "block", "inspect", "smb/share")["data"]["smb_port"] == 445
    (shell.folder / "all.json").write_text(json.dumps({"token": "t0ken"}))
    ok(shell, *create, "github-credentials", "hub", "--file", "all.json")
    assert "already" in bad(shell, *create, "github-credentials", "hub", "--file", "all.json")
    assert "{{ prefect.blocks.github-credentials.hub }}" in ok(
        shell, *create, "github-credentials", "hub", "--file", "all.json", "--overwrite"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing", "x"), "Block type 'nothing' not found"),
        (("s3-bucket", "x"), "needs bucket_name"),
        (("s3-bucket", "x", "-s", "bucket=b"), "Did you mean 'bucket_name'?"),
        (("smb", "x", "-s", "smb_port=many"), "smb_port is not valid JSON"),
        (("s3-bucket", "x", "-s", "bucket_name=b", "-s", "credentials=main"), "write it as type/name"),
        (("s3-bucket", "x", "-s", "credentials=aws-credentials/no"), "'aws-credentials/no' not found"),
        (("secret", "x", "-s", "value"), "nobody to ask for value"),
        (("secret", "x", "-s", "value=@nowhere"), "Can't read nowhere"),
        (("secret", "-s", "value=v"), "Give the block a name"),
    ],
)
def test_what_is_wrong_is_said(shell: Shell, words: tuple[str, ...], said: str) -> None:
    assert said in bad(shell, "block", "create", *words)


def test_types_that_come_along_are_listed(shell: Shell, tmp_path: Path) -> None:
    listed = ok(shell, "block", "type", "ls")
    for slug in ("aws-credentials", "gcs-bucket", "azure-blob-storage-container", "gitlab-repository"):
        assert slug in listed
