from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from wework_message.adapters.observability.old_logs import Rotation
from wework_message.bootstrap.settings import (
    Loaded,
    OriginKind,
    ProviderUrl,
    Secret,
    Settings,
    SettingsError,
    load,
    start_problems,
)
from wework_message.bootstrap.settings.environment import provider_key, variable_of
from wework_message.bootstrap.settings.errors import SettingsFileError, UnknownSettingError
from wework_message.bootstrap.settings.logs import rotation_of
from wework_message.bootstrap.settings.model import AppSettings
from wework_message.bootstrap.settings.schema import known_leaves

ROOT = Path(__file__).parents[3]
SEED = ROOT / "tests/golden/seed-application.yml"
GUXING = "app.wework.providers.guangzhou-guxing"

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(name: str, text: str) -> None:
        (tmp_path / name).write_text(text, encoding="utf-8")

    return put


def loaded(folder: Path, **environ: str) -> Loaded:
    return load(environ, config_dir=folder)


def revealed(secret: Secret | None) -> str | None:
    return secret.reveal() if secret else None


def value(settings: Settings, path: str) -> object:
    current: object = settings
    for name in path.split("."):
        current = getattr(current, name)
    return current


def test_the_shipped_file_says_the_defaults(tmp_path: Path) -> None:
    shipped, plain = load({}, config_dir=ROOT / "config"), loaded(tmp_path)
    assert shipped.settings == plain.settings
    assert shipped.origins.keys() == plain.origins.keys()


def test_the_shipped_file_names_every_setting() -> None:
    origins = load({}, config_dir=ROOT / "config").origins
    assert [key for key, origin in origins.items() if origin.kind is not OriginKind.FILE] == ["datasource.url"]


def test_the_seed_block_loads_as_it_is() -> None:
    result = load({}, config_file=SEED)
    provider = result.settings.app.wework.providers["guangzhou-guxing"]
    assert (str(provider.api_base_url), provider.code, provider.name, provider.timeout_ms, provider.retry_count) == (
        "http://api.wework-provider.com",
        "GUANGZHOU_GUXING",
        "广州孤星",
        30_000,
        3,
    )
    assert result.settings.app.message.async_.max_pool_size == 50
    assert result.settings.rocketmq.name_server == "localhost:9876"
    proxy, clear = result.warnings
    assert "localhost:8081" in proxy
    assert clear.endswith(": app.wework.providers.guangzhou-guxing.api-base-url")
    assert [problem.path for problem in start_problems(result.settings, result.profile)] == []


def test_stronger_sources_win_and_say_so(tmp_path: Path, write: Write) -> None:
    write("application.yml", "server: {port: 1, context-path: /file}\napp: {message: {retry: {delay-ms: 1}}}")
    write("application-docker.yml", "server: {port: 2}\napp: {message: {retry: {delay-ms: 2}}}")
    result = loaded(tmp_path, SPRING_PROFILES_ACTIVE="docker", SERVER_PORT="3")
    assert (result.settings.server.port, result.settings.app.message.retry.delay_ms) == (3, 2)
    assert result.settings.server.context_path == "/file"
    assert {
        key: str(result.origins[key])
        for key in result.origins
        if key.startswith(("server.host", "server.port", "server.context-path", "app.message.retry"))
    } == {
        "server.host": "default",
        "server.port": "environment variable SERVER_PORT",
        "server.context-path": f"file {tmp_path / 'application.yml'}",
        "app.message.retry.max-attempts": "default",
        "app.message.retry.delay-ms": f"profile file {tmp_path / 'application-docker.yml'}",
    }
    assert result.files == (str(tmp_path / "application.yml"), str(tmp_path / "application-docker.yml"))


def test_several_profiles_apply_in_order(tmp_path: Path, write: Write) -> None:
    write("application-a.yml", "server: {port: 1, context-path: /a}")
    write("application-b.yml", "server: {port: 2}")
    result = loaded(tmp_path, SPRING_PROFILES_ACTIVE="a, b,a")
    assert (result.settings.server.port, result.settings.server.context_path, result.profile) == (2, "/a", "a,b")


