"""Stored messages with few values for each filter, and filters for them."""

import random
from typing import Any, Final

from tests.support.builders.messages import (
    BACKUP,
    NOW,
    PROVIDER,
    a_batch_id,
    a_due_message,
    a_message_id,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.domain.account import implicit_account_id
from wework_message.domain.ids import DEFAULT_TENANT, Guid
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.message_filter import FILTERS, MessageFilter
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.repositories import IdempotencyKey, UnitOfWorkFactory

TOTAL: Final = 30
SPREAD_MS: Final = 600_000
"""How long the messages took to come: several times the time that an id may be late."""


async def store_random_messages(units: UnitOfWorkFactory, random_source: random.Random) -> list[Message]:
    """In the order of acceptance."""
    batches = [a_batch_id(), a_batch_id()]
    messages: list[Message] = []
    for accepted_at in sorted(random_source.sample(range(NOW, NOW + SPREAD_MS), TOTAL)):
        guid = Guid(random_source.choice(("guid-1", "guid-2")))
        message_id = a_message_id(accepted_at + random_source.choice((0, 1, 5)))
        messages.append(
            a_due_message(
                id=message_id, accepted_at=accepted_at, guid=guid, account_id=implicit_account_id(guid),
                conversation_id=f"R:{len(messages)}", batch_id=random_source.choice(batches), index=len(messages),
                message_type=random_source.choice(("TEXT", "LINK")), client_message_id=f"key-{message_id}",
                campaign_id=random_source.choice(("spring", "autumn")),
            )
        )  # fmt: skip
    async with units() as unit:
        await unit.messages.add(messages)
        keys = [(message.id, f"key-{message.id}") for message in messages]
        await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, key, b"f" * 32, id_) for id_, key in keys])
        await unit.commit()
    called = random_source.sample(messages, TOTAL // 2)
    for message in messages:
        message.written()
    for message in called:
        begin_call(message, provider_code=random_source.choice((PROVIDER, BACKUP)))
    async with units() as unit:
        await unit.messages.save(called)
        await unit.commit()
    for message in called:
        message.written()
    sent = called[: TOTAL // 4]
    for message in sent:
        settle(message, an_outcome(OutcomeClass.ACCEPTED))
    async with units() as unit:
        await unit.messages.save(sent)
        await unit.commit()
    return messages


def random_filter(messages: list[Message], random_source: random.Random) -> MessageFilter:
    """Up to four filters, with values of some message, and sometimes one that no message has."""
    names = random_source.sample(sorted(FILTERS), random_source.choice((0, 1, 1, 2, 3, 4)))
    values: dict[str, Any] = {name: FILTERS[name].value_of(random_source.choice(messages)) for name in names}
    if "message_type" in names and random_source.random() < 0.2:
        values["message_type"] = "VIDEO"
    if "status" in names and random_source.random() < 0.2:
        values["status"] = MessageStatus.EXPIRED
    return MessageFilter(**values)
