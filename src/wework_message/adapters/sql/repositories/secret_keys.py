"""Which keys the secrets of a database need; reading, counting and renewing all of them (ADR 72)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from sqlalchemy import Column, Connection, Table, bindparam, select

from wework_message.adapters.enclosed import enclosed
from wework_message.adapters.sql.core.prepared import Prepared, Query, deleting, inserting, updating
from wework_message.adapters.sql.mapping.media_tables import media
from wework_message.adapters.sql.mapping.secret_columns import BYTES, kept_bytes, kept_text, place_of
from wework_message.adapters.sql.mapping.secret_key_table import secret_key
from wework_message.adapters.sql.mapping.webhook_tables import webhook
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.secrets import SecretCipher

CLEAR_KEY: Final = "none"
"""Stands in the place of a key's id for secrets in clear."""

_Columns: TypeAlias = Sequence[Column[str] | Column[bytes]]


class _Secrets:
    """The secrets of one table, a few rows at a time by primary key."""

    def __init__(self, table: Table, columns: _Columns) -> None:
        page = (
            select(table.c.id, *columns)
            .where(table.c.id > bindparam("after"))
            .order_by(table.c.id)
            .limit(bindparam("limit", 0))
        )
        self.columns = columns
        self.page = Query(page)
        self.locked = Query(page.with_for_update())
        self.change: Prepared = updating(table, {"id": "the_id"}, [column.name for column in columns])

    def of(self, row: Mapping[str, Any]) -> Iterator[tuple[Column[str] | Column[bytes], str | bytes]]:
        """Those that the row has."""
        return ((column, row[column.name]) for column in self.columns if row[column.name] is not None)


_TABLES: Final = (
    _Secrets(webhook, (webhook.c.secret, webhook.c.previous_secret)),
    _Secrets(media, (media.c.address_key,)),
)
SECRET_PARTS: Final = range(len(_TABLES))
"""Tables with secrets, by number."""

_KEYS: Final = Query(select(secret_key.c.key_id))
_NEW: Final = inserting(secret_key)
_FORGET: Final = deleting(secret_key, {"key_id": "the_key"})


@dataclass(slots=True)
class SecretCounts:
    """What was found in some rows."""

    by_key: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Secrets by column, such as ``wm_webhook.secret``, and key id or `CLEAR_KEY`."""
    unreadable: list[str] = field(default_factory=list)
    """Places of secrets that cannot be decrypted."""


def known_keys(connection: Connection) -> Sequence[str]:
    """Ids of the keys that secrets of this database may need."""
    return sorted(row["key_id"] for row in _KEYS.rows(connection))


def missing_keys(connection: Connection, cipher: SecretCipher | None, now: int) -> Sequence[str]:
    """Ids of keys that secrets of this database may need and `cipher` has not; where there is none, its own is noted.

    Raises `ConflictError` where another process notes the same at the same time.
    """
    known = set(known_keys(connection))
    missing = sorted(known - (cipher.key_ids if cipher is not None else frozenset()))
    if not missing and cipher is not None:
        note_key(connection, cipher, now)
    return missing


def note_key(connection: Connection, cipher: SecretCipher, now: int) -> None:
    """Note that secrets may need the key that `cipher` encrypts with.

    Raises `ConflictError` where another process notes the same at the same time.
    """
    if cipher.key_id is not None and cipher.key_id not in known_keys(connection):
        _NEW.many(connection, [{"key_id": cipher.key_id, "used_since": now}])


def needed_keys(
    connection: Connection, cipher: SecretCipher, part: int, after: str, limit: int
) -> tuple[frozenset[str], str | None]:
    """Ids of the keys that the secrets of up to `limit` rows behind the id `after` need, and the last id; None once there are no more.

    What `cipher` would not read with any key needs none.
    """
    table, needed = _TABLES[part], set[str]()
    rows = table.page.rows(connection, after=after, limit=limit)
    for row in rows:
        for _, stored in table.of(row):
            with suppress(UnavailableError):
                if (kept := _kept(stored)) is not None:
                    needed.add(cipher.key_id_of(kept))
    return frozenset(needed), rows[-1]["id"] if len(rows) == limit else None


def any_in_clear(connection: Connection) -> bool:
    """Whether one of the first secrets of a table is in clear; where no key was ever given, all are."""
    for part in SECRET_PARTS:
        counts, _ = count_secrets(connection, None, part, "", 100)
        if any(key == CLEAR_KEY for _, key in counts.by_key):
            return True
    return False


def count_secrets(
    connection: Connection, cipher: SecretCipher | None, part: int, after: str, limit: int
) -> tuple[SecretCounts, str | None]:
    """Those of up to `limit` rows behind the id `after`, and the last id; None once there are no more.

    With `cipher` each is decrypted, too.
    """
    table, counts = _TABLES[part], SecretCounts()
    rows = table.page.rows(connection, after=after, limit=limit)
    for row in rows:
        for column, stored in table.of(row):
            place = place_of(column, row["id"])
            try:
                kept = _kept(stored)
                key_id = CLEAR_KEY if kept is None else (_key_id(cipher, kept, place))
            except UnavailableError:
                counts.unreadable.append(place)
            else:
                counts.by_key[place.partition("/")[0], key_id] += 1
    return counts, rows[-1]["id"] if len(rows) == limit else None


def renew_secrets(
    connection: Connection, cipher: SecretCipher, part: int, after: str, limit: int
) -> tuple[int, str | None]:
    """Encrypt those of up to `limit` rows behind the id `after` with the key of `cipher`; how many were changed, and the last id.

    Raises `UnavailableError` for one that cannot be decrypted.
    """
    table, changed = _TABLES[part], 0
    rows = table.locked.rows(connection, after=after, limit=limit)
    changes = []
    for row in rows:
        values = {column.name: row[column.name] for column in table.columns}
        renewed = {
            column.name: _renewed(cipher, stored, place_of(column, row["id"])) for column, stored in table.of(row)
        }
        if differing := [name for name, value in renewed.items() if value != values[name]]:
            changes.append({"the_id": row["id"], **values, **renewed})
            changed += len(differing)
    table.change.many(connection, changes)
    return changed, rows[-1]["id"] if len(rows) == limit else None


def forget_other_keys(connection: Connection, own: str) -> Sequence[str]:
    """Note that no secret needs a key but `own` any more; returns the ids of the others."""
    others = sorted(set(known_keys(connection)) - {own})
    _FORGET.many(connection, [{"the_key": key_id} for key_id in others])
    return others


def _kept(stored: str | bytes) -> bytes | None:
    return kept_text(stored) if isinstance(stored, str) else kept_bytes(bytes(stored))


def _key_id(cipher: SecretCipher | None, kept: bytes, place: str) -> str:
    if cipher is None:
        return ""
    cipher.decrypt(kept, place)
    return cipher.key_id_of(kept)


def _renewed(cipher: SecretCipher, stored: str | bytes, place: str) -> str | bytes:
    kept = _kept(stored)
    if kept is not None and cipher.key_id_of(kept) == cipher.key_id:
        return stored
    if isinstance(stored, str):
        return enclosed(cipher.encrypt(stored.encode(), place) if kept is None else cipher.renew(kept, place))
    return BYTES + (cipher.encrypt(bytes(stored), place) if kept is None else cipher.renew(kept, place))


def merged(parts: Iterable[SecretCounts]) -> SecretCounts:
    """All of them together."""
    whole = SecretCounts()
    for part in parts:
        whole.by_key += part.by_key
        whole.unreadable += part.unreadable
    return whole
