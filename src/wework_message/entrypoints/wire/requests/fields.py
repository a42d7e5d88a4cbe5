"""The names a request may use: the common fields, and the names of all message types."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias

from msgspec import Meta, Struct, field

from wework_message.domain.content import CONTENTS, MERGED_ITEMS, OBJECTS
from wework_message.domain.message.options import (
    CALLBACK_URL,
    DEFAULT_PRIORITY,
    MAX_CAMPAIGN_ID_LENGTH,
    MAX_PRIORITY,
    MAX_RETRY_COUNT,
    OnUnknown,
    Pin,
    is_idempotency_key,
)
from wework_message.domain.outbound import MAX_URL_LENGTH
from wework_message.domain.registration import MAX_ACCOUNT_ID
from wework_message.entrypoints.wire.instants import NO_INSTANT
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode

Name: TypeAlias = Annotated[str, Meta(pattern=r"\A[!-~]{1,128}\Z")]
NamedAccount: TypeAlias = Annotated[str, Meta(pattern=rf"\A[!-~]{{1,{MAX_ACCOUNT_ID}}}\Z")]
"""The id of any account, that of the longest guid too."""
PoolName: TypeAlias = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]
Key: TypeAlias = Annotated[str, Meta(pattern=r"\A[ -~]{1,255}\Z")]
CampaignId: TypeAlias = Annotated[str, Meta(pattern=rf"\A[ -~]{{1,{MAX_CAMPAIGN_ID_LENGTH}}}\Z")]
CallbackUrl: TypeAlias = Annotated[str, Meta(pattern=rf"\A{CALLBACK_URL}\Z")]
MAX_REQUESTED_PRIORITY: Final = MAX_PRIORITY + 1
"""The Java service counted from 1 to 10: its highest is ours."""

Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]


class Common(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The fields that every message has in addition to its content."""

    guid: Name | None = None
    account_id: NamedAccount | None = None
    pool: PoolName | None = None
    conversation_id: str = ""
    client_message_id: Key | None = None
    campaign_id: CampaignId | None = None
    priority: Annotated[int, Meta(ge=0, le=MAX_REQUESTED_PRIORITY)] = DEFAULT_PRIORITY
    scheduled_at: Instant | None = None
    expires_at: Instant | None = None
    provider_code: Name | None = None
    pin: Pin = Pin.ACCOUNT
    on_unknown: OnUnknown | None = None
    duplicate_safe: bool = False
    extra: dict[str, Any] | None = None
    is_async: bool = field(name="async", default=False)
    retry_count: Annotated[int, Meta(ge=0, le=MAX_RETRY_COUNT)] | None = None
    status_callback_url: CallbackUrl | None = None


_NAME_TEXT: Final = "must be 1 to 128 printable ASCII characters without spaces"

EXPECTED: Final[Mapping[str, str]] = {
    "guid": _NAME_TEXT,
    "accountId": f"must be 1 to {MAX_ACCOUNT_ID} printable ASCII characters without spaces",
    "pool": "must be 1 to 64 letters, digits or ._- and begin with a letter or digit",
    "conversationId": "must be a text",
    "clientMessageId": "must be 1 to 255 printable ASCII characters",
    "campaignId": f"must be 1 to {MAX_CAMPAIGN_ID_LENGTH} printable ASCII characters",
    "priority": f"must be an integer from 0 to {MAX_REQUESTED_PRIORITY}",
    "scheduledAt": NO_INSTANT,
    "expiresAt": NO_INSTANT,
    "providerCode": _NAME_TEXT,
    "pin": f"must be one of {', '.join(Pin)}",
    "onUnknown": f"must be one of {', '.join(OnUnknown)}",
    "duplicateSafe": "must be true or false",
    "extra": "must be an object",
    "async": "must be true or false",
    "retryCount": f"must be an integer from 0 to {MAX_RETRY_COUNT}",
    "statusCallbackUrl": f"must be an http or https URL of at most {MAX_URL_LENGTH} printable ASCII characters without \\ and #",
}
"""What a common field must be, in words."""

COMMON_NAMES: Final = frozenset(EXPECTED)

NESTED_NAMES: Final = frozenset({"messages", "parts", "quoteMessage", *OBJECTS})
"""Fields that hold objects with names of their own."""

_KINDS: Final[tuple[type[Struct], ...]] = (*CONTENTS.values(), *MERGED_ITEMS.values(), *OBJECTS.values())

CONTENT_NAMES: Final = frozenset({name for kind in _KINDS for name in kind.__struct_encode_fields__}) | {
    "messageType",
    "parts",
}
"""Every name of some message type."""

KNOWN_NAMES: Final = COMMON_NAMES | CONTENT_NAMES
"""Every name whose null equals its absence."""


def split(raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The common fields of a message and all its others, both without the nulls of known names."""
    common: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for name, value in raw.items():
        if name in COMMON_NAMES:
            if value is not None:
                common[name] = value
        elif name in NESTED_NAMES:
            if value is not None:
                own[name] = without_nulls(value)
        elif value is not None or name not in CONTENT_NAMES:
            own[name] = value
    return common, own


def without_nulls(value: Any) -> Any:
    """A content object, or a list of them, without the nulls of known names at any depth."""
    if isinstance(value, list):
        return [without_nulls(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {
        name: without_nulls(entry) if name in NESTED_NAMES else entry
        for name, entry in value.items()
        if entry is not None or name not in KNOWN_NAMES
    }


def key_problem(in_header: str, in_body: object) -> FieldProblem | None:
    """What is wrong with the header's idempotency key, beside the `clientMessageId` of the body (None = it has none)."""
    if not is_idempotency_key(in_header):
        return FieldProblem("Idempotency-Key", ProblemCode.INVALID_VALUE, EXPECTED["clientMessageId"])
    if in_body is not None and in_body != in_header:
        text = "differs from the header Idempotency-Key"
        return FieldProblem("clientMessageId", ProblemCode.INVALID_VALUE, text)
    return None
