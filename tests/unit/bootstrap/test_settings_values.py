import copy
import json
from pathlib import Path

import msgspec
import pytest

from wework_message.adapters.sql.core import database_kind
from wework_message.adapters.sql.mysql.kind import MysqlKind
from wework_message.adapters.sql.sqlite.kind import SqliteKind
from wework_message.bootstrap.settings import (
    Loaded,
    Secret,
    SecretUrl,
    SettingsError,
    check_document,
    check_rows,
    database_source,
    load,
    refuse_missing_backends,
    render_check,
    require_startable,
    simulated_providers,
    start_problems,
)
from wework_message.bootstrap.settings import (
    validation as start,
)
from wework_message.bootstrap.settings.environment import variable_of
from wework_message.bootstrap.settings.errors import (
    InvalidSettingError,
    MissingBackendError,
    MissingSettingError,
    StartRefusedError,
)

P = "app.wework.providers.guangzhou-guxing"
V = "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING"
NOWHERE = Path("/nonexistent-settings-folder")


def loaded(**environ: str) -> Loaded:
    return load(environ, config_dir=NOWHERE)


@pytest.mark.parametrize(
    ("variable", "text", "path", "says"),
    [
        ("SERVER_PORT", "65536", "server.port", "a whole number from 0 to 65535"),
        ("SERVER_PORT", "-1", "server.port", "a whole number from 0 to 65535"),
        ("SERVER_PORT", "80a", "server.port", "a whole number"),
        ("SERVER_PORT", "", "server.port", "a whole number"),
        ("SERVER_CONTEXT_PATH", "message", "server.context-path", "a path such as /message"),
        ("SERVER_HOST", "a b", "server.host", "without port and brackets"),
        ("DATASOURCE_AUTO_MIGRATE", "maybe", "datasource.auto-migrate", "true or false"),
        ("APP_MESSAGE_RETRY_DELAY_MS", "0", "app.message.retry.delay-ms", "from 1 to 60000"),
        ("APP_MESSAGE_SYNC_WAIT_MS", "30001", "app.message.sync.wait-ms", "from 1 to 30000"),
        ("APP_MESSAGE_UNKNOWN_ON_UNKNOWN", "IGNORE", "app.message.unknown.on-unknown", "one of FAIL, HOLD, RESEND"),
        ("APP_MESSAGE_LIMITS_MAX_BATCH_SIZE", "0", "app.message.limits.max-batch-size", "from 1 to 200"),
        (f"{V}_PRIORITY", "-1", f"{P}.priority", "from 0 to 10000"),
        (f"{V}_WEIGHT", "0", f"{P}.weight", "from 1 to 10000"),
        (f"{V}_TIMEOUT_MS", "0", f"{P}.timeout-ms", "from 1 to 600000"),
        (f"{V}_API_BASE_URL", "ftp://x", f"{P}.api-base-url", "an http or https URL"),
        (f"{V}_API_BASE_URL", "http://u:pw@x", f"{P}.api-base-url", "without credentials"),
        (f"{V}_API_BASE_URL", "http://x:port/", f"{P}.api-base-url", "an http or https URL"),
        (f"{V}_API_BASE_URL", "http://x:70000", f"{P}.api-base-url", "an http or https URL"),
        (f"{V}_API_BASE_URL", "http://[::1", f"{P}.api-base-url", "an http or https URL"),
        (f"{V}_API_BASE_URL", "http://x/?token=t", f"{P}.api-base-url", "without credentials and options"),
        (f"{V}_CODE", "lower", f"{P}.code", "A to Z"),
        (f"{V}_CODE", "A" * 33, f"{P}.code", "1 to 32"),
        (f"{V}_OUTCOME_CODES", '{"-4017": MAYBE}', f"{P}.outcome-codes", "REFUSED_BINDING"),
        (f"{V}_OUTCOME_CODES", '{"0": NOT_SENT}', f"{P}.outcome-codes", "non-zero"),
        (f"{V}_OUTCOME_CODES", "text", f"{P}.outcome-codes", "a map"),
        (f"{V}_MEDIA_FILE_TYPES", "{BIG: 2}", f"{P}.media.file-types", "IMAGE, VIDEO, VOICE, FILE or COVER"),
        (f"{V}_MEDIA_FILE_TYPES", "{IMAGE: -1}", f"{P}.media.file-types", "from 0 to 1000"),
        (f"{V}_MEDIA_ANSWER", "{file: file_id}", f"{P}.media.answer", "a map of file-id, aes-key"),
        (f"{V}_MEDIA_ANSWER", "{url: 'a..b'}", f"{P}.media.answer", "a map of file-id, aes-key"),
        (f"{V}_MEDIA_EXPIRED_CODES", "0", f"{P}.media.expired-codes", "non-zero codes"),
        (f"{V}_MASS_ANSWER", "{task: msgid}", f"{P}.mass.answer", "a map of task-id"),
        (f"{V}_MASS_STATUSES", "{1: MAYBE}", f"{P}.mass.statuses", "SENT or FAILED"),
        ("APP_OUTBOUND_ALLOW_NETWORKS", "intranet", "app.outbound.allow-networks", "networks such as 10.1.0.0/16"),
        ("LOGGING_LEVEL", "LOUD", "logging.level", "one of CRITICAL, DEBUG"),
        ("LOGGING_FORMAT", "xml", "logging.format", "one of auto, json, text"),
        ("LOGGING_FILE_MAX_SIZE", "10 apples", "logging.file.max-size", "a size such as 10MB"),
        *[
            ("LOGGING_FILE_MAX_SIZE", size, "logging.file.max-size", "of at least 100KB")
            for size in ("10", "99999B", "000001", "99KB", f"{10**12}GB")
        ],
        ("LOGGING_FILE_MAX_HISTORY", "-1", "logging.file.max-history", "from 0 to 36500"),
        ("LOGGING_FILE_TOTAL_SIZE_CAP", "-1MB", "logging.file.total-size-cap", "a size such as 10MB"),
        ("ROCKETMQ_TRANSPORT", "http", "rocketmq.transport", "one of grpc, native"),
    ],
)
def test_a_value_out_of_range_names_key_range_and_source(variable: str, text: str, path: str, says: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        loaded(**{variable: text})
    assert caught.value.path == path
    assert says in caught.value.message
    assert f"environment variable {variable}" in caught.value.message


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"SECURITY_MODE": "hunter2"}, "security.mode"),
        ({"SECURITY_ENVIRONMENT": "Hunter2"}, "security.environment"),
        ({"SECURITY_METRICS": "closed"}, "security.metrics"),
        ({"SECURITY_ALLOWED_HOSTS": "a,,b"}, "security.allowed-hosts"),
        ({"SERVER_WEBHOOK_PATH": "/hook"}, "server.webhook-path"),
        ({"SERVER_WEBHOOK_PATH": "/api/callbacks/webhook/"}, "server.webhook-path"),
        ({"SERVER_WEBHOOK_PATH": "/message/api/callbacks/webhook", "SERVER_CONTEXT_PATH": "/m"}, "server.webhook-path"),
        ({"SERVER_LIMITS_HEAD_BYTES": "100"}, "server.limits.head-bytes"),
        ({"SERVER_LIMITS_CONNECTIONS": "0"}, "server.limits.connections"),
        ({"DATASOURCE_URL": "postgresql://x:hunter2@h/d"}, "datasource.url"),
        ({"DATASOURCE_URL": "hunter2"}, "datasource.url"),
        ({"DATASOURCE_URL": "sqlite:///:memory:"}, "datasource.url"),
        ({"DATASOURCE_URL": "sqlite://"}, "datasource.url"),
        ({"REDIS_URL": "http://:hunter2@h"}, "redis.url"),
        ({f"{V}_TIMEOUT_MS": "90001"}, f"{P}.timeout-ms"),
        ({"APP_MESSAGE_UNKNOWN_HORIZON_SECONDS": "86400"}, "app.message.unknown.fail-after-hours"),
        ({f"{V}_CODE": "X", "APP_WEWORK_PROVIDERS_B_CODE": "X"}, f"{P}.code"),
    ],
)
def test_contradictions_are_refused_without_showing_the_value(environ: dict[str, str], path: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(**environ)
    assert caught.value.path == path
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["-a", "ä", "a--b", "a b"])
def test_a_provider_key_that_no_variable_could_name_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "application.yml").write_text(f'app: {{wework: {{providers: {{"{name}": {{enabled: true}}}}}}}}')
    with pytest.raises(InvalidSettingError, match="lower case with hyphens"):
        load({}, config_dir=tmp_path)


