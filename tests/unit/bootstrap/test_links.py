"""The links to servers: how they are encrypted, and which of them are refused or warned of."""

from pathlib import Path

import msgspec
import pytest
from tests.support.authority import Authority

from wework_message.bootstrap.settings import Loaded, Settings, SettingsError, database_source, load, start_problems
from wework_message.bootstrap.settings.links import link_problems, link_warnings
from wework_message.bootstrap.settings.model import DatasourceSettings

MYSQL = {"DATASOURCE_URL": "mysql://db.example:3306/wework", "DATASOURCE_USERNAME": "app", "DATASOURCE_PASSWORD": "p"}
REDIS = {"REDIS_URL": "redis://:p@cache.example:6379/0"}
QUEUE = {"ROCKETMQ_NAME_SERVER": "mq.example:9876", "ROCKETMQ_ENDPOINTS": "proxy.example:8081"}
S3 = {"APP_MEDIA_STORE": "s3", "APP_MEDIA_S3_BUCKET": "media"}
PROVIDER = "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL"
CLEAR = "in clear text to other machines, see docs/security.md: "


def problems(environ: dict[str, str]) -> dict[str, str]:
    loaded = load(environ)
    return {problem.path: problem.message for problem in start_problems(loaded.settings, loaded.profile)}


def clear(environ: dict[str, str]) -> list[str]:
    return [warning.removeprefix(CLEAR) for warning in load(environ).warnings if warning.startswith(CLEAR)]


def in_keys_mode(environ: dict[str, str]) -> Settings:
    settings = load(environ).settings
    return msgspec.structs.replace(settings, security=msgspec.structs.replace(settings.security, mode="keys"))


def refused_in_keys_mode(environ: dict[str, str]) -> dict[str, str]:
    return {problem.path: problem.message for problem in link_problems(in_keys_mode(environ))}


# ------------------------------------------------------------------------------------------------- clear text


@pytest.mark.parametrize(
    ("environ", "links"),
    [
        ({}, []),
        (MYSQL, ["datasource.url"]),
        (MYSQL | {"DATASOURCE_TLS_MODE": "verify"}, []),
        (MYSQL | {"DATASOURCE_URL": "mysql://127.0.0.1/wework"}, []),
        (MYSQL | {"DATASOURCE_URL": "mysql://[::1]/wework"}, []),
        (MYSQL | {"DATASOURCE_URL": "mysql://localhost/wework"}, []),
        (REDIS, ["redis.url"]),
        ({"REDIS_URL": "rediss://:p@cache.example:6379/0"}, []),
        ({"REDIS_URL": "redis://localhost"}, []),
        (QUEUE, ["rocketmq.name-server, rocketmq.endpoints"]),
        (QUEUE | {"ROCKETMQ_TLS_MODE": "verify-endpoints"}, ["rocketmq.name-server"]),
        (QUEUE | {"ROCKETMQ_TLS_MODE": "verify"}, []),
        ({"ROCKETMQ_NAME_SERVER": "mq.example:9876"}, ["rocketmq.name-server, rocketmq.endpoints"]),
        ({"ROCKETMQ_NAME_SERVER": "localhost:9876"}, []),
        (S3 | {"APP_MEDIA_S3_ENDPOINT": "http://minio.example:9000"}, ["app.media.s3.endpoint"]),
        (S3 | {"APP_MEDIA_S3_ENDPOINT": "https://minio.example:9000"}, []),
        (S3 | {"APP_MEDIA_S3_ENDPOINT": "http://127.0.0.1:9000"}, []),
        ({"APP_MEDIA_S3_ENDPOINT": "http://minio.example:9000"}, []),
        ({PROVIDER: "http://provider.example:23456/v1"}, ["app.wework.providers.guangzhou-guxing.api-base-url"]),
        ({PROVIDER: "https://provider.example/v1"}, []),
        ({PROVIDER: "http://127.0.0.1:23456"}, []),
        ({PROVIDER: "simulator"}, []),
        (MYSQL | REDIS | QUEUE, ["datasource.url, redis.url, rocketmq.name-server, rocketmq.endpoints"]),
    ],
)
def test_links_to_other_machines_in_clear_text_are_one_warning(environ: dict[str, str], links: list[str]) -> None:
    assert clear(environ) == links


# ------------------------------------------------------------------------------------------------- who asks for TLS


@pytest.mark.parametrize(
    ("options", "mode"),
    [
        ("", "off"),
        ("?useSSL=false", "off"),
        ("?sslMode=DISABLED", "off"),
        ("?sslMode=PREFERRED", "off"),
        ("?useUnicode=true&useSSL=true", "verify"),
        ("?requireSSL=true", "verify"),
        ("?sslMode=REQUIRED", "verify"),
        ("?sslMode=VERIFY_IDENTITY&verifyServerCertificate=false", "verify"),
        ("?sslMode=verify-full", "verify"),
        ("?sslMode=trust", "verify"),
    ],
)
def test_a_jdbc_url_that_demands_tls_gets_it_with_the_certificate_checked(options: str, mode: str) -> None:
    url = {"SPRING_DATASOURCE_URL": f"jdbc:mysql://127.0.0.1:3306/wework{options}"}
    assert load(url).settings.datasource.tls.mode == mode


