"""The `data` of answers about conversations."""

from msgspec import Struct

from wework_message.application.instances.clients import Marked
from wework_message.domain.outcomes import OutcomeClass


class ReadAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the provider said."""

    read: bool
    """Whether the conversation is marked now."""
    provider_code: str
    guid: str
    error_code: int | None
    """The provider's code where it refused."""
    error_message: str | None


def read_answer(marked: Marked) -> ReadAnswer:
    """The answer for a provider that answered."""
    outcome = marked.outcome
    return ReadAnswer(
        read=outcome.kind is OutcomeClass.ACCEPTED,
        provider_code=marked.binding.provider_code,
        guid=marked.binding.guid,
        error_code=outcome.error_code,
        error_message=outcome.error_message,
    )