def test_without_a_provider_there_is_the_built_in_one() -> None:
    result = loaded()
    (provider,) = result.settings.app.wework.providers.values()
    assert (provider.code, provider.name, provider.priority) == ("GUANGZHOU_GUXING", "广州孤星", 1)
    assert simulated_providers(result.settings, result.profile) == ("guangzhou-guxing",)
    assert any("simulator" in warning for warning in result.warnings)


def test_the_tree_cannot_be_changed() -> None:
    settings = loaded().settings
    with pytest.raises(AttributeError):
        settings.server.port = 1  # type: ignore[misc]  # the refusal is what is tested
    with pytest.raises(TypeError):
        settings.app.wework.providers["x"] = None  # type: ignore[index]  # the same


@pytest.mark.parametrize(("count", "tries"), [("0", 1), ("1", 1), ("3", 3)])
def test_no_retry_still_means_one_try(count: str, tries: int) -> None:
    settings = loaded(**{f"{V}_RETRY_COUNT": count}).settings
    assert settings.app.wework.providers["guangzhou-guxing"].quick_tries == tries


@pytest.mark.parametrize("profile", ["", "dev"])
def test_the_embedded_profile_starts_with_nothing(profile: str) -> None:
    result = loaded(SPRING_PROFILES_ACTIVE=profile)
    require_startable(result.settings, result.profile)
    assert result.settings.datasource.url
    assert SqliteKind().path(database_source(result.settings.datasource)) == Path("var/wework-message.db")
    assert str(result.origins["datasource.url"]) == "default"
    assert result.listen_host == "127.0.0.1"


