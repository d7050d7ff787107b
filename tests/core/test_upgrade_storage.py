"""Storage blocks and folders of the agent generation become pull steps that know the way to the same files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
import pytest

from penstock.core.block_schemas import HIDDEN
from penstock.core.infrastructure_blocks import Severity
from penstock.core.storage_steps import Code, code_steps
from penstock.core.upgrade_plans import Taken
from penstock.deploy.step_shapes import unknown_step, wrong_inputs
from penstock.wire.blocks import BlockDocument, BlockType

ID = UUID("00000000-0000-4000-8000-000000000009")
OWN = "prefect.deployments.steps"


def document(slug: str, data: dict[str, Any], name: str | None = "main", **inside: str) -> BlockDocument:
    """A stored block; `inside` are the blocks in its fields, as `type/name`."""
    references = {}
    for place, title in inside.items():
        inner_slug, _, inner = title.partition("/")
        about = {"id": str(ID), "name": inner or "anonymous-1", "block_type": {"slug": inner_slug}}
        references[place] = {"block_document": {**about, "is_anonymous": not inner}}
    return BlockDocument(
        id=ID,
        block_schema_id=ID,
        block_type_id=ID,
        name=name or f"anonymous-{ID}",
        is_anonymous=name is None,
        data=data,
        block_type=BlockType(id=ID, name=slug, slug=slug),
        block_document_references=references,
    )


@dataclass(frozen=True)
class Case:
    """A storage and a path, the steps they become, what the new blocks hold, and codes that are told."""

    title: str
    storage: BlockDocument | None
    path: str | None
    steps: list[dict[str, Any]]
    blocks: dict[str, dict[str, Any]] = field(default_factory=dict)
    codes: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.title


def case(
    title: str,
    storage: BlockDocument | None,
    path: str | None,
    *steps: tuple[str, dict[str, Any]],
    blocks: dict[str, dict[str, Any]] | None = None,
    codes: str = "",
) -> Case:
    return Case(
        title, storage, path, [{name: inputs} for name, inputs in steps], blocks or {}, frozenset(codes.split())
    )


def entered(directory: str) -> tuple[str, dict[str, Any]]:
    return f"{OWN}.set_working_directory", {"directory": directory}


def cloned(**inputs: Any) -> tuple[str, dict[str, Any]]:
    return f"{OWN}.git_clone", inputs


def by_block(slug: str, name: str = "main", **more: Any) -> tuple[str, dict[str, Any]]:
    return f"{OWN}.pull_with_block", {**more, "block_type_slug": slug, "block_document_name": name}


def pulled(kind: str, **inputs: Any) -> tuple[str, dict[str, Any]]:
    package = {"s3": "aws", "gcs": "gcp", "azure_blob_storage": "azure"}[kind]
    return f"prefect_{package}.deployments.steps.pull_from_{kind}", inputs


BELOW = entered("{{ pull_code.directory }}/flows/etl")
KEYS = {"aws_access_key_id": HIDDEN, "aws_secret_access_key": HIDDEN}
TAKEN_KEYS = {name: Taken(ID, name) for name in KEYS}
AZURE_STRING = {"bucket_path": "code/etl", "azure_storage_connection_string": HIDDEN}
URL = "https://git.example.org/shop/etl.git"
SHA = "0123456789abcdef0123456789abcdef01234567"
CONTAINER = {"container_name": "code", "base_folder": "etl"}

CASES = [
    case("no storage, a folder", None, "/srv/flows", entered("/srv/flows"), codes="C20"),
    case("no storage, a folder of an image", None, "/opt/prefect/flows", entered("/opt/prefect/flows"), codes="C20"),
    case("no storage, no folder", None, None),
    case("no storage, where it is", None, "."),
    case("local", document("local-file-system", {"basepath": "/srv"}), "a/b", entered("/srv/a/b"), codes="C05 C20"),
    case("local, no path", document("local-file-system", {"basepath": "/srv/"}), None, entered("/srv"), codes="C05"),
    case("local, whole path", document("local-file-system", {"basepath": "/srv"}), "/srv/x", entered("/srv/x")),
    case("local, home", document("local-file-system", {"basepath": "~/flows"}), "", entered("~/flows")),
    case(
        "local, nowhere",
        document("local-file-system", {"basepath": None}),
        "a",
        by_block("local-file-system", id="pull_code"),
        entered("{{ pull_code.directory }}/a"),
    ),
    case(
        "remote",
        document("remote-file-system", {"basepath": "memory://code/", "settings": {"skip": True}}),
        "a",
        (f"{OWN}.pull_from_remote_storage", {"url": "memory://code/a", "skip": True}),
        codes="C05",
    ),
    case(
        "remote with a secret",
        document("remote-file-system", {"basepath": "sftp://host/code", "settings": {"password": "x", "port": 22}}),
        None,
        (
            f"{OWN}.pull_from_remote_storage",
            {
                "url": "sftp://host/code",
                "port": 22,
                "password": "{{ prefect.blocks.remote-file-system.main.settings.password }}",
            },
        ),
        codes="C04 C05",
    ),
    case(
        "remote with a secret, unnamed",
        document("remote-file-system", {"basepath": "sftp://host", "settings": {"password": HIDDEN}}, None),
        None,
        by_block("remote-file-system", "unnamed-00000000"),
        blocks={"remote-file-system/unnamed-00000000": {"basepath": "sftp://host", "settings": Taken(ID, "settings")}},
        codes="C07",
    ),
    case(
        "s3 with keys",
        document("s3", {"bucket_path": "shop/code", **KEYS}),
        "flows/etl",
        pulled(
            "s3", bucket="shop", folder="code/flows/etl", credentials="{{ prefect.blocks.aws-credentials.main-s3 }}"
        ),
        blocks={"aws-credentials/main-s3": TAKEN_KEYS},
        codes="C21",
    ),
    case(
        "s3 without keys",
        document("s3", {"bucket_path": "s3://shop", "aws_access_key_id": None}, "X Y"),
        None,
        pulled("s3", bucket="shop", folder=""),
    ),
    case(
        "s3, unnamed",
        document("s3", {"bucket_path": "shop", **KEYS}, None),
        None,
        pulled("s3", bucket="shop", folder="", credentials="{{ prefect.blocks.aws-credentials.unnamed-00000000-s3 }}"),
        blocks={"aws-credentials/unnamed-00000000-s3": TAKEN_KEYS},
    ),
    case(
        "s3 bucket",
        document(
            "s3-bucket",
            {"bucket_name": "shop", "bucket_folder": "code/", "credentials": KEYS},
            credentials="aws-credentials/prod",
        ),
        "etl",
        pulled("s3", bucket="shop", folder="code/etl", credentials="{{ prefect.blocks.aws-credentials.prod }}"),
    ),
    case(
        "s3 bucket with credentials of an odd name",
        document("s3-bucket", {"bucket_name": "shop", "credentials": KEYS}, credentials="aws-credentials/of the.shop"),
        None,
        pulled("s3", bucket="shop", folder="", credentials={"$ref": {"block_document_id": str(ID)}}),
    ),
    case(
        "s3 bucket at minio",
        document("s3-bucket", {"bucket_name": "shop", "credentials": {}}, credentials="minio-credentials/m"),
        None,
        pulled("s3", bucket="shop", folder="", credentials="{{ prefect.blocks.minio-credentials.m }}"),
    ),
    case(
        "s3 bucket of the machine's own account",
        document("s3-bucket", {"bucket_name": "shop", "credentials": {"aws_access_key_id": None, "verify": True}}),
        None,
        pulled("s3", bucket="shop", folder=""),
    ),
    case(
        "s3 bucket with credentials that have no name",
        document("s3-bucket", {"bucket_name": "shop", "credentials": KEYS}, credentials="aws-credentials/"),
        "flows/etl",
        by_block("s3-bucket", id="pull_code"),
        BELOW,
    ),
    case(
        "gcs with an account",
        document("gcs", {"bucket_path": "gs://shop/code", "service_account_info": HIDDEN, "project": "p"}),
        "etl",
        pulled(
            "gcs",
            bucket="shop",
            folder="code/etl",
            project="p",
            credentials="{{ prefect.blocks.gcp-credentials.main-gcs }}",
        ),
        blocks={
            "gcp-credentials/main-gcs": {"service_account_info": Taken(ID, "service_account_info"), "project": "p"}
        },
    ),
    case("gcs", document("gcs", {"bucket_path": "shop"}), None, pulled("gcs", bucket="shop", folder="")),
    case(
        "gcs bucket",
        document("gcs-bucket", {"bucket": "shop", "gcp_credentials": {}}, gcp_credentials="gcp-credentials/g"),
        "a",
        pulled("gcs", bucket="shop", folder="a", credentials="{{ prefect.blocks.gcp-credentials.g }}"),
    ),
    case(
        "azure with a connection string",
        document("azure", AZURE_STRING),
        "a",
        pulled(
            "azure_blob_storage",
            container="code",
            folder="etl/a",
            credentials="{{ prefect.blocks.azure-blob-storage-credentials.main-azure }}",
        ),
        blocks={
            "azure-blob-storage-credentials/main-azure": {
                "connection_string": Taken(ID, "azure_storage_connection_string")
            }
        },
    ),
    case(
        "azure with an account's key",
        document("azure", {"bucket_path": "code", "azure_storage_account_name": "n", "azure_storage_account_key": "*"}),
        None,
        by_block("azure"),
    ),
    case(
        "azure with a hidden container",
        document("azure", {**AZURE_STRING, "azure_storage_container": HIDDEN}),
        None,
        by_block("azure"),
    ),
    case(
        "azure container",
        document("azure-blob-storage-container", CONTAINER, credentials="azure-blob-storage-credentials/a"),
        "x",
        pulled(
            "azure_blob_storage",
            container="code",
            folder="etl/x",
            credentials="{{ prefect.blocks.azure-blob-storage-credentials.a }}",
        ),
    ),
    case(
        "azure container, credentials unnamed",
        document("azure-blob-storage-container", CONTAINER, credentials="azure-blob-storage-credentials/"),
        None,
        by_block("azure-blob-storage-container"),
    ),
    case("smb", document("smb", {"share_path": "/code"}), None, by_block("smb"), codes="C05 C21"),
    case(
        "smb, unnamed",
        document("smb", {"share_path": "/code", "smb_password": HIDDEN}, None),
        "flows/etl",
        by_block("smb", "unnamed-00000000", id="pull_code"),
        BELOW,
        blocks={"smb/unnamed-00000000": {"share_path": "/code", "smb_password": Taken(ID, "smb_password")}},
        codes="C05 C07",
    ),
    case("github", document("github", {"repository": URL, "reference": None}), None, cloned(repository=URL)),
    case(
        "github with a token, below",
        document("github", {"repository": URL, "reference": "main", "access_token": HIDDEN}),
        "flows/etl/",
        cloned(id="pull_code", repository=URL, branch="main", access_token="{{ prefect.blocks.secret.main-github }}"),
        BELOW,
        blocks={"secret/main-github": {"value": Taken(ID, "access_token")}},
    ),
    case(
        "github at a commit, without history",
        document("github", {"repository": URL, "reference": SHA, "include_git_objects": False}),
        None,
        cloned(repository=URL, commit_sha=SHA),
        codes="C06",
    ),
    case(
        "github repository",
        document("github-repository", {"repository_url": URL}, credentials="github-credentials/me"),
        None,
        cloned(repository=URL, credentials="{{ prefect.blocks.github-credentials.me }}"),
    ),
    case(
        "gitlab repository with a history",
        document("gitlab-repository", {"repository": URL, "git_depth": 3, "reference": "v1"}),
        "flows/etl",
        cloned(id="pull_code", repository=URL, branch="v1"),
        BELOW,
        codes="C06",
    ),
    case(
        "bitbucket repository",
        document("bitbucket-repository", {"repository": URL}, bitbucket_credentials="bitbucket-credentials/b"),
        None,
        cloned(repository=URL, credentials="{{ prefect.blocks.bitbucket-credentials.b }}"),
    ),
    case(
        "repository with credentials that have no name",
        document("github-repository", {"repository_url": URL, "credentials": {"token": HIDDEN}}),
        None,
        by_block("github-repository"),
    ),
    case("somebody's own", document("lake-storage", {"lake": "deep"}), None, by_block("lake-storage"), codes="C21"),
]


def code_of(case: Case) -> Code:
    return code_steps("flows/etl.py:etl", case.path, case.storage)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_storage_becomes_steps(case: Case) -> None:
    code = code_of(case)
    assert code.steps == case.steps
    assert {f"{one.type_slug}/{one.name}": dict(one.data) for one in code.blocks} == case.blocks
    assert case.codes <= {one.code for one in code.remarks}
    assert not [one for one in code.remarks if one.severity is Severity.ERROR]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_steps_are_ones_that_there_are(case: Case) -> None:
    for step in code_of(case).steps:
        for name, inputs in step.items():
            assert unknown_step(name) is None
            assert list(wrong_inputs(name, {key: one or "x" for key, one in inputs.items()})) == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_secret_is_in_a_step(case: Case) -> None:
    assert HIDDEN not in msgspec.json.encode(code_of(case).steps).decode()


def test_a_deployment_without_an_entrypoint_is_refused() -> None:
    code = code_steps(None, "/srv", None)
    assert [(one.code, one.severity) for one in code.remarks] == [("C08", Severity.ERROR)]
    assert code.steps == []


def test_a_module_is_imported_as_it_was() -> None:
    code = code_steps("shop.flows.etl", "/srv", None)
    assert ([one.code for one in code.remarks], code.steps) == (["C09"], [])
