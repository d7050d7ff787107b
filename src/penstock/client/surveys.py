"""What a server holds of many deployments, asked for at once: a file of fifty need not ask fifty times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from penstock.client.client import Client
from penstock.core.deployment_plans import DeploymentPlan
from penstock.errors import NotFound
from penstock.wire import deployment_versions, dispatch
from penstock.wire.deployment_versions import DeploymentName, Surveyed, SurveyOfDeployments

FEATURE = "deployment_versions"
"""What a server gives together with surveys."""
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Survey:
    """The answers by flow and name, as they were when it was made; and the flows, to which new ones are added."""

    found: dict[str, Surveyed] = field(default_factory=dict)
    flows: dict[str, UUID] = field(default_factory=dict)


def survey(client: Client, plans: Sequence[DeploymentPlan]) -> Survey | None:
    """What the server holds of the plans' deployments; None where it can't say that at once, as Prefect's can't."""
    try:
        if len(plans) < 2 or FEATURE not in client.call(dispatch.probe).features:
            return None
    except NotFound:
        return None
    made = Survey()
    for start in range(0, len(plans), AT_ONCE):
        some = plans[start : start + AT_ONCE]
        body = SurveyOfDeployments(deployments=[DeploymentName(flow_name=one.flow_name, name=one.name) for one in some])
        answers: list[Surveyed] = client.call(deployment_versions.survey_deployments, body)
        for plan, known in zip(some, answers, strict=True):
            made.found[plan.full_name] = known
            if known.flow_id:
                made.flows[plan.flow_name] = known.flow_id
    return made
