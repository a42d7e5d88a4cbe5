"""Chunks: the calls into which the recipients of a mass send are cut."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.domain.ids import AccountId, BatchId, TenantId
from wework_message.domain.message.message import Message

MAX_RECIPIENTS: Final = 200
"""Recipients of one call, at most (D-57)."""


@dataclass(frozen=True, slots=True)
class MassChunk:
    """The recipients of one call: the messages of a batch that have this account and a place from `first` to `last`.

    A chunk is looked at when it is due: whichever of its messages wait then go out together, and one that is sent again goes out by
    its chunk as well. A place lies in one chunk of its account only.
    """

    batch_id: BatchId
    number: int
    """In the batch, from 0."""
    tenant_id: TenantId
    account_id: AccountId
    are_rooms: bool
    """False: users. No call has both."""
    first: int
    last: int
    recipients: int
    """As accepted, 1 to `MAX_RECIPIENTS`."""

    def has(self, message: Message) -> bool:
        """Whether the message is one of its recipients."""
        own = (message.batch_id, message.account_id) == (self.batch_id, self.account_id)
        return own and self.first <= (message.index or 0) <= self.last


def is_room(conversation_id: str) -> bool:
    """Whether it is a conversation of many people."""
    return conversation_id.startswith("R:")


def cut(messages: Iterable[Message]) -> Sequence[MassChunk]:
    """The chunks of these messages of one batch: users and rooms apart, and each account for itself, in the order of the batch."""
    apart: dict[tuple[AccountId, bool], list[Message]] = {}
    for message in messages:
        apart.setdefault((message.account_id, is_room(message.conversation_id)), []).append(message)
    runs = [
        own[start : start + MAX_RECIPIENTS] for own in apart.values() for start in range(0, len(own), MAX_RECIPIENTS)
    ]
    return [_chunk(number, run) for number, run in enumerate(runs)]


def _chunk(number: int, run: Sequence[Message]) -> MassChunk:
    first, last = run[0], run[-1]
    return MassChunk(
        batch_id=first.batch_id or BatchId(""),
        number=number,
        tenant_id=first.tenant_id,
        account_id=first.account_id,
        are_rooms=is_room(first.conversation_id),
        first=first.index or 0,
        last=last.index or 0,
        recipients=len(run),
    )
