"""Initial schema.

Revision: 0001, after None
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from wework_message.adapters.sql.core.schema_options import exact_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


def upgrade() -> None:
    """Forward."""
    options = exact_tables(op.get_bind())
    op.create_table(
        "wm_account",
        sa.Column("account_id", sa.String(length=136), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("corp_id", sa.String(length=64), nullable=True),
        sa.Column("vid", sa.String(length=64), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_wm_account")),
        **options,
    )
    op.create_table(
        "wm_attempt",
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(length=136), nullable=False),
        sa.Column("conversation_id", sa.String(length=128), nullable=False),
        sa.Column("binding_id", sa.String(length=200), nullable=False),
        sa.Column("provider_code", sa.String(length=32), nullable=False),
        sa.Column("guid", sa.String(length=128), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("error_code", sa.BigInteger(), nullable=True),
        sa.Column("error_message", sa.String(length=255), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=True),
        sa.Column("receipt", _LONG, nullable=True),
        sa.Column("decision", _LONG, nullable=True),
        sa.Column("provider_message_id", sa.String(length=64), nullable=True),
        sa.Column("app_info_key", sa.String(length=255), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("content_key", sa.String(length=64), nullable=True),
        sa.Column("facts", sa.String(length=160), nullable=False),
        sa.Column("unsettled", sa.SmallInteger(), nullable=True),
        sa.Column("lane_open", sa.SmallInteger(), nullable=True),
        sa.PrimaryKeyConstraint("message_id", "number", name=op.f("pk_wm_attempt")),
        sa.UniqueConstraint(
            "account_id",
            "conversation_id",
            "lane_open",
            name=op.f("uq_wm_attempt_account_id_conversation_id_lane_open"),
        ),
        sa.UniqueConstraint("message_id", "unsettled", name=op.f("uq_wm_attempt_message_id_unsettled")),
        sa.UniqueConstraint(
            "provider_message_id",
            "guid",
            "provider_code",
            name=op.f("uq_wm_attempt_provider_message_id_guid_provider_code"),
        ),
        **options,
    )
    with op.batch_alter_table("wm_attempt", schema=None) as batch_op:
        batch_op.create_index(
            "ix_wm_attempt_uncertain", ["guid", "provider_code", "outcome", "started_at"], unique=False
        )

    op.create_table(
        "wm_batch",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("mode", sa.String(length=32), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wm_batch")),
        **options,
    )
    op.create_table(
        "wm_binding",
        sa.Column("binding_id", sa.String(length=200), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("account_id", sa.String(length=136), nullable=False),
        sa.Column("provider_code", sa.String(length=32), nullable=False),
        sa.Column("guid", sa.String(length=128), nullable=False),
        sa.Column("standby", sa.String(length=32), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("device_slot", sa.String(length=64), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("seq_hwm", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("binding_id", name=op.f("pk_wm_binding")),
        sa.UniqueConstraint("provider_code", "guid", name=op.f("uq_wm_binding_provider_code_guid")),
        **options,
    )
    with op.batch_alter_table("wm_binding", schema=None) as batch_op:
        batch_op.create_index("ix_wm_binding_account", ["account_id"], unique=False)
        batch_op.create_index("ix_wm_binding_guid", ["guid"], unique=False)

    op.create_table(
        "wm_callback",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("provider_code", sa.String(length=32), nullable=False),
        sa.Column("guid", sa.String(length=128), nullable=False),
        sa.Column("notify_type", sa.Integer(), nullable=False),
        sa.Column("event_key", sa.String(length=160), nullable=False),
        sa.Column("raw", _LONG, nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=True),
        sa.Column("waits_for", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wm_callback")),
        sa.UniqueConstraint(
            "provider_code",
            "guid",
            "notify_type",
            "event_key",
            name=op.f("uq_wm_callback_provider_code_guid_notify_type_event_key"),
        ),
        sqlite_autoincrement=True,
        **options,
    )
    with op.batch_alter_table("wm_callback", schema=None) as batch_op:
        batch_op.create_index("ix_wm_callback_guid", ["guid", "id"], unique=False)
        batch_op.create_index("ix_wm_callback_recent", ["guid", "state", "received_at"], unique=False)
        batch_op.create_index("ix_wm_callback_state", ["state", "id"], unique=False)
        batch_op.create_index("ix_wm_callback_waits", ["waits_for", "guid", "state"], unique=False)

    op.create_table(
        "wm_dead_letter",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("faults", _LONG, nullable=False),
        sa.Column("message_key", sa.String(length=255), nullable=True),
        sa.Column("body", sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql"), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("replayed_at", sa.BigInteger(), nullable=True),
        sa.Column("target", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wm_dead_letter")),
        sa.UniqueConstraint("source", "source_id", name=op.f("uq_wm_dead_letter_source_source_id")),
        sqlite_autoincrement=True,
        **options,
    )
    with op.batch_alter_table("wm_dead_letter", schema=None) as batch_op:
        batch_op.create_index("ix_wm_dead_letter_list", ["tenant_id", "source", "id"], unique=False)

    op.create_table(
        "wm_due",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("lane", sa.String(length=270), nullable=False),
        sa.Column("urgency", sa.SmallInteger(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("parked", sa.Boolean(), nullable=False),
        sa.Column("paced", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_wm_due")),
        sa.UniqueConstraint("message_id", name=op.f("uq_wm_due_message_id")),
        sqlite_autoincrement=True,
        **options,
    )
    with op.batch_alter_table("wm_due", schema=None) as batch_op:
        batch_op.create_index("ix_wm_due_lane", ["lane", "place", "urgency", "seq"], unique=False)
        batch_op.create_index("ix_wm_due_when", ["urgency", "due_at"], unique=False)

    op.create_table(
        "wm_duty",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("held_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_wm_duty")),
        **options,
    )
    op.create_table(
        "wm_finished",
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("provider_code", sa.String(length=32), nullable=False),
        sa.Column("message_type", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "provider_code", "message_type", "outcome", name=op.f("pk_wm_finished")),
        **options,
    )
    op.create_table(
        "wm_idempotency_key",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32).with_variant(mysql.VARBINARY(32), "mysql"), nullable=False),
        sa.Column("target", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_wm_idempotency_key")),
        **options,
    )
    with op.batch_alter_table("wm_idempotency_key", schema=None) as batch_op:
        batch_op.create_index("ix_wm_idempotency_key_created", ["created_at"], unique=False)

    op.create_table(
        "wm_message",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("account_id", sa.String(length=136), nullable=False),
        sa.Column("guid", sa.String(length=128), nullable=True),
        sa.Column("conversation_id", sa.String(length=128), nullable=False),
        sa.Column("message_type", sa.String(length=32), nullable=False),
        sa.Column("content", _LONG, nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.String(length=32), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("scheduled_at", sa.BigInteger(), nullable=True),
        sa.Column("requested_provider", sa.String(length=32), nullable=True),
        sa.Column("pin", sa.String(length=32), nullable=False),
        sa.Column("on_unknown", sa.String(length=32), nullable=False),
        sa.Column("duplicate_safe", sa.Boolean(), nullable=False),
        sa.Column("retry_count", sa.SmallInteger(), nullable=True),
        sa.Column("extra", _LONG, nullable=True),
        sa.Column("client_message_id", sa.String(length=255), nullable=True),
        sa.Column("batch_id", sa.String(length=36), nullable=True),
        sa.Column("group_id", sa.String(length=36), nullable=True),
        sa.Column("item_index", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=True),
        sa.Column("possible_duplicate", sa.Boolean(), nullable=False),
        sa.Column("recall", sa.String(length=32), nullable=False),
        sa.Column("recall_confirmed", sa.Boolean(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("provider_code", sa.String(length=32), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wm_message")),
        **options,
    )
    with op.batch_alter_table("wm_message", schema=None) as batch_op:
        batch_op.create_index("ix_wm_message_account", ["account_id", "id"], unique=False)
        batch_op.create_index("ix_wm_message_batch", ["batch_id", "item_index"], unique=False)
        batch_op.create_index("ix_wm_message_conversation", ["conversation_id", "id"], unique=False)
        batch_op.create_index("ix_wm_message_group", ["group_id", "item_index"], unique=False)
        batch_op.create_index("ix_wm_message_status", ["status", "id"], unique=False)

    op.create_table(
        "wm_note",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("detail", sa.String(length=255), nullable=True),
        sa.Column("event_key", sa.String(length=160), nullable=True),
        sa.Column("source", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wm_note")),
        sqlite_autoincrement=True,
        **options,
    )
    with op.batch_alter_table("wm_note", schema=None) as batch_op:
        batch_op.create_index("ix_wm_note_message", ["message_id", "id"], unique=False)

    op.create_table(
        "wm_tenant",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_wm_tenant")),
        **options,
    )
    op.bulk_insert(
        sa.table("wm_tenant", sa.column("tenant_id"), sa.column("name"), sa.column("created_at")),
        [{"tenant_id": "default", "name": "default", "created_at": 0}],
    )


def downgrade() -> None:
    """Back."""
    op.drop_table("wm_tenant")
    with op.batch_alter_table("wm_note", schema=None) as batch_op:
        batch_op.drop_index("ix_wm_note_message")

    op.drop_table("wm_note")
    with op.batch_alter_table("wm_message", schema=None) as batch_op:
        batch_op.drop_index("ix_wm_message_status")
        batch_op.drop_index("ix_wm_message_group")
        batch_op.drop_index("ix_wm_message_conversation")
        batch_op.drop_index("ix_wm_message_batch")
        batch_op.drop_index("ix_wm_message_account")

    op.drop_table("wm_message")
    with op.batch_alter_table("wm_idempotency_key", schema=None) as batch_op:
        batch_op.drop_index("ix_wm_idempotency_key_created")

    op.drop_table("wm_idempotency_key")
    op.drop_table("wm_finished")
    op.drop_table("wm_duty")
    with op.batch_alter_table("wm_due", schema=None) as batch_op:
        batch_op.drop_index("ix_wm_due_when")
        batch_op.drop_index("ix_wm_due_lane")

    op.drop_table("wm_due")
    with op.batch_alter_table("wm_dead_letter", schema=None) as batch_op:
        batch_op.drop_index("ix_wm_dead_letter_list")

    op.drop_table("wm_dead_letter")
    with op.batch_alter_table("wm_callback", schema=None) as batch_op:
        batch_op.drop_index("ix_wm_callback_waits")
        batch_op.drop_index("ix_wm_callback_state")
        batch_op.drop_index("ix_wm_callback_recent")
        batch_op.drop_index("ix_wm_callback_guid")

    op.drop_table("wm_callback")
    with op.batch_alter_table("wm_binding", schema=None) as batch_op:
        batch_op.drop_index("ix_wm_binding_guid")
        batch_op.drop_index("ix_wm_binding_account")

    op.drop_table("wm_binding")
    op.drop_table("wm_batch")
    with op.batch_alter_table("wm_attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_wm_attempt_uncertain")

    op.drop_table("wm_attempt")
    op.drop_table("wm_account")
