"""Waiting for a status: when a waiter asks the store by itself, and that it never waits longer than it may."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from tests.support.builders.messages import a_due_message
from tests.support.virtual_time import in_virtual_time

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.application.queries.status_feed import (
    POLL_BACKOFF_FACTOR,
    POLL_INTERVAL_S,
    StatusFeed,
    WaitForMessage,
)
from wework_message.domain.ids import DEFAULT_TENANT, MessageId, TenantId
from wework_message.domain.message.message import Message
from wework_message.domain.ports.queries import MessageView


class TimingReader(MemoryMessageReader):
    """Notes when it was asked, in seconds."""

    def __init__(self, message: Message) -> None:
        super().__init__(MemoryDatabase())
        self.view = MessageView(message, next_attempt_at=None)
        self.asked_at: list[float] = []

    async def messages(self, tenant_id: TenantId, message_ids: Sequence[MessageId]) -> Mapping[MessageId, MessageView]:
        self.asked_at.append(asyncio.get_running_loop().time())
        return {self.view.message.id: self.view}


def polls(*, first_poll_ms: int, wait_ms: int) -> list[float]:
    """When a waiter asks the store for a message that never changes; its last look is at the end of its wait."""
    message = a_due_message()
    reader = TimingReader(message)
    waiting = WaitForMessage(StatusFeed(), reader, first_poll_ms)
    view = in_virtual_time(waiting(DEFAULT_TENANT, message.id, enough=lambda _: False, wait_ms=wait_ms))
    assert view is not None
    return [round(at, 6) for at in reader.asked_at]


def test_a_wait_never_lasts_longer_than_it_may() -> None:
    assert polls(first_poll_ms=500, wait_ms=300) == [0, 0.3]
    assert polls(first_poll_ms=500, wait_ms=700) == [0, 0.5, 0.7]
    assert polls(first_poll_ms=500, wait_ms=0) == [0]


def test_the_pauses_between_polls_grow_to_their_longest() -> None:
    *regular, _ = [later - earlier for earlier, later in pairwise(polls(first_poll_ms=20, wait_ms=10_000))]
    expected = [0.02]
    while len(expected) < len(regular):
        expected.append(min(expected[-1] * POLL_BACKOFF_FACTOR, POLL_INTERVAL_S))
    assert regular == pytest.approx(expected, abs=1e-5)
    assert 0.02 < regular[1] < regular[-1] == pytest.approx(POLL_INTERVAL_S)