def test_a_demand_for_tls_is_taken_back_by_a_stronger_source_alone(tmp_path: Path) -> None:
    file = tmp_path / "application.yml"
    file.write_text("spring: {datasource: {url: 'jdbc:mysql://127.0.0.1/wework?sslMode=REQUIRED'}}\n")
    assert load({"DATASOURCE_TLS_MODE": "off"}, config_file=file).settings.datasource.tls.mode == "off"
    assert load({"DATASOURCE_TLS_MODE": "verify"}, config_file=file).settings.datasource.tls.mode == "verify"
    file.write_text(f"{file.read_text()}datasource: {{tls: {{mode: off}}}}\n")
    with pytest.raises(SettingsError, match=r"datasource\.tls\.mode: is off, and datasource\.url demands TLS"):
        load({}, config_file=file)
    file.write_text("datasource: {tls: {mode: off}}\n")
    url = {"SPRING_DATASOURCE_URL": "jdbc:mysql://127.0.0.1/wework?useSSL=true"}
    assert load(url, config_file=file).settings.datasource.tls.mode == "verify"


@pytest.mark.parametrize(("value", "scheme"), [("true", "rediss"), ("false", "redis"), ("", "redis")])
def test_springs_switch_for_redis_is_the_scheme(value: str, scheme: str) -> None:
    url = load({"SPRING_DATA_REDIS_HOST": "h", "SPRING_DATA_REDIS_SSL_ENABLED": value}).settings.redis.url
    assert url is not None
    assert url.reveal() == f"{scheme}://h:6379/0"


@pytest.mark.parametrize(
    ("value", "mode"), [("true", "verify-endpoints"), ("false", "off"), ("", "off"), ("verify", "verify")]
)
def test_the_former_switch_of_rocketmq_still_works(value: str, mode: str) -> None:
    assert load(QUEUE | {"ROCKETMQ_TLS": value}).settings.rocketmq.tls.mode == mode


def test_the_former_switch_in_a_file_still_works(tmp_path: Path) -> None:
    file = tmp_path / "application.yml"
    for text, mode in (("tls: true", "verify-endpoints"), ("tls:", "off"), ("tls: {mode: verify}", "verify")):
        file.write_text(f"rocketmq:\n  name-server: h:9876\n  {text}\n")
        assert load({}, config_file=file).settings.rocketmq.tls.mode == mode


# ------------------------------------------------------------------------------------------------- unchecked certificates


@pytest.mark.parametrize(
    "environ",
    [
        MYSQL | {"DATASOURCE_TLS_MODE": "none"},
        MYSQL | {"DATASOURCE_TLS_MODE": "required"},
        MYSQL | {"DATASOURCE_TLS_MODE": "false"},
        QUEUE | {"ROCKETMQ_TLS_MODE": "insecure"},
    ],
)
def test_no_value_leaves_a_certificate_unchecked(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="must be one of off, verify"):
        load(environ)


def test_a_setting_that_would_leave_one_unchecked_does_not_exist(tmp_path: Path) -> None:
    file = tmp_path / "application.yml"
    for section in ("datasource", "redis", "rocketmq"):
        file.write_text(f"{section}:\n  tls:\n    verify: false\n")
        with pytest.raises(SettingsError, match=f"{section}.tls.verify"):
            load({}, config_file=file)


@pytest.mark.parametrize("option", ["ssl_cert_reqs=none", "ssl_check_hostname=false"])
def test_the_url_of_redis_cannot_leave_one_unchecked(option: str) -> None:
    with pytest.raises(SettingsError, match=r"^redis\.url: "):
        load({"REDIS_URL": f"rediss://h:6379/0?{option}"}, config_dir=Path("/nonexistent"))


# ------------------------------------------------------------------------------------------------- files


