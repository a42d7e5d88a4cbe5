"""A provider's URL may hold a token in its path: people and programs see scheme, host and port."""

import os
from pathlib import Path
from typing import Final

import pytest
from tests.support.apps.doubles import RecordingObserver

from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.application.role import Role
from wework_message.bootstrap.command_line import cli
from wework_message.bootstrap.commands import startup
from wework_message.bootstrap.gateways import connection_of
from wework_message.bootstrap.process import ProcessMetrics, running
from wework_message.bootstrap.settings import ProviderUrl, load, shown_origin
from wework_message.entrypoints.cli.commands.serve import show_startup
from wework_message.entrypoints.cli.output import error_console
from wework_message.entrypoints.cli.services import SettingsSource
from wework_message.entrypoints.wire.answers.providers import provider_answer

V: Final = "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING"
URL: Final = "http://127.0.0.1:9/t0k3n/v1"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://p.example/t0k3n/v1", "https://p.example"),
        ("http://p.example:8443/t0k3n@x", "http://p.example:8443"),
        ("http://[::1]:19000", "http://[::1]:19000"),
        ("simulator", "simulator"),
    ],
)
def test_a_provider_s_url_shows_without_its_path(url: str, shown: str) -> None:
    secret = ProviderUrl(url)
    assert (str(secret), repr(secret), f"{secret}", secret.reveal()) == (shown, shown, shown, url)


@pytest.mark.parametrize(
    "url", ["http://u:t0k3n@h/x", "http://h?t0k3n", "http://h#t0k3n", "http://t0k3n@h?a=http://b/c"]
)
def test_of_any_url_only_scheme_host_and_port_are_an_origin(url: str) -> None:
    assert shown_origin(url) == "http://h"


def test_the_token_in_a_provider_s_path_is_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"{V}_API_BASE_URL", URL)
    loaded = load(dict(os.environ))
    for arguments in (["config", "check"], ["config", "check", "--json"], ["doctor", "--timeout", "1"]):
        cli.main(arguments, standalone_mode=False)
    starting = startup(SettingsSource())
    show_startup(error_console(), starting)
    printed = capsys.readouterr()
    connection = connection_of(next(iter(loaded.settings.app.wework.providers.values())), "http://x/t0k3n", 1)
    shown = f"{printed.out}{printed.err}{starting}{loaded}{connection}"
    assert "http://127.0.0.1:9" in shown
    assert "t0k3n" not in shown


async def test_the_providers_of_the_api_have_their_origin_only(tmp_path: Path) -> None:
    loaded = load({f"{V}_API_BASE_URL": URL, "DATASOURCE_URL": f"sqlite:///{tmp_path}/x.db"}, config_dir=tmp_path)
    metrics = ProcessMetrics(lambda _: None, QueueMetrics(), lambda *_: None)
    async with running(loaded, RecordingObserver(), metrics, role=Role.ACCEPTING) as process:
        (answer,) = map(provider_answer, process.application.providers.all())
    assert answer.api_url == "http://127.0.0.1:9"
