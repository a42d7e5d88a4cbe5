"""The schema. What must never happen is refused here, not in code (R-G2).

There are no foreign keys: rows of one message are written by one save, and hot tables would pay for the checks twice.
Instants are epoch ms, durations ms. Flags that a unique index guards are 1 or NULL: many closed, one open.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    text,
)

from wework_message.adapters.sql.mapping.column_types import (
    ACCOUNT,
    CODE,
    CONVERSATION,
    DIGEST,
    GUID,
    ID,
    LONG,
    LONG_BYTES,
    NAME,
    NEVER_REUSED,
    SERIAL,
    TRACE,
    VENDOR_ID,
    filled,
    fixed_code,
    only_of_others,
    others_than,
    tenant_column,
)
from wework_message.domain.inbox import InboxState

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(column_0_N_label)s",
    }
)


message: Final = Table(
    "wm_message",
    metadata,
    Column("id", ID, primary_key=True),
    tenant_column(),
    Column("account_id", ACCOUNT, nullable=False),
    Column("guid", GUID),
    Column("conversation_id", CONVERSATION, nullable=False),
    Column("message_type", CODE, nullable=False),
    Column("content", LONG, nullable=False),
    Column("accepted_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("mode", CODE, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("scheduled_at", BigInteger),
    Column("requested_provider", CODE),
    Column("pin", CODE, nullable=False),
    Column("on_unknown", CODE, nullable=False),
    Column("duplicate_safe", Boolean, nullable=False),
    Column("retry_count", SmallInteger),
    Column("extra", LONG),
    Column("client_message_id", String(255)),
    Column("campaign_id", NAME),
    Column("batch_id", ID),
    Column("group_id", ID),
    Column("item_index", Integer),
    Column("status", fixed_code(16), nullable=False),
    Column("reason", NAME),
    Column("confirmed", Boolean),
    Column("possible_duplicate", Boolean, nullable=False),
    Column("recall", CODE, nullable=False),
    Column("recall_confirmed", Boolean),
    Column("round", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("strikes", Integer, nullable=False),
    Column("attempt_count", Integer, nullable=False),
    Column("provider_code", fixed_code(32)),
    Column("version", Integer, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("status_callback_url", String(2048)),
    Column("trace", TRACE),
    Index("ix_wm_message_status", "status", "id"),
    Index("ix_wm_message_conversation", "conversation_id", "id"),
    Index("ix_wm_message_account", "account_id", "id"),
    Index("ix_wm_message_campaign", "campaign_id", "id", **filled("campaign_id")),
    Index("ix_wm_message_batch", "batch_id", "item_index", **filled("batch_id")),
    Index("ix_wm_message_group", "group_id", "item_index", **filled("group_id")),
    Index("ix_wm_message_tenant", "tenant_id", "id", **only_of_others("tenant_id")),
)
"""One row per message; the aggregate's own state."""

