"""The receiver for developers, over HTTP on a free local port."""

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Final

import httpx
import pytest

from wework_message.domain.signatures import TOLERANCE_MS, SigningSecret, signed_headers
from wework_message.entrypoints.cli.webhook_receiver import MAX_BODY_BYTES, ReceivedEvent, WebhookReceiver

OLD, NEW, OTHER = (SigningSecret(letter * 24) for letter in (b"o", b"n", b"x"))
BODY: Final = json.dumps(
    {"type": "message.status", "data": {"messageId": "m-1", "status": "SENT", "sequence": 3}}
).encode()


class Running:
    def __init__(self, answer: int = 204) -> None:
        self.events: list[ReceivedEvent] = []
        self.receiver = WebhookReceiver(("127.0.0.1", 0), (OLD, NEW), answer, self.events.append)
        self._thread = threading.Thread(target=self.receiver.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def post(self, body: bytes = BODY, headers: Mapping[str, str] | None = None, *, shift_ms: int = 0) -> int:
        now_ms = time.time_ns() // 1_000_000 + shift_ms
        signed = dict(signed_headers((NEW,), "evt_1", now_ms, body))
        return httpx.post(
            self.receiver.url + "hook?x=1", content=body, headers=signed | dict(headers or {})
        ).status_code

    def stop(self) -> None:
        self.receiver.shutdown()
        self.receiver.server_close()
        self._thread.join()


@pytest.fixture
def running() -> Iterator[Running]:
    running = Running()
    yield running
    running.stop()


def test_an_event_of_either_secret_is_verified_and_answered(running: Running) -> None:
    assert running.post() == 204
    old = dict(signed_headers((OTHER, OLD), "evt_1", time.time_ns() // 1_000_000, BODY))
    assert running.post(headers=old) == 204
    for event in running.events:
        assert (event.verified, event.webhook_id, event.answered) == (True, "evt_1", 204)
        assert (event.type, event.message_id, event.status, event.sequence) == ("message.status", "m-1", "SENT", 3)
        assert event.body == BODY.decode()


def test_the_answer_to_verified_events_can_be_chosen() -> None:
    running = Running(answer=500)
    assert (running.post(), running.events[0].answered) == (500, 500)
    assert running.post(headers={"webhook-id": "evt_2"}) == 401
    running.stop()


@pytest.mark.parametrize(
    ("headers", "check"),
    [
        ({"webhook-signature": "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="}, "MISMATCH"),
        ({"webhook-id": ""}, "MISSING"),
        ({"webhook-timestamp": "now"}, "MALFORMED"),
    ],
)
def test_what_does_not_verify_is_401(running: Running, headers: dict[str, str], check: str) -> None:
    assert running.post(headers=headers) == 401
    assert [(event.verified, event.check) for event in running.events] == [(False, check)]


def test_an_old_event_is_401(running: Running) -> None:
    assert running.post(shift_ms=-TOLERANCE_MS - 1_000) == 401
    assert running.events[0].check == "STALE"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b'{"type":1,"data":[]}', b'{"data":{"messageId":1,"status":{},"sequence":"3"}}']
)
def test_any_body_is_shown_as_far_as_it_can_be_read(running: Running, body: bytes) -> None:
    assert running.post(body) == 204
    event = running.events[0]
    assert (event.verified, event.type, event.message_id, event.status, event.sequence) == (
        True,
        None,
        None,
        None,
        None,
    )


def test_a_body_without_a_length_or_over_the_limit_is_refused(running: Running) -> None:
    assert httpx.post(running.receiver.url, content=iter([b"{}"])).status_code == 411
    port = int(running.receiver.url.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1))
        assert connection.makefile("rb").readline().split()[1] == b"413"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\ncontent-length: 10\r\n\r\n{}")
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").read() == b""
    assert running.events == []
