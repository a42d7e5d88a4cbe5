"""The bodies of requests for callback tokens."""

from typing import Annotated

from msgspec import Meta, Struct

from wework_message.domain.callback_tokens import DEFAULT_OVERLAP_S, MAX_OVERLAP_S
from wework_message.entrypoints.wire.requests.fields import Name


class TokenRequest(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Whose callbacks come with the token."""

    provider_code: Name
    guid: Name | None = None
    """The only instance that it is good for; absent: all of the provider."""


class RotationRequest(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A new token in the place of another."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=MAX_OVERLAP_S)] = DEFAULT_OVERLAP_S
    """How long the old one stays valid."""
