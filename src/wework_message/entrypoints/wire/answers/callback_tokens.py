"""The `data` of answers about callback tokens (W-5)."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from wework_message.application.callbacks.tokens import IssuedToken
from wework_message.domain.callback_tokens import CallbackToken
from wework_message.entrypoints.wire.instants import iso


class TokenAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is known of a token; its text is kept nowhere."""

    token_id: str
    """Names it in these routes and in the log; it tells nothing about the text."""
    provider_code: str
    guid: str | None
    """Null: it is good for all instances of the provider."""
    created_at: str
    ends_at: str | None
    """From then on it is refused; null = no end."""


class IssuedTokenAnswer(TokenAnswer, frozen=True, kw_only=True, rename="camel"):
    """A new token, with its text: this answer is the only one that ever has it."""

    token: str
    path: str
    """Of its webhook, to be put behind the address by which the provider reaches the service."""


class TokenList(Struct, frozen=True, kw_only=True, rename="camel"):
    """The tokens that are valid, the oldest first."""

    items: tuple[TokenAnswer, ...]
    next_cursor: str | None = None
    """Always null: there are few."""


class RevokedAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """The end of a token."""

    token_id: str
    revoked: bool = True


def issued_answer(issued: IssuedToken, path: str) -> IssuedTokenAnswer:
    """A new token; `path` is that of its webhook."""
    return IssuedTokenAnswer(**msgspec.structs.asdict(_answer(issued.token)), token=issued.text, path=path)


def token_list(tokens: Sequence[CallbackToken], now: int) -> TokenList:
    """Those that are valid at `now` (epoch ms)."""
    return TokenList(items=tuple(_answer(token) for token in tokens if token.is_valid(now)))


def _answer(token: CallbackToken) -> TokenAnswer:
    return TokenAnswer(
        token_id=token.token_id,
        provider_code=token.provider_code,
        guid=token.guid,
        created_at=iso(token.created_at),
        ends_at=iso(token.ends_at),
    )
