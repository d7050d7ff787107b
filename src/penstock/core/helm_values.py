"""Values of the Helm chart `prefect-agent` as those of `prefect-worker`.

The charts are alike but for the word, the pool that a worker must have, and names of the time when the server was
called Orion. The worker's chart refuses keys that it does not know (its `values.schema.json`), so those are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from penstock.core.infrastructure_blocks import Remark, Severity

AGENT, WORKER = "agent", "worker"
CHARTS = {"prefect-agent": "prefect-worker"}
"""The charts' own names, under which the values of a part of a larger chart stand."""
KNOWN = frozenset(
    {
        *("autoscaling", "basicAuth", "clusterUid", "initContainer", "image", "config", "apiConfig"),
        *("cloudApiConfig", "selfHostedCloudApiConfig", "serverApiConfig", "revisionHistoryLimit"),
        *("replicaCount", "resources", "livenessProbe", "podSecurityContext", "priorityClassName"),
        *("containerSecurityContext", "podLabels", "podAnnotations", "affinity", "nodeSelector"),
        *("tolerations", "extraEnvVars", "extraEnvVarsCM", "extraEnvVarsCMs", "extraEnvVarsSecret"),
        *("extraEnvVarsSecrets", "extraContainers", "extraVolumes", "extraVolumeMounts", "extraArgs"),
    }
)
"""What the worker's chart knows below `worker`, and below `worker.config`:"""
KNOWN_CONFIG = frozenset(
    {
        *("workPool", "workQueues", "queryInterval", "prefetchSeconds", "http2", "limit", "name"),
        *("installPolicy", "type", "baseJobTemplate"),
    }
)
OF_ORION = {"orionApiConfig": "serverApiConfig"}
TYPE = "kubernetes"


def worker_values(values: Mapping[str, Any], pool: str | None = None) -> tuple[dict[str, Any], list[Remark]]:
    """The values for the worker's chart, with what there is to say; `pool` is the pool that its worker serves."""
    remarks: list[Remark] = []
    return _chart(values, pool, remarks), remarks


def is_of_agents(values: Any) -> bool:
    """Whether these are values of the agent's chart, by itself or within a larger one."""
    if not isinstance(values, Mapping):
        return False
    return AGENT in values or any(is_of_agents(values.get(name)) for name in CHARTS)


def _chart(values: Mapping[str, Any], pool: str | None, remarks: list[Remark]) -> dict[str, Any]:
    done: dict[str, Any] = {}
    for key, value in values.items():
        if key == AGENT:
            done[WORKER] = _worker(value or {}, pool, remarks)
        elif key in CHARTS and is_of_agents(value):
            done[CHARTS[key]] = _chart(value, pool, remarks)
        elif key == "fullnameOverride" and value in CHARTS:
            done[key] = CHARTS[value]
        else:
            done[key] = deepcopy(value)
    return done


def _worker(agent: Mapping[str, Any], pool: str | None, remarks: list[Remark]) -> dict[str, Any]:
    named = {OF_ORION.get(key, key): value for key, value in agent.items()}
    done = _kept(named, KNOWN, "agent", remarks)
    if done.get("apiConfig") == "orion":
        done["apiConfig"] = "server"
    done["config"] = _config(done.get("config") or {}, pool, remarks)
    tag = str((done.get("image") or {}).get("prefectTag", ""))
    if tag.startswith("2"):
        remarks.append(
            Remark(
                "C14",
                Severity.WARNING,
                "worker.image.prefectTag",
                f"The image's tag {tag!r} holds Prefect 2, whose worker works with this server and knows less.",
                "Set one of Prefect 3 with its Kubernetes worker, or an image with penstock.",
            )
        )
    return done


def _config(config: Mapping[str, Any], pool: str | None, remarks: list[Remark]) -> dict[str, Any]:
    done = _kept(config, KNOWN_CONFIG, "agent.config", remarks)
    named = pool or done.get("workPool")
    if not named:
        sentence = "The agent has no work pool, and a worker needs one."
        way_out = "Set worker.config.workPool to the new pool's name, or give --pool."
        remarks.append(Remark("C12", Severity.ERROR, "worker.config.workPool", sentence, way_out))
    elif not pool:
        sentence = f"The work pool is {named!r} as before, which is one for agents if it has not been replaced."
        way_out = "Give the new pool's name with --pool; `penstock upgrade plan` tells it."
        remarks.append(Remark("C12", Severity.NOTE, "worker.config.workPool", sentence, way_out))
    return {**done, "workPool": named or "", "type": done.get("type") or TYPE}


def _kept(values: Mapping[str, Any], known: frozenset[str], place: str, remarks: list[Remark]) -> dict[str, Any]:
    for key in (key for key in values if key not in known):
        sentence = f"The worker's chart does not know {key!r}, and refuses what it does not know, so it is left out."
        way_out = "Say what it said in another way, if it is still needed."
        remarks.append(Remark("C10", Severity.WARNING, f"{place}.{key}", sentence, way_out))
    return {key: deepcopy(value) for key, value in values.items() if key in known}
