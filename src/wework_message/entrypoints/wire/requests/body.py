"""From bytes to one JSON object, within the limits of a request."""

from collections import deque
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from wework_message.domain.conversation import PEERS_AND_ROOMS, ConversationGrammar
from wework_message.domain.outbound import AddressPolicy
from wework_message.entrypoints.wire.instants import InstantRange
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, RequestRejected
from wework_message.entrypoints.wire.requests.old_values import Compat

PUBLIC_ADDRESSES: Final = AddressPolicy()
"""Public addresses over https, and no others."""
MAX_DEPTH: Final = 32
"""Deepest nesting of objects and arrays."""
MAX_EXTRA_BYTES: Final = 16_384
"""Size of `extra` as JSON, at most."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may hold; the first five are settings (`app.message.limits`)."""

    max_text_length: int = 4_000
    """Characters of one text."""
    max_batch_size: int = 200
    """Messages of one batch."""
    max_mass_recipients: int = 200
    """Recipients of one mass send, users and rooms together."""
    earliest_year: int = 2020
    """Instants of requests begin with this year."""
    max_days_ahead: int = 365
    """Instants of requests are at most so many days from now."""
    max_message_bytes: int = 1_048_576
    max_batch_bytes: int = 4_194_304
    conversations: ConversationGrammar = PEERS_AND_ROOMS
    """How it may name a conversation: as the protocols of the configured providers do."""
    addresses: AddressPolicy | None = PUBLIC_ADDRESSES
    """Which URLs it may name for media; None: the reader leaves that to the service."""

    compat: Compat | None = None
    """How requests of the Java service's clients are read; None = as all others."""

    def at(self, now: int) -> "Bounds":
        """What the values of a request may be that comes in at `now`, epoch ms UTC."""
        zone = None if self.compat is None else self.compat.zone
        instants = InstantRange(now, self.earliest_year, self.max_days_ahead, zone)
        return Bounds(self.max_text_length, self.conversations, instants, self.addresses)


class Bounds(NamedTuple):
    """What the values of one request may be."""

    max_text_length: int
    conversations: ConversationGrammar
    instants: InstantRange
    addresses: AddressPolicy | None

    def check_url(self, url: str, path: str) -> None:
        """Raises `InvalidValueError` for a URL that is never fetched; what its host stands for is not asked yet."""
        if self.addresses is not None:
            self.addresses.target(url, path=path)


_decoder: Final = msgspec.json.Decoder()


def decode_object(body: bytes, *, max_bytes: int) -> dict[str, Any]:
    """Read one JSON object of at most `max_bytes` bytes; of a key that occurs twice the last value counts.

    Raises `RequestRejected`: 413 too many bytes, 400 no JSON (also NaN, bad UTF-8, lone surrogates, more than
    `MAX_DEPTH` levels), 422 JSON that is no object.
    """
    if len(body) > max_bytes:
        raise RequestRejected(413, "PAYLOAD_TOO_LARGE", f"the body may have {max_bytes} bytes")
    try:
        raw = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        raise RequestRejected(400, "INVALID_JSON", "the body is not JSON in UTF-8") from None
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _deeper_than(MAX_DEPTH, raw):
        raise RequestRejected(400, "INVALID_JSON", f"the JSON may be {MAX_DEPTH} levels deep")
    if not isinstance(raw, dict):
        problem = FieldProblem("", ProblemCode.WRONG_TYPE, "must be a JSON object")
        raise RequestRejected(422, "VALIDATION_FAILED", "the body must be a JSON object", (problem,))
    return raw


def _deeper_than(max_depth: int, raw: object) -> bool:
    open_values = deque([(raw, 1)])
    while open_values:
        value, depth = open_values.popleft()
        if isinstance(value, dict | list):
            if depth > max_depth:
                return True
            children = value.values() if isinstance(value, dict) else value
            open_values.extend((child, depth + 1) for child in children)
    return False
