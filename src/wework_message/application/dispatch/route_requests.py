"""What a message asks of its route: its pin, and what its attempts of this round have shown."""

from collections.abc import Sequence

from wework_message.domain.account import Binding
from wework_message.domain.ids import BindingId
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.message import Message
from wework_message.domain.message.options import Pin
from wework_message.domain.outcomes import OutcomeClass


def pinned(message: Message, bindings: Sequence[Binding]) -> BindingId | None:
    """The binding that the client's guid names; where it is gone, an id that no binding has.

    Where the client named the account alone, it is the binding of the first attempt, and any before that one.
    """
    if message.guid is None:
        return message.attempts[0].binding_id if message.attempts else None
    requested = message.options.provider_code
    for binding in bindings:
        if binding.guid == message.guid and requested in (None, binding.provider_code):
            return binding.binding_id
    return BindingId("")


def is_plain(message: Message) -> bool:
    """Whether its route depends on nothing but its account and its type."""
    options = message.options
    return (
        not message.attempts
        and options.provider_code is None
        and options.pin is not Pin.BINDING
        and getattr(message.content, "file_size", None) is None
    )


def bindings_with(tried: Sequence[Attempt], kind: OutcomeClass) -> frozenset[BindingId]:
    """The bindings of attempts with this outcome."""
    return frozenset(
        attempt.binding_id for attempt in tried if attempt.outcome is not None and attempt.outcome.kind is kind
    )
