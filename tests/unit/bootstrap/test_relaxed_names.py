"""Every spelling that Spring takes for a key is that key (Spring Boot 3.2, "Relaxed Binding")."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.bootstrap.settings import Loaded, SettingsError, load
from wework_message.bootstrap.settings.errors import SettingsFileError, UnknownSettingError
from wework_message.bootstrap.settings.relaxed import (
    LISTS,
    elements,
    holds_entries,
    known_names,
    name_of,
    variable_forms,
)
from wework_message.bootstrap.settings.schema import known_leaves, leaf_of
from wework_message.bootstrap.settings.spring import setting_of

PROVIDER = "app.wework.providers.backup-provider-a"
NAMES = [*known_names(), *(key for key in known_leaves(["backup-provider-a"]) if key.startswith(PROVIDER))]

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return put


def loaded(folder: Path, **environ: str) -> Loaded:
    return load(environ, config_dir=folder)


def camel(key: str) -> str:
    return re.sub(r"-([a-z0-9])", lambda match: match[1].upper(), key)


@pytest.mark.parametrize("spelt", [str, camel, lambda key: key.replace("-", "_"), str.upper], ids=lambda f: f.__name__)
def test_every_key_has_springs_spellings_in_files(spelt: Callable[[str], str]) -> None:
    for key in NAMES:
        written = spelt(key)
        if written.startswith("APP.WEWORK.PROVIDERS"):
            written = written.replace("BACKUP-PROVIDER-A", "BACKUP_PROVIDER_A")
        assert (name_of(written).key, name_of(written).rest) == (key, ()), written


def test_no_two_keys_share_a_spelling() -> None:
    for form in (0, 1):
        variables = [variable_forms(key)[form] for key in NAMES]
        assert len(set(variables)) == len(NAMES)
    assert len({re.sub(r"[^A-Z0-9.]", "", key.upper()) for key in NAMES}) == len(NAMES)


def test_every_list_with_commas_is_a_setting_that_is_a_text() -> None:
    for key in LISTS:
        leaf = leaf_of(setting_of(key))
        assert holds_entries(key)
        assert key.startswith("spring.") or (leaf is not None and not leaf.mapping), key


@given(st.text("ab-_.[]0", max_size=20))
def test_no_name_breaks_the_reading_of_names(written: str) -> None:
    assert all("." not in element or f"[{element}]" in written for element in elements(written))
    name_of(written)


@pytest.mark.parametrize(
    ("variable", "text", "key"),
    [
        ("ROCKETMQ_NAMESERVER", "a:9876", "rocketmq.name-server"),
        ("ROCKETMQ_NAME_SERVER", "a:9876", "rocketmq.name-server"),
        ("rocketmq_nameserver", "a:9876", "rocketmq.name-server"),
        ("rocketmq.name-server", "a:9876", "rocketmq.name-server"),
        ("rocketmq.nameServer", "a:9876", "rocketmq.name-server"),
        ("SERVER_SERVLET_CONTEXTPATH", "/x", "server.context-path"),
        ("server.servlet.context-path", "/x", "server.context-path"),
        ("SPRING_DATASOURCE_URL", "sqlite:///x.db", "datasource.url"),
        ("spring.datasource.url", "sqlite:///x.db", "datasource.url"),
        ("APP_MESSAGE_ASYNC_MAXPOOLSIZE", "7", "app.message.async.max-pool-size"),
        ("APP_WEWORK_PROVIDERS_BACKUP_PROVIDER_A_APIBASEURL", "http://a.example", f"{PROVIDER}.api-base-url"),
        ("SECURITY_ALLOWEDHOSTS_0", "a.example", "security.allowed-hosts"),
        ("APP_WEWORK_PROVIDERS_BACKUP_PROVIDER_A_OUTCOMECODES_77", "THROTTLED", f"{PROVIDER}.outcome-codes"),
    ],
)
def test_a_variable_of_each_form_sets_its_key(tmp_path: Path, variable: str, text: str, key: str) -> None:
    origin = loaded(tmp_path, **{variable: text}).origins[key]
    assert str(origin) == f"environment variable {variable}"


def test_the_strongest_form_of_a_variable_counts(tmp_path: Path) -> None:
    forms = {
        "ROCKETMQ_NAMESERVER": "a",
        "ROCKETMQ_NAME_SERVER": "b",
        "rocketmq.name-server": "c",
        "rocketmq_nameserver": "d",
    }
    for expected in ("a", "b", "c", "d"):
        assert loaded(tmp_path, **forms).settings.rocketmq.name_server == expected
        del forms[next(iter(forms))]


def test_a_variable_that_another_form_overrides_is_named(tmp_path: Path) -> None:
    forms = {"SERVER_PORT": "1", "server.port": "2", "ROCKETMQ_GROUP": "a", "rocketmq.group": "a"}
    assert [text for text in loaded(tmp_path, **forms).warnings if "counts" in text] == [
        "server.port: SERVER_PORT counts, not server.port"
    ]


@pytest.mark.parametrize(
    "variable", ["GUANGZHOUGUXING_APIBASEURL", "GUANGZHOU_GUXING_APIBASEURL", "GUANGZHOUGUXING_API_BASE_URL"]
)
def test_a_provider_without_its_dashes_is_the_one_that_has_them(tmp_path: Path, variable: str) -> None:
    settings = loaded(tmp_path, **{f"APP_WEWORK_PROVIDERS_{variable}": "http://a.example"}).settings
    assert list(settings.app.wework.providers) == ["guangzhou-guxing"]


def test_providers_of_files_have_one_spelling(tmp_path: Path, write: Write) -> None:
    write("application.yml", "app: {wework: {providers: {backupProviderA: {timeoutMs: 5}}}}")
    write("application-dev.yml", "app: {wework: {providers: {backup_provider_a: {weight: 7}}}}")
    (provider,) = loaded(tmp_path, SPRING_PROFILES_ACTIVE="dev").settings.app.wework.providers.items()
    assert (provider[0], provider[1].timeout_ms, provider[1].weight) == ("backup-provider-a", 5, 7)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("application.yml", "security: {allowedHosts: [a.example, b.example]}"),
        ("application.yml", "security.allowed-hosts: a.example,b.example"),
        ("application.properties", "security.allowed-hosts[0]=a.example\nsecurity.allowedHosts[1]=b.example"),
        ("application.properties", "security.allowed-hosts[]=a.example,b.example"),
    ],
)
def test_a_list_may_be_written_with_commas_or_entry_by_entry(
    tmp_path: Path, write: Write, name: str, text: str
) -> None:
    write(name, text)
    assert loaded(tmp_path).settings.security.allowed_hosts == "a.example,b.example"


def test_a_list_with_a_gap_or_a_name_is_refused(tmp_path: Path, write: Write) -> None:
    write("application.properties", "security.allowed-hosts[1]=a")
    with pytest.raises(SettingsFileError, match=r"security\.allowed-hosts has no \[0\]"):
        loaded(tmp_path)
    write("application.properties", "security.allowed-hosts.x=a")
    with pytest.raises(SettingsFileError, match=r"security\.allowed-hosts is a list"):
        loaded(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["security: {allowed-hosts: [a], allowedHosts: [b]}", "security.allowed-hosts: a\nsecurity.allowedHosts: [b]"],
)
def test_a_list_that_stands_twice_is_refused(tmp_path: Path, write: Write, text: str) -> None:
    write("application.yml", text)
    with pytest.raises(SettingsFileError, match="stands twice"):
        loaded(tmp_path)


def test_a_list_where_one_value_belongs_is_a_wrong_value(tmp_path: Path, write: Write) -> None:
    write("application.yml", "server: {port: [1, 2]}")
    with pytest.raises(SettingsError, match=r"^server\.port: must be a whole number"):
        loaded(tmp_path)


@pytest.mark.parametrize(
    "variables",
    [
        {
            "SPRING_CLOUD_NACOS_CONFIG_SHAREDCONFIGS_0_DATAID": "a.yaml",
            "SPRING_CLOUD_NACOS_CONFIG_SHAREDCONFIGS_0_GROUP": "G",
        },
        {"nacos.config.shared-configs[0].data-id": "a.yaml", "nacos.config.sharedConfigs[0].group": "G"},
        {"NACOS_CONFIG_SHARED_CONFIGS": "[{data-id: a.yaml, group: G}]"},
    ],
)
def test_a_list_of_maps_may_be_in_variables(tmp_path: Path, variables: dict[str, str]) -> None:
    (document,) = loaded(tmp_path, **variables).settings.nacos.config.shared_configs
    assert (document.data_id, document.group) == ("a.yaml", "G")


def test_the_keys_of_a_list_of_maps_are_relaxed(tmp_path: Path, write: Write) -> None:
    write(
        "application.yml", "spring: {cloud: {nacos: {config: {sharedConfigs: [{dataId: a.yaml}, {data_id: b.yaml}]}}}}"
    )
    assert [document.data_id for document in loaded(tmp_path).settings.nacos.config.shared_configs] == [
        "a.yaml",
        "b.yaml",
    ]


def test_a_map_has_the_entries_of_all_sources(tmp_path: Path, write: Write) -> None:
    write("application.yml", f"{PROVIDER}.outcome-codes: {{-1: THROTTLED, '-2': THROTTLED}}")
    write("application-dev.properties", f"{PROVIDER}.outcomeCodes[-2]=UNCERTAIN\n{PROVIDER}.outcome-codes.-3=UNCERTAIN")
    codes = (
        loaded(tmp_path, SPRING_PROFILES_ACTIVE="dev").settings.app.wework.providers["backup-provider-a"].outcome_codes
    )
    assert dict(codes) == {"-1": "THROTTLED", "-2": "UNCERTAIN", "-3": "UNCERTAIN"}


def test_an_empty_map_takes_away_what_weaker_sources_have(tmp_path: Path, write: Write) -> None:
    write("application.yml", f"{PROVIDER}.outcome-codes: {{-1: THROTTLED}}")
    write("application-dev.yml", f"{PROVIDER}.outcome-codes: {{}}")
    codes = (
        loaded(tmp_path, SPRING_PROFILES_ACTIVE="dev").settings.app.wework.providers["backup-provider-a"].outcome_codes
    )
    assert dict(codes) == {}


@pytest.mark.parametrize(
    "text", ["server: {context-path: /a, contextPath: /b}", "server: {context_path: /a}\nserver.context-path: /b"]
)
def test_two_spellings_of_one_key_in_one_document_are_refused(tmp_path: Path, write: Write, text: str) -> None:
    write("application.yml", text)
    with pytest.raises(SettingsFileError, match=r"server\.context-path stands twice"):
        loaded(tmp_path)


def test_an_unknown_key_is_named_as_it_is_written(tmp_path: Path, write: Write) -> None:
    write("application.yml", "server: {contextPfad: /x}")
    with pytest.raises(UnknownSettingError, match=r"server\.contextPfad: unknown setting"):
        loaded(tmp_path)


def test_variables_of_spring_without_meaning_are_named_and_others_are_not(tmp_path: Path) -> None:
    result = loaded(
        tmp_path,
        SPRING_JMX_ENABLED="true",
        LOGGING_LEVEL_COM_WEWORK="debug",
        SERVER_SOFTWARE="x",
        MANAGEMENT_HEALTH_REDIS_ENABLED="x",
    )
    (ignored,) = [warning for warning in result.warnings if warning.startswith("ignored")]
    assert ignored.endswith(": logging.level, management.health, spring")
