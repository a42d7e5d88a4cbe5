"""Checks for operators, before a start or in trouble; they only read (R-I12).

Each adapter has the checks of its server; `bootstrap` collects them, `application.queries.diagnosis` runs them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The verdict of a check; the names are API."""

    OK = "ok"
    WARNING = "warning"
    """It works, but an operator should know something."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not checked: it is not configured, a check before it failed, or there is no way to check it."""


class Fault(StrEnum):
    """The kind of a failure; it decides the exit code."""

    SETTINGS = "settings"
    """The settings of the service, or of a server that it uses, must change."""
    UNAVAILABLE = "unavailable"
    """Something does not answer, or answers wrongly."""
    BROKEN = "broken"
    """Stored data break a rule of ours."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check. Texts are for people and contain no secret and no message content."""

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
        """It works, with a defect."""
        return cls(Verdict.WARNING, text, advice)

    @classmethod
    def failed(cls, text: str, advice: str) -> "Finding":
        """It does not work."""
        return cls(Verdict.FAILED, text, advice)

    @classmethod
    def skipped(cls, text: str, advice: str | None = None) -> "Finding":
        """Not checked."""
        return cls(Verdict.SKIPPED, text, advice)


@dataclass(frozen=True, slots=True)
class Check:
    """One check. It writes nothing anywhere."""

    name: str
    """Stable, unique within one diagnosis: parts in lower case between dots, such as ``database.schema``."""
    ask: Callable[[], Awaitable[Finding]]
    """Raises `UnavailableError` where the checked server does not answer; may be cancelled at any moment."""
    after: str | None = None
    """Name of a check that must come first: this one is skipped unless that one is ok or a warning."""
    fault: Fault = Fault.UNAVAILABLE
    advice: str = "see what it is that does not answer, and its log"
    """What to do where `ask` raises or does not return in time."""
