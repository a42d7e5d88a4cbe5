"""What an operator asks before a start or in trouble: checks that look, and change nothing (R-I12).

Each adapter offers the checks of what it speaks to; `bootstrap` collects them, `application.queries.diagnosis` runs them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a check says; the names are API."""

    OK = "ok"
    WARNING = "warning"
    """It works, and somebody should know."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Nobody looked: it is not configured, what it needs failed, or there is no way to ask."""


class Fault(StrEnum):
    """Whose business a failed check is; it decides the exit code."""

    SETTINGS = "settings"
    """The settings of the service, or of a server it stands on, must change."""
    UNAVAILABLE = "unavailable"
    """Something does not answer, or answers wrongly."""
    BROKEN = "broken"
    """Stored data break a rule of ours."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found. Texts are for a person and hold no secret and no message content."""

    verdict: Verdict
    text: str
    advice: str | None = None
    """What to do about it; None where there is nothing to do."""

    @classmethod
    def ok(cls, text: str) -> "Finding":
        """As it should be."""
        return cls(Verdict.OK, text)

    @classmethod
    def warning(cls, text: str, advice: str) -> "Finding":
        """It works, but."""
        return cls(Verdict.WARNING, text, advice)

    @classmethod
    def failed(cls, text: str, advice: str) -> "Finding":
        """It does not work."""
        return cls(Verdict.FAILED, text, advice)

    @classmethod
    def skipped(cls, text: str, advice: str | None = None) -> "Finding":
        """Nobody looked."""
        return cls(Verdict.SKIPPED, text, advice)


@dataclass(frozen=True, slots=True)
class Check:
    """One question. Asking it writes nothing anywhere."""

    name: str
    """Stable, unique within one diagnosis: parts in lower case between dots, such as ``database.schema``."""
    ask: Callable[[], Awaitable[Finding]]
    """Raises `UnavailableError` where what it asks does not answer; may be cancelled at any moment."""
    after: str | None = None
    """Name of the check without which this one cannot be asked: it is skipped unless that one is ok or a warning."""
    fault: Fault = Fault.UNAVAILABLE
    advice: str = "see what it is that does not answer, and its log"
    """What to do where `ask` raises or does not return in time."""
