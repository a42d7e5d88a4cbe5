"""Outbound requests of the process, from the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from wework_message.adapters.outbound.pinned_http import PinnedHttp
from wework_message.adapters.outbound.resolver import SystemResolver
from wework_message.bootstrap.settings.http import OutboundSettings
from wework_message.bootstrap.settings.section import comma_separated
from wework_message.domain.outbound import AddressPolicy, networks_of


def address_policy(settings: OutboundSettings) -> AddressPolicy:
    """What clients may let us call; the setting is checked already."""
    return AddressPolicy(networks_of(comma_separated(settings.allow_networks)))


@asynccontextmanager
async def open_outbound(settings: OutboundSettings) -> AsyncIterator[PinnedHttp]:
    """Nothing is connected, and no thread runs, before the first request."""
    resolver = SystemResolver()
    http = PinnedHttp(address_policy(settings), resolver)
    try:
        yield http
    finally:
        resolver.close()
        await http.aclose()
