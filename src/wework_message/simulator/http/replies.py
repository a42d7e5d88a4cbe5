"""HTTP answers: good ones, refusals in FastAPI's form, and their changes by each fault."""

import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence

import msgspec

from wework_message.simulator.answers import Json, failure, success
from wework_message.simulator.contract.endpoints import Problem
from wework_message.simulator.faults.actions import Action
from wework_message.simulator.http.pauses import Pauses

Receive = Callable[[], Awaitable[MutableMapping[str, object]]]
Send = Callable[[MutableMapping[str, object]], Awaitable[None]]


class CutOff(Exception):  # noqa: N818 - no error: the fault wants it so
    """The connection is to be closed in the middle of an answer; `is_reset`: by a TCP reset."""

    def __init__(self, *, is_reset: bool) -> None:
        super().__init__()
        self.is_reset = is_reset


NO_ANSWER = 0
"""Status of a call whose connection is closed without an answer."""

_JSON = b"application/json"
_PLAIN = b"text/plain; charset=utf-8"
_HTML = b"text/html; charset=utf-8"
_CHUNK_BYTES = 65_536
_PAGE = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>It works</h1></body></html>"
_BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_WHILE_WRITING = frozenset({"stall", "drip", "reset", "truncated"})
_CODE = re.compile(rb'"error_code":-?[0-9]+')
_ZERO_IDS: Json = {"id": "0", "seq": "0", "contenttype": 0, "content": "", "flag": 0}


class Reply(msgspec.Struct, frozen=True):
    """One HTTP answer; `fault` is what goes wrong while it is written: stall, drip, reset or truncated."""

    status: int
    body: bytes = b""
    content_type: bytes = _JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    fault: Action | None = None


_PAGES = {
    "http_500_before": Reply(500, b"Internal Server Error", _PLAIN),
    "http_500_after": Reply(500, b"Internal Server Error", _PLAIN),
    "http_502": Reply(502, _BAD_GATEWAY, _HTML),
    "html": Reply(200, _PAGE, _HTML),
    "garbage": Reply(200, bytes(range(255, -1, -1))),
}
"""Answers that do not depend on the call."""

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


def faulty(fault: Action, envelope: Json | None) -> tuple[Reply, int | None]:
    """The answer of a call with a fault, and its error_code; `envelope` is that of the execution, None: not executed."""
    if fault.kind in {"answer_lost", "closed_before"} or (fault.kind == "reset" and fault.when == "before"):
        return Reply(NO_ANSWER, fault=fault), None
    if fault.kind in _PAGES:
        return _PAGES[fault.kind], None
    if fault.kind == "throttle":
        return throttled(fault.retry_after_s or 0), None
    if envelope is None:
        envelope = (
            success({"msg_data": _ZERO_IDS, "is_svr_fail": True})
            if fault.kind == "svr_fail"
            else failure(fault.error_code or 0, fault.error_message or "")
        )
    code = None if fault.kind == "nan" else _code(envelope)
    return Reply(200, _reshaped(fault, envelope), fault=fault if fault.kind in _WHILE_WRITING else None), code


def _reshaped(fault: Action, envelope: Json) -> bytes:
    body = msgspec.json.encode(_without_id(envelope) if fault.kind == "no_id" else envelope)
    if fault.kind == "json_string":
        return msgspec.json.encode(body.decode())
    if fault.kind == "nan":
        return _CODE.sub(rb'"error_code":NaN', body, count=1)
    if fault.kind == "deep":
        depth = fault.depth or 0
        return body[:-1] + b',"extra":' + b"[" * depth + b"]" * depth + b"}"
    if fault.kind == "oversize":
        frame = msgspec.json.encode({**envelope, "padding": ""})
        return frame[:-2] + b"x" * max((fault.bytes or 0) - len(frame), 0) + frame[-2:]
    return body


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
    """Write an answer to the connection, with what goes wrong while it is written.

    Raises:
        CutOff: the connection is to be closed now.
        Stopped: the simulator stops while the answer waits.
    """
    body, fault = reply.body, reply.fault
    headers = [(b"content-type", reply.content_type), *reply.headers]
    if fault is None or (fault.kind, fault.when) != ("stall", "after"):  # chunked, whose end can be withheld
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    written = 0
    for end, pause_ms in _steps(len(body), fault):
        if end > written:
            await send({"type": "http.response.body", "body": body[written:end], "more_body": True})
            written = end
        if pause_ms is not None:
            await pauses.wait(pause_ms)
    if fault is not None and fault.kind in {"reset", "truncated"}:
        raise CutOff(is_reset=fault.kind == "reset")
    await send({"type": "http.response.body", "body": body[written:], "more_body": False})


def _steps(size: int, fault: Action | None) -> Iterator[tuple[int, int | None]]:
    """How far the body is written in each step but the last, and the pause after it in milliseconds."""
    if fault is None:
        yield from ((end, None) for end in range(_CHUNK_BYTES, size, _CHUNK_BYTES))
    elif fault.kind == "drip":
        yield from ((end, fault.delay_ms) for end in range(1, size))
    elif fault.kind == "stall":
        yield {"before": 0, "while": size // 2, "after": size}[fault.when or "while"], fault.delay_ms
    else:
        yield size // 2, fault.delay_ms
