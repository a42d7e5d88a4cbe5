"""The bench sends what the service takes: a limit that moved would end every run with an answer that is not 202."""

import time

import pytest
from bench.load import BODIES

from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.send import parse_send

NOW = time.time_ns() // 1_000_000


@pytest.mark.parametrize("name", BODIES)
def test_the_service_takes_a_body_of_the_load(name: str) -> None:
    request = parse_send(BODIES[name] % (7, 1_000_007, b"a-run", 7), limits=Limits(), now=NOW)

    assert request.client_message_id == "a-run-7"
