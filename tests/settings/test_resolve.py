"""Where settings come from, and that the strongest source wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.errors import SettingInvalid
from penstock.settings import Settings, load, resolve, to_environment, using
from penstock.settings import current as current_settings
from penstock.settings.names import variable, walk


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def test_defaults_fill_in_what_depends_on_others(home: Path, folder: Path) -> None:
    settings = load({"PENSTOCK_HOME": str(home)}, folder)
    assert settings.server.api.port == 4200
    assert settings.results.local_storage_path == home / "storage"
    assert settings.server.database.connection_url == f"sqlite:///{home}/penstock.db"
    assert settings.server.ui.api_url == "http://127.0.0.1:4200/api"


LAYERS = ["overrides", "env", ".env file", "penstock.toml", "pyproject.toml", "profile"]


@pytest.mark.parametrize("strongest", range(len(LAYERS)), ids=LAYERS)
def test_the_strongest_source_wins(strongest: int, home: Path, folder: Path) -> None:
    """Each source names itself as the pool; those stronger than the one tested are left out."""
    present = LAYERS[strongest:]
    environ = {"PENSTOCK_HOME": str(home)}
    overrides = {}
    path = "deployments.default_work_pool_name"
    for source in present:
        if source == "overrides":
            overrides[path] = source
        elif source == "env":
            environ["PENSTOCK_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME"] = source
        elif source == ".env file":
            (folder / ".env").write_text(f'PENSTOCK_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME="{source}"\n')
        elif source == "profile":
            text = f'active = "mine"\n[profiles.mine]\nPENSTOCK_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME = "{source}"\n'
            (home / "profiles.toml").write_text(text)
        else:
            table = "deployments" if source == "penstock.toml" else "tool.penstock.deployments"
            (folder / source).write_text(f'[{table}]\ndefault_work_pool_name = "{source}"\n')
    resolved = resolve(environ, folder, overrides)
    assert resolved.settings.deployments.default_work_pool_name == LAYERS[strongest]
    assert resolved.found[path].source == LAYERS[strongest]


@pytest.mark.parametrize(
    "strongest_first",
    [
        ["PENSTOCK_API_URL", "PREFECT_API_URL"],
        ["PENSTOCK_SERVER_DATABASE_HOST", "PENSTOCK_API_DATABASE_HOST", "PREFECT_SERVER_DATABASE_HOST"],
        ["prefect_server_database_host", "PREFECT_API_DATABASE_HOST"],
    ],
)
def test_own_names_go_before_older_and_prefect_ones(strongest_first: list[str], folder: Path) -> None:
    while strongest_first:
        settings = load({name: f"http://{name}" for name in reversed(strongest_first)}, folder)
        assert f"http://{strongest_first[0]}" in (settings.api.url, settings.server.database.host)
        strongest_first = strongest_first[1:]


def test_prefect_files_are_read_where_ours_are_not_there(folder: Path) -> None:
    (folder / "prefect.toml").write_text("[server.api]\nport = 4300\n[cloud]\nui_url = 'https://elsewhere'\n")
    assert load({}, folder).server.api.port == 4300
    (folder / "penstock.toml").write_text("[server.api]\nhost = '0.0.0.0'\n")
    assert load({}, folder).server.api.port == 4200


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("CLIENT_RETRY_EXTRA_CODES", "500,504", (500, 504)),
        ("CLIENT_RETRY_EXTRA_CODES", "[500]", (500,)),
        ("CLIENT_CUSTOM_HEADERS", '{"X-A": "1"}', {"X-A": "1"}),
        ("CLIENT_CUSTOM_HEADERS", "X-A=1,X-B=2", {"X-A": "1", "X-B": "2"}),
        ("SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS", "00:01:30", 90.0),
        ("SERVER_EVENTS_RETENTION_PERIOD", "P7D", 604800.0),
        ("SERVER_EVENTS_RETENTION_PERIOD", "PT1H30M", 5400.0),
        ("SERVER_SERVICES_DB_VACUUM_ENABLED", "events,flow_runs", ("events", "flow_runs")),
        ("SERVER_SERVICES_DB_VACUUM_ENABLED", "false", False),
        ("TASKS_DEFAULT_RETRY_DELAY_SECONDS", "1.5", 1.5),
        ("TASKS_DEFAULT_RETRY_DELAY_SECONDS", "1,2,3", (1.0, 2.0, 3.0)),
        ("FLOWS_HEARTBEAT_FREQUENCY", "null", None),
        ("CLI_PROMPT", "Yes", True),
        ("LOGGING_LEVEL", "debug", "DEBUG"),
        ("API_URL", "http://here/api/", "http://here/api"),
    ],
)
def test_text_becomes_the_declared_type(name: str, text: str, value: object, folder: Path) -> None:
    resolved = resolve({f"PREFECT_{name}": text}, folder)
    path = next(path for path, found in resolved.found.items() if found.source == "env")
    result: object = resolved.settings
    for part in path.split("."):
        result = getattr(result, part)
    assert result == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SERVER_API_PORT", "http"),
        ("SERVER_API_PORT", "70000"),
        ("CLIENT_MAX_RETRIES", "-1"),
        ("LOGGING_LEVEL", "LOUD"),
        ("CLI_COLORS", "maybe"),
        ("API_REQUEST_TIMEOUT", "PT"),
        ("CLIENT_CUSTOM_HEADERS", "a"),
        ("CLIENT_RETRY_EXTRA_CODES", "[5"),
    ],
)
def test_a_bad_value_is_named_with_its_source(name: str, text: str, folder: Path) -> None:
    with pytest.raises(SettingInvalid) as caught:
        load({f"PENSTOCK_{name}": text}, folder)
    message = caught.value.message
    assert f"PENSTOCK_{name}" in message
    assert repr(text) in message
    assert "(from env)" in message
    assert "xpected" in message


def test_a_bad_secret_is_not_shown(folder: Path) -> None:
    (folder / "penstock.toml").write_text("[api]\nkey = 12345\n")
    with pytest.raises(SettingInvalid) as caught:
        load({}, folder)
    assert "12345" not in caught.value.message


def test_a_misspelt_setting_in_our_file_is_refused(folder: Path) -> None:
    (folder / "penstock.toml").write_text("[server.api]\nprot = 4300\n")
    with pytest.raises(SettingInvalid, match=r"server\.api\.prot.*penstock\.toml.*server\.api\.port"):
        load({}, folder)


def test_a_file_that_is_not_toml_is_refused(folder: Path) -> None:
    (folder / "penstock.toml").write_text("[server\n")
    with pytest.raises(SettingInvalid, match="not valid TOML"):
        load({}, folder)


def test_the_database_address_is_put_together_from_parts(folder: Path) -> None:
    parts = {"DRIVER": "postgresql+asyncpg", "HOST": "db", "USER": "me", "PASSWORD": "a/b", "NAME": "runs"}
    environ = {f"PREFECT_API_DATABASE_{key}": value for key, value in parts.items()}
    assert load(environ, folder).server.database.connection_url == "postgresql://me:a%2Fb@db:5432/runs"
    del environ["PREFECT_API_DATABASE_HOST"]
    with pytest.raises(SettingInvalid, match=r"server\.database\.host"):
        load(environ, folder)


def test_a_child_process_gets_the_same_settings(home: Path, folder: Path) -> None:
    given = {
        "PENSTOCK_HOME": str(home),
        "PREFECT_API_URL": "http://there/api",
        "PENSTOCK_API_KEY": "secret",
        "PENSTOCK_CLIENT_CUSTOM_HEADERS": '{"a":"1"}',
        "PENSTOCK_SERVER_DATABASE_CONNECTION_URL": "postgresql://db/x",
    }
    parent = load(given, folder)
    handed_on = to_environment(parent)
    assert load(handed_on, folder) == parent
    assert handed_on["PREFECT_API_URL"] == "http://there/api"
    assert "PREFECT_HOME" not in handed_on
    assert "PENSTOCK_UI_URL" not in handed_on


def test_secrets_do_not_show_themselves(folder: Path) -> None:
    settings = load({"PENSTOCK_API_KEY": "visible", "PENSTOCK_SERVER_API_AUTH_STRING": "me:visible"}, folder)
    assert "visible" not in repr(settings)
    assert settings.api.key == "visible"


def test_settings_can_be_scoped(folder: Path) -> None:
    mine = load({"PENSTOCK_API_URL": "http://mine/api"}, folder)
    with using(mine):
        assert current_settings() is mine
    assert current_settings() is not mine
    assert isinstance(current_settings(), Settings)


NUMBERS = [path for path, value in walk(Settings()) if isinstance(value, int | float)]


@pytest.mark.parametrize("path", NUMBERS)
def test_every_number_can_be_set(path: str, folder: Path) -> None:
    """What a setting is by default can be said as text, whatever its limits are."""
    value = dict(walk(Settings()))[path]
    assert dict(walk(load({variable(path): str(value)}, folder)))[path] == value
