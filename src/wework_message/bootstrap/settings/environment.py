"""From a variable's name to a key: the path in upper case, ``.`` and ``-`` as ``_``; with ``_FILE`` behind it, a file's content."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cache
from typing import Final

import msgspec

from wework_message.bootstrap.settings.errors import SettingsError, UnknownSettingError
from wework_message.bootstrap.settings.foreign import foreign_variable
from wework_message.bootstrap.settings.model import AppSettings
from wework_message.bootstrap.settings.schema import (
    PROVIDER_KEY,
    PROVIDER_PREFIX,
    Value,
    known_leaves,
    leaf_of,
    provider_leaves,
)
from wework_message.bootstrap.settings.secret_files import SUFFIX, from_file
from wework_message.bootstrap.settings.service_links import without_service_links
from wework_message.bootstrap.settings.sources import parse_yaml
from wework_message.bootstrap.settings.spring import ALIASES, PROFILES_KEY, REDIS_PARTS

_SECRET_PARTS: Final = frozenset({"spring.data.redis.password"})
"""Parts of a Redis address that are secrets."""

_SPRING_NAMES: Final = {
    "datasource.url": "SPRING_DATASOURCE_URL",
    "datasource.username": "SPRING_DATASOURCE_USERNAME",
    "datasource.password": "SPRING_DATASOURCE_PASSWORD",
    "redis.url": "SPRING_DATA_REDIS_HOST",
}


def variable_of(key: str) -> str:
    """The environment variable of `key`."""
    return re.sub(r"[.-]", "_", key).upper()


@cache
def setting_variables() -> Collection[str]:
    """The variables of all settings but those of providers, and of Spring's names for them."""
    return frozenset(map(variable_of, (*known_leaves(()), *ALIASES, *REDIS_PARTS)))


def variables_of(key: str) -> str:
    """Every variable that sets `key`, for a message to people."""
    spring = _SPRING_NAMES.get(key)
    return f"{variable_of(key)} or {spring}" if spring else variable_of(key)


_GROUPS: Final = tuple(variable_of(field.encode_name) for field in msgspec.structs.fields(AppSettings))


def is_ours(variable: str) -> bool:
    """Whether a variable that names no key stops the start: `APP_`, and the name, or nearly the name, of a section of `app`.

    Other programs have variables that begin with `APP_`, and with the names of the other sections, too.
    """
    app, _, path = variable.partition("_")
    group, _, key = path.partition("_")
    return app == "APP" and key != "" and bool(get_close_matches(group, _GROUPS, n=1, cutoff=0.8))


def read_environment(
    environ: Mapping[str, str], configured: Collection[str], problems: list[SettingsError]
) -> dict[str, tuple[str, Value]]:
    """Key -> (variable, value) of every variable that sets something, in the order of the variables' names.

    `configured` are the providers of the files. To `problems` comes an `UnknownSettingError` for a variable of ours (`is_ours`) that names no key, and an `InvalidSettingError` for a ``_FILE`` variable whose file gives no value; other
    variables are ignored.
    """
    environ = without_service_links(environ, setting_variables())
    fixed = {variable_of(key): key for key in (*known_leaves(()), *ALIASES, *REDIS_PARTS, PROFILES_KEY)}
    settings: dict[str, tuple[str, Value]] = {}
    unknown: list[str] = []
    for variable in sorted(environ):
        key = _key_of(variable, fixed, configured)
        if key is not None:
            with _collected(problems):
                settings[key] = (variable, _value_of(environ[variable], variable, key))
        elif (key := _key_of(variable.removesuffix(SUFFIX), fixed, configured)) is not None and is_secret(key):
            with _collected(problems):
                text = from_file(variable, environ, many_lines=_is_mapping(key)) if environ[variable] else None
                settings |= {} if text is None else {key: (variable, _value_of(text, variable, key))}
        elif is_ours(variable) and foreign_variable(variable) is None:
            unknown.append(variable)
    names = [*fixed, *(f"{variable}{SUFFIX}" for variable, key in fixed.items() if is_secret(key))] if unknown else []
    problems += [UnknownSettingError(name, [*names, *_provider_variables(name)]) for name in unknown]
    return settings


@contextmanager
def _collected(problems: list[SettingsError]) -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        problems.append(error)


def is_secret(key: str) -> bool:
    """Whether the value of `key`, ours or Spring's, may be or hold a secret, so that a file may give it."""
    leaf = leaf_of(ALIASES.get(key, key))
    return key in _SECRET_PARTS or (leaf is not None and leaf.secret)


def _key_of(variable: str, fixed: Mapping[str, str], configured: Collection[str]) -> str | None:
    return fixed.get(variable) or provider_key(variable, configured, provider_leaves())


def _value_of(text: str, variable: str, key: str) -> Value:
    return parse_yaml(text, variable) if text and _is_mapping(key) else text


def _is_mapping(key: str) -> bool:
    leaf = leaf_of(ALIASES.get(key, key))
    return leaf is not None and leaf.mapping


def _provider_variables(variable: str) -> list[str]:
    """Every provider setting that a misspelt `variable` could mean: its words split anywhere, with each setting's name."""
    prefix = variable_of(PROVIDER_PREFIX)
    words = variable.removeprefix(prefix).split("_") if variable.startswith(prefix) else []
    providers = ["_".join(words[:length]) for length in range(1, len(words))]
    names = [f"{prefix}{provider}_{variable_of(leaf)}" for provider in providers for leaf in provider_leaves()]
    secrets = [variable_of(leaf) for leaf in provider_leaves() if is_secret(f"{PROVIDER_PREFIX}*.{leaf}")]
    return [*names, *(f"{prefix}{provider}_{secret}{SUFFIX}" for provider in providers for secret in secrets)]


def provider_key(variable: str, configured: Collection[str], leaves: Iterable[str]) -> str | None:
    """The provider setting that `variable` names, or None.

    Providers have free names, so a variable can be split in several places: a provider that the files configure wins
    (the longest one), then the longest setting's name.
    """
    prefix = variable_of(PROVIDER_PREFIX)
    if not variable.startswith(prefix):
        return None
    suffix = variable.removeprefix(prefix)
    splits: list[tuple[bool, int, int, str]] = []
    for leaf in leaves:
        tail = f"_{variable_of(leaf)}"
        provider = suffix.removesuffix(tail).lower().replace("_", "-")
        if suffix.endswith(tail) and PROVIDER_KEY.fullmatch(provider):
            is_configured = provider in configured
            splits.append(
                (is_configured, len(provider) if is_configured else 0, len(leaf), f"{PROVIDER_PREFIX}{provider}.{leaf}")
            )
    return max(splits)[-1] if splits else None
