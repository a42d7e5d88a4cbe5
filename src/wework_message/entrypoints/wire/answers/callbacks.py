"""The `data` of answers about stored callbacks: Java's `CallbackData` and our own fields (W-5)."""

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any, Final

import msgspec
from msgspec import Struct

from wework_message.domain.ports.queries import CallbackCounts, CallbackView
from wework_message.entrypoints.wire.instants import iso

CALLBACK_TYPES: Final[Mapping[int, str]] = {
    11002: "QR_CODE_CHANGE",
    11003: "LOGIN_SUCCESS",
    11004: "LOGOUT",
    11010: "NEW_MESSAGE",
    11011: "OTHER_DEVICE_LOGIN",
    11013: "MESSAGE_SYNC",
    2166: "VIDEO_VOICE_CALL",
    11020: "CONTACT_CHANGE",
    11021: "GROUP_CHANGE",
    11030: "SYSTEM_NOTIFICATION",
}
"""Java's `CallbackType`; any other type is called SYSTEM_NOTIFICATION, as there."""


class CallbackAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """A stored callback."""

    guid: str
    notify_type: int
    callback_type: str
    data: Any
    """The vendor's `data`; null where it cannot be read, or is too long for a list."""
    receive_time: str
    raw_data: str | None
    """The stored JSON; null where it is too long for a list: the callback's own route has it."""
    callback_id: str
    state: str
    message_id: str | None
    """The message that it was matched to."""


class CallbackPage(Struct, frozen=True, rename="camel"):
    """Newest first."""

    items: tuple[CallbackAnswer, ...]
    next_cursor: str | None


class PurgeAnswer(Struct, frozen=True, rename="camel"):
    """The result of a purge."""

    deleted: int
    more: bool
    """There are more: the purge can be repeated."""


class CallbackReplayAnswer(Struct, frozen=True, rename="camel"):
    """The result of one step of a replay."""

    replayed: int
    """In this step; with `dryRun`, how many it would be."""
    dry_run: bool
    more: bool
    """Older ones are left: ask again with `nextCursor`."""
    next_cursor: str | None


class StateCount(Struct, frozen=True, rename="camel"):
    """How many callbacks are in a state."""

    state: str
    count: int
    more: bool
    """There are more: it is counted no further."""


class KindCount(Struct, frozen=True, rename="camel"):
    """How many of the newest callbacks are of one kind."""

    provider_code: str
    notify_type: int
    callback_type: str
    state: str
    count: int


class CallbackStatsAnswer(Struct, frozen=True, rename="camel"):
    """Stored callbacks in numbers."""

    states: tuple[StateCount, ...]
    """Every state, of all that is stored."""
    newest: tuple[KindCount, ...]
    """Of the newest callbacks only, the most frequent kind first."""
    counted: int
    """How many the newest ones are."""
    since: str | None
    """When the oldest of the newest ones arrived; null where nothing is stored."""


class _Stored(Struct):
    data: Any = None


_decoder: Final = msgspec.json.Decoder(_Stored)


def callback_answer(view: CallbackView) -> CallbackAnswer:
    """One stored callback."""
    return CallbackAnswer(
        guid=view.guid,
        notify_type=view.notify_type,
        callback_type=_type_name(view.notify_type),
        data=_data(view.raw) if view.raw is not None else None,
        receive_time=iso(view.received_at),
        raw_data=view.raw,
        callback_id=str(view.id),
        state=view.state,
        message_id=view.message_id,
    )


def _data(raw: str) -> Any:
    try:
        return _decoder.decode(raw).data
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None


def callback_stats(counts: CallbackCounts, limit: int) -> CallbackStatsAnswer:
    """`limit` is how far they were counted."""
    newest = sorted(counts.newest.items(), key=lambda item: (-item[1], *astuple(item[0])))
    return CallbackStatsAnswer(
        tuple(StateCount(state.value, min(number, limit), number > limit) for state, number in counts.states.items()),
        tuple(
            KindCount(kind.provider_code, kind.notify_type, _type_name(kind.notify_type), kind.state.value, number)
            for kind, number in newest
        ),
        sum(counts.newest.values()),
        iso(counts.since),
    )


def _type_name(notify_type: int) -> str:
    return CALLBACK_TYPES.get(notify_type, "SYSTEM_NOTIFICATION")
