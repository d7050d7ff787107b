"""What `cloud-run:push` and `cloud-run-v2:push` need in Google Cloud: the API, and an account that may run jobs.

It is made with the credentials of whoever runs the command, in their project.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from penstock.errors import InfrastructureFailed
from penstock.infra.cloud_names import resource_name
from penstock.infra.google import Data, Google, service, sign_in
from penstock.infra.polling import Absent, AlreadyThere, Pace, Passing, patiently
from penstock.provision.plan import Resource

API = "run.googleapis.com"
ROLES = ("roles/run.developer", "roles/iam.serviceAccountUser")
"""To make, run and delete jobs; and to have them run as an account."""
LONGEST_ACCOUNT = 30


class CloudRunProvisioner:
    """One pool's part of a project. `endpoint` is another address of Google's APIs, for tests."""

    def __init__(self, pool: str, endpoint: str | None = None, pace: Pace | None = None) -> None:
        self._account = resource_name(pool, LONGEST_ACCOUNT)
        self._endpoint = endpoint
        self._pace = pace or Pace()
        self._signed_in: Google | None = None

    async def plan(self) -> list[Resource]:
        google = await self._google()
        bound = await self._bound(google)
        return [
            Resource("API", API, await self._enabled(google), self._enable),
            Resource("Service account", self._email(google), await self._there(google), self._make_account),
            *(Resource("Role of the account", one, one in bound, partial(self._bind, one)) for one in ROLES),
        ]

    async def credentials(self) -> Data:
        google = await self._google()
        keys = service("iam", "v1", self._at("iam")).projects().serviceAccounts().keys()
        made = await self._ask(google, lambda: keys.create(name=self._path(google), body={}))
        return {"service_account_info": json.loads(base64.b64decode(made["privateKeyData"])), "project": google.project}

    async def defaults(self) -> dict[str, Any]:
        return {}

    async def _enabled(self, google: Google) -> bool:
        services = service("serviceusage", "v1", self._at("serviceusage")).services()
        name = f"projects/{google.project}/services/{API}"
        return (await self._ask(google, lambda: services.get(name=name))).get("state") == "ENABLED"

    async def _enable(self) -> None:
        google = await self._google()
        services = service("serviceusage", "v1", self._at("serviceusage")).services()
        name = f"projects/{google.project}/services/{API}"
        await self._ask(google, lambda: services.enable(name=name, body={}))

    async def _there(self, google: Google) -> bool:
        accounts = service("iam", "v1", self._at("iam")).projects().serviceAccounts()
        try:
            await self._ask(google, lambda: accounts.get(name=self._path(google)))
        except Absent:
            return False
        return True

    async def _make_account(self) -> None:
        google = await self._google()
        accounts = service("iam", "v1", self._at("iam")).projects().serviceAccounts()
        body = {"accountId": self._account, "serviceAccount": {"displayName": "Starts jobs for Penstock"}}
        await self._ask(google, lambda: accounts.create(name=f"projects/{google.project}", body=body))

    async def _bound(self, google: Google) -> set[str]:
        policy = await self._policy(google)
        return {one["role"] for one in policy.get("bindings", []) if self._member(google) in one.get("members", [])}

    async def _bind(self, role: str) -> None:
        """Adds the account to a role: again when somebody else changed the policy, or the account is too new."""
        google = await self._google()
        await patiently(partial(self._bind_once, google, role), self._pace)

    async def _bind_once(self, google: Google, role: str) -> None:
        policy = await self._policy(google)
        bindings = [one for one in policy.get("bindings", []) if one["role"] == role and not one.get("condition")]
        if bindings:
            bindings[0]["members"] = [*bindings[0].get("members", []), self._member(google)]
        else:
            policy.setdefault("bindings", []).append({"role": role, "members": [self._member(google)]})
        projects = service("cloudresourcemanager", "v1", self._at("cloudresourcemanager")).projects()
        try:
            await google.call(lambda: projects.setIamPolicy(resource=google.project, body={"policy": policy}))
        except AlreadyThere as error:
            raise Passing(f"the policy was changed meanwhile: {error}") from error
        except InfrastructureFailed as error:
            if "does not exist" not in error.message:
                raise
            raise Passing(error.message) from error

    async def _policy(self, google: Google) -> Data:
        projects = service("cloudresourcemanager", "v1", self._at("cloudresourcemanager")).projects()
        body = {"options": {"requestedPolicyVersion": 3}}
        return await self._ask(google, lambda: projects.getIamPolicy(resource=google.project, body=body))

    async def _google(self) -> Google:
        if self._signed_in is None:
            self._signed_in = await sign_in(None)
        return self._signed_in

    async def _ask(self, google: Google, ask: Callable[[], Any]) -> Data:
        return await patiently(partial(google.call, ask), self._pace)

    def _at(self, api: str) -> str:
        return self._endpoint or f"https://{api}.googleapis.com"

    def _email(self, google: Google) -> str:
        return f"{self._account}@{google.project}.iam.gserviceaccount.com"

    def _path(self, google: Google) -> str:
        return f"projects/{google.project}/serviceAccounts/{self._email(google)}"

    def _member(self, google: Google) -> str:
        return f"serviceAccount:{self._email(google)}"
