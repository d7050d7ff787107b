"""A subscription of Azure's and its directory: providers, groups, applications and who may do what."""

from __future__ import annotations

from urllib.parse import unquote

from tests.live.azure import SUBSCRIPTION, TENANT, TOKEN, AzureDouble
from tests.live.cloud_http import Asked, Data, Refused, Reply

QUOTE = "'"


class SubscriptionDouble(AzureDouble):
    """One subscription, unless a test adds others. What was just made is not shown at the first look, as in Azure."""

    def __init__(self) -> None:
        super().__init__()
        self.subscriptions = [{"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "displayName": "Flows"}]
        self.registration = "NotRegistered"
        self.made: dict[str, Data] = {}
        """By path, in the Resource Manager."""
        self.directory: dict[str, list[Data]] = {"applications": [], "servicePrincipals": []}
        self.hidden = 0
        """Looks into the directory that show nothing yet."""
        self.secrets: list[str] = []
        self.too_new = 0
        """How often the principal is unknown yet to who gives roles."""

    def answer(self, asked: Asked) -> Reply:
        if asked.path.startswith(f"/{TENANT}/"):
            return super().answer(asked)
        assert asked.headers["authorization"] == f"Bearer {TOKEN}"
        if asked.path.startswith("/v1.0/"):
            return self._graph(asked)
        assert "api-version" in asked.query
        if asked.path == "/subscriptions":
            return Reply(200, {"value": self.subscriptions})
        if asked.path.startswith(f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerInstance"):
            return self._provider(asked)
        return self._resource(asked)

    def _provider(self, asked: Asked) -> Reply:
        if asked.method == "POST":
            self.registration = "Registering"
        elif self.registration == "Registering":
            self.registration = "Registered"
            return Reply(200, {"registrationState": "Registering"})
        return Reply(200, {"registrationState": self.registration})

    def _resource(self, asked: Asked) -> Reply:
        if asked.method == "PUT" and "roleAssignments" in asked.path and self.too_new:
            self.too_new -= 1
            raise Refused(400, "PrincipalNotFound: Principal servicePrincipals-0 does not exist in the directory.")
        if asked.method == "PUT":
            self.made[asked.path] = asked.body
            return Reply(201, asked.body)
        if asked.path not in self.made:
            raise Refused(404, f"{asked.path} could not be found.")
        return Reply(200, self.made[asked.path])

    def _graph(self, asked: Asked) -> Reply:
        kind, _, rest = asked.path.removeprefix("/v1.0/").partition("/")
        found = self.directory[kind]
        if rest == f"{kind}-0/addPassword":
            self.secrets.append(f"secret-{len(self.secrets)}")
            return Reply(200, {"secretText": self.secrets[-1]})
        if asked.method == "POST":
            self.hidden = 1
            found.append({"id": f"{kind}-{len(found)}", "appId": f"app-{len(found)}", **asked.body})
            return Reply(201, found[-1])
        self.hidden -= 1
        if self.hidden >= 0:
            return Reply(200, {"value": []})
        name, _, value = unquote(asked.query["$filter"]).partition(" eq ")
        return Reply(200, {"value": [one for one in found if f"'{str(one[name]).replace(QUOTE, QUOTE * 2)}'" == value]})