def test_a_profile_of_the_file_counts_until_the_environment_names_one(tmp_path: Path, write: Write) -> None:
    write("application.yml", "spring: {profiles: {active: prod}}")
    assert loaded(tmp_path).profile == "prod"
    assert loaded(tmp_path, SPRING_PROFILES_ACTIVE="dev").profile == "dev"


def test_a_profile_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SPRING_PROFILES_ACTIVE"):
        loaded(tmp_path, SPRING_PROFILES_ACTIVE="x/../../etc")


def test_without_a_folder_config_comes_before_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    monkeypatch.chdir(tmp_path)
    write("application.yml", "server: {port: 1}")
    assert load({}).settings.server.port == 1
    (tmp_path / "config").mkdir()
    write("config/application.yml", "server: {port: 2}")
    assert load({}).settings.server.port == 2


def test_the_profile_file_is_looked_up_in_the_folder_of_the_given_file(tmp_path: Path, write: Write) -> None:
    write("mine.yml", "server: {port: 1}")
    write("application-x.yml", "server: {context-path: /x}")
    settings = load({"SPRING_PROFILES_ACTIVE": "x"}, config_file=tmp_path / "mine.yml").settings
    assert (settings.server.port, settings.server.context_path) == (1, "/x")


def test_a_given_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsFileError, match=r"mine\.yml"):
        load({}, config_file=tmp_path / "mine.yml")


def test_two_spellings_of_one_file_are_refused(tmp_path: Path, write: Write) -> None:
    write("application.yml", "")
    write("application.yaml", "")
    with pytest.raises(SettingsFileError, match="keep one"):
        loaded(tmp_path)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("server:\n  port: 1\n  port: 2\n", 3, "port stands twice"),
        ("server:\n  port: 1\nserver:\n  host: a\n", 3, "server stands twice"),
        ("server:\n  port: 1\nserver.port: 2\n", None, r"server\.port stands twice"),
        ("server:\n\tport: 1\n", 2, "cannot start any token"),
        ("server: [1\n", 2, "expected"),
        ("- a\n", 1, "map of settings"),
        ("null: 1\n", 1, "must be a text"),
        ("server: \0\n", None, "cannot be read as YAML"),
        ("server: &a {b: *a}\n", None, "refers to itself"),
        ("server: !!python/object:os.system {}\n", 1, "could not determine a constructor"),
    ],
)
def test_bad_yaml_names_file_and_line(tmp_path: Path, write: Write, text: str, line: int | None, says: str) -> None:
    write("application.yml", text)
    with pytest.raises(SettingsFileError, match=says) as caught:
        loaded(tmp_path)
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "application.yml"), line)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "application.yml").write_bytes(b"server: {host: \xff}")
    with pytest.raises(SettingsFileError, match="UTF-8"):
        loaded(tmp_path)


@pytest.mark.parametrize(
    ("text", "path", "nearest"),
    [
        ("server: {prot: 1}", "server.prot", "server.port"),
        (
            "app: {message: {retry: {max-attempt: 1}}}",
            "app.message.retry.max-attempt",
            "app.message.retry.max-attempts",
        ),
        (
            "app: {wework: {providers: {backup-provider-a: {api-base-ulr: x}}}}",
            "app.wework.providers.backup-provider-a.api-base-ulr",
            "app.wework.providers.backup-provider-a.api-base-url",
        ),
        ("datasorce: {url: x}", "datasorce.url", "datasource.url"),
        ("message: {retry: {delay-ms: 1}}", "message.retry.delay-ms", "app.message.retry.delay-ms"),
        ("server: {port: {a: 1}}", "server.port.a", "server.port"),
        ("rocketmq.name-servers: x", "rocketmq.name-servers", "rocketmq.name-server"),
        ("app: {}\nserver: {quite-another-thing-altogether: 1}", "server.quite-another-thing-altogether", None),
    ],
)
def test_an_unknown_key_stops_with_the_nearest_one(
    tmp_path: Path, write: Write, text: str, path: str, nearest: str | None
) -> None:
    write("application.yml", text)
    with pytest.raises(UnknownSettingError) as caught:
        loaded(tmp_path)
    assert (caught.value.path, caught.value.nearest) == (path, nearest)
    assert str(tmp_path / "application.yml") in str(caught.value)


