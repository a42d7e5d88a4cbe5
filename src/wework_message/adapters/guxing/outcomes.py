"""The outcome class of every answer to a send or recall.

The table is in two functions of this module, and row by row in the test `test_guxing_outcomes` (D-14, M-2). Every
unlisted answer is UNCERTAIN.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wework_message.adapters.guxing.receipts import is_svr_fail, read_receipt
from wework_message.adapters.guxing.wire import Envelope, parse, read_envelope
from wework_message.adapters.http import REFUSING, THROTTLING, is_success, outcome_of_status, retry_after_ms
from wework_message.domain.message.attempt import AttemptOutcome, Receipt
from wework_message.domain.outcomes import OutcomeClass, Reason

BUILT_IN_CODES: Final[Mapping[int, OutcomeClass]] = {
    -2003: OutcomeClass.REFUSED_PERMANENT,  # conversation_id without its prefix (captured)
    -4017: OutcomeClass.REFUSED_PERMANENT,  # no permission for this external contact (captured)
    -4046: OutcomeClass.REFUSED_CAPABILITY,  # mini-program sends of some client versions (changelog 2.6.6, 2.7.0)
}
"""Codes of sends that the contract explains. Its other codes belong to uploads (-5103011, 5103017, 5103059), the message
pull and the heartbeat: as the answer to a send they mean nothing, so they are not listed."""

MAX_MESSAGE: Final = 200
"""Longest text of a provider that is stored, in characters."""

_UNPROCESSABLE: Final = 422
_NAME: Final = re.compile(r"[A-Za-z0-9_.]{1,64}")
_MAX_PROBLEMS: Final = 5


class _OutcomeCodes(Mapping[int, OutcomeClass]):
    def __init__(self, configured: Mapping[str, OutcomeClass]) -> None:
        for code, outcome in configured.items():
            if int(code) == 0 or outcome is OutcomeClass.ACCEPTED:
                raise ValueError(f"outcome-codes: {code} cannot mean {outcome}")
        self._configured = configured

    def __getitem__(self, code: int) -> OutcomeClass:
        configured = self._configured.get(str(code))
        return BUILT_IN_CODES[code] if configured is None else configured

    def __iter__(self) -> Iterator[int]:
        return iter({**BUILT_IN_CODES, **{int(code): outcome for code, outcome in self._configured.items()}})

    def __len__(self) -> int:
        return len(set(self))


def outcome_codes(configured: Mapping[str, OutcomeClass]) -> Mapping[int, OutcomeClass]:
    """The built-in codes, overridden by the configured ones (D-43), which may change meanwhile.

    Raises `ValueError` for a code that is no integer or is 0, and for ACCEPTED, which needs an answer with an id.
    """
    return _OutcomeCodes(configured)


def of_send(status: int, headers: Mapping[str, str], body: bytes, codes: Mapping[int, OutcomeClass]) -> AttemptOutcome:
    """The outcome of an answer to a send. `headers` have lower-case names."""
    envelope = read_envelope(body)
    if envelope is None or not is_success(status):
        return _without_success(status, headers, body, envelope, codes)
    receipt = read_receipt(envelope.fields)
    if envelope.refused:
        if receipt is not None:
            return _uncertain(Reason.CONTRADICTION, envelope, receipt)
        return _refused(envelope, headers, codes)
    if is_svr_fail(envelope.fields):
        return _uncertain(Reason.SERVER_FAILED, envelope, receipt)
    if receipt is None:
        return _uncertain(Reason.NO_ID, envelope)
    return AttemptOutcome(OutcomeClass.ACCEPTED, receipt=receipt)


def of_mass(status: int, headers: Mapping[str, str], body: bytes, codes: Mapping[int, OutcomeClass]) -> AttemptOutcome:
    """As `of_send`, for a mass send: its answer is not documented, so it is ACCEPTED without an id, and has no receipt."""
    outcome = of_send(status, headers, body, codes)
    if outcome.reason is Reason.NO_ID:
        return AttemptOutcome(OutcomeClass.ACCEPTED)
    return dataclasses.replace(outcome, receipt=None)


def of_recall(
    status: int, headers: Mapping[str, str], body: bytes, codes: Mapping[int, OutcomeClass]
) -> AttemptOutcome:
    """The outcome of an answer to a recall; without a receipt, because an id in it is not that of our message."""
    envelope = read_envelope(body)
    if envelope is None or not is_success(status):
        return dataclasses.replace(_without_success(status, headers, body, envelope, codes), receipt=None)
    if envelope.refused:
        return _refused(envelope, headers, codes)
    if is_svr_fail(envelope.fields):
        return _uncertain(Reason.SERVER_FAILED, envelope)
    return AttemptOutcome(OutcomeClass.ACCEPTED)


def _without_success(
    status: int, headers: Mapping[str, str], body: bytes, envelope: Envelope | None, codes: Mapping[int, OutcomeClass]
) -> AttemptOutcome:
    """The outcome without HTTP success or without an envelope."""
    if is_success(status):
        return _uncertain(Reason.UNREADABLE)
    if envelope is not None:
        receipt = read_receipt(envelope.fields)
        if envelope.code == 0 or receipt is not None:
            return _uncertain(Reason.CONTRADICTION, envelope, receipt)
    if status != THROTTLING and envelope is not None and envelope.refused and status >= min(REFUSING):
        return _refused(envelope, headers, codes)
    outcome = outcome_of_status(status, headers)
    return outcome if status != _UNPROCESSABLE else dataclasses.replace(outcome, error_message=_problems(body))


def _refused(envelope: Envelope, headers: Mapping[str, str], codes: Mapping[int, OutcomeClass]) -> AttemptOutcome:
    """The outcome of a code that is not 0: as in the table, else a refusal that a late echo may disprove."""
    code = envelope.code or 0
    kind = codes.get(code)
    return AttemptOutcome(
        kind or OutcomeClass.REFUSED_PERMANENT,
        reason=Reason.UNKNOWN_CODE if kind is None else Reason.CODE,
        error_code=code,
        error_message=_shown(envelope.message),
        retry_after_ms=retry_after_ms(headers) if kind is OutcomeClass.THROTTLED else None,
        confirmed=kind is not None,
    )


def _uncertain(reason: Reason, envelope: Envelope | None = None, receipt: Receipt | None = None) -> AttemptOutcome:
    return AttemptOutcome(
        OutcomeClass.UNCERTAIN,
        reason=reason,
        error_code=None if envelope is None else envelope.code,
        error_message=None if envelope is None else _shown(envelope.message),
        receipt=receipt,
    )


def _shown(message: str) -> str | None:
    """A text of the vendor as one line of printable characters."""
    line = "".join(character if character.isprintable() else " " for character in message[: 4 * MAX_MESSAGE])
    return line.strip()[:MAX_MESSAGE] or None


def _problems(body: bytes) -> str | None:
    """The places and kinds of the problems in a 422; never its texts or values, which may repeat the message."""
    try:
        value = parse(body)
    except ValueError:
        return None
    detail = value.get("detail") if isinstance(value, dict) else None
    problems = [_problem(entry) for entry in detail[:_MAX_PROBLEMS]] if isinstance(detail, list) else []
    return "; ".join(problems)[:MAX_MESSAGE] or None


def _problem(entry: Any) -> str:
    loc = entry.get("loc") if isinstance(entry, dict) else None
    kind = entry.get("type") if isinstance(entry, dict) else None
    steps = [str(step) for step in loc] if isinstance(loc, list) else []
    place = ".".join(step if _NAME.fullmatch(step) else "?" for step in steps[:8])
    return f"{place}: {kind if isinstance(kind, str) and _NAME.fullmatch(kind) else '?'}"
