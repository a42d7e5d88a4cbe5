"""The body of a wake-up: ids of messages that are due, in JSON, with a version."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from wework_message.domain.ids import MessageId

IDS_PER_WAKEUP: Final = 100
"""A message costs a client about 1 ms of CPU, whatever its size; 100 ids are 4 kB, far below the limit of a broker."""

_Id = Annotated[str, Meta(min_length=1, max_length=64)]


class WakeupMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of one RocketMQ message."""

    v: Literal[1]
    ids: Annotated[list[_Id], Meta(min_length=1, max_length=IDS_PER_WAKEUP)]


class NoWakeupError(ValueError):
    """The body is not a wake-up, or has a later version."""


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(WakeupMessage)


def encoded(message_ids: Sequence[MessageId]) -> bytes:
    """The body for 1 to `IDS_PER_WAKEUP` ids."""
    return _encoder.encode(WakeupMessage(1, list(message_ids)))


def decoded(body: bytes) -> frozenset[MessageId]:
    """The ids in a body. Raises `NoWakeupError`."""
    try:
        return frozenset(MessageId(text) for text in _decoder.decode(body).ids)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NoWakeupError(type(error).__name__) from None
