"""The options of a provider belong to its protocol: it checks them, and says which ones are secret."""

import json
from pathlib import Path

import pytest
from tests.support.providers import pager

from wework_message.bootstrap.settings import (
    Loaded,
    SettingsError,
    check_document,
    load,
    render_check,
    require_startable,
    start_problems,
)

P = "app.wework.providers.duty"
V = "APP_WEWORK_PROVIDERS_DUTY"
TOKEN = "t0p-secret-token"


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pager.install(tmp_path, monkeypatch)


def loaded(folder: Path, protocol: str = "pager", **options: str) -> Loaded:
    environ = {f"{V}_PROTOCOL": protocol, f"{V}_API_BASE_URL": "http://pager.example"}
    if options:
        environ[f"{V}_OPTIONS"] = json.dumps(options)
    return load(environ, config_dir=folder)


def test_what_the_protocol_lets_pass_is_loaded(tmp_path: Path) -> None:
    result = loaded(tmp_path, token=TOKEN, channel="ops")
    options = result.settings.app.wework.providers["duty"].options
    assert {name: option.reveal() for name, option in options.items()} == {"token": TOKEN, "channel": "ops"}
    assert start_problems(result.settings, result.profile) == ()


@pytest.mark.parametrize(
    ("options", "path", "says"),
    [
        ({}, "token", "at least 8 characters"),
        ({"token": "short"}, "token", "at least 8 characters"),
        ({"token": TOKEN, "volume": "11"}, "volume", "is no option of a pager"),
    ],
)
def test_what_the_protocol_refuses_is_named_and_not_repeated(
    tmp_path: Path, options: dict[str, str], path: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=says) as refused:
        loaded(tmp_path, **options)
    assert refused.value.path == f"{P}.options.{path}"
    assert not any(value in str(refused.value) for value in options.values())


@pytest.mark.parametrize("name", ["Token", "to ken", ""])
def test_a_name_that_no_option_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="a map of option names") as refused:
        loaded(tmp_path, **{name: TOKEN})
    assert TOKEN not in str(refused.value)


def test_a_protocol_without_options_refuses_any(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is no option of the protocol guxing") as refused:
        loaded(tmp_path, "guxing", token=TOKEN)
    assert refused.value.path == f"{P}.options.token"


def test_the_check_shows_an_option_unless_it_is_a_secret(tmp_path: Path) -> None:
    result = loaded(tmp_path, token=TOKEN, channel="ops")
    document = json.loads(json.dumps(check_document(result)))
    assert document["settings"]["app"]["wework"]["providers"]["duty"]["options"] == {"token": "***", "channel": "ops"}
    for text in (render_check(result), repr(result), str(document)):
        assert TOKEN not in text


def test_options_of_a_protocol_that_is_not_installed_are_all_hidden_and_the_start_is_refused(tmp_path: Path) -> None:
    result = loaded(tmp_path, "beeper", token=TOKEN)
    assert TOKEN not in render_check(result)
    with pytest.raises(SettingsError, match="no installed package provides beeper") as refused:
        require_startable(result.settings, result.profile)
    assert refused.value.path == f"{P}.protocol"
