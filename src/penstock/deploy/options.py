"""What a command line says about one deployment, laid over what the file says (deploy.md 3, cli.md)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

from penstock.deploy.manifest import load_plain
from penstock.errors import DeployFailed


@dataclass(frozen=True, slots=True)
class Options:
    """The flags of `deploy`; what is not given leaves the file's value."""

    entrypoint: str | None = None
    description: str | None = None
    version: str | None = None
    version_type: str | None = None
    tags: tuple[str, ...] = ()
    concurrency_limit: int | None = None
    collision_strategy: str | None = None
    pool: str | None = None
    work_queue: str | None = None
    job_variables: tuple[str, ...] = ()
    cron: tuple[str, ...] = ()
    interval: tuple[str, ...] = ()
    rrule: tuple[str, ...] = ()
    anchor_date: str | None = None
    timezone: str | None = None
    triggers: tuple[str, ...] = ()
    param: tuple[str, ...] = ()
    params: str | None = None
    enforce_parameter_schema: bool = True

    def given(self) -> list[str]:
        """The names of the flags that say something."""
        return [one.name for one in fields(self) if getattr(self, one.name) != one.default]


def laid_over(values: dict[str, Any], options: Options) -> dict[str, Any]:
    """The deployment's values with the flags applied. Raises `DeployFailed` for a flag that can't be understood."""
    result = dict(values)
    for key in ("entrypoint", "description", "version", "version_type"):
        if getattr(options, key) is not None:
            result[key] = getattr(options, key)
    if options.tags:
        result["tags"] = list(options.tags)
    if not options.enforce_parameter_schema:
        result["enforce_parameter_schema"] = False
    if options.concurrency_limit is not None:
        result["concurrency_limit"] = _concurrency(options)
    if options.triggers:
        result["triggers"] = [trigger for text in options.triggers for trigger in _triggers(text)]
    result["work_pool"] = _work_pool(values.get("work_pool") or {}, options)
    if parameters := _parameters(options):
        result["parameters"] = {**(values.get("parameters") or {}), **parameters}
    if schedules := _schedules(values.get("schedules") or [], options):
        result["schedules"] = schedules
    return result


def pairs(texts: tuple[str, ...], flag: str, *, typed: bool) -> dict[str, Any]:
    """Mappings from `key=value` texts and JSON objects; a value that is a JSON object or list is taken as such, with
    `typed` any that is JSON."""
    found: dict[str, Any] = {}
    for text in texts:
        if text.lstrip().startswith("{"):
            found |= _object(text, flag)
            continue
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise DeployFailed(f"{flag} {text!r} must be key=value or a JSON object.")
        found[key.strip()] = _json(value) if typed or value.startswith(("{", "[")) else value
    return found


def _concurrency(options: Options) -> Any:
    if options.collision_strategy is None:
        return options.concurrency_limit
    return {"limit": options.concurrency_limit, "collision_strategy": options.collision_strategy.upper()}


def _work_pool(pool: dict[str, Any], options: Options) -> dict[str, Any]:
    """`--job-variable` replaces all of the file's job variables, as Prefect's command does."""
    result = dict(pool)
    if options.pool is not None:
        result["name"] = options.pool
    if options.work_queue is not None:
        result["work_queue_name"] = options.work_queue
    if options.job_variables:
        result["job_variables"] = pairs(options.job_variables, "--job-variable", typed=False)
    return result


def _parameters(options: Options) -> dict[str, Any]:
    if options.param and options.params:
        raise DeployFailed("Give parameters by --param or by --params, not both.")
    if options.params:
        return _object(options.params, "--params")
    return pairs(options.param, "--param", typed=True)


def _schedules(existing: list[dict[str, Any]], options: Options) -> list[dict[str, Any]]:
    anchor = {"anchor_date": options.anchor_date} if options.anchor_date else {}
    if anchor and not options.interval:
        raise DeployFailed("--anchor-date belongs to an --interval.")
    added = [{kind: text} for kind in ("cron", "rrule") for text in getattr(options, kind)]
    added += [{"interval": seconds, **anchor} for seconds in options.interval]
    every = [*existing, *added]
    return [{**one, "timezone": options.timezone} for one in every] if options.timezone else every


def _triggers(text: str) -> list[dict[str, Any]]:
    """A JSON object, or a file with a list under `triggers`."""
    if text.lstrip().startswith("{"):
        return [_object(text, "--trigger")]
    if not text.endswith((".yaml", ".yml", ".json")):
        raise DeployFailed(f"--trigger {text!r} must be JSON, or the path of a .yaml or .json file.")
    found = load_plain(Path(text))
    listed = found.get("triggers") if isinstance(found, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise DeployFailed(f"{text} must have a list of triggers under the key triggers.")
    return listed


def _object(text: str, flag: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise DeployFailed(f"{flag} {text!r} is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise DeployFailed(f"{flag} {text!r} must be a JSON object.")
    return found


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
