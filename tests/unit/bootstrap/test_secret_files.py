"""Variables with ``_FILE`` behind their name."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import inspect

from wework_message.bootstrap.settings import Loaded, Secret, SettingsError, load
from wework_message.bootstrap.settings.environment import is_secret, variable_of
from wework_message.bootstrap.settings.errors import InvalidSettingError, UnknownSettingError
from wework_message.bootstrap.settings.schema import known_leaves
from wework_message.bootstrap.settings.secret_files import MAX_BYTES

ROOT = Path(__file__).parents[3]
PROVIDER = "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING"
URL = "http://provider.example/token"
CONTENTS = {
    "datasource.url": "mysql://user:hunter2@host/database",
    "app.callbacks.relay-secret": "whsec_" + "aHVudGVyMg" * 4,
    "redis.url": "redis://:hunter2@host:6379/0",
    "security.secrets.key": "aHVudGVyMg" * 4 + "aHU=",
    "security.secrets.previous-keys": "aHVudGVyMg" * 4 + "aHU=",
    "management.otlp.tracing.endpoint": URL,
    "app.wework.providers.guangzhou-guxing.api-base-url": URL,
    "app.wework.providers.guangzhou-guxing.callback-url": URL,
    "app.wework.providers.guangzhou-guxing.options": "{}\n# a map may have several lines\n",
}

Put = Callable[[str | bytes], str]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Writes a file; its path."""

    def write(content: str | bytes) -> str:
        path = tmp_path / f"secret-{len(list(tmp_path.iterdir()))}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def loaded(**environ: str) -> Loaded:
    return load(environ, config_dir=Path("/nowhere"))


def password(environ: Loaded) -> str | None:
    secret = environ.settings.datasource.password
    return secret.reveal() if secret else None


def refusal(**environ: str) -> SettingsError:
    with pytest.raises(InvalidSettingError) as caught:
        loaded(**environ)
    assert "hunter2" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("content", ["hunter2", "hunter2\n", "hunter2\r\n", b"\xef\xbb\xbfhunter2\n"])
def test_the_file_is_the_value_without_the_line_break_at_its_end(put: Put, content: str | bytes) -> None:
    result = loaded(DATASOURCE_PASSWORD_FILE=put(content))
    assert password(result) == "hunter2"
    assert str(result.origins["datasource.password"]) == "environment variable DATASOURCE_PASSWORD_FILE"


def test_blanks_of_a_password_are_kept(put: Put) -> None:
    assert password(loaded(DATASOURCE_PASSWORD_FILE=put(" hunter2 \n"))) == " hunter2 "


def test_every_setting_that_may_hold_a_secret_may_be_in_a_file(put: Put) -> None:
    secrets = [key for key in known_leaves(["guangzhou-guxing"]) if is_secret(key)]
    plain = {"datasource.password", "rocketmq.access-key", "rocketmq.secret-key"}
    plain |= {"app.media.s3.access-key", "app.media.s3.secret-key"}
    plain |= {"nacos.password", "nacos.discovery.password", "nacos.config.password"}
    assert {*plain, *CONTENTS} == set(secrets)
    environ = {f"{variable_of(key)}_FILE": put(CONTENTS.get(key, "hunter2")) for key in secrets}
    result = loaded(**environ)
    assert {key for key in secrets if str(result.origins[key]) == f"environment variable {variable_of(key)}_FILE"} == {
        *secrets
    }


def test_each_kind_of_value_that_is_never_printed_counts_as_a_secret() -> None:
    kinds_of_secrets: list[type[Secret]] = [Secret]
    for kind in kinds_of_secrets:
        kinds_of_secrets += kind.__subclasses__()
    names = [kind.__name__ for kind in kinds_of_secrets]
    for key, leaf in known_leaves(["guangzhou-guxing"]).items():
        kinds = str(inspect.type_info(leaf.annotation))
        assert is_secret(key) == any(f"{name}'" in kinds for name in names), key


def test_spring_s_variables_may_name_files_too(put: Put) -> None:
    result = loaded(
        SPRING_DATASOURCE_PASSWORD_FILE=put("hunter2"),
        SPRING_DATA_REDIS_HOST="redis",
        SPRING_DATA_REDIS_PASSWORD_FILE=put("p@ss\n"),
    )
    assert password(result) == "hunter2"
    url = result.settings.redis.url
    assert url is not None
    assert url.reveal() == "redis://:p%40ss@redis:6379/0"


def test_a_file_beside_the_variable_itself_is_refused(put: Put) -> None:
    error = refusal(DATASOURCE_PASSWORD_FILE=put("a"), DATASOURCE_PASSWORD="hunter2")
    assert error.path == "DATASOURCE_PASSWORD_FILE"
    assert "DATASOURCE_PASSWORD is set as well" in error.message


def test_without_a_path_or_beside_an_empty_variable_it_counts_as_not_set(put: Put) -> None:
    assert password(loaded(DATASOURCE_PASSWORD_FILE="")) is None
    assert password(loaded(DATASOURCE_PASSWORD_FILE=put("x"), DATASOURCE_PASSWORD="")) == "x"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("\n", "empty"),
        ("hunter2\nhunter2\n", "one line"),
        ("hunter2\n\n", "one line"),
        ("hunter2\0", "one line"),
        (b"hunter2\xff", "UTF-8"),
        ("hunter2" * MAX_BYTES, "bytes"),
    ],
    ids=["empty", "only a line break", "two lines", "two line breaks", "NUL", "not UTF-8", "too large"],
)
def test_content_that_is_no_secret_is_refused_without_showing_it(put: Put, content: str | bytes, says: str) -> None:
    error = refusal(DATASOURCE_PASSWORD_FILE=put(content))
    assert error.path == "DATASOURCE_PASSWORD_FILE"
    assert says in error.message


def test_a_path_that_is_no_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "cannot be read: No such file" in refusal(DATASOURCE_PASSWORD_FILE="hunter2").message
    assert "cannot be read" in refusal(DATASOURCE_PASSWORD_FILE="a\0b").message
    assert "regular file" in refusal(DATASOURCE_PASSWORD_FILE=str(pipe)).message, "and nobody waits for its other end"
    assert refusal(DATASOURCE_PASSWORD_FILE=str(tmp_path)).path == "DATASOURCE_PASSWORD_FILE"


def test_a_value_out_of_range_names_the_file_s_variable(put: Put) -> None:
    error = refusal(**{f"{PROVIDER}_API_BASE_URL_FILE": put("ftp://hunter2")})
    assert f"environment variable {PROVIDER}_API_BASE_URL_FILE" in error.message


def test_what_is_no_secret_has_no_file(put: Put) -> None:
    assert loaded(SERVER_PORT_FILE=put("1")).settings.server.port == 8082
    with pytest.raises(UnknownSettingError):
        loaded(APP_MESSAGE_RETRY_DELAY_MS_FILE=put("1"))


def test_a_misspelt_one_is_named(put: Put) -> None:
    with pytest.raises(UnknownSettingError, match=f"did you mean {PROVIDER}_API_BASE_URL_FILE"):
        loaded(**{f"{PROVIDER}_API_BASE_URI_FILE": put(URL)})


def test_the_documentation_names_every_secret() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8").partition("## Secrets in files")[2]
    section = text.partition("\n## ")[0]
    secrets = [key for key in known_leaves([]) if is_secret(key)]
    assert [key for key in secrets if f"`{key}`" not in section] == []
