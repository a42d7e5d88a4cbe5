"""The doctor's checks of Nacos."""

from collections.abc import Sequence

from wework_message.bootstrap.nacos.instance import instance_of
from wework_message.bootstrap.nacos.servers import configuration_server, registration_server
from wework_message.bootstrap.nacos.start import kept_configuration, shown_copy
from wework_message.bootstrap.settings import Loaded
from wework_message.bootstrap.settings.nacos import document_names, installed, used_sections
from wework_message.domain.ports.checks import Check, Finding


def nacos_checks(loaded: Loaded) -> Sequence[Check]:
    """Those of what is used."""
    before, nacos = loaded.layers.nacos(), loaded.settings.nacos
    if not (before.reads or nacos.registers):
        missing = bool(used_sections(nacos)) and not installed()
        why = "the extra nacos is not installed" if missing else "nacos.server-addr is not set, or it is turned off"
        return [_skipped("nacos.call", why)]
    from wework_message.adapters.nacos.checks import (  # noqa: PLC0415 -- the SDK is an extra, and takes 0.4 s
        configuration_checks,
        registration_checks,
    )

    checks: list[Check] = []
    if before.reads:
        profiles = loaded.layers.profiles
        copy = shown_copy(kept_configuration(before, profiles).read())
        checks += configuration_checks(configuration_server(before), document_names(before, profiles), copy)
    if nacos.registers:
        checks += registration_checks(registration_server(nacos), instance_of(loaded, loaded.settings.server.port))
    return checks


def _skipped(name: str, why: str) -> Check:
    async def finding() -> Finding:
        return Finding.skipped(why)

    return Check(name, finding)
