"""A project of Google's: its APIs, accounts and who may do what, behind `GoogleDouble`."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field

from tests.live.cloud_http import Asked, Data, Refused
from tests.live.google import PROJECT, GoogleDouble


@dataclass
class ProjectDouble:
    """What was made."""

    enabled: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    keys: list[str] = field(default_factory=list)
    policy: Data = field(
        default_factory=lambda: {"etag": "e0", "bindings": [{"role": "roles/owner", "members": ["me"]}]}
    )

    def make(self) -> GoogleDouble:
        accounts = "iam.projects.serviceAccounts"
        return GoogleDouble(
            ["iam.v1", "cloudresourcemanager.v1", "serviceusage.v1"],
            {
                "serviceusage.services.get": self._service,
                "serviceusage.services.enable": self._enable,
                f"{accounts}.get": self._account,
                f"{accounts}.create": self._create,
                f"{accounts}.keys.create": self._key,
                "cloudresourcemanager.projects.getIamPolicy": lambda asked, **_: json.loads(json.dumps(self.policy)),
                "cloudresourcemanager.projects.setIamPolicy": self._set_policy,
            },
        )

    def _service(self, asked: Asked, **names: str) -> Data:
        name = asked.path.rpartition("/")[2]
        return {"state": "ENABLED" if name in self.enabled else "DISABLED"}

    def _enable(self, asked: Asked, **names: str) -> Data:
        self.enabled.add(asked.path.rpartition("/")[2].removesuffix(":enable"))
        return {}

    def _account(self, asked: Asked, **names: str) -> Data:
        email = asked.path.rpartition("/")[2]
        if email not in self.accounts:
            raise Refused(404, f"Unknown service account {email}")
        return {"email": email}

    def _create(self, asked: Asked, **names: str) -> Data:
        email = f"{asked.body['accountId']}@{PROJECT}.iam.gserviceaccount.com"
        self.accounts.add(email)
        return {"email": email}

    def _key(self, asked: Asked, **names: str) -> Data:
        email = asked.path.split("/")[-2]
        self.keys.append(email)
        data = {"type": "service_account", "client_email": email, "project_id": PROJECT, "private_key": "..."}
        return {"privateKeyData": base64.b64encode(json.dumps(data).encode()).decode()}

    def _set_policy(self, asked: Asked, **names: str) -> Data:
        policy: Data = asked.body["policy"]
        if policy["etag"] != self.policy["etag"]:
            raise Refused(409, "There were concurrent policy changes.")
        self.policy = {**policy, "etag": f"e{int(policy['etag'][1:]) + 1}"}
        return self.policy
