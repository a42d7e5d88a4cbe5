"""Settings from Nacos at the start of a command."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypedDict

from wework_message.adapters.nacos.fetch import fetch
from wework_message.adapters.nacos.kept import Kept, KeptConfiguration
from wework_message.bootstrap.settings.nacos import (
    NacosConfigSettings,
    NacosDiscoverySettings,
    NacosSettings,
    addresses_of,
    document_names,
)
from wework_message.bootstrap.settings.shared_start import Copy, SharedRead
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.shared_configuration import Document

_log: Final = logging.getLogger(__name__)

_UNITS: Final = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))


def read_at_start(settings: NacosSettings, profiles: Sequence[str]) -> SharedRead:
    """One look at Nacos, of some seconds at most, and the copy of an earlier one."""
    copy = kept_configuration(settings, profiles)
    keep = partial(keep_copy, copy)
    kept = copy.read()
    shown = None if kept is None else Copy(kept.documents, age_in_words(kept.age_s))
    where = f"Nacos at {addresses_of(settings, settings.config)}"
    try:
        documents = fetch(dict(server_fields(settings, settings.config)), document_names(settings, profiles))
    except UnavailableError as error:
        return SharedRead(None, shown, keep, f"{where} does not answer ({error})")
    notes = [] if documents else [f"{where} has none of {_listed(settings, profiles)}"]
    return SharedRead(documents, shown, keep, notes=notes)


class ServerFields(TypedDict):
    """The fields of a `NacosServer`."""

    addresses: str
    namespace: str
    username: str | None
    password: str | None


def server_fields(settings: NacosSettings, section: NacosConfigSettings | NacosDiscoverySettings) -> ServerFields:
    """Where a section's server is, and who asks."""
    password = section.password or settings.password
    return {
        "addresses": addresses_of(settings, section),
        "namespace": section.namespace,
        "username": section.username or settings.username,
        "password": None if password is None else password.reveal(),
    }


def kept_configuration(settings: NacosSettings, profiles: Sequence[str]) -> KeptConfiguration:
    """The copy of these configurations."""
    config = settings.config
    place = {"server": addresses_of(settings, config), "namespace": config.namespace}
    return KeptConfiguration(Path(config.copy), place, document_names(settings, profiles))


def keep_copy(copy: KeptConfiguration, documents: Sequence[Document]) -> None:
    """Make `documents` the copy; a disk that does not take it costs a warning."""
    try:
        copy.write(documents)
    except OSError as error:
        _log.warning("no copy of what Nacos says: %s", error.strerror or type(error).__name__)


def age_in_words(age_s: float) -> str:
    """Whole days, hours or minutes."""
    for seconds, unit in _UNITS:
        if age_s >= 2 * seconds:
            return f"{age_s // seconds:.0f} {unit}"
    return f"{age_s:.0f} s"


def shown_copy(kept: Kept | None) -> str:
    """For people."""
    return "no copy" if kept is None else f"the copy is {age_in_words(kept.age_s)} old"


def _listed(settings: NacosSettings, profiles: Sequence[str]) -> str:
    return ", ".join(map(str, document_names(settings, profiles)))