@pytest.mark.parametrize("profile", ["docker", "dev,k8s", "k8s,dev", "prod"])
def test_any_other_profile_names_what_is_missing(profile: str) -> None:
    result = loaded(SPRING_PROFILES_ACTIVE=profile)
    with pytest.raises(StartRefusedError) as caught:
        require_startable(result.settings, result.profile)
    problems = caught.value.problems
    assert [type(problem) for problem in problems] == [MissingSettingError, MissingSettingError]
    assert [problem.path for problem in problems] == [f"{P}.api-base-url", "datasource.url"]
    assert f"{V}_API_BASE_URL" in str(caught.value)
    assert "SPRING_DATASOURCE_URL" in str(caught.value)
    assert simulated_providers(result.settings, result.profile) == ()


def test_the_shipped_file_gives_a_deployment_no_silent_default() -> None:
    shipped = Path(__file__).parents[3] / "config"
    result = load({"SPRING_PROFILES_ACTIVE": "docker"}, config_dir=shipped)
    paths = [problem.path for problem in start_problems(result.settings, result.profile)]
    assert paths == [f"{P}.api-base-url", "datasource.url"]


def test_sqlite_and_the_simulator_are_fine_where_the_settings_say_so() -> None:
    result = loaded(
        SPRING_PROFILES_ACTIVE="docker", DATASOURCE_URL="sqlite:////data/w.db", **{f"{V}_API_BASE_URL": "simulator"}
    )
    require_startable(result.settings, result.profile)
    assert SqliteKind().path(database_source(result.settings.datasource)) == Path("/data/w.db")
    assert simulated_providers(result.settings, result.profile) == ("guangzhou-guxing",)


def test_a_disabled_provider_needs_no_address_and_is_not_simulated() -> None:
    environ = {f"{V}_ENABLED": "false", "DATASOURCE_URL": "sqlite:///x.db"}
    assert simulated_providers(loaded(**environ).settings, "") == ()
    result = loaded(SPRING_PROFILES_ACTIVE="docker", **environ)
    assert start_problems(result.settings, result.profile) == ()


def test_only_the_protocol_of_the_simulator_can_be_simulated() -> None:
    result = loaded(**{f"{V}_PROTOCOL": "other"})
    with pytest.raises(InvalidSettingError, match="speaks the protocol guxing"):
        require_startable(result.settings, result.profile)


