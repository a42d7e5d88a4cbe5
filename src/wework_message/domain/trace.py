"""W3C trace contexts: what a request, a message or an event belongs to, in the text that is stored and passed on.

https://www.w3.org/TR/trace-context/: a `traceparent` names a trace and the span of it that something was caused by; a `tracestate`
is for the tools of others, and is passed on as it came.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Final, NamedTuple, NewType

from wework_message.domain.ids import MessageId

TraceContext = NewType("TraceContext", str)
"""A `traceparent` of version 00; behind it a blank and the `tracestate` where there is one."""

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
"""Names of the headers, and of the properties of a queued message."""

MAX_STATE_LENGTH: Final = 512
"""Characters of a `tracestate`; a longer one is left out."""

MAX_STATE_MEMBERS: Final = 32

PARENT_LENGTH: Final = 55

MAX_LENGTH: Final = PARENT_LENGTH + 1 + MAX_STATE_LENGTH
"""Characters of a context as it is stored."""

_PARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_MEMBER: Final = re.compile(
    r"[a-z0-9][a-z0-9_\-*/]{0,255}(?:@[a-z][a-z0-9_\-*/]{0,13})?=[ !-+\--<>-~]{0,255}[!-+\--<>-~]"
)
_MAX_READ: Final = 4 * MAX_STATE_LENGTH
"""Characters of a `tracestate` with the blanks in it: a caller must not make us work on more."""
_SAMPLED: Final = 1


class TraceParts(NamedTuple):
    """What a context says. Ids are lower-case hexadecimal digits."""

    trace_id: str
    span_id: str
    sampled: bool
    """Whether whoever made it records the trace."""
    state: str
    """The `tracestate`, empty where there is none."""


def trace_context(traceparent: str | None, tracestate: str | None = None) -> TraceContext | None:
    """The context of these two; None where `traceparent` is not well formed. A `tracestate` that is not is left out."""
    matched = None if traceparent is None else _PARENT.fullmatch(traceparent)
    if matched is None:
        return None
    version, trace_id, span_id, flags, more = matched.groups()
    if version == "ff" or (version == "00" and more is not None) or not (int(trace_id, 16) and int(span_id, 16)):
        return None
    return context_of(trace_id, span_id, sampled=bool(int(flags, 16) & _SAMPLED), state=_state(tracestate))


def context_of(trace_id: str, span_id: str, *, sampled: bool, state: str = "") -> TraceContext:
    """The context of a span: 32 and 16 lower-case hexadecimal digits, not all of them 0."""
    parent = f"00-{trace_id}-{span_id}-{'01' if sampled else '00'}"
    return TraceContext(f"{parent} {state}" if state else parent)


def parts_of(trace: TraceContext) -> TraceParts:
    """What the context says."""
    parent, _, state = trace.partition(" ")
    _, trace_id, span_id, flags = parent.split("-")
    return TraceParts(trace_id, span_id, bool(int(flags, 16) & _SAMPLED), state)


def trace_id_of(trace: TraceContext) -> str:
    """Its trace."""
    return trace[3:35]


def carried(trace: TraceContext | None) -> tuple[tuple[str, str], ...]:
    """The headers, or properties, that pass it on; none for None."""
    if trace is None:
        return ()
    parent, _, state = trace.partition(" ")
    return ((TRACEPARENT, parent), (TRACESTATE, state)) if state else ((TRACEPARENT, parent),)


def context_in(carrier: Iterable[tuple[str, str]]) -> TraceContext | None:
    """The context in headers or properties with lower-case names; None where there is none, several, or none that is well formed."""
    parents, states = [], []
    for name, value in carrier:
        if name == TRACEPARENT:
            parents.append(value.strip())
        elif name == TRACESTATE:
            states.append(value)
    return trace_context(parents[0], ",".join(states)) if len(parents) == 1 else None


def call_context(trace: TraceContext, message_id: MessageId, number: int) -> TraceContext:
    """The span of the call of attempt `number` of a message with this context.

    It follows from what is stored, so that what comes later, in whatever process, can name it without a column of its own.
    """
    parts = parts_of(trace)
    digest = hashlib.sha256(f"{parts.trace_id} {message_id} {number}".encode()).digest()
    return context_of(parts.trace_id, (digest[:7] + b"\x01").hex(), sampled=parts.sampled, state=parts.state)


def _state(text: str | None) -> str:
    """What of a `tracestate` is passed on: all of it, or nothing."""
    if not text or len(text) > _MAX_READ:
        return ""
    members = [member for part in text.split(",") if (member := part.strip(" \t"))]
    state = ",".join(members)
    names = {member.partition("=")[0] for member in members}
    fits = len(state) <= MAX_STATE_LENGTH and len(members) <= MAX_STATE_MEMBERS and len(names) == len(members)
    return state if fits and all(map(_MEMBER.fullmatch, members)) else ""
