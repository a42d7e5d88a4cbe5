"""The `data` of answers about the audit trail."""

from msgspec import Struct

from wework_message.domain.audit import AuditEntry
from wework_message.entrypoints.wire.instants import iso


class AuditItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """An entry of the audit trail."""

    seq: int
    """Its place in the trail of all tenants: there are gaps."""
    audit_id: str
    """The same for what was begun and how it ended."""
    at: str
    tenant_id: str
    actor_kind: str
    """`OPEN`, `KEY`, `TOKEN` or `COMMAND_LINE`."""
    actor_id: str | None
    """The key's id, the token's subject, or the user of the operating system."""
    action: str
    """Such as `key.create`."""
    outcome: str
    """`STARTED`, `DONE`, `REFUSED` or `FAILED`."""
    target: str | None
    """Id of what it is about."""
    request_id: str | None
    address: str | None
    status: int | None
    """Of the HTTP answer."""
    fields: tuple[str, ...]
    """Names of the fields that the request had."""
    count: int
    """How many requests the entry stands for."""


class AuditPage(Struct, frozen=True, rename="camel"):
    """Newest first."""

    items: tuple[AuditItem, ...]
    next_cursor: str | None


def audit_item(entry: AuditEntry) -> AuditItem:
    """An entry in a list."""
    return AuditItem(
        seq=entry.seq,
        audit_id=entry.id,
        at=iso(entry.at),
        tenant_id=entry.tenant_id,
        actor_kind=entry.actor_kind.value,
        actor_id=entry.actor_id or None,
        action=str(entry.action),
        outcome=entry.outcome.value,
        target=entry.target,
        request_id=entry.request_id,
        address=entry.address,
        status=entry.status,
        fields=entry.fields,
        count=entry.count,
    )
