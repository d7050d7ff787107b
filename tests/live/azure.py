"""Azure's sign-in and Resource Manager on this machine, as far as container groups go.

Groups end as their image says: `exit-3`, `stays`, `oom`, `missing` (never pulled), `quota` (not deployed). A command
that begins with `say` is printed.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from urllib.parse import parse_qs

from tests.live.cloud_http import Asked, Data, Fault, Refused, Reply

TENANT, CLIENT, SECRET = "tenant-1", "client-1", "hush"
SUBSCRIPTION, RESOURCES = "subscription-1", "group-1"
TOKEN = "token-of-the-double"
SCOPES = ("https://management.azure.com/.default", "https://graph.microsoft.com/.default")
PROVIDERS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCES}/providers"
RESOURCE = re.compile(
    re.escape(PROVIDERS) + r"/(Microsoft\.[A-Za-z]+/[A-Za-z]+)/([-a-z0-9]+)(/stop|/containers/[-a-z0-9]+/logs)?"
)
VERSIONS = {
    "Microsoft.Resources/deployments": "2021-04-01",
    "Microsoft.ContainerInstance/containerGroups": "2023-05-01",
}
GROUP_FIELDS = {
    "containers",
    "osType",
    "restartPolicy",
    "subnetIds",
    "dnsConfig",
    "imageRegistryCredentials",
}


EVENTS = {"missing": 'Failed to pull image "missing"', "spot": "Spot capacity was preempted"}
"""What the last event of an image's container says."""


@dataclass
class Group:
    """A container group: its resource, and how far it has come."""

    resource: Data
    looks: int = 0
    stopped: bool = False

    @property
    def container(self) -> Data:
        return dict(self.resource["properties"]["containers"][0]["properties"])

    def state(self) -> Data:
        """The state of its container at this look; it runs at the second and ends at the third."""
        self.looks += 1
        image = self.container["image"]
        if image == "missing" or self.looks == 1:
            return {"state": "Waiting"}
        if image in ("stays", "spot") or self.looks == 2:
            return {"state": "Running"}
        if image == "oom":
            return {"state": "Terminated", "exitCode": 137, "detailStatus": "OOMKilled"}
        code = int(image.removeprefix("exit-"))
        return {"state": "Terminated", "exitCode": code, "detailStatus": "Error" if code else "Completed"}

    def view(self) -> Data:
        state = self.state()
        image = self.container["image"]
        events = [{"name": "Failed", "message": EVENTS[image]}] if image in EVENTS else []
        self.stopped = self.stopped or (image == "spot" and self.looks > 2)
        container = {
            "name": "c",
            "properties": {
                **self.container,
                "instanceView": {
                    "currentState": state,
                    "events": events,
                },
            },
        }
        group = "Stopped" if self.stopped else "Running"
        return {"properties": {"containers": [container], "instanceView": {"state": group}}}

    def text(self) -> str:
        words = list(self.container["command"])
        return " ".join(words[words.index("say") + 1 :]) if "say" in words else ""


class AzureDouble:
    """One resource group."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self.lock = threading.Lock()
        self.url = ""
        self.deployments: dict[str, Data] = {}
        self.groups: dict[str, Group] = {}

    def credentials(self) -> Data:
        """The data of the credentials block."""
        return {
            "tenant_id": TENANT,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "credential_kwargs": {"authority": self.url, "disable_instance_discovery": True},
        }

    def answer(self, asked: Asked) -> Reply:
        if asked.path.startswith(f"/{TENANT}/"):
            return Reply(200, self._sign_in(asked))
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            raise Refused(401, "The access token is invalid.")
        match = RESOURCE.fullmatch(asked.path)
        if not match:
            raise Refused(404, f"no such resource: {asked.path}")
        kind, name, action = match[1], match[2], match[3] or ""
        if asked.query.get("api-version") != VERSIONS.get(kind):
            raise Refused(400, f"No registered resource provider for {kind} at {asked.query.get('api-version')}")
        if kind == "Microsoft.Resources/deployments":
            return self._deployment(asked, name)
        return self._group(asked, name, action)

    def error(self, status: int, message: str) -> Data:
        return {"error": {"code": f"Http{status}", "message": message}}

    def _sign_in(self, asked: Asked) -> Data:
        if asked.path.endswith("/.well-known/openid-configuration"):
            place = f"{self.url}/{TENANT}/oauth2/v2.0"
            found = {"token_endpoint": f"{place}/token", "authorization_endpoint": f"{place}/authorize"}
            return {**found, "issuer": f"{self.url}/{TENANT}/v2.0"}
        form = {name: values[0] for name, values in parse_qs(asked.text).items()}
        if (form["client_id"], form["client_secret"]) != (CLIENT, SECRET):
            raise Refused(401, "AADSTS7000215: Invalid client secret provided.")
        assert form["scope"] in SCOPES
        return {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}

    def _deployment(self, asked: Asked, name: str) -> Reply:
        if asked.method == "PUT":
            return self._deploy(asked.body, name)
        if name not in self.deployments:
            raise Refused(404, f"Deployment {name!r} could not be found.")
        if asked.method == "DELETE":
            del self.deployments[name]
            return Reply(202)
        return Reply(200, self.deployments[name])

    def _deploy(self, body: Data, name: str) -> Reply:
        properties = body["properties"]
        [resource] = properties["template"]["resources"]
        assert properties["mode"] == "Incremental"
        assert properties["parameters"]["container_group_name"] == {"value": name}
        assert set(properties["parameters"]) <= set(properties["template"]["parameters"])
        assert resource["type"] == "Microsoft.ContainerInstance/containerGroups"
        if unknown := set(resource["properties"]) - GROUP_FIELDS:
            raise Refused(400, f"Could not find member {sorted(unknown)} on object of type 'ContainerGroup'")
        container = resource["properties"]["containers"][0]["properties"]
        if not container.get("image"):
            raise Refused(400, "The 'image' is required")
        assert isinstance(container["command"], list)
        state: Data = {"provisioningState": "Succeeded"}
        if container["image"] == "quota":
            detail = {"code": "ContainerGroupQuotaReached", "message": "Quota of StandardCores is used up."}
            state = {"provisioningState": "Failed", "error": {"code": "DeploymentFailed", "details": [detail]}}
        else:
            assert name not in self.groups, "a group is deployed once"
            self.groups[name] = Group(resource)
        self.deployments[name] = {"name": name, "tags": body["tags"], "properties": state}
        return Reply(201, self.deployments[name])

    def _group(self, asked: Asked, name: str, action: str) -> Reply:
        if name not in self.groups:
            raise Refused(404, f"The Resource {name!r} was not found.")
        group = self.groups[name]
        if action.endswith("/logs"):
            return Reply(200, {"content": group.text()})
        if action == "/stop":
            group.stopped = True
            return Reply(204)
        if asked.method == "DELETE":
            del self.groups[name]
            return Reply(200, group.resource)
        return Reply(200, group.view())
