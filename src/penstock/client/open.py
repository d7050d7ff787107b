"""From settings to a client: address, credentials, trust, patience."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace

from penstock.client.client import RETRIED, AsyncClient, Client, Manners
from penstock.client.transport import HttpTransport
from penstock.errors import SettingInvalid
from penstock.settings import Settings

# A setting may not pretend to be another program or break the forgery check.
PROTECTED = frozenset({"user-agent", "prefect-csrf-token", "prefect-csrf-client"})


def open_client(settings: Settings) -> Client:
    """A client for the API that the settings name. Raises `SettingInvalid` when they name none."""
    url = settings.api.url
    if not url:
        raise SettingInvalid("No API address is set. Set PENSTOCK_API_URL, such as http://127.0.0.1:4200/api.")
    if not url.startswith(("http://", "https://")):
        raise SettingInvalid(f"The API address {url!r} must begin with http:// or https://.")
    transport = HttpTransport(
        url, verify=not settings.api.tls_insecure_skip_verify, ca_file=settings.api.ssl_cert_file or None
    )
    return Client(transport, manners(settings))


def open_foreign(url: str, settings: Settings, *, key: str | None = None, auth: str | None = None) -> Client:
    """A client for another server than the settings name, with their trust and patience and credentials of its own."""
    if not url.startswith(("http://", "https://")):
        raise SettingInvalid(f"The API address {url!r} must begin with http:// or https://.")
    transport = HttpTransport(
        url, verify=not settings.api.tls_insecure_skip_verify, ca_file=settings.api.ssl_cert_file or None
    )
    return Client(transport, replace(manners(settings), headers=_credentials(key, auth)))


def open_async_client(settings: Settings) -> AsyncClient:
    """As `open_client`, to be awaited."""
    return AsyncClient(open_client(settings))


def manners(settings: Settings) -> Manners:
    """The behaviour that the settings ask of a client."""
    return Manners(
        timeout=settings.api.request_timeout,
        max_retries=settings.client.max_retries,
        jitter=settings.client.retry_jitter_factor,
        retried=RETRIED | set(settings.client.retry_extra_codes),
        sends_forgery_token=settings.client.csrf_support_enabled,
        headers={**custom_headers(settings.client.custom_headers), **authorization(settings)},
    )


def custom_headers(given: Mapping[str, str]) -> dict[str, str]:
    """The user's headers, without those that are ours to set."""
    for name in given:
        if name.lower() in PROTECTED:
            import logging  # 3 ms to import, which hardly any command needs

            log = logging.getLogger("penstock.client")
            log.warning("custom header ignored: it is set by the client itself", extra={"header": name})
    return {name: value for name, value in given.items() if name.lower() not in PROTECTED}


def authorization(settings: Settings) -> dict[str, str]:
    """The `Authorization` header: basic for an auth string, which wins, else bearer for a key."""
    return _credentials(settings.api.key, settings.api.auth_string)


def _credentials(key: str | None, auth: str | None) -> dict[str, str]:
    if auth:
        return {"Authorization": "Basic " + base64.b64encode(auth.encode()).decode()}
    return {"Authorization": f"Bearer {key}"} if key else {}


def socket_token(settings: Settings) -> str | None:
    """The token of a socket's first frame: the auth string, else the key."""
    token = settings.api.auth_string or settings.api.key
    return str(token) if token else None  # plain text, as a secret is not written to JSON by accident
