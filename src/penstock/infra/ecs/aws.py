"""The one place that talks to AWS; every call blocks in a thread and is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import boto3
import botocore.session
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError, ParamValidationError
from botocore.loaders import Loader

from penstock.errors import InfrastructureFailed
from penstock.infra.ecs.variables import AwsClientParameters, AwsCredentials
from penstock.infra.polling import Absent, AlreadyThere, Passing

LIMITS: dict[str, Any] = {
    "connect_timeout": 10,
    "read_timeout": 30,
    "retries": {"mode": "standard", "total_max_attempts": 1},
}
"""The client itself tries once: what fails is tried again by who asks, ever more slowly."""
MODELS = Loader()
"""What AWS's services are like, read once for all accounts: the largest are megabytes."""
PASSING = {
    *("ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown"),
    *("ServerException", "ServiceUnavailable", "ServiceUnavailableException", "InternalFailure", "InternalError"),
    *("RequestTimeout", "UpdateInProgressException"),
}
ABSENT = {"ResourceNotFoundException", "NoSuchEntity"}


class Aws:
    """One account and region. Every call may raise `Passing`, `Absent`, `AlreadyThere` or `InfrastructureFailed`."""

    def __init__(self, credentials: AwsCredentials) -> None:
        self._parameters = credentials.aws_client_parameters or AwsClientParameters()
        try:
            core = botocore.session.Session(profile=credentials.profile_name)
            core.register_component("data_loader", MODELS)
            self._session = boto3.session.Session(
                botocore_session=core,
                aws_access_key_id=credentials.aws_access_key_id,
                aws_secret_access_key=credentials.aws_secret_access_key,
                aws_session_token=credentials.aws_session_token,
                region_name=credentials.region_name,
            )
        except BotoCoreError as error:
            raise InfrastructureFailed(f"The AWS credentials can't be used: {error}") from error
        if not self._session.region_name:
            raise InfrastructureFailed(
                "No AWS region is set: set `region_name` in the aws-credentials block, or AWS_DEFAULT_REGION here."
            )
        self._clients: dict[str, Any] = {}

    @property
    def region(self) -> str:
        """Where tasks run."""
        return str(self._session.region_name)

    async def ask(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """One call: `ask("ecs", "run_task", cluster=...)`."""
        return await asyncio.to_thread(self._ask, service, operation, arguments)

    def _ask(self, service: str, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            call: Callable[..., dict[str, Any]] = getattr(self._client(service), operation)
            return call(**arguments)
        except ClientError as error:
            raise _meaning(operation, error) from error
        except (NoCredentialsError, ParamValidationError) as error:
            raise InfrastructureFailed(f"AWS could not be asked to {_spaced(operation)}: {error}") from error
        except (BotoCoreError, HTTPClientError, OSError) as error:
            raise Passing(f"AWS does not answer to {_spaced(operation)}: {error}") from error

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            given = self._parameters
            config = Config(**LIMITS).merge(Config(**(given.config or {})))
            self._clients[service] = self._session.client(
                service,
                api_version=given.api_version,
                use_ssl=given.use_ssl,
                verify=given.verify_cert_path or given.verify,
                endpoint_url=given.endpoint_url,
                config=config,
            )
        return self._clients[service]


def key_of(credentials: AwsCredentials | None) -> bytes:
    """The same for the same account, region and way there."""
    return msgspec.json.encode(credentials)


def _meaning(operation: str, error: ClientError) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    message = str(error.response.get("Error", {}).get("Message", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "ConflictException":
        return AlreadyThere(message)
    if code in ABSENT:
        return Absent(message)
    if code in PASSING or status >= 500 or status == 429:
        return Passing(f"AWS could not {_spaced(operation)} now ({code}): {message}")
    return InfrastructureFailed(f"AWS refused to {_spaced(operation)} ({code}): {message}")


def _spaced(operation: str) -> str:
    return operation.replace("_", " ")
