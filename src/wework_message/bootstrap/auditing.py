"""Who writes the audit trail (ADR 0006). Only this package uses it."""

from wework_message.application.audit.audit import Audit
from wework_message.application.audit.refusals import Refusals
from wework_message.application.audit.trail import AppendEntries, AuditTrail
from wework_message.bootstrap.dispatching import Dispatching
from wework_message.bootstrap.frameworks import providers


class Auditing(Dispatching):
    """The trail, and the counts of what was not let in."""

    append_entries = providers.Singleton(AppendEntries)
    refusals = providers.Singleton(Refusals, Dispatching.commits, append_entries, Dispatching.ids, Dispatching.clock)
    audit = providers.Singleton(
        Audit,
        providers.Singleton(AuditTrail, Dispatching.commits, append_entries, Dispatching.ids, Dispatching.clock),
        refusals,
        Dispatching.storage.provided.audit,
    )
