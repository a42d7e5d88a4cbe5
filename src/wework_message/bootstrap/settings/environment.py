"""From a variable's name to a key: the path in upper case, ``.`` as ``_`` and ``-`` as ``_`` or left out; with ``_FILE`` behind it, a file's content."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Final

import msgspec

from wework_message.bootstrap.settings.config_files import parse_yaml
from wework_message.bootstrap.settings.effective import BUILT_IN_PROVIDER, Sources, collected
from wework_message.bootstrap.settings.errors import UnknownSettingError
from wework_message.bootstrap.settings.flattening import is_list, settings_in
from wework_message.bootstrap.settings.foreign import foreign_variable
from wework_message.bootstrap.settings.model import AppSettings
from wework_message.bootstrap.settings.placeholders import LiteralText
from wework_message.bootstrap.settings.relaxed import (
    STEERING,
    Name,
    holds_entries,
    known_names,
    name_of,
    uniform,
    variable_forms,
)
from wework_message.bootstrap.settings.schema import (
    PROVIDER_KEY,
    PROVIDER_PREFIX,
    Value,
    is_section,
    leaf_of,
    provider_leaves,
)
from wework_message.bootstrap.settings.secret_files import SUFFIX, from_file
from wework_message.bootstrap.settings.service_links import without_service_links
from wework_message.bootstrap.settings.spring import ALIASES, is_setting

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
    return _fixed().keys()


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
    environ: Mapping[str, str], configured: Collection[str], sources: Sources
) -> dict[str, tuple[str, Value]]:
    """Key -> (variable, value) of every variable that sets something, in the order of the variables' names.

    Spring Boot 3.2, "Binding From Environment Variables": the form without dashes is the strongest of several, then the one with
    ``_`` for them, then a name with dots or in lower case.

    `configured` are the providers of the files. `sources` learns of variables of Java services that have no meaning here, and of problems:
    an `UnknownSettingError` for a variable of ours (`is_ours`) that names no key, an `InvalidSettingError` for a ``_FILE`` variable whose
    file gives no value. Other variables are ignored. Raises `SettingsFileError` for a list with a gap.
    """
    environ = without_service_links(environ, setting_variables())
    fixed = _fixed()
    plain: dict[str, tuple[str, Value]] = {}
    entries: dict[str, list[tuple[str, Name]]] = {}
    unknown: list[str] = []
    for variable in sorted(environ, key=lambda name: (-_weakness(name, fixed), name)):
        secret = _key_of(variable.removesuffix(SUFFIX), fixed, configured)
        if (key := _key_of(variable, fixed, configured)) is not None:
            with collected(sources.problems):
                plain[key] = (variable, _value_of(environ[variable], variable, key))
        elif variable.endswith(SUFFIX) and secret is not None and is_secret(secret):
            with collected(sources.problems):
                if environ[variable]:
                    text = from_file(variable, environ, many_lines=_is_mapping(secret))
                    plain[secret] = (variable, _value_of(LiteralText(text), variable, secret))
        elif (entry := _entry_of(variable, fixed, configured)) is not None:
            entries.setdefault(entry.key, []).append((variable, entry))
        elif (foreign := foreign_variable(variable)) is not None:
            if is_section(variable.lower().replace("_", ".")):
                continue
            sources.add_variable(variable, environ[variable], foreign.key)
        elif is_ours(variable):
            unknown.append(variable)
    documented = {variable_of(key): key for key in fixed.values()} if unknown else {}
    names = [*documented, *(f"{variable}{SUFFIX}" for variable, key in documented.items() if is_secret(key))]
    sources.problems += [UnknownSettingError(name, [*names, *_provider_variables(name)]) for name in sorted(unknown)]
    settings = {key: _put_together(key, names, environ) for key, names in entries.items()} | plain
    return dict(sorted(settings.items(), key=lambda item: item[1][0]))


def shadowed_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Variables that set nothing, because another form of their name sets the same key to another value."""
    environ, fixed = without_service_links(environ, setting_variables()), _fixed()
    by_key: dict[str, list[str]] = {}
    for variable in sorted(environ, key=lambda name: (_weakness(name, fixed), name)):
        if (key := _key_of(variable, fixed, ())) is not None:
            by_key.setdefault(key, []).append(variable)
    for key, (strongest, *others) in by_key.items():
        if shadowed := [variable for variable in others if environ[variable] != environ[strongest]]:
            yield f"{key}: {strongest} counts, not {', '.join(shadowed)}"


