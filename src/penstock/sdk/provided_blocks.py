"""The blocks that come along: what opens clouds, repositories and registries, and storage.

    S3Bucket(bucket_name="code", credentials=AwsCredentials.load("main")).save("code")

Names and fields are Prefect's; the schema of each is the server's own (server/data/block_types).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penstock.sdk.block_schemas import SecretStr, as_data
from penstock.sdk.blocks import Block
from penstock.storage.blocks import open_block
from penstock.storage.folders import pull, push
from penstock.storage.ignore import IGNORE_FILE, Ignore
from penstock.storage.protocol import Storage


class ProvidedBlock(Block):
    """A block whose type servers know already."""

    _is_provided = True


class StorageBlock(ProvidedBlock):
    """A block that says where files are. Each call raises `StorageFailed` when storage does not answer."""

    def open_storage(self, path: str = "") -> Storage:
        """The storage itself, or a folder within it; results can be kept in it."""
        return open_block(self.get_block_type_slug(), as_data(self, hide=False), path)

    def read_path(self, path: str) -> bytes:
        """The content of a file. Raises `NotFound`."""
        return self.open_storage().read(path)

    def write_path(self, path: str, content: bytes) -> str:
        """Keeps a file; gives its path."""
        self.open_storage().write(path, content)
        return path

    def get_directory(self, from_path: str | None = None, local_path: str | None = None) -> int:
        """Copies a folder of the storage to a local one (by default the working directory); gives how many files."""
        return pull(self.open_storage(from_path or ""), Path(local_path or "."))

    def put_directory(
        self, local_path: str | None = None, to_path: str | None = None, ignore_file: str | None = IGNORE_FILE
    ) -> int:
        """Copies a local folder to one of the storage, without what the ignore file names; gives how many files."""
        folder = Path(local_path or ".")
        return push(folder, self.open_storage(to_path or ""), Ignore(folder / ignore_file if ignore_file else None))


class LocalFileSystem(StorageBlock):
    """A folder on the machine that runs the flow."""

    _block_type_name = "Local File System"
    basepath: str | None = None


class RemoteFileSystem(StorageBlock):
    """A folder at any address that fsspec can reach, such as `s3://bucket/folder`."""

    _block_type_name = "Remote File System"
    basepath: str
    settings: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"RemoteFileSystem(basepath={self.basepath!r})"  # the settings may hold secrets


class SMB(StorageBlock):
    """A folder on a Windows or Samba share."""

    _block_type_name = "SMB"
    share_path: str
    smb_username: SecretStr | None = None
    smb_password: SecretStr | None = None
    smb_host: str
    smb_port: int | None = None


class AwsCredentials(ProvidedBlock):
    """Opens Amazon Web Services: a key, a profile, or what the machine has."""

    _block_type_name = "AWS Credentials"
    aws_access_key_id: str | None = None
    aws_secret_access_key: SecretStr | None = None
    aws_session_token: str | None = None
    profile_name: str | None = None
    region_name: str | None = None
    aws_client_parameters: dict[str, Any] | None = None
    assume_role_arn: str | None = None
    assume_role_kwargs: dict[str, Any] | None = None


class MinIOCredentials(ProvidedBlock):
    """Opens a MinIO server."""

    _block_type_name = "MinIO Credentials"
    minio_root_user: str
    minio_root_password: SecretStr
    region_name: str | None = None
    aws_client_parameters: dict[str, Any] | None = None


class S3Bucket(StorageBlock):
    """A folder of an S3 bucket, or of a MinIO server's."""

    _block_type_name = "S3 Bucket"
    bucket_name: str
    credentials: MinIOCredentials | AwsCredentials | None = None
    bucket_folder: str = ""


class GcpCredentials(ProvidedBlock):
    """Opens Google Cloud: a service account's key, or what the machine has."""

    _block_type_name = "GCP Credentials"
    service_account_file: str | None = None
    service_account_info: SecretStr | None = None
    """A mapping, though it is kept as a secret."""
    project: str | None = None


class GcsBucket(StorageBlock):
    """A folder of a Google Cloud Storage bucket."""

    _block_type_name = "GCS Bucket"
    bucket: str
    gcp_credentials: GcpCredentials | None = None
    bucket_folder: str = ""


class AzureBlobStorageCredentials(ProvidedBlock):
    """Opens Azure Blob Storage: a connection string; or an account's address, with a client's secret or without."""

    _block_type_name = "Azure Blob Storage Credentials"
    connection_string: SecretStr | None = None
    account_url: str | None = None
    client_id: str | None = None
    tenant_id: str | None = None
    client_secret: SecretStr | None = None


class AzureBlobStorageContainer(StorageBlock):
    """A folder of an Azure Blob Storage container."""

    _block_type_name = "Azure Blob Storage Container"
    container_name: str
    credentials: AzureBlobStorageCredentials | None = None
    base_folder: str | None = None


class AzureContainerInstanceCredentials(ProvidedBlock):
    """Opens Azure Container Instances: a service principal, or what the machine has."""

    _block_type_name = "Azure Container Instance Credentials"
    client_id: str | None = None
    tenant_id: str | None = None
    client_secret: SecretStr | None = None
    credential_kwargs: dict[str, Any] | None = None


class GitHubCredentials(ProvidedBlock):
    """Opens private repositories on GitHub."""

    _block_type_name = "GitHub Credentials"
    token: SecretStr | None = None


class GitLabCredentials(ProvidedBlock):
    """Opens private repositories on GitLab."""

    _block_type_name = "GitLab Credentials"
    token: SecretStr | None = None
    url: str | None = None


class BitBucketCredentials(ProvidedBlock):
    """Opens private repositories on Bitbucket: a token, or a user and password."""

    _block_type_name = "BitBucket Credentials"
    token: SecretStr | None = None
    username: str | None = None
    password: SecretStr | None = None
    url: str | None = None


class GitHubRepository(ProvidedBlock):
    """A GitHub repository at a branch or tag."""

    _block_type_name = "GitHub Repository"
    repository_url: str
    reference: str | None = None
    credentials: GitHubCredentials | None = None


class GitLabRepository(ProvidedBlock):
    """A GitLab repository at a branch or tag."""

    _block_type_name = "GitLab Repository"
    repository: str
    reference: str | None = None
    git_depth: int | None = 1
    credentials: GitLabCredentials | None = None


class BitBucketRepository(ProvidedBlock):
    """A Bitbucket repository at a branch or tag."""

    _block_type_name = "BitBucket Repository"
    repository: str
    reference: str | None = None
    bitbucket_credentials: BitBucketCredentials | None = None


class DockerRegistryCredentials(ProvidedBlock):
    """Opens a registry of images."""

    _block_type_name = "Docker Registry Credentials"
    username: str
    password: SecretStr
    registry_url: str
    reauth: bool = True


class KubernetesClusterConfig(ProvidedBlock):
    """Opens a Kubernetes cluster: a kubeconfig, and which of its contexts."""

    _block_type_name = "Kubernetes Cluster Config"
    config: dict[str, Any]
    context_name: str


class ModalCredentials(ProvidedBlock):
    """Opens Modal: a token's id and its secret."""

    _block_type_name = "Modal Credentials"
    token_id: str
    token_secret: SecretStr


PROVIDED: dict[str, type[Block]] = {
    kind.get_block_type_slug(): kind
    for kind in (*ProvidedBlock.__subclasses__(), *StorageBlock.__subclasses__())
    if kind is not StorageBlock
}
"""The classes by the slug of their type."""
