"""Azure's Resource Manager, called with a job's own credentials. The one home of Azure's client libraries.

The resources are plain JSON, as in the templates that Azure is given, so no client of a single service is needed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.core import PipelineClient
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, UserAgentPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential, DefaultAzureCredential

from penstock.errors import InfrastructureFailed
from penstock.infra.polling import Absent, AlreadyThere, Passing

PUBLIC, GRAPH = "https://management.azure.com", "https://graph.microsoft.com"
logging.getLogger("azure.identity").setLevel(logging.ERROR)
"""What it warns of is said by the errors that are raised, too."""
CONNECT_SECONDS, READ_SECONDS = 10, 60
THROTTLED, FAILING = 429, 500

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Azure:
    """One account at one Resource Manager, or at Microsoft Graph."""

    client: Any
    address: str

    async def call(self, method: str, path: str, version: str | None, body: Data | None = None) -> Data:
        """The answer to one request; Graph has its version in the path.

        Raises `Passing`, `Absent`, `AlreadyThere`, or the refusal in Azure's words.
        """
        params = {"api-version": version} if version else None
        request = HttpRequest(method, f"{self.address}{path}", params=params, json=body)
        return await asyncio.to_thread(self._call, request)

    def _call(self, request: HttpRequest) -> Data:
        try:
            answer = self.client.send_request(request)
        except ClientAuthenticationError as error:
            raise InfrastructureFailed(_unauthorized(error)) from error
        except AzureError as error:
            raise Passing(f"Azure can't be reached: {error}") from error
        if answer.status_code < 300:
            return dict(answer.json()) if answer.content else {}
        raise _meaning(answer.status_code, words(_json(answer).get("error") or {}))


def sign_in(block: Mapping[str, Any] | None, endpoint: str | None, service: str = PUBLIC) -> Azure:
    """The account of an `azure-container-instance-credentials` block; else what the machine itself offers.

    `endpoint` is another address of the service, for tests.
    """
    given = dict(block or {})
    options = dict(given.get("credential_kwargs") or {})
    try:
        if given.get("client_secret"):
            credential: Any = ClientSecretCredential(
                given["tenant_id"], given["client_id"], given["client_secret"], **options
            )
        else:
            credential = DefaultAzureCredential(**options)
    except (KeyError, ValueError, TypeError) as error:
        raise InfrastructureFailed(f"The Azure credentials can't be used: {error!r}") from error
    address = endpoint or service
    policies = [UserAgentPolicy("penstock"), BearerTokenCredentialPolicy(credential, f"{service}/.default")]
    # No policy of Azure's that tries again: what may be sent twice is known to the caller alone.
    transport = RequestsTransport(connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS)
    return Azure(PipelineClient(address, policies=policies, transport=transport), address)


def _unauthorized(error: ClientAuthenticationError) -> str:
    """A machine without any account gets a page of text from Azure's library: for each way in, why it is closed."""
    if error.message.startswith("DefaultAzureCredential"):
        return (
            "No account of Azure was found on this machine: sign in with `az login`, or set AZURE_TENANT_ID,"
            " AZURE_CLIENT_ID and AZURE_CLIENT_SECRET."
        )
    return f"Azure refuses the credentials: {error.message}"


def words(error: Mapping[str, Any]) -> str:
    """An error with the details within it, which say what matters."""
    own = f"{error.get('code', 'unknown')}: {error.get('message', '')}".strip(": ")
    return " ".join([own, *(words(one) for one in error.get("details") or [])])


def _json(answer: Any) -> Data:
    try:
        return dict(answer.json())
    except ValueError:
        return {"error": {"code": str(answer.status_code), "message": answer.text()[:500]}}


def _meaning(status: int, text: str) -> Exception:
    if status == THROTTLED:
        return Passing(f"Azure asks to slow down: {text}")
    if status >= FAILING:
        return Passing(f"Azure fails with HTTP {status}: {text}")
    if status == 404:
        return Absent(text)
    if status == 409:
        return AlreadyThere(text)
    return InfrastructureFailed(f"Azure refuses (HTTP {status}): {text}")