def test_a_value_where_a_section_belongs_is_refused(tmp_path: Path, write: Write) -> None:
    write("application.yml", "server: 8082")
    with pytest.raises(SettingsError, match="server: is a section"):
        loaded(tmp_path)


def test_an_empty_section_changes_nothing(tmp_path: Path, write: Write) -> None:
    write("application.yml", "server:\nredis: {}\napp:\n  message:\n")
    assert loaded(tmp_path).settings == loaded(tmp_path / "none").settings
    write("application.yml", "# nothing")
    assert loaded(tmp_path).settings == loaded(tmp_path / "none").settings


def test_spring_only_sections_are_ignored_with_one_warning(tmp_path: Path, write: Write) -> None:
    write(
        "application.yml",
        """
        spring:
          application: {name: message-service}
          cloud: {consul: {host: "${NOBODY_SET_THIS}"}}
          datasource: {hikari: {maximum-pool-size: 5}}
        management: {endpoints: {web: {exposure: {include: "*"}}}}
        eureka: {client: {enabled: false}}
        redisson: {threads: 4}
        server: {shutdown: graceful, tomcat: {threads: {max: 10}}}
        logging: {level: {root: warn, com.wework: debug}}
        """,
    )
    write("application-dev.yml", "management: {port: 1}\nmybatis-plus: {a: 1}")
    result = loaded(tmp_path, SPRING_PROFILES_ACTIVE="dev")
    ignored = [warning for warning in result.warnings if warning.startswith("ignored")]
    assert len(ignored) == 1
    assert ignored[0].partition(": ")[2].split(", ") == [
        "eureka",
        "logging.level",
        "management",
        "management.endpoints",
        "mybatis-plus",
        "redisson",
        "server.shutdown",
        "server.tomcat",
        "spring.cloud",
        "spring.datasource.hikari",
    ]
    assert result.settings.logging.level == "WARNING"


def test_spring_keys_of_a_file_are_honoured(tmp_path: Path, write: Write) -> None:
    write(
        "application.yml",
        """
        spring:
          datasource: {url: "jdbc:mysql://db:3306/w?useSSL=false&serverTimezone=UTC", username: u, password: 0123}
          data: {redis: {host: cache, port: 6380, password: "p@s:s", database: 2}}
        server: {servlet: {context-path: /m/}, port: 9}
        logging: {file: {name: x.log}, level: debug}
        """,
    )
    result = loaded(tmp_path)
    source, redis = result.settings.datasource, result.settings.redis.url
    assert revealed(source.url) == "mysql://db:3306/w"
    assert (source.username, revealed(source.password)) == ("u", "0123")
    assert revealed(redis) == "redis://:p%40s%3As@cache:6380/2"
    assert (result.settings.server.context_path, result.settings.server.port) == ("/m", 9)
    assert (result.settings.logging.file.name, result.settings.logging.level) == ("x.log", "DEBUG")
    assert any("useSSL, serverTimezone" in warning for warning in result.warnings)


def test_springs_rolling_policy_is_honoured_and_what_has_no_meaning_is_named(tmp_path: Path, write: Write) -> None:
    write(
        "application.yml",
        """
        logging:
          structured: {format: {console: ecs, file: ecs}}
          logback:
            rollingpolicy: {max-file-size: 1MB, max-history: 3, total-size-cap: 20MB, file-name-pattern: "x.%i.gz"}
        """,
    )
    result = loaded(tmp_path)
    assert rotation_of(result.settings.logging.file) == Rotation(1024**2, 3, 20 * 1024**2)
    assert result.settings.logging.format == "json"
    (ignored,) = [warning for warning in result.warnings if warning.startswith("ignored")]
    assert ignored.endswith(": logging.logback, logging.structured")


