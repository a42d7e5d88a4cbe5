"""The keys for secrets at rest, and encrypted values in files and variables (ADR 72)."""

from collections.abc import Mapping
from typing import Final

from wework_message.adapters.enclosed import FIRST, LAST, enclosed, opened
from wework_message.bootstrap.settings.effective import Entry, Sources, collected
from wework_message.bootstrap.settings.environment import is_secret, variables_of
from wework_message.bootstrap.settings.errors import InvalidSettingError, SettingsError
from wework_message.bootstrap.settings.http import SecretsSettings
from wework_message.bootstrap.settings.schema import Value
from wework_message.bootstrap.settings.section import comma_separated
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.secrets import SecretCipher

KEY: Final = "security.secrets.key"
PREVIOUS: Final = "security.secrets.previous-keys"
_OWN: Final = frozenset({KEY, PREVIOUS})


def cipher_of(settings: SecretsSettings) -> SecretCipher | None:
    """What secrets of the database and the settings are encrypted with; None without a key. Raises `InvalidSettingError`."""
    key = settings.key.reveal() if settings.key is not None else None
    previous = settings.previous_keys.reveal() if settings.previous_keys is not None else None
    return _cipher(key, previous)


def required_cipher(settings: SecretsSettings) -> SecretCipher:
    """The same where something is to be encrypted. Raises `SettingsError`."""
    cipher = cipher_of(settings)
    if cipher is None or cipher.key_id is None:
        raise SettingsError(
            KEY, f"is not set; make one with: openssl rand -base64 32 ({variables_of(KEY)}, or its _FILE)"
        )
    return cipher


def encrypted_value(cipher: SecretCipher, setting: str, clear: str) -> str:
    """What may stand in a file in the place of the secret `clear`. Raises `SettingsError` for what is no secret setting."""
    if setting in _OWN:
        raise SettingsError(setting, "cannot be encrypted: it decrypts all others")
    if not is_secret(_leaf_key(setting)):
        raise SettingsError(
            setting, "is no setting that is secret; a provider's option is app.wework.providers.NAME.options.OPTION"
        )
    return enclosed(cipher.encrypt(clear.encode(), _place(setting)))


def decrypt_values(sources: Sources, prefix: str = "") -> None:
    """Put their texts into the places of encrypted values of the keys with `prefix`; where that is not possible, the key is a problem of `sources` and not set."""
    encrypted = {
        key: entry for key, entry in sources.entries.items() if key.startswith(prefix) and _has_encrypted(entry.value)
    }
    if not encrypted:
        return
    for key in encrypted:
        del sources.entries[key]
    with collected(sources.problems):
        cipher = _cipher(*(_text(sources, key) for key in (KEY, PREVIOUS)))
        for key, entry in encrypted.items():
            with collected(sources.problems):
                sources.entries[key] = _decrypted_entry(cipher, key, entry)


def _decrypted_entry(cipher: SecretCipher | None, key: str, entry: Entry) -> Entry:
    if key in _OWN or not is_secret(key):
        raise InvalidSettingError(key, f"only a secret may be encrypted ({entry.origin})")
    try:
        return Entry(_decrypted(cipher, key, entry.value), entry.origin, entry.rank)
    except (UnavailableError, ValueError) as error:
        reason = str(error) if isinstance(error, UnavailableError) else "it is damaged"
        raise InvalidSettingError(key, f"cannot be decrypted: {reason} ({entry.origin})") from None


def _cipher(key: str | None, previous: str | None) -> SecretCipher | None:
    if key is None and previous is None:
        return None
    from wework_message.adapters.envelope import EnvelopeCipher, key_of  # noqa: PLC0415 -- few need the library

    keys: dict[str, list[bytes]] = {}
    for name, texts in ((KEY, [key] if key is not None else []), (PREVIOUS, comma_separated(previous))):
        try:
            keys[name] = [key_of(text) for text in texts]
        except ValueError as error:
            raise InvalidSettingError(name, f"{error} ({variables_of(name)})") from None
    return EnvelopeCipher(next(iter(keys[KEY]), None), keys[PREVIOUS])


def _text(sources: Sources, key: str) -> str | None:
    entry = sources.entries.get(key)
    return entry.value if entry is not None and isinstance(entry.value, str) and entry.value else None


def _has_encrypted(value: Value) -> bool:
    if isinstance(value, Mapping):
        return any(_has_encrypted(item) for item in value.values())
    return isinstance(value, str) and value.startswith(FIRST) and value.endswith(LAST)


def _decrypted(cipher: SecretCipher | None, key: str, value: Value) -> Value:
    if isinstance(value, Mapping):
        return {name: _decrypted(cipher, f"{key}.{name}", item) for name, item in value.items()}
    if not _has_encrypted(value):
        return value
    if cipher is None:
        raise UnavailableError("secrets", f"{KEY} is not set")
    return cipher.decrypt(opened(str(value)), _place(key)).decode()


def _place(setting: str) -> str:
    return f"settings/{setting}"


def _leaf_key(setting: str) -> str:
    """The setting itself, or the map that it is an entry of."""
    head, separator, _ = setting.partition(".options.")
    return f"{head}.options" if separator else setting
