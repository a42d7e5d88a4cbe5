"""The audit trail as entrypoints see it."""

from dataclasses import dataclass

from wework_message.application.audit.refusals import Refusals
from wework_message.application.audit.trail import AuditTrail
from wework_message.domain.ports.audit import AuditReader


@dataclass(frozen=True, slots=True)
class Audit:
    """What is written to the trail, and read from it."""

    trail: AuditTrail
    refusals: Refusals
    """Counts requests that were not let in."""
    reader: AuditReader
