"""What a document says about itself and about profiles."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from wework_message.bootstrap.settings.errors import SettingsError, SettingsFileError
from wework_message.bootstrap.settings.placeholders import Lookup, replaced
from wework_message.bootstrap.settings.profiles import checked_names, matches
from wework_message.bootstrap.settings.property_source import PropertySource
from wework_message.bootstrap.settings.relaxed import (
    OLD_PROFILES,
    ON_PLATFORM,
    ON_PROFILE,
    PLACES,
    PROFILES_DEFAULT,
    PROFILES_GROUP,
    PROFILES_INCLUDE,
)
from wework_message.bootstrap.settings.schema import Value
from wework_message.bootstrap.settings.spring import PROFILES_KEY

KUBERNETES: Final = "kubernetes"
REFUSED_CONDITION: Final = f"{OLD_PROFILES} is of Spring Boot 2.3: write {ON_PROFILE}"
_OTHER_PLATFORMS: Final = frozenset({"none", "cloud-foundry", "heroku", "sap", "nomad", "azure-app-service"})
_FOR_ALL: Final = (PROFILES_KEY, PROFILES_INCLUDE, PROFILES_DEFAULT)


def check_document(source: PropertySource, label: str, *, for_profile: bool) -> Iterator[str]:
    """What has no effect in this document, as notes; raises `SettingsFileError` for what Spring refuses.

    Spring Boot 3.2, "Profiles": what names profiles cannot depend on one.
    """
    if OLD_PROFILES in source.settings:
        raise SettingsFileError(label, REFUSED_CONDITION)
    has_condition = source.value(ON_PROFILE) is not None
    for key in (*_FOR_ALL, *([PROFILES_GROUP] if has_condition else [])):
        if (for_profile or has_condition) and key in source.settings:
            raise SettingsFileError(label, f"{key} cannot be in a file or document that is for a profile")
    if PROFILES_GROUP in source.settings and for_profile:
        yield f"{PROFILES_GROUP} has no effect in a file that is for a profile ({label})"
    for key in sorted(PLACES & source.settings.keys()):
        yield f"{key} has no effect in a file ({label})"


def is_active(
    source: PropertySource, accepted: Collection[str] | None, look: Lookup, environ: Mapping[str, str]
) -> bool:
    """Whether the document counts; with a profile's condition it does not before the profiles are known, when `accepted` is None.

    Spring Boot 3.2, "Activation Properties". Raises `SettingsError` for a condition that is none.
    """
    on_profile, on_platform = source.value(ON_PROFILE), source.value(ON_PLATFORM)
    if on_platform and not _is_platform(_filled(source, ON_PLATFORM, on_platform, look), source, environ):
        return False
    if not on_profile:
        return True
    if accepted is None:
        return False
    value = _filled(source, ON_PROFILE, on_profile, look)
    expressions = value if isinstance(value, list) else str(value).split(",")
    where = f"{ON_PROFILE} ({source.settings[ON_PROFILE][1]})"
    results = [matches(str(expression), accepted, where) for expression in expressions]
    return any(results)


def _is_platform(value: Value, source: PropertySource, environ: Mapping[str, str]) -> bool:
    """Spring knows Kubernetes by the variables of its API server."""
    name = str(value).strip().lower().replace("_", "-")
    if name == KUBERNETES:
        return "KUBERNETES_SERVICE_HOST" in environ and "KUBERNETES_SERVICE_PORT" in environ
    if name in _OTHER_PLATFORMS:
        return False
    raise SettingsError(f"{ON_PLATFORM} ({source.settings[ON_PLATFORM][1]})", f"must be {KUBERNETES}")


def profiles_said(sources: Sequence[PropertySource], key: str, look: Lookup) -> tuple[str, ...]:
    """The profiles that the strongest of `sources`, weakest first, has under `key`.

    An empty value does not count, though it does for Spring: a variable that is left empty must not turn a deployment into a trial.
    """
    return next((names for source in reversed(sources) if (names := _names(source, key, look))), ())


def included_profiles(sources: Sequence[PropertySource], look: Lookup) -> tuple[str, ...]:
    """Those of every source, the strongest source first (Spring Boot 3.2, "Adding Active Profiles")."""
    return tuple(name for source in reversed(sources) for name in _names(source, PROFILES_INCLUDE, look))


def profile_groups(sources: Sequence[PropertySource], look: Lookup) -> dict[str, tuple[str, ...]]:
    """The profiles of each group; a group of a stronger source replaces one of a weaker one (Spring Boot 3.2, "Profile Groups")."""
    groups: dict[str, tuple[str, ...]] = {}
    for source in sources:
        value = source.value(PROFILES_GROUP)
        lists: dict[str, list[Value]] = {}
        for name, item in (value if isinstance(value, dict) else {}).items():
            group, _, number = str(name).rpartition(".")
            lists.setdefault(group if group and number.isdigit() else str(name), []).append(item)
        for group, items in lists.items():
            value = _filled(source, PROFILES_GROUP, items if len(items) > 1 else items[0], look)
            groups[group] = checked_names(value, f"{PROFILES_GROUP}.{group}")
    return groups


def _names(source: PropertySource, key: str, look: Lookup) -> tuple[str, ...]:
    value = source.value(key)
    if not value:
        return ()
    origin = source.settings[key][1]
    where = origin.name if source.by_variable else key
    return checked_names(_filled(source, key, value, look), where)


def _filled(source: PropertySource, key: str, value: Value, look: Lookup) -> Value:
    return replaced(value, look, f"{key} ({source.settings[key][1]})", strict=source.strict)
