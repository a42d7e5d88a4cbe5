"""API keys: texts that nobody can guess, and what each of them is good for (ADR 69).

A key is ``wmk_<environment>_<id>_<secret>_<checksum>``. It is shown once; what is kept is its hash. The prefix lets scanners of
leaked secrets recognise it, the checksum tells a mistyped key from a wrong one without asking anybody.
"""

import base64
import re
import zlib
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import ClassVar, Final

from wework_message.domain.access.principal import Principal, PrincipalKind
from wework_message.domain.access.scopes import Scope, scopes_of
from wework_message.domain.digests import digest_of
from wework_message.domain.errors import DomainError, InvalidValueError
from wework_message.domain.ids import DEFAULT_TENANT, TenantId

PREFIX: Final = "wmk_"
"""The beginning of every key."""

DEFAULT_ENVIRONMENT: Final = "live"
"""The environment of keys unless a setting says otherwise."""

ID_BYTES: Final = 5
"""Unguessable bytes in a key's id: 8 characters."""

SECRET_BYTES: Final = 32
"""Unguessable bytes in its secret: 256 bits, 52 characters."""

MAX_KEYS: Final = 10_000
"""Keys of a service: every process knows all of them."""

MAX_KEYS_OF_TENANT: Final = 1_000
"""Keys of one tenant: it cannot take the places of the others."""

MIN_LIFE_S: Final = 60
"""The shortest life of a key that expires, seconds."""

MAX_LIFE_S: Final = 10 * 366 * 24 * 3600
"""The longest one, seconds."""

DEFAULT_OVERLAP_S: Final = 24 * 3600
"""How long a rotated key stays valid unless somebody says otherwise, seconds."""

MAX_OVERLAP_S: Final = 30 * 24 * 3600
"""The longest of these times, seconds."""

MAX_NAME: Final = 64
"""Characters of a key's name."""

KEPT_MS: Final = 7 * 24 * 3600 * 1000
"""How long a key that has ended is still shown, unless its place is needed."""

_TEXT: Final = re.compile(r"wmk_[a-z0-9]{1,16}_[a-z2-7]{8}_[a-z2-7]{52}_[0-9a-f]{8}")


class TooManyKeysError(DomainError):
    """There are `MAX_KEYS` of them, or `MAX_KEYS_OF_TENANT` of the tenant: some must be revoked before."""

    code: ClassVar[str] = "CONFLICT"

    def __init__(self, limit: int) -> None:
        """`limit` is no secret."""
        super().__init__(f"there are {limit} API keys: revoke some")


class KeyRotatedError(DomainError):
    """The key was rotated before, and the key in its place is valid: there are never more than two."""

    code: ClassVar[str] = "CONFLICT"

    def __init__(self, successor_id: str) -> None:
        """`successor_id` is the id of the key in its place."""
        super().__init__(f"it was rotated already: rotate {successor_id}, or revoke that first")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key: its hash, whose it is, and what it may do."""

    key_id: str
    """A part of the text, for people and logs; it opens nothing."""
    digest: str
    """SHA-256 of the text, 64 hexadecimal digits."""
    tenant_id: TenantId
    name: str
    """What people call it."""
    scopes: frozenset[Scope]
    environment: str
    created_at: int
    """Epoch ms."""
    expires_at: int | None = None
    """Epoch ms; from then on it is refused. None = it does not expire."""
    ends_at: int | None = None
    """Epoch ms; the same, because it was rotated. None = it was not."""
    rotated_from: str | None = None
    """Id of the key in whose place it is."""
    last_used_at: int | None = None
    """Epoch ms, to the minute; None = never."""

    @property
    def valid_until(self) -> int | None:
        """Epoch ms; None = no end."""
        ends = [end for end in (self.expires_at, self.ends_at) if end is not None]
        return min(ends, default=None)

    def is_valid(self, now: int) -> bool:
        """Whether it opens anything at `now` (epoch ms)."""
        until = self.valid_until
        return until is None or now < until

    def is_kept(self, now: int) -> bool:
        """Whether lists still show it at `now` (epoch ms)."""
        until = self.valid_until
        return until is None or now < until + KEPT_MS

    def end_by(self, at: int) -> int:
        """When it ends by rotation if it must end at `at` (epoch ms): never later than it would without."""
        return at if self.ends_at is None else min(at, self.ends_at)

    def principal(self) -> Principal:
        """Who calls with it."""
        return Principal(self.tenant_id, PrincipalKind.KEY, self.scopes, self.key_id)

    def expiry_of_successor(self, now: int) -> int | None:
        """When the key that takes its place expires (epoch ms): after as long a life as its own."""
        return None if self.expires_at is None else now + self.expires_at - self.created_at


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a new key is to be."""

    tenant_id: TenantId
    name: str
    scopes: frozenset[Scope]
    environment: str = DEFAULT_ENVIRONMENT
    expires_at: int | None = None
    rotated_from: str | None = None


def new_key(unguessable: bytes, new: NewKey, now: int) -> tuple[str, ApiKey]:
    """The text, which is shown once, and what is kept of it.

    Raises `ValueError` for fewer than `ID_BYTES` + `SECRET_BYTES` bytes.
    """
    if len(unguessable) < ID_BYTES + SECRET_BYTES:
        raise ValueError(f"a key needs {ID_BYTES + SECRET_BYTES} unguessable bytes")
    key_id = _base32(unguessable[:ID_BYTES])
    unchecked = f"{PREFIX}{new.environment}_{key_id}_{_base32(unguessable[ID_BYTES : ID_BYTES + SECRET_BYTES])}"
    text = f"{unchecked}_{_checksum(unchecked)}"
    key = ApiKey(
        key_id, digest_of(text), new.tenant_id, new.name, new.scopes, new.environment, now,
        new.expires_at, rotated_from=new.rotated_from,
    )  # fmt: skip
    return text, key


def is_key(text: str) -> bool:
    """Whether `text`, in the place where a token of an issuer may stand too, is meant as a key."""
    return text.startswith(PREFIX)


def is_well_formed(text: str) -> bool:
    """Whether `text` is a whole key without a typing error; it may still open nothing."""
    if _TEXT.fullmatch(text) is None:
        return False
    unchecked, _, checksum = text.rpartition("_")
    return _checksum(unchecked) == checksum


def check_name(name: str) -> None:
    """Raises `InvalidValueError` unless it is 1 to `MAX_NAME` printable characters."""
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise InvalidValueError("name", f"must be 1-{MAX_NAME} printable characters")


def check_scopes(tenant_id: TenantId, scopes: AbstractSet[Scope]) -> None:
    """Raises `InvalidValueError` where a key of the tenant may not have these scopes, whoever makes it."""
    if not scopes:
        raise InvalidValueError("scopes", "a key needs at least one scope")
    if beyond := scopes - scopes_of(tenant_id):
        raise InvalidValueError(
            "scopes", f"only keys of the tenant {DEFAULT_TENANT} may have {', '.join(sorted(beyond))}"
        )


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
