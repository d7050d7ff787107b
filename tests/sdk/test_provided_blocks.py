"""The blocks that come along: their classes fit the server's types, and storage blocks hold files and results."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock import flow
from penstock.blocks import (
    AwsCredentials,
    Block,
    GcpCredentials,
    LocalFileSystem,
    RemoteFileSystem,
    S3Bucket,
    SecretStr,
)
from penstock.client.client import Client
from penstock.sdk.block_schemas import field_types
from penstock.sdk.provided_blocks import PROVIDED
from penstock.server.blocks import built_in_types
from penstock.wire import blocks as wire
from penstock.wire.model import Criteria

TYPES = {one.slug: one for one in built_in_types()}


@pytest.mark.parametrize("slug", PROVIDED)
def test_a_class_has_the_fields_of_its_type(slug: str) -> None:
    kind, fields = PROVIDED[slug], TYPES[slug].fields
    assert kind.get_block_type_name() == TYPES[slug].name
    assert list(field_types(kind)) == list(fields["properties"])
    assert [name for name in field_types(kind) if not hasattr(kind, name)] == fields.get("required", [])


def test_saved_and_loaded_with_the_server_s_schema(api: Client) -> None:
    credentials = AwsCredentials(aws_access_key_id="id", aws_secret_access_key=SecretStr("s3cr3t"))
    credentials.save("mine")
    S3Bucket(bucket_name="b", credentials=credentials).save("bucket")
    loaded = S3Bucket.load("bucket")
    assert isinstance(loaded.credentials, AwsCredentials)
    assert loaded.credentials.aws_secret_access_key == SecretStr("s3cr3t")
    assert "s3cr3t" not in repr(loaded)
    shown = api.call(wire.read_block_document_by_name, slug="s3-bucket", block_document_name="bucket")
    assert shown.data["credentials"]["aws_secret_access_key"] == "********"
    assert "bucket_folder" in shown.data
    assert "region_name" not in shown.data["credentials"]
    criteria = Criteria(block_schemas={"block_type_id": {"any_": [str(shown.block_type_id)]}})
    assert len(api.call(wire.filter_block_schemas, criteria)) == 1


def test_a_service_account_stays_hidden(api: Client) -> None:
    GcpCredentials(service_account_info={"private_key": "s3cr3t"}, project="p").save("account")
    assert "s3cr3t" not in repr(GcpCredentials.load("account"))
    shown = api.call(wire.read_block_document_by_name, slug="gcp-credentials", block_document_name="account")
    assert shown.data["service_account_info"] == {"private_key": "********"}


def test_files_and_results_in_a_storage_block(api: Client, tmp_path: Path) -> None:
    RemoteFileSystem(basepath="memory://sdk-blocks").save("memory")
    block = Block.load("remote-file-system/memory")
    assert isinstance(block, RemoteFileSystem)
    block.write_path("a/b.txt", b"1")
    assert block.read_path("a/b.txt") == b"1"
    assert block.get_directory("a", str(tmp_path / "got")) == 1
    assert (tmp_path / "got" / "b.txt").read_text() == "1"
    (tmp_path / "got" / ".prefectignore").write_text("*.txt\n")
    shelf = LocalFileSystem(basepath=str(tmp_path / "shelf"))
    assert shelf.put_directory(str(tmp_path / "got")) == 1
    assert [path.name for path in (tmp_path / "shelf").iterdir()] == [".prefectignore"]

    @flow(result_storage=shelf, result_storage_key="kept")
    def answer() -> int:
        return 42

    assert answer() == 42
    assert (tmp_path / "shelf" / "kept").exists()
