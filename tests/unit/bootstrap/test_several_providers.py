"""Any number of providers, each an instance of a protocol; what is wrong with one of them names its key."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from tests.support.providers import pager
from tests.support.providers.pager import PagerProtocol
from tests.support.servers.ports import free_port

from wework_message.bootstrap.doctor import examine
from wework_message.bootstrap.gateways import open_gateways
from wework_message.bootstrap.policies import policy_of
from wework_message.bootstrap.protocols import installed_protocols
from wework_message.bootstrap.settings import Loaded, SettingsError, load, require_startable
from wework_message.domain.ports.checks import Verdict
from wework_message.domain.ports.gateway import MessageGateway
from wework_message.domain.ports.protocols import ProviderConnection
from wework_message.domain.routing.provider import default_provider

P: Final = "app.wework.providers"
V: Final = "APP_WEWORK_PROVIDERS"
TOKEN: Final = "t0p-secret-token"
FLEET: Final = {
    f"{V}_GUANGZHOU_GUXING_API_BASE_URL": "http://one.example", f"{V}_GUANGZHOU_GUXING_PRIORITY": "2",
    f"{V}_BACKUP_PROVIDER_A_API_BASE_URL": "http://two.example:8080/a", f"{V}_BACKUP_PROVIDER_A_TIMEOUT_MS": "4000",
    f"{V}_BACKUP_API_BASE_URL": "http://three.example", f"{V}_BACKUP_WEIGHT": "7", f"{V}_BACKUP_ENABLED": "false",
    f"{V}_DUTY_2_API_BASE_URL": "http://four.example", f"{V}_DUTY_2_PROTOCOL": "pager",
    f"{V}_DUTY_2_OPTIONS": f'{{"token": "{TOKEN}"}}', f"{V}_DUTY_2_PRIORITY": "3",
}  # fmt: skip


class Raising(PagerProtocol):
    """Fails where it must not, with a secret in the text of its error."""

    def check_options(self, options: Mapping[str, str]) -> None:
        if options.get("channel") == "broken":
            raise KeyError(options["token"])

    @asynccontextmanager
    async def open(self, connection: ProviderConnection) -> AsyncIterator[MessageGateway]:
        if connection.options:
            raise ConnectionError(connection.options["token"])
        async with super().open(connection) as gateway:
            yield gateway


class Older:
    """A class for an earlier version of the port."""

    capabilities = PagerProtocol.capabilities


class Unmade:
    def __init__(self) -> None:
        raise RuntimeError(TOKEN)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pager.install(tmp_path, monkeypatch)


def loaded(folder: Path, **changes: str) -> Loaded:
    return load(FLEET | changes, config_dir=folder)


def started(folder: Path, **changes: str) -> Loaded:
    start = loaded(folder, **changes)
    require_startable(start.settings, start.profile)
    return start


def refused(folder: Path, **changes: str) -> SettingsError:
    with pytest.raises(SettingsError) as error:
        started(folder, **changes)
    assert TOKEN not in str(error.value)
    return error.value


@pytest.mark.usefixtures("installed")
def test_variables_alone_configure_four_providers_one_name_being_the_beginning_of_another(tmp_path: Path) -> None:
    start = started(tmp_path)
    providers = start.settings.app.wework.providers
    assert {key: (provider.code, str(provider.api_base_url)) for key, provider in providers.items()} == {
        "backup": ("BACKUP", "http://three.example"),
        "backup-provider-a": ("BACKUP_PROVIDER_A", "http://two.example:8080"),
        "duty-2": ("DUTY_2", "http://four.example"),
        "guangzhou-guxing": ("GUANGZHOU_GUXING", "http://one.example"),
    }
    assert (providers["backup"].weight, providers["backup-provider-a"].timeout_ms) == (7, 4000)
    preferred = default_provider(policy_of(start).providers.values())
    assert preferred is not None
    assert preferred.code == "BACKUP_PROVIDER_A"


@pytest.mark.usefixtures("installed")
def test_two_providers_with_one_code_are_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, **{f"{V}_DUTY_2_CODE": "BACKUP"})
    assert (error.path, error.message) == (f"{P}.duty-2.code", "provider backup has the same code")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    "url", ["two.example", "ftp://two.example", "http://u:p@two.example", "http://two:99999", "http://"]
)
def test_a_bad_url_of_one_provider_names_its_key(tmp_path: Path, url: str) -> None:
    error = refused(tmp_path, **{f"{V}_BACKUP_PROVIDER_A_API_BASE_URL": url})
    assert error.path == f"{P}.backup-provider-a.api-base-url"
    assert "http or https URL" in error.message


@pytest.mark.usefixtures("installed")
def test_an_unknown_protocol_names_those_that_are_installed(tmp_path: Path) -> None:
    assert installed_protocols() == ("guxing", "pager")
    error = refused(tmp_path, **{f"{V}_BACKUP_PROTOCOL": "beeper"})
    assert error.path == f"{P}.backup.protocol"
    assert error.message == "no installed package provides beeper; installed are guxing, pager"


@pytest.mark.parametrize(
    ("protocol", "says"),
    [
        ("tests.no_such_module:Protocol", "broken provides pager, and it cannot be loaded (ModuleNotFoundError)"),
        ("tests.support.providers.pager:Nothing", "broken provides pager, and it cannot be loaded (AttributeError)"),
        (f"{__name__}:Unmade", "broken provides pager, and it cannot be loaded (RuntimeError)"),
        (f"{__name__}:Older", "broken provides pager for another version: it lacks check_options, checks, "),
    ],
)
def test_a_package_whose_protocol_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str, says: str
) -> None:
    pager.install(tmp_path, monkeypatch, package="broken", protocol=protocol)
    error = refused(tmp_path)
    assert error.path == f"{P}.duty-2.protocol"
    assert error.message.startswith(says)


@pytest.mark.usefixtures("installed")
def test_two_packages_with_one_protocol_are_refused_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pager.install(tmp_path, monkeypatch, package="other")
    error = refused(tmp_path)
    assert error.message == "several installed packages provide pager: other, pager; remove all but one"


def test_a_check_of_options_that_fails_is_a_fault_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pager.install(tmp_path, monkeypatch, protocol=f"{__name__}:Raising")
    error = refused(tmp_path, **{f"{V}_DUTY_2_OPTIONS": f'{{"token": "{TOKEN}", "channel": "broken"}}'})
    assert (error.path, error.message) == (f"{P}.duty-2.options", "the protocol pager cannot check them (KeyError)")


async def test_a_provider_that_cannot_be_opened_stops_the_start_by_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pager.install(tmp_path, monkeypatch, protocol=f"{__name__}:Raising")
    providers = loaded(tmp_path).settings.app.wework.providers
    urls = {key: str(provider.api_base_url) for key, provider in providers.items()}
    with pytest.raises(SettingsError) as error:
        async with open_gateways(providers, urls, 5):
            pass
    assert str(error.value) == f"{P}.duty-2: the protocol pager cannot open it (ConnectionError)"


@pytest.mark.usefixtures("installed")
async def test_a_protocol_that_cannot_pull_streams_stops_the_start_where_it_should(tmp_path: Path) -> None:
    providers = loaded(tmp_path, **{f"{V}_DUTY_2_SETTLE_SYNC": "positive"}).settings.app.wework.providers
    urls = {key: str(provider.api_base_url) for key, provider in providers.items()}
    with pytest.raises(SettingsError) as error:
        async with open_gateways(providers, urls, 5):
            pass
    assert str(error.value) == f"{P}.duty-2.settle.sync: the protocol pager cannot pull message streams"


@pytest.mark.usefixtures("installed")
async def test_the_doctor_looks_at_each_provider(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    start = loaded(
        tmp_path,
        DATASOURCE_URL=f"sqlite:///{tmp_path}/one.db",
        **{f"{V}_{name}_API_BASE_URL": nobody for name in ("GUANGZHOU_GUXING", "BACKUP_PROVIDER_A", "DUTY_2")},
    )
    findings = {examined.name: examined.finding for examined in (await examine(start, deadline_s=10)).examined}
    assert findings["settings.start"].verdict is not Verdict.FAILED
    for key in ("guangzhou-guxing", "backup-provider-a", "duty-2"):
        assert findings[f"provider.{key}.tcp"].verdict is Verdict.FAILED
        assert f"{P}.{key}.api-base-url" in (findings[f"provider.{key}.tcp"].advice or "")
    assert findings["provider.backup.call"].text == "it is disabled"
    assert findings["provider.duty-2.battery"].verdict is Verdict.OK