def test_redis_without_its_extra_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "find_spec", lambda name: None)
    with pytest.raises(MissingBackendError, match=r"wework-message\[redis\]"):
        refuse_missing_backends(loaded(REDIS_URL="redis://h").settings)


@pytest.mark.parametrize(
    "url",
    ["redis://h", "redis://h:6380/2", "rediss://user:p%40s@h/", "redis://[::1]:6379/0", "redis://:p@h"],
)
def test_a_redis_that_can_be_asked_may_start(url: str) -> None:
    result = loaded(REDIS_URL=url)
    require_startable(result.settings, result.profile)


@pytest.mark.parametrize(
    "url", ["redis:///0", "redis://h:port/0", "redis://h/zero", "rediss://h?ssl_cert_reqs=none", "redis://a,b/0"]
)
def test_a_redis_url_that_names_no_server_or_weakens_the_link_stops_the_start(url: str) -> None:
    with pytest.raises(InvalidSettingError, match=r"^redis\.url: ") as caught:
        loaded(REDIS_URL=url)
    assert url not in str(caught.value)


@pytest.mark.parametrize("text", ["a\0b", "a\nb", "a\rb", "\x1b[31m", "\x7f", "a\ud800", "\udcff"])
@pytest.mark.parametrize("key", ["datasource.username", "datasource.password", "app.media.folder", f"{P}.name"])
def test_a_text_is_one_line_of_characters(key: str, text: str) -> None:
    with pytest.raises(InvalidSettingError, match="one line of text without control characters") as refused:
        loaded(**{variable_of(key): text})
    assert refused.value.path == key


def test_a_line_break_at_the_end_of_a_text_is_dropped_and_a_tab_is_a_character() -> None:
    """As a block of YAML has one."""
    settings = loaded(SERVER_PORT="8443\n", SERVER_HOST="127.0.0.1\r\n", DATASOURCE_PASSWORD="a\tb\n").settings
    assert (settings.server.port, settings.server.host) == (8443, "127.0.0.1")
    assert settings.datasource.password == Secret("a\tb")


@pytest.mark.parametrize("text", ['{option: "a\\0b"}', '{"a\\0": b}'])
def test_no_text_of_a_map_has_a_nul(text: str) -> None:
    with pytest.raises(InvalidSettingError, match="texts without control characters"):
        loaded(**{f"{V}_OPTIONS": text})


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("HOST", "tcp://10.0.0.1:6379"), ("HOST", "redis:6379"), ("HOST", "256.1.1.1"), ("PORT", "tcp://10.0.0.1:6379"), ("PORT", "0"), ("PORT", "70000"),
        ("PORT", "6379:1"), ("DATABASE", "x"), ("DATABASE", "-1"), ("DATABASE", "9999999"),
    ],
)  # fmt: skip
def test_a_piece_of_an_address_of_redis_is_named_with_its_variable(part: str, text: str) -> None:
    with pytest.raises(
        InvalidSettingError, match=rf"^spring\.data\.redis\.{part.lower()}: must be .* SPRING_DATA_REDIS_{part}\)$"
    ):
        loaded(**{"SPRING_DATA_REDIS_HOST": "redis", f"SPRING_DATA_REDIS_{part}": text})


def test_a_redis_may_be_at_an_ipv6_address() -> None:
    result = loaded(SPRING_DATA_REDIS_HOST="::1", SPRING_DATA_REDIS_PORT="6380", SPRING_DATA_REDIS_DATABASE="3")
    assert str(result.settings.redis.url) == "redis://[::1]:6380/3"


@pytest.mark.parametrize(
    ("environ", "path", "variable"),
    [
        ({"ROCKETMQ_ENDPOINTS": "h:8081"}, "rocketmq.endpoints", "ROCKETMQ_ENDPOINTS"),
        ({"ROCKETMQ_ACCESS_KEY": "k"}, "rocketmq.access-key", "ROCKETMQ_ACCESS_KEY"),
    ],
)
def test_a_backend_that_does_not_exist_yet_stops_the_start(environ: dict[str, str], path: str, variable: str) -> None:
    result = loaded(**environ)
    with pytest.raises(MissingBackendError, match=r"does not have yet|rocketmq\.name-server") as caught:
        refuse_missing_backends(result.settings)
    assert caught.value.path == path
    assert variable in caught.value.message
    with pytest.raises(MissingBackendError):
        require_startable(result.settings, result.profile)


