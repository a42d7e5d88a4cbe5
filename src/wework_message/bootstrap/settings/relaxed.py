"""Relaxed names: which setting a name in a file, a variable or an option means.

Spring Boot 3.2, "Relaxed Binding": `context-path`, `contextPath` and `context_path` are one name; in a variable it is
`..._CONTEXTPATH`, or `..._CONTEXT_PATH`, which was its form in Spring Boot 1.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from wework_message.bootstrap.settings.schema import PROVIDER_PREFIX, known_leaves, leaf_of, provider_leaves
from wework_message.bootstrap.settings.spring import ALIASES, PROFILES_KEY, REDIS_PARTS, setting_of

PROFILES_INCLUDE: Final = "spring.profiles.include"
PROFILES_DEFAULT: Final = "spring.profiles.default"
PROFILES_GROUP: Final = "spring.profiles.group"
OLD_PROFILES: Final = "spring.profiles"
IMPORT: Final = "spring.config.import"
ON_PROFILE: Final = "spring.config.activate.on-profile"
ON_PLATFORM: Final = "spring.config.activate.on-cloud-platform"
LOCATION: Final = "spring.config.location"
ADDITIONAL_LOCATION: Final = "spring.config.additional-location"
CONFIG_NAME: Final = "spring.config.name"
ON_NOT_FOUND: Final = "spring.config.on-not-found"
JSON: Final = "spring.application.json"

ACTIVATION: Final = frozenset({ON_PROFILE, ON_PLATFORM})
PLACES: Final = frozenset({LOCATION, ADDITIONAL_LOCATION, CONFIG_NAME, ON_NOT_FOUND, JSON})
"""What says where the files are cannot be in them."""
STEERING: Final = frozenset({PROFILES_KEY, PROFILES_INCLUDE, PROFILES_DEFAULT, PROFILES_GROUP, *ACTIVATION, *PLACES})
"""Keys that decide which settings are read, and are none themselves."""

LISTS: Final = frozenset(
    {
        PROFILES_KEY,
        PROFILES_INCLUDE,
        PROFILES_DEFAULT,
        IMPORT,
        ON_PROFILE,
        LOCATION,
        ADDITIONAL_LOCATION,
        CONFIG_NAME,
        "app.callbacks.allow-networks",
        "app.callbacks.trusted-proxies",
        "app.message.callbacks.admin-user-ids",
        "app.outbound.allow-networks",
        "nacos.config.imports",
        "nacos.config.server-addr",
        "nacos.discovery.server-addr",
        "nacos.server-addr",
        "rocketmq.name-server",
        "security.allowed-hosts",
        "security.allowed-origins",
        "security.jwt.algorithms",
        "security.secrets.previous-keys",
    }
)
"""Texts with commas that may be written as a list, too."""

_ELEMENT: Final = re.compile(r"\[(?P<index>[^\]]*)\]|(?P<word>[^.\[]+|\[)")
_PROVIDERS: Final = ("app", "wework", "providers")


@dataclass(frozen=True, slots=True)
class Name:
    """A name that somebody has written, understood."""

    key: str
    """The setting's key, ours or Spring's; what is written where there is none."""
    rest: tuple[str, ...] = ()
    """Of an entry of a map or list: its name or number, and what it has below."""
    known: bool = False
    """Whether `key` is one that has a meaning here, or a section of such."""


def uniform(element: str) -> str:
    """`element` without what does not count in a name: case, dashes, underscores."""
    return re.sub(r"[^a-z0-9]", "", element.lower())


def elements(written: str) -> tuple[str, ...]:
    """The parts of a name with dots; what is in brackets is one of them."""
    return tuple(match["word"] if match["index"] is None else match["index"] for match in _ELEMENT.finditer(written))


def name_of(written: str) -> Name:
    """What `written` means in a file, or wherever a name has dots."""
    words = elements(written)
    plain = tuple(uniform(word) for word in words)
    if plain[:3] == _PROVIDERS and len(words) > len(_PROVIDERS):
        return _in_provider(written, words, plain)
    for length in range(len(plain), 0, -1):
        key = _keys().get(plain[:length])
        if key is not None and (length == len(plain) or _may_hold(key, words[length])):
            return Name(key, words[length:], known=True)
    return Name(_sections().get(plain, written), known=plain in _sections())


def holds_entries(key: str) -> bool:
    """Whether a name may go on below `key`: it is a map, or a list."""
    leaf = leaf_of(setting_of(key))
    return key in LISTS or setting_of(key) in LISTS or key == PROFILES_GROUP or (leaf is not None and leaf.mapping)


def _may_hold(key: str, entry: str) -> bool:
    """A list in the place of one value is a wrong value, and no name that does not exist."""
    return holds_entries(key) or (leaf_of(setting_of(key)) is not None and entry.isdigit())


def variable_forms(key: str) -> tuple[str, str]:
    """The variables of `key`, the stronger one first: without its dashes, and with ``_`` for them.

    Spring Boot 3.2, "Binding From Environment Variables".
    """
    dotted = key.replace(".", "_")
    return dotted.replace("-", "").upper(), dotted.replace("-", "_").upper()


def provider_name(written: str) -> str:
    """A provider's key in our spelling: `backupProviderA` and `backup_provider_a` are `backup-provider-a`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", written).replace("_", "-").lower()


@cache
def known_names() -> tuple[str, ...]:
    """Every key that has a meaning here and does not name a provider, ours and Spring's."""
    return (*known_leaves(()), *ALIASES, *REDIS_PARTS, *sorted(STEERING), OLD_PROFILES)


def _in_provider(written: str, words: tuple[str, ...], plain: tuple[str, ...]) -> Name:
    at = len(_PROVIDERS)
    provider = f"{PROVIDER_PREFIX}{provider_name(words[at])}"
    if len(words) == at + 1:
        return Name(provider, known=True)
    for length in range(len(plain), at + 1, -1):
        leaf = _provider_keys().get(plain[at + 1 : length])
        if leaf is not None and (length == len(plain) or _may_hold(f"{provider}.{leaf}", words[length])):
            return Name(f"{provider}.{leaf}", words[length:], known=True)
    return Name(written)


def _by_plain(names: Iterable[str]) -> Mapping[tuple[str, ...], str]:
    return {tuple(uniform(word) for word in name.split(".")): name for name in names}


@cache
def _keys() -> Mapping[tuple[str, ...], str]:
    return _by_plain(known_names())


@cache
def _provider_keys() -> Mapping[tuple[str, ...], str]:
    return _by_plain(provider_leaves())


@cache
def _sections() -> Mapping[tuple[str, ...], str]:
    parts = [key.split(".") for key in (*known_leaves(()), f"{PROVIDER_PREFIX}x")]
    return _by_plain(".".join(words[:length]) for words in parts for length in range(1, len(words)))
