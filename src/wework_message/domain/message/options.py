"""The options of a send request: one value, held by the draft and by the message."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import ProviderCode
from wework_message.domain.outbound import MAX_URL_LENGTH, target_of

DEFAULT_PRIORITY: Final = 5
MAX_PRIORITY: Final = 9
MAX_RETRY_COUNT: Final = 10
MAX_CAMPAIGN_ID_LENGTH: Final = 64

CALLBACK_URL: Final = rf'https?://[!"$-\[\]-~]{{1,{MAX_URL_LENGTH - 8}}}'
"""The shape of a callback URL, for the API document; `target_of` says whether it is one."""

_KEY: Final = re.compile(r"[ -~]{1,255}")
_CAMPAIGN_ID: Final = re.compile(rf"[ -~]{{1,{MAX_CAMPAIGN_ID_LENGTH}}}")


class Pin(StrEnum):
    """How far a message may move from the instance that the client named."""

    ACCOUNT = "account"
    """Any binding of the account (default)."""
    BINDING = "binding"
    """Only this binding (without a guid, that of the first attempt): the message waits for it and never fails over."""


class OnUnknown(StrEnum):
    """What becomes of a message that is proven neither sent nor unsent (D-16)."""

    HOLD = "HOLD"
    """It stays UNKNOWN until evidence or a person settles it (default)."""
    FAIL = "FAIL"
    """It ends as FAILED with `confirmed: false` after a time; it is not sent again."""
    RESEND = "RESEND"
    """It is sent again and marked `possibleDuplicate`; needs `duplicateSafe`."""


class SendOptions(NamedTuple):
    """Everything that a request may set in addition to sender, conversation and content. Instants are epoch ms UTC.

    A named tuple: each message has two, and a frozen dataclass of as many fields takes five times as long. Stores and
    fingerprints take the fields from here: a new field needs only a column of its name there.
    """

    client_message_id: str | None = None
    """Idempotency key, 1-255 printable ASCII characters; None for the parts of a group, which has the key."""
    campaign_id: str | None = None
    """What the caller sends this message for, 1-64 printable ASCII characters; lists are narrowed by it."""
    priority: int = DEFAULT_PRIORITY
    """0 (low) to 9 (urgent)."""
    scheduled_at: int | None = None
    expires_at: int | None = None
    """As requested; None = the application's default. Always None on a message: its own `expires_at` moves with new rounds."""
    provider_code: ProviderCode | None = None
    """Only bindings at this provider; the application checks that it exists."""
    pin: Pin = Pin.ACCOUNT
    on_unknown: OnUnknown | None = None
    """None = not set; `resolved` applies the default."""
    duplicate_safe: bool = False
    extra: Mapping[str, Any] | None = None
    """The caller's own data: kept, returned, never sent to a provider."""
    retry_count: int | None = None
    """0-10 quick tries instead of the configured number; 0 is read as 1 (D-47)."""
    status_callback_url: str | None = None
    """Where changes of this message's status go instead of the URL of the endpoint with the same origin (ADR 56)."""

    def problems(self) -> Iterator[InvalidValueError]:
        """What is wrong with the options of a request, path in the JSON's spelling. Resolved options need not pass all of it."""
        if self.client_message_id is not None and not is_idempotency_key(self.client_message_id):
            yield InvalidValueError("clientMessageId", "must be 1 to 255 printable ASCII characters")
        if self.campaign_id is not None and _CAMPAIGN_ID.fullmatch(self.campaign_id) is None:
            yield InvalidValueError("campaignId", f"must be 1 to {MAX_CAMPAIGN_ID_LENGTH} printable ASCII characters")
        if self.status_callback_url is not None:
            try:
                target_of(self.status_callback_url, "statusCallbackUrl")
            except InvalidValueError as problem:
                yield problem
        if not 0 <= self.priority <= MAX_PRIORITY:
            yield InvalidValueError("priority", f"must be 0 to {MAX_PRIORITY}")
        if self.retry_count is not None and not 0 <= self.retry_count <= MAX_RETRY_COUNT:
            yield InvalidValueError("retryCount", f"must be 0 to {MAX_RETRY_COUNT}")
        if self.on_unknown is OnUnknown.RESEND and not self.duplicate_safe:
            yield InvalidValueError("duplicateSafe", "must be true where onUnknown is RESEND")
        if self.expires_at is not None and self.scheduled_at is not None and self.expires_at <= self.scheduled_at:
            yield InvalidValueError("expiresAt", "must be after scheduledAt")


_ON_UNKNOWN, _EXPIRES_AT = map(SendOptions._fields.index, ("on_unknown", "expires_at"))

NO_OPTIONS: Final = SendOptions()
"""A request that asks for nothing special."""


def resolved(options: SendOptions, *, account: OnUnknown | None, configured: OnUnknown) -> SendOptions:
    """The options of the accepted message: `on_unknown` as requested, else the account's, else the configured one."""
    values: list[Any] = [*options]  # `_replace` takes three times as long
    values[_ON_UNKNOWN] = options.on_unknown or account or configured
    values[_EXPIRES_AT] = None
    return SendOptions(*values)


def is_idempotency_key(key: str) -> bool:
    """Whether `key` has 1-255 printable ASCII characters."""
    return _KEY.fullmatch(key) is not None