@pytest.mark.parametrize("name", ["intake", "callbacks"])
def test_a_topic_without_a_name_server_stops_the_start(name: str) -> None:
    variable = f"ROCKETMQ_TOPICS_{name.upper()}"
    (problem,) = start_problems(loaded(**{variable: "t"}).settings, "")
    assert (type(problem), problem.path) == (MissingBackendError, f"rocketmq.topics.{name}")
    assert "rocketmq.name-server" in str(problem)
    assert variable in str(problem)


@pytest.mark.parametrize(
    ("environ", "paths"),
    [
        ({"ROCKETMQ_TOPICS_INTAKE": "a", "ROCKETMQ_TOPICS_CALLBACKS": "b"}, []),
        ({"ROCKETMQ_TOPICS_INTAKE": "a", "ROCKETMQ_TOPICS_CALLBACKS": "a"}, ["intake", "callbacks"]),
        ({"ROCKETMQ_TOPICS_INTAKE": "wework-message-due"}, ["intake"]),
        ({"ROCKETMQ_TOPICS_INTAKE": "a", "APP_MESSAGE_ASYNC_ENABLED": "false"}, ["intake"]),
        ({"ROCKETMQ_TOPICS_CALLBACKS": "a", "APP_MESSAGE_ASYNC_ENABLED": "false"}, []),
    ],
)
def test_topics_differ_and_intake_needs_async_sending(environ: dict[str, str], paths: list[str]) -> None:
    problems = start_problems(loaded(ROCKETMQ_NAME_SERVER="h:9876", **environ).settings, "")
    keys = [
        problem.path.removeprefix("rocketmq.topics.")
        for problem in problems
        if problem.path.startswith("rocketmq.topics.")
    ]
    assert keys == paths


@pytest.mark.parametrize(
    ("environ", "paths"),
    [
        ({"ROCKETMQ_TOPICS_CALLBACKS": "message-callback"}, ["topics.callbacks"]),
        ({"ROCKETMQ_TOPICS_CALLBACKS": "async-message-send"}, ["topics.callbacks"]),
        ({"ROCKETMQ_TOPICS_DUE": "async-message-send"}, ["topics.due"]),
        ({"ROCKETMQ_TOPICS_INTAKE": "message-callback"}, ["topics.intake"]),
        ({"ROCKETMQ_TOPICS_INTAKE": "async-message-send"}, []),
        ({"ROCKETMQ_TOPICS_INTAKE": "a", "ROCKETMQ_INTAKE_GROUP": "message-service-consumer"}, []),
        ({"ROCKETMQ_TOPICS_INTAKE": "a", "ROCKETMQ_INTAKE_GROUP": "wework-message-dispatch-urgent"}, ["intake.group"]),
        ({"ROCKETMQ_TOPICS_INTAKE": "a", "ROCKETMQ_INTAKE_GROUP": "a.b"}, ["intake.group"]),
    ],
)
def test_topics_of_the_java_service_are_refused_where_their_messages_would_be_lost(
    environ: dict[str, str], paths: list[str]
) -> None:
    problems = start_problems(loaded(ROCKETMQ_NAME_SERVER="h:9876", **environ).settings, "")
    assert [problem.path for problem in problems] == [f"rocketmq.{path}" for path in paths]


def test_mysql_is_taken_where_its_driver_is_and_named_by_its_extra_where_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = loaded(DATASOURCE_URL="mysql://u:p@h/d")
    assert start_problems(result.settings, "") == ()
    monkeypatch.setattr(database_kind, "find_spec", lambda _: None)
    (problem,) = start_problems(result.settings, "")
    assert isinstance(problem, MissingBackendError)
    assert "wework-message[mysql]" in problem.message


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mysql://u:p@h/d", ("h", 3306, "d", "u", "p")),
        ("mysql://u:p%40%2F@h:3307/d?x=y", ("h", 3307, "d", "u", "p@/")),
        ("mysql://u:p@ss@[::1]:3307/d", ("::1", 3307, "d", "u", "p@ss")),
        ("mysql://h/d", ("h", 3306, "d", "own", "secret")),
        ("jdbc:mariadb://h:1/d", ("h", 1, "d", "own", "secret")),
    ],
)
def test_where_a_mysql_database_is(url: str, expected: tuple[object, ...]) -> None:
    result = loaded(DATASOURCE_URL=url, DATASOURCE_USERNAME="own", DATASOURCE_PASSWORD="secret")
    target = MysqlKind().target(database_source(result.settings.datasource))
    assert (target.host, target.port, target.database, target.username, target.password) == expected


