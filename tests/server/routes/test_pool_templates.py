"""The job that would run can be seen before it does; a pool's earlier templates can be read back."""

from __future__ import annotations

from typing import Any

from tests.server.routes.conftest import Api

SECRET_TYPE = {"name": "Secret key", "slug": "secret-key"}
FIELDS = {
    "title": "Secret key",
    "type": "object",
    "properties": {"value": {"type": "string"}, "password": {"type": "string", "format": "password"}},
    "secret_fields": ["password"],
    "block_type_slug": "secret-key",
}
TEMPLATE: dict[str, Any] = {
    "job_configuration": {
        "image": "{{ image }}",
        "cpu": "{{ cpu }}",
        "env": "{{ env }}",
        "name": "{{ ctx.flow.name }}",
        "password": "{{ prefect.blocks.secret-key.mine.password }}",
        "region": "{{ prefect.variables.region }}",
        "home": "{{ $HOME }}",
    },
    "variables": {
        "properties": {
            "image": {"type": "string", "default": "base"},
            "cpu": {"type": "integer", "maximum": 4},
            "env": {"type": "object", "default": {"A": "1"}},
        }
    },
}


async def prepared(api: Api) -> str:
    """A pool, a block with a secret, a variable; the id of a deployment of the pool."""
    block_type = await api.post("/block_types/", SECRET_TYPE, 201)
    schema = await api.post("/block_schemas/", {"fields": FIELDS, "block_type_id": block_type["id"]}, 201)
    block = {"name": "mine", "data": {"value": "shown", "password": "hush"}}
    ids = {"block_type_id": block_type["id"], "block_schema_id": schema["id"]}
    await api.post("/block_documents/", {**block, **ids}, 201)
    await api.post("/variables/", {"name": "region", "value": "eu"}, 201)
    await api.post("/work_pools/", {"name": "p", "type": "docker", "base_job_template": TEMPLATE}, 201)
    flow = (await api.post("/flows/", {"name": "f"}, 201))["id"]
    body = {"name": "d", "flow_id": flow, "work_pool_name": "p", "job_variables": {"cpu": 2, "env": {"B": "2"}}}
    return str((await api.post("/deployments/", body, 201))["id"])


async def test_a_preview_is_the_job_with_its_secrets_hidden(api: Api) -> None:
    id = await prepared(api)
    run = await api.post(f"/deployments/{id}/create_flow_run", {"job_variables": {"image": "mine"}}, 201)
    shown = await api.post("/penstock/work_pools/p/job", {"flow_run_id": run["id"]})
    assert shown["faults"] == []
    assert shown["job_configuration"] == {
        "image": "mine",
        "cpu": 2,
        "env": {"A": "1", "B": "2"},
        "name": "f",
        "password": "********",
        "region": "eu",
        "home": "{{ $HOME }}",
    }
    assert [(one["name"], one["source"]) for one in shown["values"]] == [
        ("cpu", "deployment"),
        ("image", "run"),
        ("env.A", "pool"),
        ("env.B", "deployment"),
    ]


async def test_a_runs_job_is_that_of_its_version(api: Api) -> None:
    id = await prepared(api)
    run = await api.post(f"/deployments/{id}/create_flow_run", {}, 201)
    deployment = await api.get(f"/deployments/{id}")
    again = {"name": "d", "flow_id": deployment["flow_id"], "work_pool_name": "p", "job_variables": {"cpu": 4}}
    await api.post("/deployments/", again, 200)
    shown = await api.post("/penstock/work_pools/p/job", {"flow_run_id": run["id"]})
    assert shown["job_configuration"]["cpu"] == 2
    next_one = await api.post("/penstock/work_pools/p/job", {"deployment_id": id})
    assert next_one["job_configuration"]["cpu"] == 4


async def test_what_would_be_refused_is_said(api: Api) -> None:
    id = await prepared(api)
    for variables, fault in (
        ({"cpu": 8}, "cpu does not fit: 8 is not at most 4"),
        ({"imge": "x"}, "'imge' is not a job variable of the work pool; did you mean 'image'?"),
    ):
        asked = {"deployment_id": id, "job_variables": variables}
        assert (await api.post("/penstock/work_pools/p/job", asked))["faults"] == [fault]


async def test_a_missing_block_is_said(api: Api) -> None:
    template = {"job_configuration": {"x": "{{ prefect.blocks.secret.none }}"}, "variables": {"properties": {}}}
    await api.post("/work_pools/", {"name": "q", "type": "process", "base_job_template": template}, 201)
    shown = await api.post("/penstock/work_pools/q/job", {})
    assert shown["faults"] == ["There is no block secret/none."]
    assert shown["job_configuration"] == template["job_configuration"]


async def test_templates_are_kept_when_they_change(api: Api) -> None:
    await api.post("/work_pools/", {"name": "p", "type": "docker", "base_job_template": TEMPLATE}, 201)
    other = {**TEMPLATE, "job_configuration": {"image": "{{ image }}"}}
    for change in ({"base_job_template": other}, {"description": "no other template"}, {"base_job_template": other}):
        await api.patch("/work_pools/p", change)
    kept = await api.get("/penstock/work_pools/p/templates")
    assert [(one["number"], one["base_job_template"]) for one in kept] == [(2, other), (1, TEMPLATE)]


async def test_a_deleted_pool_leaves_no_templates(api: Api) -> None:
    for _ in range(2):
        await api.post("/work_pools/", {"name": "p", "type": "docker", "base_job_template": TEMPLATE}, 201)
        assert len(await api.get("/penstock/work_pools/p/templates")) == 1
        await api.delete("/work_pools/p")