due: Final = Table(
    "wm_due",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    tenant_column(),
    Column("message_id", ID, nullable=False),
    Column("lane", String(270), nullable=False),
    Column("urgency", SmallInteger, nullable=False),
    Column("place", SmallInteger, nullable=False),
    Column("parked", Boolean, nullable=False),
    Column("paced", Boolean, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("in_ms", BigInteger),
    Column("turn", ACCOUNT, nullable=False, server_default=""),
    Column("paced_for", CODE),
    UniqueConstraint("message_id"),
    Index("ix_wm_due_when", "urgency", "due_at"),
    Index("ix_wm_due_turn", "turn", "urgency", "due_at"),
    Index("ix_wm_due_lane", "lane", "place", "urgency", "seq"),
    **NEVER_REUSED,
)
"""Which message is to be handled, and when; a claim moves `due_at` to the end of its lease. `seq` is the order of a lane.

`in_ms` is how long the wait was when it was set; NULL in rows of versions before 0005. `turn` is the account whose turn a
message waits for that may be sent; empty for what waits for its time, and for what is no send. `paced_for`: where `paced`, the
provider in whose budgets the message has its place.
"""

attempt: Final = Table(
    "wm_attempt",
    metadata,
    Column("message_id", ID, primary_key=True),
    Column("number", Integer, primary_key=True),
    tenant_column(),
    Column("round", Integer, nullable=False),
    Column("account_id", ACCOUNT, nullable=False),
    Column("conversation_id", CONVERSATION, nullable=False),
    Column("binding_id", String(200), nullable=False),
    Column("provider_code", CODE, nullable=False),
    Column("guid", GUID, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("outcome", CODE),
    Column("reason", NAME),
    Column("error_code", BigInteger),
    Column("error_message", String(255)),
    Column("confirmed", Boolean),
    Column("receipt", LONG),
    Column("decision", LONG),
    Column("provider_message_id", VENDOR_ID),
    Column("app_info_key", String(255)),
    Column("sent_at", BigInteger),
    Column("content_key", NAME),
    Column("facts", String(160), nullable=False),
    Column("unsettled", SmallInteger),
    Column("lane_open", SmallInteger),
    Column("holder", String(16)),
    UniqueConstraint("message_id", "unsettled"),
    UniqueConstraint("account_id", "conversation_id", "lane_open"),
    UniqueConstraint("provider_message_id", "guid", "provider_code"),
    Index("ix_wm_attempt_uncertain", "guid", "provider_code", "outcome", "started_at"),
)
"""One row per call, written before its first byte. The unique flags block a second send and a second open call in a lane.

`holder`: the claim's own token (ADR 64); NULL in rows of versions before 0019.
"""

idempotency_key: Final = Table(
    "wm_idempotency_key",
    metadata,
    Column("tenant_id", NAME, primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", DIGEST, nullable=False),
    Column("target", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_wm_idempotency_key_created", "created_at"),
)
"""Clients' keys, kept at least 72 h and until the message rests (D-45)."""

batch: Final = Table(
    "wm_batch",
    metadata,
    Column("id", ID, primary_key=True),
    tenant_column(),
    Column("mode", CODE, nullable=False),
    Column("total", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
"""Batches as accepted; their progress is in their messages."""

note: Final = Table(
    "wm_note",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    tenant_column(),
    Column("message_id", ID, nullable=False),
    Column("kind", CODE, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("attempt", Integer),
    Column("detail", String(255)),
    Column("event_key", String(160)),
    Column("source", CODE),
    Index("ix_wm_note_message", "message_id", "id"),
    **NEVER_REUSED,
)
"""Append-only: facts from callbacks and people's decisions, for the timeline."""

callback: Final = Table(
    "wm_callback",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    tenant_column(),
    Column("provider_code", CODE, nullable=False),
    Column("guid", GUID, nullable=False),
    Column("notify_type", Integer, nullable=False),
    Column("event_key", String(160), nullable=False),
    Column("raw", LONG, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("state", CODE, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("message_id", ID),
    Column("waits_for", VENDOR_ID),
    Column("source", CODE),
    UniqueConstraint("provider_code", "guid", "notify_type", "event_key"),
    Index("ix_wm_callback_state", "state", "id"),
    Index("ix_wm_callback_guid", "guid", "id"),
    Index("ix_wm_callback_type", "guid", "notify_type", "id"),
    Index("ix_wm_callback_recent", "guid", "state", "received_at", **others_than("state", InboxState.APPLIED.value)),
    Index("ix_wm_callback_waits", "waits_for", "guid", "state", **filled("waits_for")),
    **NEVER_REUSED,
)
"""The inbox: callbacks, stored raw before they are answered; without a `source` the provider sent them."""

dead_letter: Final = Table(
    "wm_dead_letter",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    tenant_column(),
    Column("source", CODE, nullable=False),
    Column("source_id", String(255), nullable=False),
    Column("reason", NAME, nullable=False),
    Column("faults", LONG, nullable=False),
    Column("message_key", String(255)),
    Column("body", LONG_BYTES, nullable=False),
    Column("size", Integer, nullable=False),
    Column("deliveries", Integer, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("replayed_at", BigInteger),
    Column("target", ID),
    Column("message_id", String(255)),
    UniqueConstraint("source", "source_id"),
    Index("ix_wm_dead_letter_list", "tenant_id", "source", "id"),
    **NEVER_REUSED,
)
"""Queue messages that could not be accepted."""

account: Final = Table(
    "wm_account",
    metadata,
    Column("account_id", ACCOUNT, primary_key=True),
    tenant_column(),
    Column("name", String(255)),
    Column("corp_id", NAME),
    Column("vid", NAME),
    Column("enabled", Boolean, nullable=False),
    Column("registered", Boolean, nullable=False, server_default=text("0")),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("on_unknown", CODE),
    Column("pools", String(2_000)),
    Column("limits", String(1_000)),
    Column("created_at", BigInteger),
    Column("updated_at", BigInteger),
    Column("presence_sequence", Integer, nullable=False, server_default=text("0")),
    Index("ix_wm_account_registered", "registered", "account_id", "version"),
)
"""Senders. `pools` and `limits` are JSON, NULL where there are none. Accounts are never deleted."""

binding: Final = Table(
    "wm_binding",
    metadata,
    Column("binding_id", String(200), primary_key=True),
    tenant_column(),
    Column("account_id", ACCOUNT, nullable=False),
    Column("provider_code", CODE, nullable=False),
    Column("guid", GUID, nullable=False),
    Column("standby", CODE, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("device_slot", NAME),
    Column("enabled", Boolean, nullable=False),
    Column("state", CODE, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("seq_hwm", VENDOR_ID),  # unused (ADR 58): processes of the versions before name it
    Column("removed", Boolean, nullable=False, server_default=text("0")),
    UniqueConstraint("provider_code", "guid"),
    Index("ix_wm_binding_account", "account_id"),
    Index("ix_wm_binding_guid", "guid"),
)
"""An account's instances at providers. A removed one stays for the callbacks that still name its guid."""

finished: Final = Table(
    "wm_finished",
    metadata,
    Column("tenant_id", NAME, primary_key=True, server_default="default"),
    Column("provider_code", CODE, primary_key=True),
    Column("message_type", CODE, primary_key=True),
    Column("outcome", CODE, primary_key=True),
    Column("total", BigInteger, nullable=False),
)
"""Counters of finished calls; no query counts rows."""
