"""The filters of a list of messages: one table, from which stores, REST, command line and OpenAPI follow."""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, get_type_hints

from wework_message.domain.content import MessageType
from wework_message.domain.ids import BatchId, Guid, ProviderCode
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.message import Message


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: its names for clients, and how it compares a message with the value of a request."""

    query_name: str
    """As the query of a request spells it."""
    flag: str
    """As the command line spells it."""
    help: str
    """For the command line."""
    value_of: Callable[[Message], Any]
    """The message's value; None passes no filter."""
    compare: Callable[[Any, Any], Any] = operator.eq
    """From `operator`, with the message's value first: it serves values and SQL columns alike."""
    choices: type[StrEnum] | None = None
    """The only valid values; None = any text."""
    expected: str = ""
    """What a value must be; the error text for a value outside `choices`."""
    is_instant: bool = False
    """Epoch ms; clients write ISO-8601 with zone."""
    description: str = ""
    """For the OpenAPI document, where the name alone does not say enough."""


def _last_provider(message: Message) -> ProviderCode | None:
    return message.attempts.last.provider_code if message.attempts.last is not None else None


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """The filters of one request; None = not filtered. Each field is a row of the table of filters."""

    status: Annotated[
        MessageStatus | None,
        Filter(
            "status", "--status", "Full name of the status, such as FAILED.", lambda message: message.status,
            choices=MessageStatus, expected=f"must be one of {', '.join(MessageStatus)}",
        ),
    ] = None  # fmt: skip
    guid: Annotated[Guid | None, Filter("guid", "--guid", "The sender's instance.", lambda message: message.guid)] = (
        None
    )
    account_id: Annotated[
        str | None, Filter("accountId", "--account", "The sender's account.", lambda message: message.account_id)
    ] = None
    conversation_id: Annotated[
        str | None, Filter("conversationId", "--to", "The conversation.", lambda message: message.conversation_id)
    ] = None
    message_type: Annotated[
        str | None,
        Filter(
            "messageType", "--type", "Message type.", lambda message: message.message_type,
            choices=MessageType, expected="must be a message type",
        ),
    ] = None  # fmt: skip
    provider_code: Annotated[
        ProviderCode | None, Filter("providerCode", "--provider", "Provider's code.", _last_provider)
    ] = None
    """Of the newest attempt."""
    batch_id: Annotated[
        BatchId | None, Filter("batchId", "--batch", "Batch it came with.", lambda message: message.batch_id)
    ] = None
    client_message_id: Annotated[
        str | None,
        Filter(
            "clientMessageId",
            "--key",
            "Idempotency key it was sent with.",
            lambda message: message.options.client_message_id,
        ),
    ] = None
    campaign_id: Annotated[
        str | None,
        Filter("campaignId", "--campaign", "Campaign it was sent for.", lambda message: message.options.campaign_id),
    ] = None
    created_from: Annotated[
        int | None,
        Filter(
            "createdFrom", "--from", "Accepted at this instant or later, ISO-8601 with zone.",
            lambda message: message.accepted_at, operator.ge, is_instant=True,
            description="Accepted at this time or later.",
        ),
    ] = None  # fmt: skip
    """Epoch ms, inclusive."""
    created_to: Annotated[
        int | None,
        Filter(
            "createdTo", "--until", "Accepted before this instant.", lambda message: message.accepted_at, operator.lt,
            is_instant=True, description="Accepted before this time.",
        ),
    ] = None  # fmt: skip
    """Epoch ms, exclusive."""

    def active(self) -> Iterator[tuple[str, Filter, Any]]:
        """The filters that have a value: name in `FILTERS`, filter, value."""
        for name, message_filter in FILTERS.items():
            value = getattr(self, name)
            if value is not None:
                yield name, message_filter, value

    def matches(self, message: Message) -> bool:
        """Whether the message passes every active filter."""
        return all(
            (own := message_filter.value_of(message)) is not None and message_filter.compare(own, value)
            for _, message_filter, value in self.active()
        )


FILTERS: Final[Mapping[str, Filter]] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(MessageFilter, include_extras=True).items()
}
"""The table: every filter by its name in `MessageFilter`."""
