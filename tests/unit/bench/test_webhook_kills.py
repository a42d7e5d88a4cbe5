"""The judge of kills amid webhooks sees every way in which an event is lost, doubled or made up."""

import json
from dataclasses import replace

import pytest
from bench.webhook_kills import Event, Told, judged

MESSAGES = {"m1": "SENT"}


def event(event_id: str = "e2", sequence: int = 2, state: str = "DELIVERED") -> Event:
    return Event(event_id, "m1", sequence, state, 1)


def told(event_id: str = "e2", sequence: int = 2, status: str = "SENT", *, verified: bool = True) -> Told:
    body = {"data": {"messageId": "m1", "sequence": sequence, "status": status}}
    return Told(event_id, verified, json.dumps(body))


EVENTS = [event("e1", 1), event()]
TOLD = [told("e1", 1, "SENDING"), told()]


def test_repeats_of_what_happened_are_right() -> None:
    result = judged(["m1"], MESSAGES, EVENTS, [*TOLD, TOLD[0], TOLD[1]])

    assert (result["wrong"], result["repeats"], result["lost"], result["ok"]) == ({}, 2, 0, True)


def test_a_run_without_an_event_is_no_success() -> None:
    assert not judged([], {}, [], [])["ok"]


@pytest.mark.parametrize(
    ("accepted", "events", "deliveries", "wrong"),
    [
        (["m1"], EVENTS, TOLD[1:], {"events not told": 1}),
        (["m1"], EVENTS, TOLD[:1], {"events not told": 1, "last statuses not told": 1}),
        (["m1", "m2"], EVENTS, TOLD, {"accepted messages that are lost": 1}),
        (["m1"], [EVENTS[0], event(state="WAITING")], TOLD, {"events not recorded as delivered": 1}),
        (["m1"], EVENTS[1:], TOLD, {"told, and not in the database": 1}),
        (["m1"], EVENTS, [*TOLD, replace(TOLD[1], body=told(status="FAILED").body)], {"events with more than one body": 1}),
        (["m1"], [*EVENTS, event("e3")], [*TOLD, told("e3")], {"changes told under more than one id": 1}),
        (["m1"], EVENTS, TOLD[::-1], {"told before an earlier event of the message": 1}),
        (["m1"], EVENTS, [TOLD[0], told(verified=False)], {"deliveries without a valid signature": 1}),
    ],
)  # fmt: skip
def test_what_is_lost_doubled_or_made_up_is_wrong(
    accepted: list[str], events: list[Event], deliveries: list[Told], wrong: dict[str, int]
) -> None:
    result = judged(accepted, MESSAGES, events, deliveries)

    assert (result["wrong"], result["ok"]) == (wrong, False)


def test_a_message_that_has_not_come_to_rest_is_wrong() -> None:
    result = judged(["m1"], {"m1": "SENDING"}, EVENTS[:1], TOLD[:1])

    assert result["wrong"] == {"messages not at rest": 1}
