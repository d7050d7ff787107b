"""How to get into each cloud's storage: what a credentials block (or the same fields, written in a step) says,
as the options of its fsspec file system."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from penstock.errors import StorageFailed

Json = Mapping[str, Any]


def s3_options(credentials: Json | None, parameters: Json | None = None) -> dict[str, Any]:
    """Options from `aws-credentials` or `minio-credentials`; none of them: what the machine has.

    `parameters` are those of a boto3 client, such as `endpoint_url`, and win over those of the block.
    """
    given = credentials or {}
    if given.get("assume_role_arn"):
        raise StorageFailed("Storage can't assume a role by itself; name a profile that does (`profile_name`).")
    client = {**_kept(given.get("aws_client_parameters")), **_kept(parameters)}
    verify = client.pop("verify_cert_path", None) or client.pop("verify", None)
    return _kept(
        {
            "key": given.get("aws_access_key_id") or given.get("minio_root_user"),
            "secret": given.get("aws_secret_access_key") or given.get("minio_root_password"),
            "token": given.get("aws_session_token"),
            "profile": given.get("profile_name"),
            "endpoint_url": client.pop("endpoint_url", None),
            "use_ssl": client.pop("use_ssl", None),
            "config_kwargs": client.pop("config", None),
            "client_kwargs": _kept({"region_name": given.get("region_name"), "verify": verify, **client}) or None,
        }
    )


def gcs_options(credentials: Json | None, project: str | None = None) -> dict[str, Any]:
    """Options from `gcp-credentials`: the account's JSON, or a file of it; none of them: what the machine has."""
    given = credentials or {}
    account = given.get("service_account_info")
    if isinstance(account, str) and account:
        account = _parsed(account)
    return _kept({"token": account or given.get("service_account_file"), "project": project or given.get("project")})


def azure_options(credentials: Json) -> dict[str, Any]:
    """Options from `azure-blob-storage-credentials`: a connection string, else an address.

    With the address go a client's id, tenant and secret, or what the machine has.
    """
    if credentials.get("connection_string"):
        return {"connection_string": credentials["connection_string"]}
    address = credentials.get("account_url")
    if not address:
        raise StorageFailed("Azure's storage needs a `connection_string` or an `account_url`.")
    host = urlsplit(address).netloc or str(address)
    client = {name: credentials.get(name) for name in ("client_id", "tenant_id", "client_secret")}
    return {"account_name": host.partition(".")[0], "account_host": host, "anon": False, **_kept(client)}


def _parsed(account: str) -> Any:
    try:
        return json.loads(account)
    except ValueError:
        raise StorageFailed("`service_account_info` is not the JSON of a service account.") from None


def _kept(values: Json | None) -> dict[str, Any]:
    return {name: value for name, value in (values or {}).items() if value is not None and value != ""}
