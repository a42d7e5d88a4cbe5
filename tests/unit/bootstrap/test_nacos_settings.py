"""Settings from Nacos: the keys of Spring Cloud Alibaba, ranks, forms, and what is refused."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.nacos.starts import a_read, documents

from wework_message.adapters.enclosed import enclosed
from wework_message.adapters.envelope import EnvelopeCipher
from wework_message.bootstrap.settings import Loaded, OriginKind, SettingsError, load, render_check, start_problems
from wework_message.bootstrap.settings import nacos as nacos_module
from wework_message.bootstrap.settings.errors import SettingsFileError, UnknownSettingError
from wework_message.bootstrap.settings.nacos import addresses_of, document_names
from wework_message.bootstrap.settings.properties import parse_properties
from wework_message.domain.ports.shared_configuration import DocumentName

RATE = "app.message.limits.rate-limit-per-minute"
RATE_OF_77 = "app: {message: {limits: {rate-limit-per-minute: 77}}}"
WITH_SERVER = "spring: {cloud: {nacos: {server-addr: nacos.example, config: {file-extension: yaml}}}}\n"

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(text: str, name: str = "application.yml") -> None:
        (tmp_path / name).write_text(text, encoding="utf-8")

    return put


def loaded(folder: Path, *texts: str, environ: dict[str, str] | None = None) -> Loaded:
    """With these configurations of Nacos, weakest first."""
    return load(environ or {}, config_dir=folder, nacos=a_read(documents(*texts)))


def names(folder: Path, environ: dict[str, str] | None = None) -> list[str]:
    layers = load(environ or {}, config_dir=folder).layers
    return [str(name) for name in document_names(layers.nacos(), layers.profiles)]


def test_nothing_is_read_without_a_server(tmp_path: Path) -> None:
    result = loaded(tmp_path, RATE_OF_77)
    assert (result.settings.app.message.limits.rate_limit_per_minute, result.documents) == (1000, ())
    assert (result.settings.nacos.reads, result.settings.nacos.registers) == (False, False)


@pytest.mark.parametrize(
    ("text", "reads", "registers"),
    [
        ("server-addr: n", True, True),
        ("config: {server-addr: n}", True, False),
        ("discovery: {server-addr: n}", False, True),
        ("{server-addr: n, discovery: {enabled: false}}", True, False),
        ("{server-addr: n, discovery: {register-enabled: false}}", True, False),
        ("{server-addr: n, config: {enabled: false}}", False, True),
    ],
)
def test_a_server_turns_it_on_and_switches_turn_it_off(
    tmp_path: Path, write: Write, text: str, reads: bool, registers: bool
) -> None:
    write(f"spring: {{cloud: {{nacos: {text if text.startswith('{') else f'{{{text}}}'}}}}}")
    settings = load({}, config_dir=tmp_path).settings.nacos
    assert (settings.reads, settings.registers) == (reads, registers)


def test_it_ranks_between_files_and_the_environment(tmp_path: Path, write: Write) -> None:
    write(
        WITH_SERVER + "app: {message: {limits: {rate-limit-per-minute: 1}, sync: {wait-ms: 1}, retry: {delay-ms: 1}}}"
    )
    write("app: {message: {limits: {rate-limit-per-minute: 2}, retry: {delay-ms: 2}}}", "application-dev.yml")
    result = loaded(
        tmp_path,
        "app: {message: {limits: {rate-limit-per-minute: 3}, sync: {wait-ms: 3}}}",
        "app: {message: {limits: {rate-limit-per-minute: 4}}}",
        environ={"SPRING_PROFILES_ACTIVE": "dev", "APP_MESSAGE_SYNC_WAIT_MS": "5"},
    )
    message = result.settings.app.message
    assert (message.limits.rate_limit_per_minute, message.sync.wait_ms, message.retry.delay_ms) == (4, 5, 2)
    assert str(result.origins[RATE]) == "nacos document-2.yaml"
    assert result.origins["app.message.sync.wait-ms"].kind is OriginKind.ENVIRONMENT
    assert "nacos document-2.yaml" in render_check(result)


def test_a_variable_may_name_a_setting_of_a_provider_that_only_nacos_has(tmp_path: Path, write: Write) -> None:
    write(WITH_SERVER)
    provider = "app: {wework: {providers: {second-one: {api-base-url: simulator, weight: 7}}}}"
    result = loaded(tmp_path, provider, environ={"APP_WEWORK_PROVIDERS_SECOND_ONE_WEIGHT": "9"})
    assert result.settings.app.wework.providers["second-one"].weight == 9


def test_placeholders_and_encrypted_values_work_as_in_files(tmp_path: Path, write: Write) -> None:
    write(WITH_SERVER)
    key = bytes(range(32))
    cipher = EnvelopeCipher(key, [])
    secret = enclosed(cipher.encrypt(b"hunter2", "settings/datasource.password"))
    text = f"datasource: {{url: 'mysql://${{WHO}}@db/x', password: '{secret}'}}"
    environ = {"SECURITY_SECRETS_KEY": base64.b64encode(key).decode(), "WHO": "me"}
    datasource = loaded(tmp_path, text, environ=environ).settings.datasource
    assert datasource.password is not None
    assert datasource.url is not None
    assert (datasource.password.reveal(), datasource.url.reveal()) == ("hunter2", "mysql://me@db/x")


def test_an_encrypted_password_of_nacos_itself_is_known_before_nacos(tmp_path: Path, write: Write) -> None:
    key = bytes(range(32))
    secret = enclosed(EnvelopeCipher(key, []).encrypt(b"hunter2", "settings/nacos.password"))
    write(f"spring: {{cloud: {{nacos: {{server-addr: n, username: me, password: '{secret}'}}}}}}")
    layers = load({"SECURITY_SECRETS_KEY": base64.b64encode(key).decode()}, config_dir=tmp_path).layers
    password = layers.nacos().password
    assert password is not None
    assert (password.reveal(), "hunter2" in repr(layers)) == ("hunter2", False)


def test_properties_are_read_and_a_name_without_an_ending_has_the_usual_form(tmp_path: Path, write: Write) -> None:
    write("spring.cloud.nacos.server-addr: n")
    key = "app.wework.providers.guangzhou-guxing"
    text = f"{RATE}=77\n{key}.outcome-codes.-77 = THROTTLED\nspring.jpa.show-sql=true"
    result = load({}, config_dir=tmp_path, nacos=a_read(documents(text, ending="")))
    provider = result.settings.app.wework.providers["guangzhou-guxing"]
    assert (result.settings.app.message.limits.rate_limit_per_minute, dict(provider.outcome_codes)) == (
        77,
        {"-77": "THROTTLED"},
    )
    assert any("spring.jpa" in warning for warning in result.warnings)


def test_what_is_known_before_nacos_has_no_effect_there_and_is_named(tmp_path: Path, write: Write) -> None:
    write(WITH_SERVER)
    text = "spring: {profiles: {active: prod}, cloud: {nacos: {config: {group: X}, discovery: {group: BLUE}}}}"
    result = loaded(tmp_path, text)
    assert (result.profile, result.settings.nacos.config.group) == ("", "DEFAULT_GROUP")
    assert result.settings.nacos.discovery.group == "BLUE"
    assert [w for w in result.warnings if "no effect in Nacos" in w] == [
        "spring.profiles.active has no effect in Nacos (nacos document-1.yaml)",
        "spring.cloud.nacos.config.group has no effect in Nacos (nacos document-1.yaml)",
    ]


def test_keys_of_spring_that_have_no_effect_are_named_in_one_warning(tmp_path: Path, write: Write) -> None:
    write(WITH_SERVER + "spring.cloud.nacos.discovery.watch-delay: 3\nspring.cloud.nacos.config.encode: GBK\n")
    (warning,) = [w for w in loaded(tmp_path).warnings if w.startswith("ignored")]
    assert warning.endswith("spring.cloud.nacos.config.encode, spring.cloud.nacos.discovery.watch-delay")


# -- names ---------------------------------------------------------------------------------------------------------


def test_names_are_those_of_spring_cloud_alibaba(tmp_path: Path, write: Write) -> None:
    write("spring: {cloud: {nacos: {server-addr: n}}}")
    assert names(tmp_path) == ["message-service", "message-service.properties"]
    write("spring: {application: {name: gateway}, cloud: {nacos: {server-addr: n, config: {file-extension: yml}}}}")
    assert names(tmp_path, {"SPRING_PROFILES_ACTIVE": "prod,blue"}) == [
        "gateway", "gateway.yml", "gateway-prod.yml", "gateway-blue.yml",
    ]  # fmt: skip


@pytest.mark.parametrize(("config", "first"), [("prefix: a", "a"), ("name: b", "b"), ("{prefix: a, name: b}", "b")])
def test_the_first_part_of_a_name(tmp_path: Path, write: Write, config: str, first: str) -> None:
    config = config if config.startswith("{") else f"{{{config}}}"
    write(f"spring: {{cloud: {{nacos: {{server-addr: n, config: {config}}}}}}}")
    assert names(tmp_path)[0] == first


def test_shared_ones_are_weaker_and_not_refreshed_unless_they_say_so(tmp_path: Path, write: Write) -> None:
    write(
        """
        spring: {cloud: {nacos: {server-addr: n, config: {
          group: OWN,
          shared-configs: [{data-id: common.yaml, group: ALL, refresh: true}, {data-id: redis.yaml}],
          extension-configs: [{data-id: extra.yaml}]}}}}
        """
    )
    layers = load({}, config_dir=tmp_path).layers
    assert document_names(layers.nacos(), ())[:4] == [
        DocumentName("common.yaml", "ALL", refreshed=True),
        DocumentName("redis.yaml", "DEFAULT_GROUP", refreshed=False),
        DocumentName("extra.yaml", "DEFAULT_GROUP", refreshed=False),
        DocumentName("message-service", "OWN"),
    ]


@pytest.mark.parametrize("form", ["list", "text"])
def test_imports_replace_the_usual_names(tmp_path: Path, write: Write, form: str) -> None:
    entries = ["optional:nacos:a.yaml?group=G&refreshEnabled=false", "nacos:b.yaml", "optional:consul:x"]
    value = f"[{', '.join(repr(entry) for entry in entries)}]" if form == "list" else repr(",".join(entries))
    write(f"spring: {{config: {{import: {value}}}, cloud: {{nacos: {{server-addr: n}}}}}}")
    layers = load({}, config_dir=tmp_path).layers
    assert document_names(layers.nacos(), ()) == [
        DocumentName("a.yaml", "G", refreshed=False),
        DocumentName("b.yaml", "DEFAULT_GROUP"),
    ]
    assert any("not optional:consul:x" in warning for warning in loaded(tmp_path).warnings)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("nacos", "nacos:8848"),
        ("http://nacos:80/nacos", "nacos:80"),
        ("a:1, b , http://c", "a:1,b:8848,c:8848"),
    ],
)
def test_addresses(tmp_path: Path, write: Write, text: str, addresses: str) -> None:
    write(f"spring: {{cloud: {{nacos: {{server-addr: '{text}'}}}}}}")
    settings = load({}, config_dir=tmp_path).settings.nacos
    assert addresses_of(settings, settings.config) == addresses


@pytest.mark.parametrize("text", ["https://nacos:8848", "a b", "a,,b", "user:pw@host"])
def test_what_is_no_address_is_refused_without_a_quotation(tmp_path: Path, write: Write, text: str) -> None:
    write(f"spring: {{cloud: {{nacos: {{server-addr: '{text}'}}}}}}")
    with pytest.raises(SettingsError, match=r"nacos\.server-addr: must be host:8848") as caught:
        load({}, config_dir=tmp_path)
    assert text not in str(caught.value)


# -- what stops the start ------------------------------------------------------------------------------------------


WAY_OUT = "spring.cloud.nacos.discovery.enabled and spring.cloud.nacos.config.enabled to false"


def test_a_server_of_former_files_without_the_extra_is_a_warning_with_the_command_and_the_way_out(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nacos_module, "installed", lambda: False)
    write("spring.cloud.nacos.server-addr: ${NACOS_ADDR:localhost:8848}")
    result = load({}, config_dir=tmp_path, nacos=a_read(documents("app.nonsense: 1")))
    assert start_problems(result.settings, "") == ()
    assert (result.settings.nacos.registers, result.settings.nacos.reads) == (False, False)
    (warning,) = [text for text in result.warnings if "pip install 'wework-message[nacos]'" in text]
    assert WAY_OUT in warning


@pytest.mark.parametrize(
    "text",
    [
        "spring.cloud.nacos.discovery.enabled: true",
        "spring.cloud.nacos.config.enabled: true",
        "nacos.config.required: true",
        "spring.config.import: 'nacos:a.yaml'",
    ],
)
def test_who_demands_nacos_without_the_extra_does_not_start(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(nacos_module, "installed", lambda: False)
    write(f"{WITH_SERVER}{text}\n")
    (problem,) = start_problems(load({}, config_dir=tmp_path).settings, "")
    assert "pip install 'wework-message[nacos]'" in str(problem)
    assert WAY_OUT in str(problem)
    write(WITH_SERVER + "spring.cloud.nacos.discovery.enabled: false\nspring.cloud.nacos.config.enabled: false\n")
    assert start_problems(load({}, config_dir=tmp_path).settings, "") == ()


@pytest.mark.parametrize("address", ["n:64536", "n:0", "a:8848,b:99999"])
def test_a_port_without_one_of_grpc_above_it_is_refused(tmp_path: Path, write: Write, address: str) -> None:
    write(f"spring.cloud.nacos.discovery.server-addr: {address}")
    with pytest.raises(
        SettingsError, match=r"^nacos\.discovery\.server-addr: must be .* up to 64535 \(gRPC is 1000 above\)"
    ):
        load({}, config_dir=tmp_path)


def test_a_switch_without_a_server_stops_the_start(tmp_path: Path, write: Write) -> None:
    write("spring: {cloud: {nacos: {discovery: {enabled: true}}}}")
    (problem,) = start_problems(load({}, config_dir=tmp_path).settings, "")
    assert str(problem).startswith("nacos.discovery.enabled: does nothing without nacos.server-addr")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("app: {message: {nonsense: 1}}", UnknownSettingError),
        ("app: [", SettingsFileError),
        ("- a list", SettingsFileError),
        ("app: {message: {limits: {rate-limit-per-minute: many}}}", SettingsError),
        ("app: {wework: {providers: {x: {outcome-codes: {'-1': ACCEPTED}}}}}", SettingsError),
    ],
)
def test_what_is_wrong_stops_a_first_start_and_says_where(
    tmp_path: Path, write: Write, text: str, kind: type[SettingsError]
) -> None:
    write(WITH_SERVER)
    with pytest.raises(kind) as caught:
        loaded(tmp_path, text)
    assert "document-1.yaml" in str(caught.value) or "outcome-codes" in str(caught.value)


# -- the copy ------------------------------------------------------------------------------------------------------


def test_nacos_away_means_the_copy_and_a_warning(tmp_path: Path, write: Write) -> None:
    write(WITH_SERVER)
    result = load({}, config_dir=tmp_path, nacos=a_read(None, copy=documents(RATE_OF_77)))
    assert result.settings.app.message.limits.rate_limit_per_minute == 77
    assert "Nacos is away" in result.warnings
    assert "started with the copy of what Nacos said 3 hours ago" in result.warnings


def test_without_a_copy_it_starts_from_files_with_a_warning(tmp_path: Path, write: Write) -> None:
    write(WITH_SERVER)
    result = load({}, config_dir=tmp_path, nacos=a_read(None))
    assert result.settings.app.message.limits.rate_limit_per_minute == 1000
    away = "Nacos is away, and there is no copy of what it said: started from files alone; without a Nacos set "
    assert away + WAY_OUT in result.warnings


@pytest.mark.parametrize("text", ["spring.config.import: 'nacos:a.yaml'", "nacos.config.required: true"])
def test_it_does_not_where_the_start_needs_nacos(tmp_path: Path, write: Write, text: str) -> None:
    write(WITH_SERVER + text)
    with pytest.raises(SettingsError, match="the start needs it"):
        load({}, config_dir=tmp_path, nacos=a_read(None))
    copied = load({}, config_dir=tmp_path, nacos=a_read(None, copy=documents(RATE_OF_77)))
    assert copied.settings.app.message.limits.rate_limit_per_minute == 77


@pytest.mark.parametrize(
    "wrong", ["app: [", "app: {message: {nonsense: 1}}", "app: {message: {limits: {rate-limit-per-minute: 0}}}",
              "rocketmq: {topics: {intake: x}}"],
)  # fmt: skip
def test_what_is_wrong_is_refused_as_a_whole_and_the_copy_stays(tmp_path: Path, write: Write, wrong: str) -> None:
    write(WITH_SERVER)
    kept: list[object] = []
    bad = documents("app: {message: {sync: {wait-ms: 5}}}", wrong)
    result = load({}, config_dir=tmp_path, nacos=a_read(bad, copy=documents(RATE_OF_77), keep=kept.append))
    message = result.settings.app.message
    assert (message.limits.rate_limit_per_minute, message.sync.wait_ms, kept) == (77, 10_000, [])
    assert len([w for w in result.warnings if w.startswith("what Nacos says is refused (")]) == 1


def test_what_is_right_is_kept(tmp_path: Path, write: Write) -> None:
    write(WITH_SERVER)
    kept: list[object] = []
    right = documents(RATE_OF_77)
    load({}, config_dir=tmp_path, nacos=a_read(right, copy=documents("a: 1"), keep=kept.append))
    assert kept == [right]


def test_a_start_that_is_refused_anyway_is_refused_with_what_nacos_says_now(tmp_path: Path, write: Write) -> None:
    write(WITH_SERVER + "rocketmq: {topics: {intake: x}}")
    result = load({}, config_dir=tmp_path, nacos=a_read(documents(RATE_OF_77), copy=documents("b: 1")))
    assert result.settings.app.message.limits.rate_limit_per_minute == 77
    assert start_problems(result.settings, "")


# -- properties ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ("a.b=1\na.c: 2\n  d 3\n", {"a.b": "1", "a.c": "2", "d": "3"}),
        ("# x\n! y\n\nurl=http://h:1/?a=b", {"url": "http://h:1/?a=b"}),
        ("a=one \\\n   two\nb=3", {"a": "one two", "b": "3"}),
        ("a=x\\\\\nb=\\u4e2d\\t!", {"a": "x\\", "b": "中\t!"}),
        ("a\\=b=c\nempty=\nalone", {"a=b": "c", "empty": "", "alone": ""}),
        ("a=1\\", {"a": "1"}),
        ("a=1\na=2", {"a": "2"}),
        ("\ufeffa=1\r\nb=2", {"a": "1", "b": "2"}),
    ],
)
def test_properties(text: str, properties: dict[str, str]) -> None:
    assert parse_properties(text) == [properties]


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_of_properties(text: str) -> None:
    assert all(isinstance(value, str) for document in parse_properties(text) for value in document.values())


@given(
    st.dictionaries(
        st.text("abc-", min_size=1, max_size=5),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"])),
    )
)
def test_what_java_writes_is_read_back(values: dict[str, str]) -> None:
    def escaped(text: str) -> str:
        return "".join(
            f"\\u{ord(c):04x}" if 0x7E < ord(c) < 0x10000 else f"\\{c}" if c in "\\=:#!" else c for c in text
        )

    text = "\n".join(f"{key}={escaped(value)}" for key, value in values.items())
    assert parse_properties(text) == ([values] if values else [])


def test_a_list_of_documents_is_no_other_thing(tmp_path: Path, write: Write) -> None:
    write("spring: {cloud: {nacos: {config: {shared-configs: common.yaml}}}}")
    with pytest.raises(SettingsError, match="must be a list of data-id, group and refresh"):
        load({}, config_dir=tmp_path)
