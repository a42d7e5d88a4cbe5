"""What the run with lost answers calls a difference."""

import dataclasses
from typing import Any

import pytest

from wework_message.demo.lost_answers import Settled, differences_of_settlement


def settled(
    status: str = "UNKNOWN", *, kind: str = "TEXT", sync: str = "none", calls: int = 1, **entry: Any
) -> Settled:
    call = {"conversationId": "S:1", "executed": True, "echoOffered": False, "status": 0} | entry
    message = {"messageId": "m-1", "messageType": kind, "status": status}
    return Settled(sync, {"m-1": "S:1"}, {"m-1": message}, [call] * calls)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (settled(), None),
        (settled("DELIVERED"), None),
        (settled(kind="MERGED", echoOffered=True), None),
        (settled(executed=False, sync="positive"), None),
        (settled("DELIVERED", calls=2), "a duplicate"),
        (settled("FAILED"), "a false failure"),
        (settled("DELIVERED", executed=False), "settled wrongly"),
        (settled(echoOffered=True), "what it sent was shown"),
        (settled(sync="positive"), "what it sent was shown"),
        (settled("SENDING"), "has not come to an end"),
        (dataclasses.replace(settled("DELIVERED"), ledger=[]), "shows nothing"),
    ],
)
def test_a_broken_promise_is_named(run: Settled, expected: str | None) -> None:
    differing = differences_of_settlement(run)
    assert (differing == []) if expected is None else any(expected in line for line in differing)


def test_a_message_that_is_not_there_is_lost() -> None:
    run = settled()
    run.messages = {}
    assert any(line.endswith("is lost") for line in differences_of_settlement(run))
