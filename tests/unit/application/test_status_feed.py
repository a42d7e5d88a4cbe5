"""Waiting for a status: when a waiter asks the store by itself, and that it never waits longer than it may."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from tests.support.builders.messages import a_due_message
from tests.support.virtual_time import in_virtual_time

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.application.queries.status_feed import StatusFeed, WaitForMessage
from wework_message.application.queries.status_watch import BACKOFF_FACTOR, INTERVAL_S
from wework_message.domain.ids import DEFAULT_TENANT, MessageId, TenantId
from wework_message.domain.message.message import Message
from wework_message.domain.ports.queries import MessageView


class TimingReader(MemoryMessageReader):
    """Notes when its message was read, and when its version was looked at, in seconds."""

    def __init__(self, message: Message) -> None:
        super().__init__(MemoryDatabase())
        self.view = MessageView(message, next_attempt_at=None)
        self.read_at: list[float] = []
        self.looked_at: list[float] = []

    async def messages(
        self, tenant_id: TenantId | None, message_ids: Sequence[MessageId]
    ) -> Mapping[MessageId, MessageView]:
        self.read_at.append(round(asyncio.get_running_loop().time(), 6))
        return {self.view.message.id: self.view}

    async def versions(self, message_ids: Sequence[MessageId]) -> Mapping[MessageId, int]:
        self.looked_at.append(round(asyncio.get_running_loop().time(), 6))
        return {self.view.message.id: self.view.message.version}


def waited(*, first_poll_ms: int, wait_ms: int) -> TimingReader:
    """What was asked of the store while a request waited for a message that never changes."""
    message = a_due_message()
    reader = TimingReader(message)
    waiting = WaitForMessage(StatusFeed(), reader, first_poll_ms, max_waiters=1)
    view = in_virtual_time(waiting(DEFAULT_TENANT, message.id, enough=lambda _: False, wait_ms=wait_ms))
    assert view is not None
    return reader


@pytest.mark.parametrize(
    ("wait_ms", "read_at", "looked_at"), [(300, [0, 0.3], []), (700, [0, 0.7], [0.5]), (0, [0], [])]
)
def test_a_wait_never_lasts_longer_than_it_may(wait_ms: int, read_at: list[float], looked_at: list[float]) -> None:
    reader = waited(first_poll_ms=500, wait_ms=wait_ms)
    assert reader.read_at == read_at
    assert reader.looked_at == looked_at


def test_the_pauses_between_looks_grow_to_their_longest() -> None:
    looked_at = waited(first_poll_ms=20, wait_ms=10_000).looked_at
    pauses = [later - earlier for earlier, later in pairwise([0, *looked_at])]
    expected = [0.02]
    while len(expected) < len(pauses):
        expected.append(min(expected[-1] * BACKOFF_FACTOR, INTERVAL_S))
    assert pauses == pytest.approx(expected, abs=1e-5)
    assert 0.02 < pauses[1] < pauses[-1] == pytest.approx(INTERVAL_S)
