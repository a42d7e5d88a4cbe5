"""Bytes in, one JSON object out, within the limits of the edge."""

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, RequestRejected

MAX_DEPTH: Final = 32
"""Deepest nesting of objects and arrays."""
MAX_EXTRA_BYTES: Final = 16_384
"""Most that `extra` may take as JSON."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may have at most; the first two are settings (`app.message.limits`)."""

    max_text_length: int = 4_000
    """Characters of one text."""
    max_batch_size: int = 200
    """Messages of one batch."""
    max_message_bytes: int = 1_048_576
    max_batch_bytes: int = 4_194_304


_decoder: Final = msgspec.json.Decoder()


def decode_object(body: bytes, *, most: int) -> dict[str, Any]:
    """Read one JSON object of at most `most` bytes; of a key that occurs twice the last value counts.

    Raises `RequestRejected`: 413 too many bytes, 400 no JSON (also NaN, bad UTF-8, lone surrogates, more than
    `MAX_DEPTH` levels), 422 JSON that is no object.
    """
    if len(body) > most:
        raise RequestRejected(413, "PAYLOAD_TOO_LARGE", f"the body may have {most} bytes")
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


def _deeper_than(most: int, raw: object) -> bool:
    open_values = deque([(raw, 1)])
    while open_values:
        value, depth = open_values.popleft()
        if isinstance(value, dict | list):
            if depth > most:
                return True
            children = value.values() if isinstance(value, dict) else value
            open_values.extend((child, depth + 1) for child in children)
    return False
