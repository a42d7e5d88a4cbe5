"""The numbers of callbacks by kind are exact, so that a run is what its row says."""

import json
import random
from collections import Counter

import pytest
from bench.disturbance import FORGERIES, Fates, Shares, forged, malformed, record_of

CALL = {
    "guid": "guid-1", "account": "1688850000000001", "conversationId": "S:7881303000000001", "at": 1_764_500_000_123,
    "id": "1000001", "body": {"content": "hello"},
}  # fmt: skip


def test_the_shares_of_ten_thousand_callbacks_are_those_of_the_goal() -> None:
    assert Shares.of(10_000) == Shares(6_000, duplicates=3_000, forged=500, malformed=500, late=2_000, dropped=1_000)


def test_every_original_and_duplicate_has_a_fate_and_the_totals_are_exact() -> None:
    shares = Shares.of(2_000)
    fates = Fates(shares, random.Random(1))

    drawn = [fates.next() for _ in range(shares.originals)]

    assert Counter(fate for copies in drawn for fate in copies) == {"on time": 1_200, "late": 400, "dropped": 200}
    assert (fates.left, sum(map(len, drawn)), min(map(len, drawn))) == (0, shares.originals + shares.duplicates, 1)


def test_beyond_the_originals_there_is_no_fate() -> None:
    with pytest.raises(IndexError):
        Fates(Shares.of(0), random.Random(1)).next()


@pytest.mark.parametrize("name", [name for name, forgery in FORGERIES.items() if forgery.way != "token"])
def test_a_lie_that_fits_comes_without_a_valid_token(name: str) -> None:
    assert json.loads(forged(FORGERIES[name], CALL, "9900000001"))["data"] == record_of(CALL, "9900000001")


@pytest.mark.parametrize("name", [name for name, forgery in FORGERIES.items() if forgery.way == "token"])
def test_a_lie_that_comes_with_the_token_differs_from_what_happened(name: str) -> None:
    forgery = FORGERIES[name]

    record = json.loads(forged(forgery, CALL, "9900000001"))["data"]

    differing = {key for key, value in record_of(CALL, record["id"]).items() if record[key] != value}
    assert differing & {"sender", "receiver", "sendtime"}
    assert record["id"] == (CALL["id"] if forgery.has_its_id else "9900000001")


def test_no_malformed_body_has_a_record_of_an_instance() -> None:
    bodies = malformed("guid-1")

    assert [body for body in (next(bodies) for _ in range(22)) if _has_a_record(body)] == []


def _has_a_record(body: bytes) -> bool:
    try:
        data = json.loads(body)["data"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
    records = data if isinstance(data, list) else [data]
    return any(isinstance(record, dict) and isinstance(record.get("id"), str) for record in records)
