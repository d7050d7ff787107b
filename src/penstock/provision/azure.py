"""What `azure-container-instance:push` needs in Azure: a resource group, and an application that may fill it.

It is made with the credentials of whoever runs the command. Applications are Microsoft Graph's, all else is the
Resource Manager's.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from penstock.errors import InfrastructureFailed
from penstock.infra.azure import GRAPH, Azure, Data, sign_in
from penstock.infra.polling import Absent, AlreadyThere, Pace, Passing, patiently
from penstock.provision.plan import Resource

GROUP = "penstock"
PROVIDER = "Microsoft.ContainerInstance"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
"""The role that may make and delete what is in a group; the same id in every tenant."""
SUBSCRIPTION, LOCATION = "AZURE_SUBSCRIPTION_ID", "AZURE_DEFAULTS_LOCATION"
"""Variables of the environment; the second is what Azure's own command line reads."""
WHERE = "eastus"
SUBSCRIPTIONS, RESOURCES, ROLES = "2022-12-01", "2021-04-01", "2022-04-01"
"""Versions of the Resource Manager's APIs."""


class ContainerInstanceProvisioner:
    """One pool's part of a subscription. The two accounts are the machine's own, unless a test gives others."""

    def __init__(
        self, pool: str, manager: Azure | None = None, graph: Azure | None = None, pace: Pace | None = None
    ) -> None:
        self._name = f"penstock-{pool}"
        self._manager = manager or sign_in(None, None)
        self._graph = graph or sign_in(None, None, GRAPH)
        self._pace = pace or Pace()
        self._chosen: Data = {}

    async def plan(self) -> list[Resource]:
        at = await self._subscription()
        application = await self._application()
        principal = await self._principal(application["appId"]) if application else None
        role = principal is not None and await self._there(self._role(principal["id"]), ROLES)
        return [
            Resource("Resource provider", PROVIDER, await self._registered(), self._register),
            Resource("Resource group", GROUP, await self._there(f"{at}/resourcegroups/{GROUP}"), self._make_group),
            Resource("Application", self._name, application is not None, self._make_application),
            Resource("Service principal", self._name, principal is not None, self._make_principal),
            Resource("Role of the principal", f"Contributor of {GROUP}", role, self._assign),
        ]

    async def credentials(self) -> Data:
        application = await self._made(self._application)
        body = {"passwordCredential": {"displayName": self._name}}
        path = f"/v1.0/applications/{application['id']}/addPassword"
        secret = (await self._ask(self._graph, "POST", path, None, body))["secretText"]
        await self._subscription()
        tenant, client = self._chosen["tenantId"], application["appId"]
        return {"tenant_id": tenant, "client_id": client, "client_secret": secret}

    async def defaults(self) -> dict[str, Any]:
        await self._subscription()
        return {"subscription_id": self._chosen["subscriptionId"], "resource_group_name": GROUP}

    async def _subscription(self) -> str:
        """The path of the subscription: the one that is named, or the only one."""
        if not self._chosen:
            found = (await self._ask(self._manager, "GET", "/subscriptions", SUBSCRIPTIONS))["value"]
            wanted = os.environ.get(SUBSCRIPTION)
            fitting = [one for one in found if wanted in (None, "", one["subscriptionId"])]
            if len(fitting) != 1:
                known = ", ".join(f"{one['subscriptionId']} ({one.get('displayName')})" for one in found) or "none"
                raise InfrastructureFailed(f"Say in {SUBSCRIPTION} which subscription of Azure to use; seen: {known}.")
            self._chosen = fitting[0]
        return f"/subscriptions/{self._chosen['subscriptionId']}"

    async def _registered(self) -> bool:
        path = f"{await self._subscription()}/providers/{PROVIDER}"
        return (await self._ask(self._manager, "GET", path, RESOURCES)).get("registrationState") == "Registered"

    async def _register(self) -> None:
        """Asks, and waits until it is so: before, Azure refuses every container group."""
        path = f"{await self._subscription()}/providers/{PROVIDER}/register"
        await self._ask(self._manager, "POST", path, RESOURCES)

        async def done() -> None:
            if not await self._registered():
                raise Passing(f"Azure is still registering {PROVIDER}.")

        await patiently(done, self._pace)

    async def _make_group(self) -> None:
        path = f"{await self._subscription()}/resourcegroups/{GROUP}"
        await self._ask(self._manager, "PUT", path, RESOURCES, {"location": os.environ.get(LOCATION) or WHERE})

    async def _application(self) -> Data | None:
        return await self._listed("applications", f"displayName eq '{_quoted(self._name)}'")

    async def _make_application(self) -> None:
        await self._ask(self._graph, "POST", "/v1.0/applications", None, {"displayName": self._name})

    async def _principal(self, application: str) -> Data | None:
        return await self._listed("servicePrincipals", f"appId eq '{application}'")

    async def _make_principal(self) -> None:
        application = await self._made(self._application)
        await self._ask(self._graph, "POST", "/v1.0/servicePrincipals", None, {"appId": application["appId"]})

    async def _assign(self) -> None:
        application = await self._made(self._application)
        principal = (await self._made(partial(self._principal, application["appId"])))["id"]
        role = f"{await self._subscription()}/providers/Microsoft.Authorization/roleDefinitions/{CONTRIBUTOR}"
        wanted = {"roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal"}
        await patiently(partial(self._assign_once, principal, {"properties": wanted}), self._pace)

    async def _assign_once(self, principal: str, body: Data) -> None:
        """Again while the principal is too new; who has the role already, under another name, keeps it."""
        try:
            await self._manager.call("PUT", self._role(principal), ROLES, body)
        except AlreadyThere:
            return
        except InfrastructureFailed as error:
            if "PrincipalNotFound" not in error.message:
                raise
            raise Passing(error.message) from error

    def _role(self, principal: str) -> str:
        """An assignment's name is ours to give: the same principal and group always get the same."""
        group = f"/subscriptions/{self._chosen['subscriptionId']}/resourceGroups/{GROUP}"
        name = uuid5(NAMESPACE_URL, f"{group}/{principal}")
        return f"{group}/providers/Microsoft.Authorization/roleAssignments/{name}"

    async def _listed(self, kind: str, where: str) -> Data | None:
        found = await self._ask(self._graph, "GET", f"/v1.0/{kind}?$filter={quote(where)}", None)
        return next(iter(found["value"]), None)

    async def _made(self, look: Callable[[], Awaitable[Data | None]]) -> Data:
        """What was made a moment ago, and may not be shown yet."""

        async def shown() -> Data:
            if (found := await look()) is None:
                raise Passing(f"Azure does not show {self._name!r} yet.")
            return found

        return await patiently(shown, self._pace)

    async def _there(self, path: str, version: str = RESOURCES) -> bool:
        try:
            await self._ask(self._manager, "GET", path, version)
        except Absent:
            return False
        return True

    async def _ask(self, account: Azure, method: str, path: str, version: str | None, body: Data | None = None) -> Data:
        return await patiently(partial(account.call, method, path, version, body), self._pace)


def _quoted(text: str) -> str:
    """As text within a filter."""
    return text.replace("'", "''")
