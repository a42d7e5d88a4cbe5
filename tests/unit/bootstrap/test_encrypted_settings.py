"""Encrypted values in files and variables (ADR 72)."""

import base64
from pathlib import Path

import pytest

from wework_message.bootstrap.settings import Loaded, SettingsError, load
from wework_message.bootstrap.settings.check import render_check
from wework_message.bootstrap.settings.encryption import encrypted_value, required_cipher
from wework_message.bootstrap.settings.errors import InvalidSettingError

KEY, OTHER = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
OPTION = "app.wework.providers.main.options.token"
CLEAR = "a canary: 消息"


def _load(folder: Path, text: str = "", **environ: str) -> Loaded:
    (folder / "application.yml").write_text(text)
    return load({"SECURITY_SECRETS_KEY": KEY, **environ}, config_dir=folder)


def _encrypted(folder: Path, setting: str, clear: str = CLEAR) -> str:
    return encrypted_value(required_cipher(_load(folder).settings.security.secrets), setting, clear)


def _options(folder: Path, encrypted: str, name: str = "token", **environ: str) -> dict[str, str]:
    text = f"app:\n  wework:\n    providers:\n      main:\n        protocol: of-another\n        options:\n          {name}: {encrypted}\n          plain: as it is\n"
    options = _load(folder, text, **environ).settings.app.wework.providers["main"].options
    return {key: option.reveal() for key, option in options.items()}


def test_an_option_of_a_provider_is_decrypted_where_the_settings_are_read(tmp_path: Path) -> None:
    encrypted = _encrypted(tmp_path, OPTION)
    assert CLEAR not in encrypted
    assert _options(tmp_path, encrypted) == {"token": CLEAR, "plain": "as it is"}


@pytest.mark.parametrize(
    ("setting", "variable"),
    [
        ("datasource.password", "DATASOURCE_PASSWORD"),
        ("datasource.password", "SPRING_DATASOURCE_PASSWORD"),
        ("rocketmq.secret-key", "ROCKETMQ_SECRET_KEY"),
    ],
)
def test_every_secret_setting_may_be_encrypted_in_a_variable_too(tmp_path: Path, setting: str, variable: str) -> None:
    loaded = _load(tmp_path, **{variable: _encrypted(tmp_path, setting)})
    settings = loaded.settings
    password = settings.datasource.password if setting.startswith("datasource") else settings.rocketmq.secret_key
    assert password is not None
    assert password.reveal() == CLEAR
    assert CLEAR not in render_check(loaded)
    assert KEY not in render_check(loaded)


def test_an_address_with_a_password_may_be_encrypted(tmp_path: Path) -> None:
    loaded = _load(tmp_path, REDIS_URL=_encrypted(tmp_path, "redis.url", "redis://:word@cache:6379/0"))
    assert loaded.settings.redis.url is not None
    assert loaded.settings.redis.url.reveal() == "redis://:word@cache:6379/0"


def test_a_value_fits_its_own_setting_only(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"options: cannot be decrypted: .* moved"):
        _options(tmp_path, _encrypted(tmp_path, OPTION), name="other")


@pytest.mark.parametrize("encrypted", ["ENC()", "ENC(AAAA)", "ENC(no base64)", "ENC(消息)"])
def test_a_damaged_value_stops_the_start(tmp_path: Path, encrypted: str) -> None:
    with pytest.raises(SettingsError, match="cannot be decrypted"):
        _options(tmp_path, encrypted)


def test_every_value_that_cannot_be_decrypted_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        _load(tmp_path, DATASOURCE_PASSWORD="ENC(AAAA)", ROCKETMQ_SECRET_KEY="ENC(AAAA)", SERVER_PORT="ENC(AAAA)")
    said = str(caught.value)
    assert "datasource.password: cannot be decrypted" in said
    assert "rocketmq.secret-key: cannot be decrypted" in said
    assert "server.port: only a secret may be encrypted" in said


def test_without_its_key_a_value_stops_the_start_and_the_former_key_decrypts_it(tmp_path: Path) -> None:
    encrypted = _encrypted(tmp_path, OPTION)
    with pytest.raises(SettingsError, match=r"security\.secrets\.key is not set"):
        _options(tmp_path, encrypted, SECURITY_SECRETS_KEY="")
    with pytest.raises(SettingsError, match=r"encrypted with the key [0-9a-f]{8}, which this process has not"):
        _options(tmp_path, encrypted, SECURITY_SECRETS_KEY=OTHER)
    previous = {"SECURITY_SECRETS_KEY": OTHER, "SECURITY_SECRETS_PREVIOUS_KEYS": f"{OTHER}, {KEY}"}
    assert _options(tmp_path, encrypted, **previous)["token"] == CLEAR


@pytest.mark.parametrize("variable", ["SERVER_CONTEXT_PATH", "LOGGING_LEVEL", "SECURITY_SECRETS_PREVIOUS_KEYS"])
def test_what_would_be_shown_or_decrypts_the_others_is_not_decrypted(tmp_path: Path, variable: str) -> None:
    with pytest.raises(InvalidSettingError, match=r"only a secret may be encrypted|must be the base64"):
        _load(tmp_path, **{variable: _encrypted(tmp_path, "datasource.password")})


@pytest.mark.parametrize("setting", ["server.port", "no.such.setting", "security.secrets.key", ""])
def test_only_secret_settings_are_encrypted(tmp_path: Path, setting: str) -> None:
    with pytest.raises(SettingsError, match=r"no setting that is secret|cannot be encrypted"):
        _encrypted(tmp_path, setting)


@pytest.mark.parametrize("key", ["short", base64.b64encode(b"k" * 31).decode(), "消" * 44])
@pytest.mark.parametrize("variable", ["SECURITY_SECRETS_KEY", "SECURITY_SECRETS_PREVIOUS_KEYS"])
def test_a_wrong_key_is_refused_without_being_quoted(tmp_path: Path, key: str, variable: str) -> None:
    with pytest.raises(InvalidSettingError, match="must be the base64 of 32 random bytes") as refused:
        _load(tmp_path, **{variable: key})
    assert key not in str(refused.value)


def test_the_key_may_be_in_a_file(tmp_path: Path) -> None:
    encrypted = _encrypted(tmp_path, OPTION)
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    environ = {"SECURITY_SECRETS_KEY": "", "SECURITY_SECRETS_KEY_FILE": str(file)}
    assert _options(tmp_path, encrypted, **environ)["token"] == CLEAR