@pytest.mark.parametrize(
    "url", ["mysql://h", "mysql://h/", "mysql:///d", "mysql://h:0/d", "mysql://h:99999/d", "mysql://a,b/d"]
)
def test_a_mysql_url_names_one_host_and_one_database(url: str) -> None:
    with pytest.raises(InvalidSettingError, match=r"datasource\.url: must be mysql://host:port/database"):
        loaded(DATASOURCE_URL=url, DATASOURCE_USERNAME="u", DATASOURCE_PASSWORD="p")


def test_the_producer_keys_of_java_ask_for_no_backend() -> None:
    refuse_missing_backends(loaded(ROCKETMQ_PRODUCER_GROUP="g", ROCKETMQ_PRODUCER_SEND_MESSAGE_TIMEOUT="1").settings)


def test_mysql_needs_a_user_and_a_password() -> None:
    bare = loaded(SPRING_DATASOURCE_URL="jdbc:mysql://h:3306/d")
    missing = [problem for problem in start_problems(bare.settings, "") if isinstance(problem, MissingSettingError)]
    assert [problem.variable for problem in missing] == [
        "DATASOURCE_USERNAME or SPRING_DATASOURCE_USERNAME",
        "DATASOURCE_PASSWORD or SPRING_DATASOURCE_PASSWORD",
    ]
    result = loaded(SPRING_DATASOURCE_URL="jdbc:mysql://h/d", SPRING_DATASOURCE_USERNAME="u", DATASOURCE_PASSWORD="p")
    assert not any(isinstance(problem, MissingSettingError) for problem in start_problems(result.settings, ""))


@pytest.mark.parametrize(
    ("environ", "host", "warned"),
    [
        ({}, "127.0.0.1", False),
        ({"SPRING_PROFILES_ACTIVE": "dev"}, "127.0.0.1", False),
        ({"SPRING_PROFILES_ACTIVE": "docker"}, "0.0.0.0", True),  # noqa: S104 - D-38
        ({"SPRING_PROFILES_ACTIVE": "docker", "SERVER_HOST": "127.0.0.1"}, "127.0.0.1", False),
        ({"SERVER_HOST": "::"}, "::", True),
    ],
)
def test_the_service_listens_to_this_machine_by_default(environ: dict[str, str], host: str, warned: bool) -> None:
    result = loaded(**environ)
    assert result.listen_host == host
    assert any("whoever reaches it" in warning for warning in result.warnings) is warned


SECRETS = {
    "DATASOURCE_URL": "mysql://user:hunter2@h:3306/d?sslPassword=hunter2&x=y",
    "DATASOURCE_PASSWORD": "hunter2",
    "REDIS_URL": "redis://:hunter2@h:6379/0",
    "ROCKETMQ_ACCESS_KEY": "hunter2",
    "ROCKETMQ_SECRET_KEY": "hunter2",
}


def test_no_secret_is_ever_shown() -> None:
    result = loaded(**SECRETS)
    document = json.dumps(check_document(result))
    for text in (repr(result), str(result.settings), f"{result.settings.redis.url:}", render_check(result), document):
        assert "hunter2" not in text
    assert "mysql://user:***@h:3306/d" in render_check(result)
    with pytest.raises(TypeError):
        msgspec.json.encode(result.settings)


