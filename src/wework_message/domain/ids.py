"""Names for the strings that identify things, so that mypy keeps them apart."""

from typing import NewType, TypeAlias

TenantId = NewType("TenantId", str)
"""Owner of everything stored; `default` exists from the first migration (D-38)."""

MessageId = NewType("MessageId", str)
"""Our own id: a UUIDv7 in its 36 character form, the one id on every path (D-25)."""

BatchId = NewType("BatchId", str)
"""UUIDv7 of a batch, or of the group that the parts of a MIXED message form."""

ReplayId = NewType("ReplayId", str)
"""UUIDv7 of a replay of failed messages."""

ErasureId = NewType("ErasureId", str)
"""UUIDv7 of an erasure of what is held of a person."""

PlacementId = NewType("PlacementId", str)
"""UUIDv7 of one call that makes an instance for a new account."""

WebhookId = NewType("WebhookId", str)
"""UUIDv7 of an endpoint of a client, to which events are sent."""

EventId = NewType("EventId", str)
"""UUIDv7 of an event for clients: the same in every request that tells of it."""

MediaId = NewType("MediaId", str)
"""UUIDv7 of a media asset: the bytes of a file, whatever provider they go to."""

AuditId = NewType("AuditId", str)
"""UUIDv7 of something that was done, or tried: all entries of the audit trail about it have it."""

AccountId = NewType("AccountId", str)
"""One WeCom identity: the sender a client names (D-19)."""

BindingId = NewType("BindingId", str)
"""An account's instance at one provider."""

ProviderCode = NewType("ProviderCode", str)
"""A configured provider in upper snake case, such as `MAIN_PROVIDER`."""

Guid = NewType("Guid", str)
"""The vendor's name for an instance (P-1)."""

ProviderMessageId = NewType("ProviderMessageId", str)
"""The vendor's message id; unique per (provider, guid) only (P-1)."""

HolderToken = NewType("HolderToken", str)
"""Random name of one claim: only the process that made it can know it (ADR 64)."""

ProviderKey: TypeAlias = tuple[ProviderCode, Guid, ProviderMessageId]
"""A provider's id for a message with what it is unique within."""

DEFAULT_TENANT = TenantId("default")
