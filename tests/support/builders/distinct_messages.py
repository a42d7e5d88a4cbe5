"""Three stored messages that differ in the value of every filter."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.support.builders.messages import BACKUP, NOW, a_batch_id, a_due_message, an_outcome, begin_call, settle

from wework_message.domain.content import ImageContent, MentionContent
from wework_message.domain.ids import DEFAULT_TENANT, Guid, MessageId
from wework_message.domain.message.message import Message
from wework_message.domain.message_filter import FILTERS
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.repositories import IdempotencyKey, UnitOfWorkFactory

_PLACES: Final[Mapping[Callable[..., Any], tuple[int, ...]]] = {
    operator.eq: (1,),
    operator.ge: (2, 1),
    operator.lt: (0,),
}
"""By comparison: indexes of the messages that a list shows, newest first, if the value is that of the second message."""


@dataclass(frozen=True, slots=True)
class DistinctMessages:
    """Three messages in the order of acceptance."""

    messages: tuple[Message, Message, Message]

    def value(self, name: str) -> Any:
        """The second message's value for the filter `name`; no other message has it."""
        first, second, third = (FILTERS[name].value_of(message) for message in self.messages)
        assert second is not None, f"give the messages of this test a {name}"
        assert second not in (first, third), f"give each message of this test another {name}"
        return second

    def listed(self, name: str) -> list[MessageId]:
        """Ids of the messages that a list with that value shows."""
        return [self.messages[place].id for place in _PLACES[FILTERS[name].compare]]


async def store_distinct_messages(units: UnitOfWorkFactory) -> DistinctMessages:
    first = a_due_message(
        guid=Guid("guid-1"), conversation_id="R:1", client_message_id="key-1", campaign_id="spring", batch_id=a_batch_id(),
        message_type="MENTION", content=MentionContent(content="hi", at_list=("0",)), accepted_at=NOW,
    )  # fmt: skip
    second = a_due_message(
        guid=Guid("guid-2"), conversation_id="R:2", client_message_id="key-2", campaign_id="autumn", batch_id=a_batch_id(),
        message_type="IMAGE", accepted_at=NOW + 10_000,
        content=ImageContent(file_id="f", file_size=1, aes_key="a" * 32, md5="b" * 32, image_width=2, image_height=3),
    )  # fmt: skip
    third = a_due_message(accepted_at=NOW + 20_000)
    messages = (first, second, third)
    async with units() as unit:
        await unit.messages.add(messages)
        await unit.messages.claim_keys(
            [
                IdempotencyKey(DEFAULT_TENANT, message.options.client_message_id, b"f" * 32, message.id)
                for message in messages
                if message.options.client_message_id is not None
            ]
        )
        await unit.commit()
    for message in messages:
        message.written()
    begin_call(first)
    settle(first, an_outcome(OutcomeClass.ACCEPTED))
    begin_call(second, provider_code=BACKUP)
    async with units() as unit:
        assert await unit.messages.save([first, second]) == frozenset()
        await unit.commit()
    return DistinctMessages(messages)