def test_a_secret_that_is_no_text_is_refused_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / "application.yml").write_text("datasource: {password: [hunter2]}")
    with pytest.raises(InvalidSettingError, match=r"datasource\.password: must be a text") as caught:
        load({}, config_dir=tmp_path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h:6379/0", "redis://h:6379/0"),
        ("redis://token@h", "redis://***@h"),
        ("redis://:p@h", "redis://:***@h"),
        ("mysql://u:p@ss/w@h/d", "mysql://u:***@h/d"),
        ("jdbc:mysql://h/d?user=u&password=p", "jdbc:mysql://h/d?user=u&password=***"),
        ("no url at all", "***"),
    ],
)
def test_a_url_shows_without_its_password(url: str, shown: str) -> None:
    assert (str(SecretUrl(url)), repr(SecretUrl(url))) == (shown, shown)


def test_secrets_are_values() -> None:
    secret = Secret("a")
    assert secret == Secret("a") != Secret("b")
    assert secret != SecretUrl("a")
    assert len({secret, Secret("a"), SecretUrl("a")}) == 2
    assert copy.deepcopy(secret) is copy.copy(secret) is secret
    assert f"{secret} {secret!r} {secret!s}" == "*** *** ***"


def test_check_shows_every_key_with_value_origin_and_effect() -> None:
    result = loaded(APP_MESSAGE_ASYNC_CORE_POOL_SIZE="4", **{f"{V}_OUTCOME_CODES": "{-4017: REFUSED_BINDING}"})
    rows = {row.key: row for row in check_rows(result)}
    assert rows.keys() == result.origins.keys()
    core = rows["app.message.async.core-pool-size"]
    assert (core.value, core.origin, core.effect) == (
        4,
        "environment variable APP_MESSAGE_ASYNC_CORE_POOL_SIZE",
        "accepted, no effect",
    )
    assert rows[f"{P}.outcome-codes"].value == {"-4017": "REFUSED_BINDING"}
    assert rows[f"{P}.outcome-codes"].variable == f"{V}_OUTCOME_CODES"
    assert rows["rocketmq.producer.group"].effect == "native transport only"


def test_check_gives_a_document_and_a_text() -> None:
    result = loaded(SPRING_PROFILES_ACTIVE="docker")
    document = json.loads(json.dumps(check_document(result)))
    assert document["settings"]["app"]["message"]["async"]["max-pool-size"] == 50
    assert document["settings"]["app"]["wework"]["providers"]["guangzhou-guxing"]["name"] == "广州孤星"
    assert document["origins"]["server.port"] == "default"
    assert (document["profile"], document["listen"]) == ("docker", "0.0.0.0:8082")
    assert len(document["problems"]) == 2
    text = render_check(result)
    assert "profile: docker" in text
    assert "stops the start: datasource.url: profile docker has no default for it" in text
    assert "warning: security.mode is open" in text


def test_every_effect_belongs_to_a_key() -> None:
    document = check_document(loaded())
    effects = document["effects"]
    assert isinstance(effects, dict)
    assert "app.message.async.core-pool-size" in effects
    assert len(effects) == 9


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, 0),
        ({"SPRING_PROFILES_ACTIVE": "docker"}, 0),
        ({"SPRING_PROFILES_ACTIVE": "k8s"}, 10),
        ({"SPRING_PROFILES_ACTIVE": "prod,k8s"}, 10),
        ({"SPRING_PROFILES_ACTIVE": "k8s", "SERVER_DRAIN_DELAY_SECONDS": "0"}, 0),
        ({"SERVER_DRAIN_DELAY_SECONDS": "15"}, 15),
        ({"NACOS_SERVER_ADDR": "n"}, 2),  # it tells its clients half a second later
        ({"NACOS_SERVER_ADDR": "n", "NACOS_DISCOVERY_ENABLED": "false"}, 0),
        ({"NACOS_SERVER_ADDR": "n", "SPRING_PROFILES_ACTIVE": "k8s"}, 10),
    ],
)
def test_requests_are_taken_after_sigterm_where_kubernetes_tells_its_balancers_late(
    tmp_path: Path, environ: dict[str, str], seconds: int
) -> None:
    assert load(environ, config_dir=tmp_path).drain_delay_s == seconds


@pytest.mark.parametrize("value", ["16", "-1", "ten"])
def test_a_delay_leaves_calls_and_requests_their_time(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match="drain-delay-seconds"):
        load({"SERVER_DRAIN_DELAY_SECONDS": value}, config_dir=tmp_path)