def _put_together(key: str, names: Iterable[tuple[str, Name]], environ: Mapping[str, str]) -> tuple[str, Value]:
    """One of the variables and the value of a map or list that has a variable for each entry."""
    by_name = {".".join((key, *name.rest)): variable for variable, name in names}
    first = min(by_name.values())
    pairs = [(name, environ[variable]) for name, variable in sorted(by_name.items())]
    return first, settings_in(pairs, first)[key]


def _weakness(variable: str, fixed: Mapping[str, str]) -> int:
    """Of the form in which a variable names its key."""
    if "." in variable:
        return 2 if name_of(variable).key == variable else 3
    if not variable.isupper():
        return 3
    key = fixed.get(variable)
    return 1 if key is not None and variable != variable_forms(key)[0] else 0


@cache
def _fixed() -> Mapping[str, str]:
    """Key by variable, in both forms; of a key without dashes they are one."""
    legacy = {variable_forms(key)[1]: key for key in known_names()}
    return {variable_forms(key)[0]: key for key in known_names()} | legacy


def _entry_of(variable: str, fixed: Mapping[str, str], configured: Collection[str]) -> Name | None:
    """The entry of a map or list that a variable names: Spring has its number, or its name, behind the key."""
    if "." in variable:
        name = name_of(variable)
        return name if name.known and name.rest else None
    words = variable.upper().split("_")
    for length in range(len(words) - 1, 1, -1):
        key = _key_of("_".join(words[:length]), fixed, configured)
        if key is not None and holds_entries(key):
            rest = tuple(word.lower() for word in words[length:])
            return Name(key, rest, known=True) if not is_list(key) or rest[0].isdigit() else None
    return None


def is_secret(key: str) -> bool:
    """Whether the value of `key`, ours or Spring's, may be or hold a secret, so that a file may give it."""
    leaf = leaf_of(ALIASES.get(key, key))
    return key in _SECRET_PARTS or (leaf is not None and leaf.secret)


def _key_of(variable: str, fixed: Mapping[str, str], configured: Collection[str]) -> str | None:
    if "." in variable:
        name = name_of(variable)
        return name.key if name.known and not name.rest and (is_setting(name.key) or name.key in STEERING) else None
    name_in_capitals = variable.upper()
    return fixed.get(name_in_capitals) or provider_key(name_in_capitals, configured, provider_leaves())


def _value_of(text: str, variable: str, key: str) -> Value:
    if not text or not _is_mapping(key):
        return text
    value = parse_yaml(text, variable)
    if isinstance(text, LiteralText) and isinstance(value, dict):
        return {name: LiteralText(item) if isinstance(item, str) else item for name, item in value.items()}
    return value


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
    (the longest one), then the longest setting's name. Without its dashes, a name means the provider that has them.
    """
    prefix = variable_of(PROVIDER_PREFIX)
    if not variable.startswith(prefix):
        return None
    suffix = variable.removeprefix(prefix)
    without_dashes = {uniform(name): name for name in (BUILT_IN_PROVIDER, *configured)}
    splits: list[tuple[bool, int, int, str]] = []
    for leaf in leaves:
        for form in dict.fromkeys(variable_forms(leaf)):
            written = suffix.removesuffix(f"_{form}").lower()
            provider = written.replace("_", "-")
            if not suffix.endswith(f"_{form}") or not PROVIDER_KEY.fullmatch(provider):
                continue
            if provider not in configured and "_" not in written:
                provider = without_dashes.get(written, provider)
            is_configured = provider in configured
            length = len(provider) if is_configured else 0
            splits.append((is_configured, length, len(form), f"{PROVIDER_PREFIX}{provider}.{leaf}"))
    return max(splits)[-1] if splits else None
