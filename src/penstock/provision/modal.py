"""What `modal:push` needs: nothing but a token, which is the one that Modal's own tools use on this machine."""

from __future__ import annotations

from typing import Any

from penstock.infra.modal import check_token, own_token
from penstock.provision.plan import Resource


class ModalProvisioner:
    """The account of the machine's token. Modal makes the app of the jobs when the first of them starts."""

    async def plan(self) -> list[Resource]:
        await check_token(own_token())
        return []

    async def credentials(self) -> dict[str, Any]:
        return own_token()

    async def defaults(self) -> dict[str, Any]:
        return {}
