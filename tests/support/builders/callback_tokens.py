"""Callback tokens for tests."""

from typing import Any

from tests.support.builders.messages import NOW, PROVIDER

from wework_message.domain.callback_tokens import RANDOM_BYTES, CallbackToken, new_token
from wework_message.domain.ids import DEFAULT_TENANT


def unguessable(number: int) -> bytes:
    """Bytes that a test can guess."""
    return number.to_bytes(RANDOM_BYTES, "big")


def text_of(number: int) -> str:
    """The text of `a_token` with this number."""
    return new_token(unguessable(number), tenant_id=DEFAULT_TENANT, provider_code=PROVIDER, guid=None, now=NOW)[0]


def a_token(number: int = 1, **changes: Any) -> CallbackToken:
    fields = {"tenant_id": DEFAULT_TENANT, "provider_code": PROVIDER, "guid": None, "created_at": NOW, "ends_at": None}
    _, token = new_token(unguessable(number), tenant_id=DEFAULT_TENANT, provider_code=PROVIDER, guid=None, now=NOW)
    return CallbackToken(token.token_id, token.digest, **fields | changes)