@pytest.mark.parametrize(
    ("size", "count"), [("1", 1), ("7B", 7), ("2kb", 2048), ("3 MB", 3 * 1024**2), ("1GB", 1024**3), ("1TB", 1024**4)]
)
def test_sizes_have_springs_units(tmp_path: Path, size: str, count: int) -> None:
    rotation = rotation_of(loaded(tmp_path, LOGGING_FILE_TOTAL_SIZE_CAP=size).settings.logging.file)
    assert rotation == Rotation(10 * 1024**2, 7, count)


@pytest.mark.parametrize(
    ("size", "count"),
    [("100000", 100_000), ("10485760B", 10 * 1024**2), ("100kb", 102_400), ("1 MB", 1024**2), ("030GB", 30 * 1024**3)],
)
def test_a_file_has_a_size(tmp_path: Path, size: str, count: int) -> None:
    rotation = rotation_of(loaded(tmp_path, LOGGING_FILE_MAX_SIZE=size).settings.logging.file)
    assert rotation == Rotation(count, 7, 1024**3)


@pytest.mark.parametrize("size", ["0", "0MB"])
def test_no_size_means_that_somebody_else_rotates(tmp_path: Path, size: str) -> None:
    assert rotation_of(loaded(tmp_path, LOGGING_FILE_MAX_SIZE=size).settings.logging.file) is None


def test_the_defaults_of_the_settings_are_those_of_the_rotation(tmp_path: Path) -> None:
    assert rotation_of(loaded(tmp_path).settings.logging.file) == Rotation()


@pytest.mark.parametrize(
    ("own", "wins"),
    [("sqlite:///own.db", "sqlite:///own.db"), ("null", "sqlite:///spring.db")],
)
def test_an_own_key_wins_over_spring_in_one_file_unless_it_is_null(
    tmp_path: Path, write: Write, own: str, wins: str
) -> None:
    write("application.yml", f"datasource: {{url: {own}}}\nspring: {{datasource: {{url: 'sqlite:///spring.db'}}}}")
    url = loaded(tmp_path).settings.datasource.url
    assert revealed(url) == wins


def test_spring_in_a_stronger_source_wins_over_an_own_key(tmp_path: Path, write: Write) -> None:
    write("application.yml", "datasource: {url: 'sqlite:///own.db'}\nredis: {url: 'redis://own'}")
    result = loaded(tmp_path, SPRING_DATASOURCE_URL="sqlite:///spring.db", SPRING_DATA_REDIS_HOST="spring")
    url, redis = result.settings.datasource.url, result.settings.redis.url
    assert revealed(url) == "sqlite:///spring.db"
    assert revealed(redis) == "redis://spring:6379/0"
    assert str(result.origins["redis.url"]) == "environment variable SPRING_DATA_REDIS_HOST"


def test_an_empty_variable_leaves_its_setting_to_springs(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        DATASOURCE_URL="",
        SPRING_DATASOURCE_URL="sqlite:///spring.db",
        REDIS_URL="",
        SPRING_DATA_REDIS_HOST="spring",
        SERVER_CONTEXT_PATH="",
        SERVER_SERVLET_CONTEXT_PATH="/spring",
    ).settings
    assert revealed(settings.datasource.url) == "sqlite:///spring.db"
    assert revealed(settings.redis.url) == "redis://spring:6379/0"
    assert settings.server.context_path == ""


def test_own_variables_win_over_spring_variables(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        DATASOURCE_URL="sqlite:///own.db",
        SPRING_DATASOURCE_URL="sqlite:///spring.db",
        REDIS_URL="redis://own",
        SPRING_DATA_REDIS_HOST="spring",
    ).settings
    assert revealed(settings.datasource.url) == "sqlite:///own.db"
    assert revealed(settings.redis.url) == "redis://own"


