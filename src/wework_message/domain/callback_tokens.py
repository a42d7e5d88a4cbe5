"""Callback tokens: texts in the path of the webhook that nobody can guess, and what each of them is good for (ADR 57)."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

from wework_message.domain.digests import digest_of
from wework_message.domain.errors import DomainError
from wework_message.domain.ids import Guid, ProviderCode, TenantId

PREFIX: Final = "cb_"
"""The beginning of every token. A provider's code has capitals only, so no code begins like this."""

RANDOM_BYTES: Final = 32
"""Unguessable bytes in a token: 256 bits."""

MAX_TOKENS: Final = 1_000
"""Tokens of a service: every process knows all of them."""

DEFAULT_OVERLAP_S: Final = 24 * 3600
"""How long a rotated token stays valid unless somebody says otherwise, seconds."""

MAX_OVERLAP_S: Final = 30 * 24 * 3600
"""The longest of these times, seconds."""

_TEXT: Final = re.compile(r"cb_[A-Za-z0-9_-]{43}")
_ID_DIGITS: Final = 16


class TooManyTokensError(DomainError):
    """There are `MAX_TOKENS` of them: some must be revoked before."""

    code: ClassVar[str] = "CONFLICT"

    def __init__(self) -> None:
        """The number is no secret."""
        super().__init__(f"there are {MAX_TOKENS} callback tokens: revoke some")


@dataclass(frozen=True, slots=True)
class CallbackToken:
    """What is kept of a token: its hash, and whose callbacks may come with it."""

    token_id: str
    """For people: the beginning of the hash, which tells nothing about the token."""
    digest: str
    """SHA-256 of the text, 64 hexadecimal digits."""
    tenant_id: TenantId
    provider_code: ProviderCode
    guid: Guid | None
    """The only instance whose callbacks may come with it; None = all of the provider."""
    created_at: int
    """Epoch ms."""
    ends_at: int | None = None
    """Epoch ms; from then on it is refused. None = no end: until it is rotated or revoked."""

    def is_valid(self, now: int) -> bool:
        """Whether a callback may come with it at `now` (epoch ms)."""
        return self.ends_at is None or now < self.ends_at

    def end_by(self, at: int) -> int:
        """When it ends if it must end at `at` (epoch ms): never later than it would without."""
        return at if self.ends_at is None else min(at, self.ends_at)


def new_token(
    unguessable: bytes, *, tenant_id: TenantId, provider_code: ProviderCode, guid: Guid | None, now: int
) -> tuple[str, CallbackToken]:
    """The text, which is shown once, and what is kept of it. Raises `ValueError` for fewer than `RANDOM_BYTES` bytes."""
    if len(unguessable) < RANDOM_BYTES:
        raise ValueError(f"a token needs {RANDOM_BYTES} unguessable bytes")
    text = PREFIX + base64.urlsafe_b64encode(unguessable[:RANDOM_BYTES]).decode().rstrip("=")
    digest = digest_of(text)
    return text, CallbackToken(digest[:_ID_DIGITS], digest, tenant_id, provider_code, guid, created_at=now)


def is_token(name: str) -> bool:
    """Whether `name`, in the place where a provider's code may stand too, is meant as a token."""
    return name.startswith(PREFIX)


def is_well_formed(text: str) -> bool:
    """Whether `text` may be a token that was made here."""
    return _TEXT.fullmatch(text) is not None


def are_of(guid: Guid | None, guids: Iterable[Guid]) -> bool:
    """Whether a token of `guid` (None = of all) may bring callbacks of all these `guids`."""
    return guid is None or all(other == guid for other in guids)
