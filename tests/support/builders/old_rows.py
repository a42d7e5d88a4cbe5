"""Rows as versions before wrote them, which a migration must keep."""

from typing import Final

from sqlalchemy import Connection, text

_MESSAGE_OF_0002: Final = text("""
INSERT INTO wm_message (id, tenant_id, account_id, guid, conversation_id, message_type, content, accepted_at, expires_at, mode,
    priority, pin, on_unknown, duplicate_safe, status, possible_duplicate, recall, round, tries, strikes, attempt_count, version,
    updated_at)
VALUES (:id, 'default', 'account', 'guid', 'S:1', 'TEXT', '{"messageType"\\:"TEXT","content"\\:"hi"}', 1, 2, 'ASYNC',
    5, 'account', 'HOLD', 0, 'QUEUED', 0, 'NONE', 1, 0, 0, 0, 1, 1)
""")


def write_message(connection: Connection, message_id: str) -> None:
    """As the schemas 0001 and 0002 have it."""
    connection.execute(_MESSAGE_OF_0002, {"id": message_id})
