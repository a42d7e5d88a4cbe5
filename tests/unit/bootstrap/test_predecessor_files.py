"""The Java service's own files, rebuilt: one look says everything about them, and nothing of them means another server unnoticed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.nacos.starts import a_read, documents

from wework_message.bootstrap.settings import Loaded, SettingsError, check_document, load, render_check
from wework_message.bootstrap.settings.config_files import parse_yaml
from wework_message.bootstrap.settings.environment import variable_of
from wework_message.bootstrap.settings.errors import ForeignSettingError, StartRefusedError
from wework_message.bootstrap.settings.foreign import foreign_key, foreign_variable
from wework_message.bootstrap.settings.foreign_keys import FOREIGN, Use
from wework_message.bootstrap.settings.schema import is_section, leaf_of
from wework_message.bootstrap.settings.spring import is_setting

FOLDER = Path(__file__).parents[2] / "golden/predecessor"
SHARED = ("basic-config", "database-config", "message-service-dev")
ENVIRON = {"MYSQL_HOST": "db.example", "REDIS_HOST": "cache.example", "ROCKETMQ_HOST": "mq.example"}


def text(name: str) -> str:
    return (FOLDER / f"{name}.yml").read_text(encoding="utf-8")


def from_nacos(**environ: str) -> Loaded:
    """As it ran: its file imports the rest from Nacos."""
    shared = documents(*map(text, SHARED))
    return load(ENVIRON | environ, config_file=FOLDER / "application.yml", nacos=a_read(shared))


def keys_of(section: object, prefix: str = "") -> Iterator[str]:
    if isinstance(section, dict):
        for name, value in section.items():
            yield from keys_of(value, f"{prefix}{name}.")
    else:
        yield prefix.removesuffix(".")


def written(tmp_path: Path, content: str, **environ: str) -> Loaded:
    file = tmp_path / "application.yml"
    file.write_text(content, encoding="utf-8")
    return load(environ, config_file=file)


def nested(key: str, value: str) -> str:
    names = key.split(".")
    return "".join(f"{' ' * level}{name}:\n" for level, name in enumerate(names)).removesuffix("\n") + f" {value}\n"


def refused(tmp_path: Path, content: str = "", **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        written(tmp_path, content, **environ)
    return str(caught.value)


def test_the_files_load_and_mean_what_they_meant() -> None:
    settings = from_nacos().settings
    assert settings.server.port == 18_082
    assert str(settings.datasource.url) == "mysql://db.example:23306/wework_platform"
    assert (settings.datasource.username, settings.datasource.tls.mode) == ("wework", "off")
    assert settings.redis.url is not None
    assert settings.redis.url.reveal() == "redis://:redis123456@cache.example:26379/0"
    assert settings.rocketmq.name_server == "mq.example:29876"
    assert settings.rocketmq.producer.group == "message-service-producer"
    provider = settings.app.wework.providers["guangzhou-guxing"]
    assert (str(provider.api_base_url), provider.timeout_ms) == ("http://localhost:19000", 30_000)
    assert settings.app.message.limits.rate_limit_per_minute == 1000
    assert settings.logging.file.name == "./logs/wework-platform.log"
    assert settings.nacos.server_addr == "localhost:28848"


def test_one_look_lists_every_key_without_meaning_and_what_to_do_about_it() -> None:
    result = from_nacos()
    keys = [key for name in ("application", *SHARED) for key in keys_of(parse_yaml(text(name), name))]
    unread = [key for key in keys if not is_setting(key)]
    assert sorted(item.key for item in result.ignored) == sorted(unread)
    assert len(unread) > 90
    check = render_check(result)
    document = check_document(result)
    for item in result.ignored:
        assert f"{item.key}" in check
        assert "remove it" in item.advice or "move it" in item.advice
        assert item.origin.startswith(("file ", "nacos "))
    assert json.loads(json.dumps(document))["ignored"][0].keys() == {"key", "origin", "advice"}
    assert sum(warning.startswith("ignored") for warning in result.warnings) == 1


def test_no_secret_of_the_files_is_shown() -> None:
    result = from_nacos()
    shown = f"{render_check(result)}{json.dumps(check_document(result))}{result.warnings}{result!r}"
    for secret in ("wework123456", "redis123456", "admin123", "wework-platform-jwt-secret-key-2024"):
        assert secret in "".join(map(text, SHARED))
        assert secret not in shown


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    said = refused(
        tmp_path,
        """
        server: {port: 99999, ssl: {enabled: true, key-store: x}, portt: 1}
        datasource: {url: "jdbc:mysql://a,b/d"}
        app:
          message: {retry: {max-attempts: 0, max-attempt: 3, multiplier: 2.0}, sync: {wait-ms: 0}}
          wework: {providers: {a: {timeout-ms: 100000, code: lower}, b: {api-base-url: nonsense}}}
        spring: {rabbitmq: {host: rabbit}, data: {redis: {ssl: {enabled: true}}}}
        """,
        SPRING_PROFILES_ACTIVE="prod",
        APP_MESSAGE_SYNK_WAIT_MS="5",
        APP_MESSAGE_RETRY_DELAY="5",
    )
    for named in (
        "server.port: must be a whole number from 0 to 65535",
        "server.ssl.enabled, server.ssl.key-store: this service speaks plain HTTP",
        "server.portt: unknown setting",
        "datasource.url: has several servers",
        "app.message.retry.max-attempts: must be",
        "did you mean app.message.retry.max-attempts?",
        "app.message.sync.wait-ms: must be",
        "app.wework.providers.a.timeout-ms: must not be longer",
        "app.wework.providers.a.code: must be",
        "app.wework.providers.b.api-base-url: must be",
        "spring.rabbitmq.host: this service knows RocketMQ alone",
        "spring.data.redis.ssl.enabled: asks for an encrypted link",
        "APP_MESSAGE_SYNK_WAIT_MS: unknown setting, did you mean APP_MESSAGE_SYNC_WAIT_MS?",
        "APP_MESSAGE_RETRY_DELAY: unknown setting, did you mean APP_MESSAGE_RETRY_DELAY_MS?",
        "app.wework.providers.a.api-base-url: profile prod has no default",
        "app.message.retry.multiplier: remove it: the backoff always doubles",
    ):
        assert named in said
    assert said.count("datasource.url:") == 1


def test_a_hint_is_a_setting_that_exists(tmp_path: Path) -> None:
    content = "app: {message: {async: {quantity-of-boxes: 1}}, tenancy: {enabled: true}, wework: {retries: {count: 1}}}"
    said = refused(tmp_path, content + "\nwework: {providers: {a: {time-ms: 1}}}\nmessage: {retry: {delay: 1}}")
    hints = re.findall(r"did you mean ([^?]+)\?", said)
    assert all(leaf_of(hint) or is_section(hint) for hint in hints)
    assert said.count("unknown setting") == 5


def test_every_advice_names_settings_that_exist() -> None:
    words = {word.strip(":;,)(.") for entry in FOREIGN for word in entry.advice.split()}
    dotted = [word for word in words if re.fullmatch(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+", word) and "/" not in word]
    assert [word for word in dotted if not (is_setting(word) or is_section(word) or is_section_of_spring(word))] == []
    assert len(dotted) > 20


def is_section_of_spring(word: str) -> bool:
    return any(is_setting(f"{word}.{below}") for below in ("host", "url", "enabled", "server-addr", "namespace"))


def test_no_entry_hides_a_setting_and_each_is_there_once() -> None:
    hidden = [entry.key for entry in FOREIGN if is_setting(entry.key)]
    assert hidden == ["logging.level"]  # it has the levels of single loggers below
    assert len({entry.key for entry in FOREIGN}) == len(FOREIGN)
    assert all(foreign_key(entry.key) == entry for entry in FOREIGN)


def test_a_variable_is_known_as_its_key_is() -> None:
    for entry in FOREIGN:
        if entry.in_variables and "." in entry.key:
            without_dashes = entry.key.replace("-", "").replace(".", "_").upper()
            for variable in (variable_of(entry.key), f"{variable_of(entry.key)}_X", without_dashes):
                known = foreign_variable(variable)
                assert known is not None
                assert (known.advice, known.use) == (entry.advice, entry.use), variable


STOPS = [
    ("spring.datasource.druid.url", "jdbc:mysql://other/d", {}),
    ("spring.datasource.hikari.jdbc-url", "jdbc:mysql://other/d", {}),
    ("spring.datasource.dynamic.datasource.master.url", "jdbc:mysql://other/d", {}),
    ("spring.datasource.druid.username", "other-user", {}),
    ("spring.datasource.read.url", "jdbc:mysql://other/d", {}),
    ("spring.datasource.jndi-name", "java:jdbc", {}),
    ("spring.datasource.hikari.data-source-properties.useSSL", "true", {}),
    ("spring.datasource.druid.connection-properties", "druid.stat.mergeSql=true;sslMode=VERIFY_CA", {}),
    ("spring.cloud.nacos.discovery.secure", "true", {}),
    ("rocketmq.consumer.namespace", "instance-of-cloud", {"ROCKETMQ_NAME_SERVER": "h:1"}),
    ("spring.r2dbc.url", "r2dbc:mysql://other/d", {}),
    ("spring.shardingsphere.datasource.names", "ds0", {}),
    ("spring.data.redis.sentinel.master", "mymaster", {"REDIS_URL": "redis://h"}),
    ("spring.data.redis.cluster.nodes", "a:1", {"REDIS_URL": "redis://h"}),
    ("spring.redis.host", "h", {}),
    ("spring.redis.sentinel.nodes", "h:1", {}),
    ("spring.rabbitmq.addresses", "h", {}),
    ("spring.kafka.bootstrap-servers", "h", {}),
    ("spring.cloud.stream.rocketmq.binder.name-server", "h:1", {}),
    ("rocketmq.producer.endpoints", "h:1", {"ROCKETMQ_NAME_SERVER": "h:1"}),
    ("rocketmq.namesrv-addr", "h:1", {}),
    ("server.ssl.enabled", "true", {}),
    ("server.ssl.key-store", "x", {}),
    ("server.ssl.bundle", "web", {}),
    ("management.server.ssl.enabled", "true", {}),
    ("spring.data.redis.ssl.enabled", "true", {}),
    ("spring.data.redis.ssl.bundle", "b", {"REDIS_URL": "redis://h"}),
    ("spring.data.redis.ssl", "true", {"REDIS_URL": "redis://h"}),
    ("spring.redis.ssl", "true", {"REDIS_URL": "redis://h"}),
    ("rocketmq.producer.tls-enable", "true", {"ROCKETMQ_NAME_SERVER": "h:1"}),
]


@pytest.mark.parametrize(("key", "value", "environ"), STOPS)
def test_what_would_mean_another_server_or_clear_text_stops_the_start(
    tmp_path: Path, key: str, value: str, environ: dict[str, str]
) -> None:
    assert f"{key}: " in refused(tmp_path, nested(key, f'"{value}"'), **environ)
    variable = variable_of(key)
    said = refused(tmp_path, **environ, **{variable: value})
    assert f"{variable}: " in said or f"{key}: " in said
    assert value not in said.replace(key, "").replace(variable, "") or len(value) < 5
    # An empty variable takes it back: files that several services share cannot always lose a key.
    written(tmp_path, nested(key, f'"{value}"'), **environ, **{variable: ""})


@pytest.mark.parametrize(
    ("content", "environ"),
    [
        ("server: {ssl: {enabled: false, key-store: x}}", {}),
        ("spring: {redis: {host: h}}", {"SPRING_DATA_REDIS_HOST": "h"}),
        ("spring: {rabbitmq: {host: h}}", {"ROCKETMQ_NAME_SERVER": "h:1"}),
        ("spring: {data: {redis: {host: h, ssl: {enabled: true, bundle: b}}}}", {}),
        ("spring: {redis: {ssl: false, timeout: 1}}", {"REDIS_URL": "redis://h"}),
        ("rocketmq: {name-server: 'h:1', tls: {mode: verify}, producer: {tls-enable: true}}", {}),
        ("rocketmq: {name-server: 'h:1', producer: {tls-enable: false}}", {}),
        ("spring: {ssl: {bundle: {pem: {b: {truststore: {certificate: x}}}}}}", {}),
        ("spring: {rabbitmq: {host: }}", {}),
        ("spring: {datasource: {druid: {connectionProperties: druid.stat.mergeSql=true;useSSL=false}}}", {}),
        (
            "spring: {datasource: {hikari: {data-source-properties: {useSSL: true}}}}",
            {"DATASOURCE_URL": "jdbc:mysql://h/d?useSSL=true"},
        ),
        ("spring: {cloud: {nacos: {discovery: {secure: false}}}}", {}),
    ],
)
def test_what_means_no_other_server_does_not(tmp_path: Path, content: str, environ: dict[str, str]) -> None:
    assert written(tmp_path, content, **environ).ignored


def test_camel_case_is_the_same_key(tmp_path: Path) -> None:
    said = refused(tmp_path, "spring: {datasource: {hikari: {jdbcUrl: x}}, data: {redis: {sentinel: {master: m}}}}")
    assert "spring.datasource.hikari.jdbcUrl: names a database" in said


def test_variables_that_kubernetes_makes_are_no_settings_of_spring() -> None:
    links = {
        "SPRING_RABBITMQ_PORT": "tcp://10.0.0.1:5672",
        "SPRING_RABBITMQ_SERVICE_HOST": "10.0.0.1",
        "SPRING_RABBITMQ_PORT_5672_TCP_ADDR": "10.0.0.1",
        "SPRING_PROFILES_INCLUDE": "a",
    }
    assert load(links).ignored == []


def test_variables_of_java_without_meaning_are_named(tmp_path: Path) -> None:
    variables = ("SPRING_DATASOURCE_HIKARI_MAXIMUMPOOLSIZE", "SERVER_TOMCAT_MAX_THREADS", "SPRING_UNHEARD_OF")
    result = written(tmp_path, "", **dict.fromkeys(variables, "1"), APP_MESSAGE_ASYNC_QUEUE_CAPACITY="1000")
    assert {item.key for item in result.ignored} == {*variables, "APP_MESSAGE_ASYNC_QUEUE_CAPACITY"}
    assert "environment variable SERVER_TOMCAT_MAX_THREADS" in render_check(result)


@pytest.mark.parametrize("use", Use)
def test_every_use_has_entries(use: Use) -> None:
    assert any(entry.use is use for entry in FOREIGN)


def test_other_names_of_java_are_ours(tmp_path: Path) -> None:
    settings = written(
        tmp_path,
        """
        server: {address: 127.0.0.9}
        spring: {webflux: {base-path: /wm/}}
        rocketmq: {name-server: "h:1", producer: {access-key: a, secret-key: s}}
        """,
    ).settings
    assert (settings.server.host, settings.server.context_path) == ("127.0.0.9", "/wm")
    assert settings.rocketmq.access_key is not None
    assert settings.rocketmq.secret_key is not None
    assert (settings.rocketmq.access_key.reveal(), settings.rocketmq.secret_key.reveal()) == ("a", "s")


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"SPRING_DATA_REDIS_URL": "redis://h:1/2"}, "rediss://h:1/2"),
        ({"REDIS_URL": "redis://u:p@h"}, "rediss://u:p@h"),
        ({"SPRING_DATA_REDIS_URL": "rediss://h"}, "rediss://h"),
        ({"SPRING_DATA_REDIS_HOST": "::1", "SPRING_DATA_REDIS_PASSWORD": "p/@"}, "rediss://:p%2F%40@[::1]:6379/0"),
    ],
)
def test_redis_is_encrypted_where_spring_would(environ: dict[str, str], url: str) -> None:
    redis = load(environ | {"SPRING_DATA_REDIS_SSL_ENABLED": "true"}).settings.redis.url
    assert redis is not None
    assert redis.reveal() == url


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("PORT", "tcp://10.0.0.1:6379"),
        ("PORT", "70000"),
        ("DATABASE", "zero"),
        ("SSL_ENABLED", "ja"),
        ("HOST", "h:6379"),
        ("HOST", "a,b"),
    ],
)
def test_a_piece_of_redis_that_cannot_be_used_is_named(part: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({"SPRING_DATA_REDIS_HOST": "h", f"SPRING_DATA_REDIS_{part}": value})
    assert caught.value.path == f"spring.data.redis.{part.lower().replace('_', '.')}"
    assert value not in caught.value.message


def test_the_errors_are_of_one_kind(tmp_path: Path) -> None:
    with pytest.raises(ForeignSettingError):
        load({"SPRING_RABBITMQ_HOST": "h"})
    with pytest.raises(StartRefusedError) as caught:
        load({"SPRING_RABBITMQ_HOST": "h", "SERVER_PORT": "x"})
    assert [type(problem).__name__ for problem in caught.value.problems] == [
        "InvalidSettingError",
        "ForeignSettingError",
    ]


def test_a_key_of_two_files_is_listed_for_each(tmp_path: Path) -> None:
    (tmp_path / "application-dev.yml").write_text("spring: {task: {execution: {pool: {max-size: 1}}}}")
    result = written(tmp_path, "spring: {task: {execution: {pool: {max-size: 2}}}}", SPRING_PROFILES_ACTIVE="dev")
    assert [Path(item.origin).name for item in result.ignored] == ["application.yml", "application-dev.yml"]


def test_a_setting_under_two_names_with_two_values_is_a_warning(tmp_path: Path) -> None:
    content = "rocketmq: {{name-server: 'h:1'}}\nrocketmq-native: {{name-server: '{}'}}"
    assert any(
        "rocketmq.name-server is there under two names" in note for note in twice(tmp_path, content.format("i:1"))
    )
    assert not any("two names" in note for note in twice(tmp_path, content.format("h:1")))
    content = "spring: {webflux: {base-path: /a}}\nserver: {servlet: {context-path: /b}}"
    assert any("two names" in note for note in twice(tmp_path, content))


def twice(tmp_path: Path, content: str) -> tuple[str, ...]:
    return written(tmp_path, content).warnings


def test_what_is_wrong_with_nacos_is_said_with_the_rest(tmp_path: Path) -> None:
    said = refused(tmp_path, "spring: {cloud: {nacos: {server-addr: 'https://n'}}}\nserver: {port: x}")
    assert "nacos.server-addr: must be host:8848" in said
    assert "server.port: must be" in said


def test_a_key_that_a_placeholder_needs_is_not_to_be_removed(tmp_path: Path) -> None:
    content = """
        our: {queue: {host: mq, port: 1}, other: "${our.unused}", unused: 1}
        spring.redis.host: cache
        spring.data.redis.host: ${spring.redis.host}
        rocketmq.name-server: ${our.queue.address:${our.queue.host}:${our.queue.port}}
        """
    result = written(tmp_path, content)
    assert result.settings.rocketmq.name_server == "mq:1"
    assert [item.key for item in result.ignored] == ["our.other", "our.unused", "spring.redis.host"]
