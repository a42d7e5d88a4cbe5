"""Entries of the audit trail."""

from typing import Any

from tests.support.builders.messages import NOW

from wework_message.domain.access.principal import PrincipalKind
from wework_message.domain.audit import AuditAction, AuditEntry, AuditOutcome
from wework_message.domain.ids import DEFAULT_TENANT, AuditId


def an_entry(**changes: Any) -> AuditEntry:
    values: dict[str, Any] = {
        "id": AuditId("0197a000-0000-7000-8000-000000000001"), "at": NOW, "tenant_id": DEFAULT_TENANT,
        "actor_kind": PrincipalKind.KEY, "actor_id": "abcdefgh", "action": AuditAction.ACCOUNT_CHANGE,
        "outcome": AuditOutcome.DONE, "target": "account-a",
    }  # fmt: skip
    return AuditEntry(**values | changes)