def test_a_redis_address_is_put_together_across_sources(tmp_path: Path, write: Write) -> None:
    write("application.yml", "spring: {data: {redis: {host: cache}}}")
    redis = loaded(tmp_path, SPRING_DATA_REDIS_PASSWORD="pw", SPRING_DATA_REDIS_PORT="1").settings.redis.url
    assert revealed(redis) == "redis://:pw@cache:1/0"


def test_a_redis_password_without_a_host_is_not_ignored_silently(tmp_path: Path) -> None:
    result = loaded(tmp_path, SPRING_DATA_REDIS_PASSWORD="hunter2")
    assert result.settings.redis.url is None
    assert any("spring.data.redis.password" in warning and "hunter2" not in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("variable", "text", "path", "expected"),
    [
        ("SERVER_PORT", "0", "server.port", 0),
        ("SERVER_HOST", "10.0.0.1", "server.host", "10.0.0.1"),
        ("SERVER_CONTEXT_PATH", "", "server.context_path", ""),
        ("SERVER_CONTEXT_PATH", "/", "server.context_path", ""),
        ("SERVER_SERVLET_CONTEXT_PATH", "/x", "server.context_path", "/x"),
        ("DATASOURCE_AUTO_MIGRATE", "false", "datasource.auto_migrate", False),
        ("DATASOURCE_AUTO_MIGRATE", "OFF", "datasource.auto_migrate", False),
        ("ROCKETMQ_NAME_SERVER", "a:9876", "rocketmq.name_server", "a:9876"),
        ("ROCKETMQ_NAME_SERVER", "", "rocketmq.name_server", None),
        ("ROCKETMQ_PRODUCER_RETRY_TIMES_WHEN_SEND_FAILED", "5", "rocketmq.producer.retry_times_when_send_failed", 5),
        ("APP_MESSAGE_ASYNC_MAX_POOL_SIZE", "7", "app.message.async_.max_pool_size", 7),
        ("APP_MESSAGE_ASYNC_ENABLED", "no", "app.message.async_.enabled", False),
        ("APP_MESSAGE_UNKNOWN_ON_UNKNOWN", "FAIL", "app.message.unknown.on_unknown", "FAIL"),
        ("APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE", "5", "app.message.limits.rate_limit_per_minute", 5),
        ("LOGGING_FILE_NAME", "", "logging.file.name", None),
        ("LOGGING_LEVEL", "warn", "logging.level", "WARNING"),
        ("LOGGING_LEVEL_ROOT", "error", "logging.level", "ERROR"),
        ("LOGGING_FORMAT", "TEXT", "logging.format", "text"),
        ("LOGGING_STRUCTURED_FORMAT_CONSOLE", "logstash", "logging.format", "json"),
        ("LOGGING_LOGBACK_ROLLINGPOLICY_MAX_FILE_SIZE", "5MB", "logging.file.max_size", "5MB"),
        ("LOGGING_LOGBACK_ROLLINGPOLICY_MAX_HISTORY", "30", "logging.file.max_history", 30),
        ("LOGGING_LOGBACK_ROLLINGPOLICY_TOTAL_SIZE_CAP", "2GB", "logging.file.total_size_cap", "2GB"),
    ],
)
def test_a_variable_sets_its_key(tmp_path: Path, variable: str, text: str, path: str, expected: object) -> None:
    assert value(loaded(tmp_path, **{variable: text}).settings, path) == expected


def test_no_two_keys_share_a_variable() -> None:
    keys = known_leaves(["guangzhou-guxing", "backup-provider-a"])
    assert len({variable_of(key) for key in keys}) == len(keys)


