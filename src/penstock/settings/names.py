"""What settings are called: dotted paths, names in the environment, older names."""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from penstock.settings.shape import Settings

PREFIXES = ("PENSTOCK_", "PREFECT_")
"""The first that is set wins, so that a machine set up for Prefect works as it is."""

ALIASES = {
    "DEFAULT_WORK_POOL_NAME": "deployments.default_work_pool_name",
    "DEFAULT_DOCKER_BUILD_NAMESPACE": "deployments.default_docker_build_namespace",
    "RUNNER_HEARTBEAT_FREQUENCY": "flows.heartbeat_frequency",
    "FLOW_DEFAULT_RETRIES": "flows.default_retries",
    "FLOW_DEFAULT_RETRY_DELAY_SECONDS": "flows.default_retry_delay_seconds",
    "DEFAULT_RESULT_STORAGE_BLOCK": "results.default_storage_block",
    "LOCAL_STORAGE_PATH": "results.local_storage_path",
    "LOGGING_SERVER_LEVEL": "server.logging_level",
    "API_DEFAULT_LIMIT": "server.api.default_limit",
    "SERVER_CSRF_PROTECTION_ENABLED": "server.api.csrf_protection_enabled",
    "SERVER_CSRF_TOKEN_EXPIRATION": "server.api.csrf_token_expiration",
    "SERVER_CORS_ALLOWED_ORIGINS": "server.api.cors_allowed_origins",
    "SERVER_CORS_ALLOWED_METHODS": "server.api.cors_allowed_methods",
    "SERVER_CORS_ALLOWED_HEADERS": "server.api.cors_allowed_headers",
    "SERVER_DATABASE_SQLALCHEMY_POOL_SIZE": "server.database.pool_size",
    "SQLALCHEMY_POOL_SIZE": "server.database.pool_size",
    "API_DATABASE_CONNECTION_URL": "server.database.connection_url",
    "API_DATABASE_DRIVER": "server.database.driver",
    "API_DATABASE_HOST": "server.database.host",
    "API_DATABASE_PORT": "server.database.port",
    "API_DATABASE_USER": "server.database.user",
    "API_DATABASE_NAME": "server.database.name",
    "API_DATABASE_PASSWORD": "server.database.password",
    "API_DATABASE_MIGRATE_ON_START": "server.database.migrate_on_start",
    "API_DATABASE_TIMEOUT": "server.database.timeout",
    "API_DATABASE_CONNECTION_TIMEOUT": "server.database.connection_timeout",
    "DEPLOYMENT_CONCURRENCY_SLOT_WAIT_SECONDS": "server.deployments.concurrency_slot_wait_seconds",
    "SERVER_ALLOW_EPHEMERAL_MODE": "server.ephemeral.enabled",
    "EVENTS_MAXIMUM_LABELS_PER_RESOURCE": "server.events.maximum_labels_per_resource",
    "EVENTS_MAXIMUM_RELATED_RESOURCES": "server.events.maximum_related_resources",
    "EVENTS_MAXIMUM_SIZE_BYTES": "server.events.maximum_size_bytes",
    "EVENTS_RETENTION_PERIOD": "server.events.retention_period",
    "EVENTS_MAXIMUM_WEBSOCKET_BACKFILL": "server.events.maximum_websocket_backfill",
    "EVENTS_WEBSOCKET_BACKFILL_PAGE_SIZE": "server.events.websocket_backfill_page_size",
    "API_MAX_FLOW_RUN_GRAPH_NODES": "server.flow_run_graph.max_nodes",
    "API_MAX_FLOW_RUN_GRAPH_ARTIFACTS": "server.flow_run_graph.max_artifacts",
    "TASK_RUN_TAG_CONCURRENCY_SLOT_WAIT_SECONDS": "server.tasks.tag_concurrency_slot_wait_seconds",
    "API_TASK_CACHE_KEY_MAX_LENGTH": "server.tasks.max_cache_key_length",
    "UI_ENABLED": "server.ui.enabled",
    "UI_API_URL": "server.ui.api_url",
    "UI_SERVE_BASE": "server.ui.serve_base",
    "TASK_DEFAULT_RETRIES": "tasks.default_retries",
    "TASK_DEFAULT_RETRY_DELAY_SECONDS": "tasks.default_retry_delay_seconds",
    "TASK_RUNNER_THREAD_POOL_MAX_WORKERS": "tasks.runner.thread_pool_max_workers",
}
"""Older names, without prefix, in the order of their settings."""

_SERVICES_WITH_OLD_NAMES = (
    *("scheduler", "late_runs", "pause_expirations", "cancellation_cleanup", "foreman"),
    *("task_run_recorder", "triggers"),
)


@functools.cache
def paths() -> tuple[str, ...]:
    """Every setting's dotted path, in the order of declaration."""
    return tuple(path for path, _ in walk(Settings()))


@functools.cache
def spellings() -> dict[str, str]:
    """Every accepted name without prefix -> path; each setting's own name comes before its older ones."""
    found = {canonical(path): path for path in paths()} | ALIASES
    for path in paths():
        service = path.removeprefix("server.services.")
        if service != path and service.startswith(_SERVICES_WITH_OLD_NAMES):
            found.setdefault(f"API_SERVICES_{canonical(service)}", path)
    return found


def canonical(path: str) -> str:
    """`api.url` -> `API_URL`, the name without prefix."""
    return path.replace(".", "_").upper()


def variable(path: str) -> str:
    """`api.url` -> `PENSTOCK_API_URL`."""
    return PREFIXES[0] + canonical(path)


def path_of(name: str) -> str | None:
    """The path of a name such as `PENSTOCK_API_URL` or `PREFECT_API_URL` (any case), or None."""
    upper = name.upper()
    for prefix in PREFIXES:
        if upper.startswith(prefix):
            return spellings().get(upper.removeprefix(prefix))
    return None


def walk(section: Struct, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting below a section with its value, depth first, plain ones before sections."""
    nested = []
    for name in section.__struct_fields__:
        value = getattr(section, name)
        if isinstance(value, Struct):
            nested.append((name, value))
        else:
            yield prefix + name, value
    for name, value in nested:
        yield from walk(value, f"{prefix}{name}.")


@functools.cache
def kind_of(path: str) -> Any:
    """The declared type of a setting."""
    kind: Any = Settings
    for name in path.split("."):
        kind = _hints(kind)[name]
    return kind


@functools.cache
def _hints(section: type[Struct]) -> dict[str, Any]:
    return typing.get_type_hints(section, include_extras=True)
