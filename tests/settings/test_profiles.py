"""The profiles file: read, chosen, written."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.errors import SettingInvalid
from penstock.settings import load
from penstock.settings.profiles import BUILT_IN, Profiles
from penstock.settings.profiles import load as load_profiles


def test_without_a_file_there_are_the_built_in_ones(tmp_path: Path) -> None:
    profiles = load_profiles(tmp_path / "profiles.toml")
    assert profiles.active == "ephemeral"
    assert set(profiles.named) == set(BUILT_IN)
    assert load({"PENSTOCK_HOME": str(tmp_path)}, tmp_path).server.ephemeral.enabled
    local = load({"PENSTOCK_HOME": str(tmp_path), "PENSTOCK_PROFILE": "local"}, tmp_path)
    assert local.api.url == "http://127.0.0.1:4200/api"


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "profiles.toml"
    values = {"PENSTOCK_API_KEY": 'quote " slash \\ line\nend', "PENSTOCK_SERVER_API_PORT": 4201}
    Profiles(path, "my team", {"my team": values, "empty": {}}).save()
    again = load_profiles(path)
    assert (again.active, again.named) == ("my team", {"my team": values, "empty": {}})
    assert path.stat().st_mode & 0o077 == 0
    assert load({"PENSTOCK_PROFILES_PATH": str(path)}, tmp_path).server.api.port == 4201


@pytest.mark.parametrize("text", ["active = ", "profiles = 3", "[profiles]\nx = 1"])
def test_a_broken_file_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(text)
    with pytest.raises(SettingInvalid, match=r"profiles\.toml"):
        load_profiles(path)