def test_a_variable_reaches_a_provider_of_the_file(tmp_path: Path, write: Write) -> None:
    write("application.yml", "app: {wework: {providers: {first: , guangzhou-guxing: {priority: 2}}}}")
    result = loaded(
        tmp_path,
        APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL="http://p.example/api",
        APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_OUTCOME_CODES='{"-4017": REFUSED_BINDING, -3: UNCERTAIN}',
    )
    providers = result.settings.app.wework.providers
    assert list(providers) == ["first", "guangzhou-guxing"]
    guxing = providers["guangzhou-guxing"]
    assert (guxing.api_base_url, guxing.priority) == (ProviderUrl("http://p.example/api"), 2)
    assert dict(guxing.outcome_codes) == {"-4017": "REFUSED_BINDING", "-3": "UNCERTAIN"}
    assert result.origins[f"{GUXING}.api-base-url"].kind is OriginKind.ENVIRONMENT


def test_a_provider_may_exist_in_the_environment_only(tmp_path: Path) -> None:
    providers = loaded(
        tmp_path, APP_WEWORK_PROVIDERS_BACKUP_PROVIDER_A_API_BASE_URL="https://a.example"
    ).settings.app.wework.providers
    assert list(providers) == ["backup-provider-a"]
    assert (providers["backup-provider-a"].code, providers["backup-provider-a"].name) == ("BACKUP_PROVIDER_A",) * 2


@pytest.mark.parametrize(
    ("variable", "configured", "key"),
    [
        ("APP_WEWORK_PROVIDERS_X_URL", ["other"], "x.url"),
        ("APP_WEWORK_PROVIDERS_X_BASE_URL", ["other"], "x.base-url"),
        ("APP_WEWORK_PROVIDERS_X_BASE_URL", ["x"], "x.base-url"),
        ("APP_WEWORK_PROVIDERS_X_BASE_URL", ["x-base"], "x-base.url"),
        ("APP_WEWORK_PROVIDERS_X_BASE_URL", ["x", "x-base"], "x-base.url"),
        ("APP_WEWORK_PROVIDERS_BASE_URL", [], "base.url"),
        ("APP_WEWORK_PROVIDERS_URL", [], None),
        ("APP_WEWORK_PROVIDERS_X__URL", [], None),
        ("APP_WEWORK_X_URL", [], None),
    ],
)
def test_an_ambiguous_provider_variable_goes_to_the_longest_known_name(
    variable: str, configured: list[str], key: str | None
) -> None:
    expected = f"app.wework.providers.{key}" if key else None
    assert provider_key(variable, configured, ["url", "base-url"]) == expected
    assert provider_key(variable, configured, ["base-url", "url"]) == expected


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("APP_MESSAGE_RETRY_MAX_ATEMPTS", "APP_MESSAGE_RETRY_MAX_ATTEMPTS"),
        (
            "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_ULR",
            "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL",
        ),
        ("APP_WEWORK_PROVIDERS_BACKUP_A_TIMEOUT", "APP_WEWORK_PROVIDERS_BACKUP_A_TIMEOUT_MS"),
        ("APP_CALLBACKS_REQUIRE_TOKN", "APP_CALLBACKS_REQUIRE_TOKEN"),
        ("APP_CALLBACK_REQUIRE_TOKEN", "APP_CALLBACKS_REQUIRE_TOKEN"),
        ("APP_OUTBOUND_ALLOW_NETWORK", "APP_OUTBOUND_ALLOW_NETWORKS"),
        ("APP_SPOOL_DIRECTOY", "APP_SPOOL_DIRECTORY"),
    ],
)
def test_an_unknown_variable_of_ours_stops_with_the_nearest_one(tmp_path: Path, variable: str, nearest: str) -> None:
    with pytest.raises(UnknownSettingError) as caught:
        loaded(tmp_path, **{variable: "secret-value", "APP_WEWORK_PROVIDERS_BACKUP_A_ENABLED": "true"})
    assert (caught.value.path, caught.value.nearest) == (variable, nearest)
    assert "secret-value" not in str(caught.value)


