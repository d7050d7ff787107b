"""Storage at an address, folders to and from it, and what blocks of storage mean."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import BadRequest, NotFound, StorageFailed
from penstock.storage import blocks
from penstock.storage.clouds import azure_options, gcs_options, s3_options
from penstock.storage.folders import pull, push
from penstock.storage.ignore import Ignore
from penstock.storage.local import LocalStorage
from penstock.storage.protocol import Storage
from penstock.storage.remote import RemoteStorage
from tests.live.s3 import KEY, SECRET, s3


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with s3("bucket") as url:
        yield url


@pytest.fixture(params=["memory", "file", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "s3":
        endpoint = request.getfixturevalue("s3_url")
        options = {"key": KEY, "secret": SECRET, "endpoint_url": endpoint}
        return RemoteStorage(f"s3://bucket/{tmp_path.name}", options)
    return RemoteStorage(f"{request.param}://{tmp_path}/shelf")


def test_four_calls(storage: Storage) -> None:
    assert list(storage.list()) == []
    storage.write("a/one.txt", b"1")
    storage.write("a/one.txt", b"2")
    storage.write("b.txt", b"3")
    assert list(storage.list()) == ["a/one.txt", "b.txt"]
    assert list(storage.list("a")) == ["a/one.txt"]
    assert storage.read("a/one.txt") == b"2"
    storage.delete("a/one.txt")
    storage.delete("a/one.txt")
    assert list(storage.list()) == ["b.txt"]
    with pytest.raises(NotFound, match=r"'a/one.txt'"):
        storage.read("a/one.txt")
    for key in ("../up", "a/../../up", "/etc/passwd"):
        with pytest.raises(BadRequest, match="leads out"):
            storage.write(key, b"x")


def test_a_folder_there_and_back_without_what_is_ignored(storage: Storage, tmp_path: Path) -> None:
    names = ["flow.py", "data/a.csv", "data/keep.csv", "venv/lib/x.py", "deep/cache/y", "sub/.env", "a b/ü.txt"]
    here = tmp_path / "here"
    for name in names:
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(name)
    (here / ".prefectignore").write_text("# what stays\nvenv/\ncache\n*.csv\n!keep.csv\n.env\n")
    assert push(here, storage, Ignore(here / ".prefectignore")) == 4
    there = tmp_path / "there"
    assert pull(storage, there) == 4
    found = sorted(path.relative_to(there).as_posix() for path in there.rglob("*") if path.is_file())
    assert found == [".prefectignore", "a b/ü.txt", "data/keep.csv", "flow.py"]
    assert (there / "a b/ü.txt").read_text() == "a b/ü.txt"


class Sly:
    """A storage that has a key of its own making."""

    def __init__(self, *keys: str) -> None:
        self._keys = keys

    def list(self, prefix: str = "") -> Iterator[str]:
        return iter(self._keys)

    def read(self, key: str) -> bytes:
        return b"owned"

    def write(self, key: str, content: bytes) -> None: ...

    def delete(self, key: str) -> None: ...


@pytest.mark.parametrize("key", ["../up", "a/../../up", "/tmp/up", "link/up"])
def test_nothing_is_written_outside_of_the_folder(tmp_path: Path, key: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(StorageFailed, match="leads out"):
        pull(Sly("good", key), folder)
    assert not (tmp_path / "up").exists()
    assert not (folder / "good").exists()


def test_a_secret_is_in_no_message(s3_url: str) -> None:
    options = {"key": "AKIASECRETKEY", "secret": "wr0ng-s3cr3t", "endpoint_url": s3_url}
    storage = RemoteStorage("s3://user:pa55word@nobucket/x", options)
    with pytest.raises((StorageFailed, NotFound)) as failed:
        storage.write("a", b"1")
    for secret in ("AKIASECRETKEY", "wr0ng-s3cr3t", "pa55word"):
        assert secret not in failed.value.message
    wrong = {"connection_string": "DefaultEndpointsProtocol=http;AccountKey=not-base-64"}
    with pytest.raises(StorageFailed) as failed:
        list(RemoteStorage("az://container/x", wrong).list())
    assert "not-base-64" not in failed.value.message


@pytest.mark.parametrize(("url", "module", "extra"), [("s3://b/x", "s3fs", "aws"), ("gs://b/x", "gcsfs", "gcp")])
def test_a_missing_library_is_named(url: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    loaded = sys.modules["fsspec.registry"].__dict__["_registry"]  # what earlier tests have imported
    monkeypatch.delitem(loaded, fsspec.utils.get_protocol(url), raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] == module] + [module]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(StorageFailed, match=rf"pip install 'penstock\[{extra}\]'"):
        RemoteStorage(url)


AWS = {"aws_access_key_id": "i", "aws_secret_access_key": "s", "region_name": "eu", "aws_session_token": None}
MINIO = {"minio_root_user": "u", "minio_root_password": "p", "aws_client_parameters": {"endpoint_url": "http://m"}}
OPTIONS: list[tuple[Any, Mapping[str, Any]]] = [
    (s3_options(None), {}),
    (s3_options(AWS), {"key": "i", "secret": "s", "client_kwargs": {"region_name": "eu"}}),
    (s3_options(MINIO), {"key": "u", "secret": "p", "endpoint_url": "http://m"}),
    (s3_options(MINIO, {"endpoint_url": "http://n", "verify": False})["endpoint_url"], "http://n"),  # type: ignore[list-item]
    (gcs_options(None), {}),
    (gcs_options({"service_account_info": {"a": 1}, "project": "p"}), {"token": {"a": 1}, "project": "p"}),
    (gcs_options({"service_account_info": '{"a": 1}'}), {"token": {"a": 1}}),
    (gcs_options({"service_account_file": "/key.json"}, "q"), {"token": "/key.json", "project": "q"}),
    (azure_options({"connection_string": "c", "account_url": "u"}), {"connection_string": "c"}),
    (
        azure_options({"account_url": "https://acc.blob.core.windows.net/", "client_id": "i"}),
        {"account_name": "acc", "account_host": "acc.blob.core.windows.net", "anon": False, "client_id": "i"},
    ),
]


@pytest.mark.parametrize(("options", "expected"), OPTIONS)
def test_credentials_become_options(options: Any, expected: Any) -> None:
    assert options == expected


ADDRESSES: list[tuple[str, dict[str, Any], str]] = [
    ("s3-bucket", {"bucket_name": "b", "bucket_folder": "/f/"}, "s3://b/f"),
    ("s3", {"bucket_path": "b/f", "aws_access_key_id": "i"}, "s3://b/f"),
    ("gcs-bucket", {"bucket": "b", "bucket_folder": ""}, "gs://b"),
    ("gcs", {"bucket_path": "b/f"}, "gs://b/f"),
    ("azure", {"bucket_path": "f", "azure_storage_container": "c"}, "az://c/f"),
    ("smb", {"smb_host": "h", "smb_port": 445, "share_path": "/s/f"}, "smb://h:445/s/f"),
    ("remote-file-system", {"basepath": "memory://x", "settings": {}}, "memory://x"),
]


@pytest.mark.parametrize(("slug", "data", "url"), ADDRESSES)
def test_blocks_of_both_generations_have_an_address(slug: str, data: dict[str, Any], url: str) -> None:
    assert blocks._ADDRESSES[slug](data)[0] == url


def test_other_blocks(tmp_path: Path) -> None:
    found = blocks.open_block("local-file-system", {"basepath": str(tmp_path)}, "sub")
    assert isinstance(found, LocalStorage)
    assert found.root == tmp_path.resolve() / "sub"
    with pytest.raises(StorageFailed, match="Nothing is installed that can read storage of type 'unknown'"):
        blocks.open_block("unknown", {})
    with pytest.raises(StorageFailed, match="assume a role"):
        s3_options({"assume_role_arn": "arn"})
    with pytest.raises(StorageFailed, match="not the JSON"):
        gcs_options({"service_account_info": "nonsense"})
