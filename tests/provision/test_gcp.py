"""What Cloud Run's push pools need is made in a project, once, and nobody loses a role by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penstock.infra.polling import Pace
from penstock.provision.gcp import API, ROLES, CloudRunProvisioner
from penstock.provision.plan import carry_out
from tests.live.cloud_http import Fault, served
from tests.live.google import PROJECT, service_account
from tests.live.google_projects import ProjectDouble

EMAIL = f"penstock-jobs@{PROJECT}.iam.gserviceaccount.com"


async def test_cloud_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    project = ProjectDouble()
    double = project.make()
    with served(double) as url:
        (tmp_path / "me.json").write_text(json.dumps(service_account(url)))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "me.json"))
        cloud = CloudRunProvisioner("jobs", url, Pace(first=0.005))
        plan = await cloud.plan()
        assert [(one.name, one.exists) for one in plan] == [(name, False) for name in (API, EMAIL, *ROLES)]
        assert not any(
            asked.method == "POST" and "token" not in asked.path and "getIam" not in asked.path
            for asked in double.asked
        )

        double.faults = [Fault("/serviceAccounts", 503), Fault(":setIamPolicy", 409)]
        made: list[str] = []
        await carry_out(plan, lambda one: made.append(one.what))
        assert double.faults == []
        assert made == ["API", "Service account", "Role of the account", "Role of the account"]
        assert all(one.exists for one in await cloud.plan())
        members = {one["role"]: one["members"] for one in project.policy["bindings"]}
        assert members == {"roles/owner": ["me"], **{role: [f"serviceAccount:{EMAIL}"] for role in ROLES}}

        block = await cloud.credentials()
        assert (block["project"], block["service_account_info"]["client_email"]) == (PROJECT, EMAIL)
        assert (project.enabled, project.keys) == ({API}, [EMAIL])
