"""The server about itself: health, versions, CSRF tokens, default result storage, pool types."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UnsetType

from penstock.wire.endpoint import delete, get, put
from penstock.wire.model import Model


class CsrfToken(Model):
    """A token a browser client must send back."""

    id: UUID
    token: str
    client: str
    expiration: datetime
    created: datetime | None = None
    updated: datetime | None = None


class ResultStorage(Model):
    """The block that results are kept in by default."""

    default_result_storage_block_id: UUID | None = None


class ResultStorageUpdate(Model):
    """Sets the default result storage."""

    default_result_storage_block_id: UUID | UnsetType


health = get("/health", returns=bool)
hello = get("/hello", returns=str)
ready = get("/ready", returns=dict[str, str])
api_version = get("/version", returns=str)
server_version = get("/admin/version", returns=str)
csrf_token = get("/csrf-token", returns=CsrfToken, query=("client",))
read_result_storage = get("/admin/storage", returns=ResultStorage)
update_result_storage = put("/admin/storage", body=ResultStorageUpdate, returns=ResultStorage)
clear_result_storage = delete("/admin/storage")
read_collection_view = get("/collections/views/{view}", returns=dict[str, Any])
