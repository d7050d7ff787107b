"""Job variables are checked by the pool's template wherever they come in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.routes.conftest import Api

PROPERTIES = {"image": {"type": "string", "default": "x"}, "cpu": {"type": "integer"}, "env": {"type": "object"}}
TEMPLATE: dict[str, Any] = {
    "job_configuration": {"image": "{{ image }}", "cpu": "{{ cpu }}", "env": "{{ env }}"},
    "variables": {"properties": PROPERTIES},
}
MISSPELT = "'imge' is not a job variable of the work pool; did you mean 'image'?"
ILL_TYPED = "cpu does not fit: 'two' is not of type 'integer'"


async def deployed(api: Api, **template: Any) -> tuple[str, dict[str, Any]]:
    variables = {**TEMPLATE["variables"], **template}
    pool = {"name": "p", "type": "process", "base_job_template": {**TEMPLATE, "variables": variables}}
    await api.post("/work_pools/", pool, 201)
    flow = (await api.post("/flows/", {"name": "f"}, 201))["id"]
    body = {"name": "d", "flow_id": flow, "work_pool_name": "p"}
    return (await api.post("/deployments/", body, 201))["id"], body


@pytest.mark.parametrize(("variables", "reason"), [({"imge": "y"}, MISSPELT), ({"cpu": "two"}, ILL_TYPED)])
async def test_what_does_not_fit_is_refused_everywhere(api: Api, variables: dict[str, Any], reason: str) -> None:
    id, body = await deployed(api)
    run = (await api.post(f"/deployments/{id}/create_flow_run", {}, 201))["id"]
    given = {"job_variables": variables}
    loose = {"flow_id": body["flow_id"], "work_pool_name": "p"}
    said = [
        (await api.post("/deployments/", {**body, **given}, 422), "creating deployment"),
        (await api.patch(f"/deployments/{id}", given, 422), "updating deployment"),
        (await api.post(f"/deployments/{id}/create_flow_run", given, 422), "creating flow run"),
        (await api.patch(f"/flow_runs/{run}", given, 422), "updating flow run"),
        (await api.post("/flow_runs/", {**loose, **given}, 422), "creating flow run"),
    ]
    assert [answer["detail"] for answer, _ in said] == [f"Error {doing}: {reason}" for _, doing in said]


async def test_dotted_names_are_those_of_their_first_part(api: Api) -> None:
    id, _ = await deployed(api)
    run = await api.post(f"/deployments/{id}/create_flow_run", {"job_variables": {"env.A": 1}}, 201)
    await api.patch(f"/flow_runs/{run['id']}", {"job_variables": {"env.B": "2", "cpu": 2}})
    assert (await api.get(f"/flow_runs/{run['id']}"))["job_variables"] == {"env.B": "2", "cpu": 2}


async def test_the_rules_hold_for_values_within_variables_too(api: Api) -> None:
    limits = {"type": "object", "properties": {"cpu": {"type": "integer", "maximum": 4}}}
    id, _ = await deployed(api, properties={**PROPERTIES, "limits": limits})
    run = f"/deployments/{id}/create_flow_run"
    await api.post(run, {"job_variables": {"limits.cpu": 4}}, 201)
    said = [(await api.post(run, {"job_variables": one}, 422))["detail"] for one in ({"limits.cpu": 9}, {"cpu.x": 1})]
    assert said == [
        "Error creating flow run: limits does not fit: 9 is not at most 4 (at limits.cpu)",
        "Error creating flow run: cpu does not fit: {'x': 1} is not of type 'integer'",
    ]


async def test_a_template_may_open_itself_to_any_name(api: Api) -> None:
    id, _ = await deployed(api, additionalProperties=True)
    await api.post(f"/deployments/{id}/create_flow_run", {"job_variables": {"imge": 1}}, 201)
