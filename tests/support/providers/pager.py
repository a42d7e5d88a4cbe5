"""A second provider protocol, as another package would bring it: no callbacks, an option that is secret, addresses of its own."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Final

import pytest

from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.adapters.system import SystemClock
from wework_message.domain.conversation import Conversation
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ports.checks import Check, Finding
from wework_message.domain.ports.gateway import CallbackReader, MessageGateway
from wework_message.domain.ports.protocols import Idempotency, ProviderConnection, ProviderProtocol
from wework_message.domain.routing.provider import Capabilities

_OPTIONS: Final = frozenset({"token", "channel"})


class PagerGrammar:
    """``P:<letters>``; everybody with that pager reads it."""

    pattern = "P:[a-z]{1,32}"

    def parse(self, text: str) -> Conversation:
        if not re.fullmatch(self.pattern, text):
            raise InvalidValueError("conversationId", "must be P:<letters>")
        return Conversation(text, is_room=True)

    def parse_recipient(self, text: str, *, is_room: bool) -> Conversation:
        if not is_room:
            raise InvalidValueError("conversationId", "a pager is no person")
        return self.parse(text)


class PagerProtocol:
    """Sends in memory. `opened` are the connections that were opened, `gateways` the gateways that they got."""

    opened: ClassVar[list[ProviderConnection]] = []
    gateways: ClassVar[list[MemoryGateway]] = []

    capabilities = Capabilities(frozenset({"TEXT"}))
    conversations = PagerGrammar()
    has_echoes = False
    idempotency = Idempotency.NONE
    has_simulator = False
    secret_options = frozenset({"token"})

    def check_options(self, options: Mapping[str, str]) -> None:
        for name in options.keys() - _OPTIONS:
            raise InvalidValueError(name, "is no option of a pager")
        if len(options.get("token", "")) < 8:
            raise InvalidValueError("token", "must have at least 8 characters")

    def reader(self) -> CallbackReader | None:
        return None

    @asynccontextmanager
    async def open(self, connection: ProviderConnection) -> AsyncIterator[MessageGateway]:
        gateway = MemoryGateway(SystemClock())
        self.opened.append(connection)
        self.gateways.append(gateway)
        yield gateway

    def checks(self, name: str) -> Sequence[Check]:
        async def battery() -> Finding:
            return Finding.ok("it is charged")

        return (Check(f"{name}.battery", battery),)


def install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, package: str = "pager",
    protocol: str = "tests.support.providers.pager:PagerProtocol",
) -> None:  # fmt: skip
    """Register a protocol, with the name ``pager``, as an installed package does, until the test ends."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[wework_message.providers]\npager = {protocol}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    PagerProtocol.opened.clear()
    PagerProtocol.gateways.clear()


def _conforms(protocol: PagerProtocol) -> ProviderProtocol:
    return protocol
