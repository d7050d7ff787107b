"""The block types the server brings along have the fields that Prefect's own packages give them."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.core.block_schemas import checksum
from penstock.server.blocks import BuiltIn, built_in_types

AS_PREFECT = {
    "aws-credentials": "547891527b53bd7d",
    "minio-credentials": "cb462cca4f74fe02",
    "s3-bucket": "9a39050e5567643d",
    "gcp-credentials": "e353209f23da11ec",
    "gcs-bucket": "017fce60dd03dc0d",
    "azure-blob-storage-credentials": "9c578e9374fa876a",
    "azure-container-instance-credentials": "71552186b9222bcc",
    "azure-blob-storage-container": "fac4a61005daaf97",
    "github-credentials": "7cb4801efe56ad93",
    "github-repository": "ec9f481f8ab9f888",
    "gitlab-credentials": "1092c89d539458e7",
    "gitlab-repository": "37d9a6633d6792e5",
    "bitbucket-credentials": "ef3b40e749942fcc",
    "bitbucket-repository": "b8001f20ae0b35ca",
    "docker-registry-credentials": "ac1b71e3f0df2b17",
    "local-file-system": "179d807bbd65d4ae",
    "remote-file-system": "c9648c17c20d9b4a",
    "smb": "c404c7837180a702",
    "secret": "6e71ae29f16f81d4",
}
"""The beginning of the checksum of each schema in prefect 3.8.8, prefect-aws 0.7.12, prefect-gcp 0.6.22,
prefect-azure 0.4.13, prefect-github 0.4.4, prefect-gitlab 0.3.5, prefect-bitbucket 0.3.7 and prefect-docker 0.7.4,
reckoned without the texts that explain the fields, which we don't copy."""
TYPES = {one.slug: one for one in built_in_types()}


def bare(value: Any) -> Any:
    """Without the checksums of blocks within, which count texts."""
    if isinstance(value, dict):
        return {key: bare(inner) for key, inner in value.items() if key != "block_schema_checksum"}
    return [bare(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("slug", AS_PREFECT)
def test_fields_are_those_of_prefect(slug: str) -> None:
    assert checksum(bare(TYPES[slug].fields)).removeprefix("sha256:").startswith(AS_PREFECT[slug])


@pytest.mark.parametrize("one", TYPES.values(), ids=TYPES)
def test_blocks_within_are_defined_and_their_secrets_secret(one: BuiltIn) -> None:
    for name, given in one.fields["block_schema_references"].items():
        for kind in given if isinstance(given, list) else [given]:
            inner = TYPES[kind["block_type_slug"]].fields
            assert one.fields["definitions"][inner["title"]]["properties"] == inner["properties"]
            assert kind["block_schema_checksum"] == checksum(inner)
            assert {f"{name}.{secret}" for secret in inner["secret_fields"]} <= set(one.fields["secret_fields"])
