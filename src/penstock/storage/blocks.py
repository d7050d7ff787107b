"""From a storage block to the storage that it describes.

Both generations: `s3-bucket`, `gcs-bucket` and `azure-blob-storage-container` name their credentials' block,
`s3`, `gcs` and `azure` of Prefect 2 have them among their own fields (contract/infrastructure-blocks.md 6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from penstock import plugins
from penstock.errors import StorageFailed
from penstock.storage.clouds import azure_options, gcs_options, s3_options
from penstock.storage.local import LocalStorage
from penstock.storage.protocol import Storage
from penstock.storage.remote import RemoteStorage

Json = Mapping[str, Any]


def open_block(slug: str, data: Json, path: str = "") -> Storage:
    """The storage of a block of this type, or a folder within it; `StorageFailed` when nothing here can read it."""
    if slug == "local-file-system":
        return LocalStorage(Path(data.get("basepath") or "~", path))
    if slug in _ADDRESSES:
        address, options = _ADDRESSES[slug](data)
        return RemoteStorage("/".join([address.rstrip("/"), *filter(None, [path.strip("/")])]), options)
    opener = plugins.load(plugins.STORAGES, slug)
    if opener is None:
        raise StorageFailed(f"Nothing is installed that can read storage of type {slug!r}.")
    storage: Storage = opener(data)
    return storage


def _url(scheme: str, *parts: Any) -> str:
    return f"{scheme}://{'/'.join(str(part).strip('/') for part in parts if part)}"


def _remote(data: Json) -> tuple[str, Json]:
    return data["basepath"], data.get("settings") or {}


def _smb(data: Json) -> tuple[str, Json]:
    options = {"username": data.get("smb_username"), "password": data.get("smb_password")}
    host = f"{data['smb_host']}:{data['smb_port']}" if data.get("smb_port") else data["smb_host"]
    return _url("smb", host, data["share_path"]), {name: value for name, value in options.items() if value}


def _s3_bucket(data: Json) -> tuple[str, Json]:
    return _url("s3", data["bucket_name"], data.get("bucket_folder")), s3_options(data.get("credentials"))


def _s3(data: Json) -> tuple[str, Json]:
    return _url("s3", _bucket_path(data, "s3")), s3_options(data)


def _gcs_bucket(data: Json) -> tuple[str, Json]:
    return _url("gs", data["bucket"], data.get("bucket_folder")), gcs_options(data.get("gcp_credentials"))


def _gcs(data: Json) -> tuple[str, Json]:
    return _url("gs", _bucket_path(data, "gs")), gcs_options(data)


def _azure_container(data: Json) -> tuple[str, Json]:
    return _url("az", data["container_name"], data.get("base_folder")), azure_options(data.get("credentials") or {})


def _azure(data: Json) -> tuple[str, Json]:
    names = ("connection_string", "account_name", "account_key", "tenant_id", "client_id", "client_secret", "anon")
    options = {name: data.get(f"azure_storage_{name}") for name in names}
    address = _url("az", data.get("azure_storage_container"), _bucket_path(data, "az"))
    return address, {name: value for name, value in options.items() if value is not None}


def _bucket_path(data: Json, scheme: str) -> str:
    return str(data["bucket_path"]).removeprefix(f"{scheme}://")


_ADDRESSES: dict[str, Callable[[Json], tuple[str, Json]]] = {
    "azure": _azure,
    "azure-blob-storage-container": _azure_container,
    "gcs": _gcs,
    "gcs-bucket": _gcs_bucket,
    "remote-file-system": _remote,
    "s3": _s3,
    "s3-bucket": _s3_bucket,
    "smb": _smb,
}
