"""The judge of settlement sees every way in which a status contradicts the ledger, and a run that shows nothing is no success."""

from typing import Any

import pytest
from bench.noisy_relay import RecordId
from bench.settlement import HORIZON_S, Outcome, judged

ENDED_AT = 1_764_500_000_000
WITHIN_H = ENDED_AT + 2_000
GUID = "guid-1"
SHOWN = {(GUID, "1")}


def call(*, executed: bool = True, status: int = 200, provider_message_id: str = "1") -> dict[str, Any]:
    return {
        "marker": "m1.1.x", "guid": GUID, "executed": executed, "status": status, "id": provider_message_id if executed else None,
    }  # fmt: skip


def outcome(status: str, *, message_type: str = "TEXT", at: int = WITHIN_H, provider_message_id: str = "1") -> Outcome:
    return Outcome("m1", message_type, status, at, ENDED_AT, provider_message_id)


LOST = call(status=0)
UNEXECUTED = call(executed=False, status=0)


@pytest.mark.parametrize(
    ("status", "calls", "offered", "what"),
    [
        ("DELIVERED", [call(), call()], SHOWN, "executed more than once"),
        ("DELIVERED", [UNEXECUTED], set(), "said to be sent, not executed"),
        ("SENT", [UNEXECUTED], set(), "said to be sent, not executed"),
        ("DELIVERED", [call(provider_message_id="2")], {(GUID, "2")}, "has the id of another record"),
        ("DELIVERED", [LOST], set(), "DELIVERED, no echo was posted"),
        ("SENT", [call()], SHOWN, "SENT, its echo was posted"),
        ("SENT", [LOST], set(), "SENT without an answer"),
        ("FAILED", [LOST], SHOWN, "said not to be sent, executed"),
        ("UNKNOWN", [call()], set(), "UNKNOWN, it was answered"),
        ("DELIVERED", [call()], {("guid-2", "1")}, "DELIVERED, no echo was posted"),
        ("RECALLED", [call()], SHOWN, "no end"),
        ("SENDING", [call()], set(), "no end"),
    ],
)
def test_a_status_that_contradicts_what_happened_is_wrong(
    status: str, calls: list[dict[str, Any]], offered: set[RecordId], what: str
) -> None:
    result = judged(1, [outcome(status)], calls, offered)

    assert (result["wrong"], result["ok"]) == ({what: 1}, False)


@pytest.mark.parametrize(
    ("status", "calls", "offered"),
    [
        ("DELIVERED", [call()], SHOWN),
        ("SENT", [call()], set()),
        ("DELIVERED", [LOST], SHOWN),
        ("UNKNOWN", [LOST], set()),
        ("UNKNOWN", [UNEXECUTED], set()),
        ("FAILED", [call(executed=False)], set()),
        ("DELIVERED", [call(executed=False), call()], SHOWN),
    ],
)
def test_a_status_that_fits_what_happened_is_not_wrong(
    status: str, calls: list[dict[str, Any]], offered: set[RecordId]
) -> None:
    result = judged(1, [outcome(status)], calls, offered)

    assert (result["wrong"], result["settled_wrongly"]) == ({}, 0)


def test_only_an_uncertain_message_can_be_settled_wrongly() -> None:
    uncertain = judged(1, [outcome("DELIVERED")], [UNEXECUTED], set())
    answered = judged(1, [outcome("SENT")], [call()], SHOWN)

    assert (uncertain["settled_wrongly"], answered["settled_wrongly"]) == (1, 0)


def test_a_message_that_the_service_does_not_have_is_lost() -> None:
    assert judged(2, [outcome("DELIVERED")], [LOST], SHOWN)["wrong"] == {"lost": 1}


@pytest.mark.parametrize(
    ("ended", "settled"),
    [
        (outcome("DELIVERED"), 1),
        (outcome("DELIVERED", at=ENDED_AT + HORIZON_S * 1_000), 1),
        (outcome("DELIVERED", at=ENDED_AT + HORIZON_S * 1_000 + 1), 0),
        (outcome("UNKNOWN"), 0),
    ],
)
def test_what_was_shown_must_be_settled_within_the_horizon(ended: Outcome, settled: int) -> None:
    result = judged(1, [ended], [LOST], SHOWN)

    assert (result["to_settle"], result["settled"], result["ok"]) == (1, settled, bool(settled))


@pytest.mark.parametrize(
    ("ended", "calls", "offered"),
    [
        (outcome("UNKNOWN", message_type="SHOP_PRODUCT"), [LOST], SHOWN),
        (outcome("UNKNOWN"), [LOST], set()),
        (outcome("DELIVERED"), [call()], SHOWN),
    ],
)
def test_a_run_with_nothing_to_settle_is_no_success(
    ended: Outcome, calls: list[dict[str, Any]], offered: set[RecordId]
) -> None:
    result = judged(1, [ended], calls, offered)

    assert (result["wrong"], result["to_settle"], result["ok"]) == ({}, 0, False)
