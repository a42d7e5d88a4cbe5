"""HTTP answers: good ones, refusals in FastAPI's form, and their changes by each fault."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence

import msgspec

from wework_message.simulator.answers import Json, failure, success
from wework_message.simulator.contract.endpoints import Problem
from wework_message.simulator.faults import Fault
from wework_message.simulator.http.pauses import Pauses

Receive = Callable[[], Awaitable[MutableMapping[str, object]]]
Send = Callable[[MutableMapping[str, object]], Awaitable[None]]

NO_ANSWER = 0
"""Status of a call whose connection is closed without an answer."""

_JSON = b"application/json"
_PLAIN = b"text/plain; charset=utf-8"
_HTML = b"text/html; charset=utf-8"
_CHUNK_BYTES = 65_536
_GARBAGE = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>It works</h1></body></html>"
_ZERO_IDS: Json = {"id": "0", "seq": "0", "contenttype": 0, "content": "", "flag": 0}


class Reply(msgspec.Struct, frozen=True):
    """One HTTP answer; `drip_ms` is the pause after each byte of the body, None sends it whole."""

    status: int
    body: bytes = b""
    content_type: bytes = _JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    drip_ms: int | None = None


NOT_FOUND = Reply(404, b'{"detail":"Not Found"}')
TOO_LARGE = Reply(413, b'{"detail":"Request Entity Too Large"}')


def json_reply(value: object, status: int = 200) -> Reply:
    """Any value as JSON."""
    return Reply(status, msgspec.json.encode(value))


def not_allowed(allow: bytes) -> Reply:
    """FastAPI's answer to a wrong method."""
    return Reply(405, b'{"detail":"Method Not Allowed"}', headers=((b"allow", allow),))


def invalid(problems: Sequence[Problem]) -> Reply:
    """The documented 422."""
    return json_reply({"detail": problems}, 422)


def unparsable(text: str) -> Reply:
    """The 422 of a body that is no JSON, in the form FastAPI gives it."""
    return invalid([Problem(("body", 0), text, "value_error.jsondecode")])


def throttled(retry_after_s: int) -> Reply:
    """429 with Retry-After (assumed; sibling vendors answer so)."""
    return Reply(429, b'{"detail":"Too Many Requests"}', headers=((b"retry-after", str(retry_after_s).encode()),))


def faulty(fault: Fault, envelope: Json | None) -> tuple[Reply, int | None]:
    """The answer of a call with a fault, and its error_code; `envelope` is that of the execution, None: not executed."""
    if fault.kind in {"answer_lost", "closed_before"}:
        return Reply(NO_ANSWER), None
    if fault.kind in {"http_500_before", "http_500_after"}:
        return Reply(500, b"Internal Server Error", _PLAIN), None
    if fault.kind == "garbage":
        return Reply(200, _GARBAGE, _HTML), None
    if fault.kind == "throttle":
        return throttled(fault.retry_after_s), None
    if envelope is None:
        envelope = (
            success({"msg_data": _ZERO_IDS, "is_svr_fail": True})
            if fault.kind == "svr_fail"
            else failure(fault.error_code, fault.error_message)
        )
    return _reshaped(fault, envelope), _code(envelope)


def _reshaped(fault: Fault, envelope: Json) -> Reply:
    body = msgspec.json.encode(_without_id(envelope) if fault.kind == "no_id" else envelope)
    if fault.kind == "json_string":
        body = msgspec.json.encode(body.decode())
    if fault.kind == "oversize":
        frame = msgspec.json.encode({**envelope, "padding": ""})
        body = frame[:-2] + b"x" * max(fault.bytes - len(frame), 0) + frame[-2:]
    return Reply(200, body, drip_ms=fault.delay_ms if fault.kind == "drip" else None)


def _without_id(envelope: Json) -> Json:
    data = envelope.get("data")
    message = data.get("msg_data") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(message, dict):
        return envelope
    return {**envelope, "data": {**data, "msg_data": {name: value for name, value in message.items() if name != "id"}}}


def good(envelope: Json) -> tuple[Reply, int | None]:
    """The answer without a fault, and its error_code."""
    return Reply(200, msgspec.json.encode(envelope)), _code(envelope)


def _code(envelope: Json) -> int | None:
    code = envelope.get("error_code")
    return code if isinstance(code, int) else None


async def send_reply(reply: Reply, send: Send, pauses: Pauses) -> None:
    """Write an answer to the connection.

    Raises:
        Stopped: the simulator stops while the answer drips.
    """
    body = reply.body
    headers = [(b"content-type", reply.content_type), (b"content-length", str(len(body)).encode()), *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    step = _CHUNK_BYTES if reply.drip_ms is None else 1
    for first in range(0, max(len(body) - step, 0), step):
        await send({"type": "http.response.body", "body": body[first : first + step], "more_body": True})
        if reply.drip_ms is not None:
            await pauses.wait(reply.drip_ms)
    last_chunk = len(body) - (len(body) % step or step) if body else 0
    await send({"type": "http.response.body", "body": body[last_chunk:], "more_body": False})