@pytest.mark.parametrize("key", [key for key in known_leaves(()) if key.startswith("app.")])
def test_no_section_of_ours_ignores_a_misspelt_variable(tmp_path: Path, key: str) -> None:
    misspelt = f"{variable_of(key)}X"
    with pytest.raises(UnknownSettingError, match=misspelt):
        loaded(tmp_path, **{misspelt: "secret-value"})


def test_the_page_of_settings_names_every_section_whose_misspelt_variables_stop_the_start() -> None:
    page = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
    rule = page[page.index("An unknown key of ours") : page.index("Keys and variables that only Java services have")]
    for field in msgspec.structs.fields(AppSettings):
        assert f"`{variable_of(f'app.{field.encode_name}')}_`" in rule


def test_other_variables_are_ignored(tmp_path: Path) -> None:
    result = loaded(
        tmp_path,
        ROCKETMQ_HOME="/opt",
        SERVER_SOFTWARE="x",
        PATH="/bin",
        APP_HOME="/",
        APP_CALLBACKS="x",
        APP_LOG_DIR="x",
    )
    assert result == loaded(tmp_path)


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        ("${NAME}", {"NAME": "/a"}, "/a"),
        ("${NAME:/b}", {}, "/b"),
        ("${NAME:/b}", {"NAME": "/a"}, "/a"),
        ("/x${NAME:}/y${OTHER:/z}", {"OTHER": "w"}, "/x/yw"),
        ("${NAME:${OTHER:/deep}}", {}, "/deep"),
        ("${NAME:${OTHER}}", {"NAME": "/a"}, "/a"),
        ("${NAME:/b}", {"NAME": "/a${OTHER}"}, None),
    ],
)
def test_placeholders(tmp_path: Path, write: Write, text: str, environ: dict[str, str], expected: str | None) -> None:
    write("application.yml", f'server: {{context-path: "{text}"}}')
    if expected is None:  # what a variable holds is literal, and no path has a $ here
        with pytest.raises(SettingsError, match=r"server\.context-path: must be a path"):
            loaded(tmp_path, **environ)
    else:
        assert loaded(tmp_path, **environ).settings.server.context_path == expected


@pytest.mark.parametrize("text", ["${NAME}", "${NAME", "${NAME:${OTHER}"])
def test_a_placeholder_without_a_value_stops(tmp_path: Path, write: Write, text: str) -> None:
    write("application.yml", f'redis: {{url: "{text}"}}')
    with pytest.raises(SettingsError, match=r"^redis\.url: "):
        loaded(tmp_path)


def test_a_placeholder_may_be_a_number_and_a_secret(tmp_path: Path, write: Write) -> None:
    write("application.yml", "server: {port: '${P:81}'}\ndatasource: {password: '${DB_PASSWORD}'}")
    settings = loaded(tmp_path, DB_PASSWORD="a}b${c").settings
    assert settings.server.port == 81
    assert revealed(settings.datasource.password) == "a}b${c"


def repeated(levels: int, entry: str) -> str:
    """Each level repeats the one below it ten times."""
    lines = [f"a0: &a0 {entry}"]
    lines += [f"a{n}: &a{n} {{{', '.join(f'k{i}: *a{n - 1}' for i in range(10))}}}" for n in range(1, levels)]
    return "\n".join(lines)


MERGED = "\n".join(["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 40))])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (repeated(40, "{x: 1}"), "has more than 10000 values"),
        (repeated(40, "{}"), "has more than 10000 values"),
        (MERGED, "merges too much"),
        (
            "logging.level: '" + "${A:" * 20_000 + "}" * 20_000 + "'",
            "logging.level: has placeholders more than 10 deep",
        ),
        ("{a: " * 1_000 + "1" + "}" * 1_000, "is nested too deeply"),
    ],
    ids=["maps", "empty maps", "merges", "placeholders", "depth"],
)
def test_a_small_text_that_means_a_huge_one_is_refused(tmp_path: Path, write: Write, text: str, problem: str) -> None:
    write("application.yml", text)
    with pytest.raises(SettingsError, match=problem):
        loaded(tmp_path)
