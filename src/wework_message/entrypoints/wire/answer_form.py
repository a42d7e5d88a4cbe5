"""The form of answers where clients of the Java service read them (ADR 84).

A property of the request, as a language is: answers are made in some fifty places, and all of them ask here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import tzinfo
from typing import Final, NamedTuple


class AnswerForm(NamedTuple):
    """What differs from the documented form."""

    zone: tzinfo | None = None
    """Instants are local times of this zone, without a zone, as Java's `LocalDateTime` reads them; None = UTC with `Z`."""
    boolean_success: bool = False
    """`success` is never null: false where the message is refused for good, else true, since a client that reads false sends again."""


_DOCUMENTED: Final = AnswerForm()

_form: Final[ContextVar[AnswerForm]] = ContextVar("answer_form", default=_DOCUMENTED)

answer_form: Final = _form.get
"""The form of the answers of this request."""


@contextmanager
def answering_in(form: AnswerForm) -> Iterator[None]:
    """Answers that are made within have this form."""
    token = _form.set(form)
    try:
        yield
    finally:
        _form.reset(token)
