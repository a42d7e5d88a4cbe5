"""One call to a provider: its answer, or the outcome of a call without one. Every protocol over HTTP begins with it."""

from collections.abc import Sequence
from typing import Protocol

from wework_message.adapters.http.exchange import Answer, LostError, NotWrittenError, Timing
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason


class Transport(Protocol):
    """Sends one request once; `HttpClient` is one."""

    async def post(self, path: str, body: bytes, *, timing: Timing, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        """The answer, of any status. Raises `NotWrittenError` or `LostError`. Never repeats, never follows a redirect."""
        ...


async def answer_or_outcome(
    transport: Transport, path: str, body: bytes, timing: Timing, *headers: tuple[str, str]
) -> Answer | AttemptOutcome:
    """The answer, of any status; without one NOT_SENT where no byte of the request has left, else UNCERTAIN.

    Raises only `asyncio.CancelledError`.
    """
    try:
        return await transport.post(path, body, timing=timing, headers=headers)
    except NotWrittenError as error:
        return AttemptOutcome(OutcomeClass.NOT_SENT, reason=error.reason)
    except LostError as error:
        return AttemptOutcome(OutcomeClass.UNCERTAIN, reason=error.reason)
    except Exception:  # noqa: BLE001 -- a defect of the transport: whether a byte left is unknown
        return AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.TRANSPORT)