def test_files_that_can_be_used_are_no_problem(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = map(str, authority.issue())
    files = {"TLS_CA_FILE": str(authority.ca_file), "TLS_CERT_FILE": cert, "TLS_KEY_FILE": key}
    environ = MYSQL | {"REDIS_URL": "rediss://:p@h"} | QUEUE
    for prefix in ("DATASOURCE", "REDIS", "ROCKETMQ"):
        environ |= {f"{prefix}_{name}": value for name, value in files.items()}
    assert problems(environ | {"DATASOURCE_TLS_MODE": "verify-ca", "ROCKETMQ_TLS_MODE": "verify"}) == {}


@pytest.mark.parametrize(
    ("environ", "path", "text"),
    [
        (MYSQL | {"DATASOURCE_TLS_CA_FILE": "x"}, "datasource.tls.ca-file", "does nothing without datasource.tls.mode"),
        (REDIS | {"REDIS_TLS_CA_FILE": "x"}, "redis.tls.ca-file", "does nothing without a redis.url with rediss://"),
        (QUEUE | {"ROCKETMQ_TLS_KEY_FILE": "x"}, "rocketmq.tls.key-file", "does nothing without rocketmq.tls.mode"),
        ({"DATASOURCE_TLS_MODE": "verify"}, "datasource.tls.mode", "needs a database on a server"),
        (MYSQL | {"DATASOURCE_TLS_MODE": "verify-ca"}, "datasource.tls.ca-file", "anybody with a certificate"),
        (
            MYSQL | {"DATASOURCE_TLS_MODE": "verify", "DATASOURCE_TLS_CA_FILE": "/no/such"},
            "datasource.tls.ca-file",
            "cannot be read: No such file or directory",
        ),
        (
            MYSQL | {"DATASOURCE_TLS_MODE": "verify", "DATASOURCE_TLS_CERT_FILE": "/no/such"},
            "datasource.tls.key-file",
            "certificate and key go together",
        ),
        (
            MYSQL | {"DATASOURCE_TLS_MODE": "verify", "DATASOURCE_TLS_KEY_FILE": "/no/such"},
            "datasource.tls.cert-file",
            "certificate and key go together",
        ),
    ],
)
def test_a_file_that_cannot_be_used_or_has_no_effect_stops_the_start(
    environ: dict[str, str], path: str, text: str
) -> None:
    (refused,) = problems(environ).items()
    assert refused[0] == path
    assert text in refused[1]


def test_what_is_no_certificate_and_a_key_of_another_one_stop_the_start(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (cert, _), (_, key) = authority.issue(), authority.issue()
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no PEM")
    tls = MYSQL | {"DATASOURCE_TLS_MODE": "verify"}
    (refused,) = problems(tls | {"DATASOURCE_TLS_CA_FILE": str(nothing)}).items()
    assert refused[0] == "datasource.tls.ca-file"
    assert "cannot be used: no certificate or crl found" in refused[1]
    (refused,) = problems(tls | {"DATASOURCE_TLS_CERT_FILE": str(cert), "DATASOURCE_TLS_KEY_FILE": str(key)}).items()
    assert refused[0] == "datasource.tls.cert-file or datasource.tls.key-file"
    assert "key values mismatch" in refused[1]


def test_the_native_transport_speaks_no_tls() -> None:
    assert "rocketmq.tls.mode" in problems(QUEUE | {"ROCKETMQ_TRANSPORT": "native", "ROCKETMQ_TLS_MODE": "verify"})


def test_without_a_name_server_the_switch_has_no_effect_and_stops_the_start() -> None:
    assert "rocketmq.tls.mode" in problems({"ROCKETMQ_TLS_MODE": "verify"})


# ------------------------------------------------------------------------------------------------- careless accounts


@pytest.mark.parametrize(
    ("environ", "path", "text"),
    [
        (MYSQL | {"DATASOURCE_USERNAME": "root"}, "datasource.username", "is root"),
        ({"DATASOURCE_URL": "mysql://root:p@db.example/wework"}, "datasource.username", "is root"),
        ({"DATASOURCE_URL": "mysql://app:@db.example/wework"}, "datasource.password", "is empty"),
        ({"REDIS_URL": "redis://cache.example"}, "redis.url", "has no password"),
        ({"REDIS_URL": "rediss://app:@cache.example"}, "redis.url", "has no password"),
    ],
)
def test_a_careless_account_is_a_warning_and_with_keys_stops_the_start(
    environ: dict[str, str], path: str, text: str
) -> None:
    assert [warning for warning in load(environ).warnings if warning.startswith(path) and text in warning]
    assert path not in problems(environ)
    assert text in refused_in_keys_mode(environ)[path]
    assert not [warning for warning in link_warnings(in_keys_mode(environ)) if warning.startswith(path)]


def test_on_this_machine_only_root_is_refused_with_keys_and_nothing_is_said_without() -> None:
    local = {"DATASOURCE_URL": "mysql://root:@127.0.0.1/wework", "REDIS_URL": "redis://127.0.0.1"}
    assert link_warnings(load(local).settings) == ()
    assert list(refused_in_keys_mode(local)) == ["datasource.username"]


def test_a_careful_account_is_no_problem_with_keys() -> None:
    assert refused_in_keys_mode(MYSQL | REDIS | QUEUE) == {}


def test_the_source_of_the_database_has_the_link(tmp_path: Path) -> None:
    def loaded(**environ: str) -> Loaded:
        return load(MYSQL | environ)

    def tls(settings: DatasourceSettings) -> object:
        return database_source(settings).tls

    assert tls(loaded().settings.datasource) is None
    verify = database_source(loaded(DATASOURCE_TLS_MODE="verify").settings.datasource).tls
    assert verify is not None
    assert verify.names_host
    ca_file = tmp_path / "ca.pem"
    verify_ca = database_source(
        loaded(DATASOURCE_TLS_MODE="verify-ca", DATASOURCE_TLS_CA_FILE=str(ca_file)).settings.datasource
    ).tls
    assert verify_ca is not None
    assert (verify_ca.names_host, verify_ca.ca_file) == (False, ca_file)
