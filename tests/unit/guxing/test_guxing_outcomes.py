"""The outcome of each answer, row by row: `tests/golden/guxing-outcomes.json` is the table of D-14."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wework_message.adapters.guxing.outcomes import BUILT_IN_CODES, of_recall, of_send, outcome_codes
from wework_message.adapters.guxing.receipts import app_info_key, read_receipt
from wework_message.domain.ids import ProviderMessageId
from wework_message.domain.message.attempt import AttemptOutcome, Receipt
from wework_message.domain.outcomes import OutcomeClass

ROWS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "golden" / "guxing-outcomes.json").read_text("utf-8")
)
CODES = outcome_codes({"-7": OutcomeClass.REFUSED_BINDING, "-8": OutcomeClass.THROTTLED, "-11": OutcomeClass.UNCERTAIN})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["error_code", "error_message", "data", "msg_data", "id", "is_svr_fail", "appinfo", "sendtime", "detail", "loc"]
    ), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


def send(status: int, body: str, headers: dict[str, str] | None = None) -> AttemptOutcome:
    return of_send(status, headers or {}, body.encode("utf-8", "surrogatepass"), CODES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["case"])
def test_answer_to_a_send(row: dict[str, Any]) -> None:
    outcome = send(row["status"], row["body"], row.get("headers"))
    assert (outcome.kind, outcome.reason) == (OutcomeClass(row["kind"]), row.get("reason"))
    assert (outcome.error_code, outcome.error_message) == (row.get("code"), row.get("message"))
    assert outcome.confirmed is row.get("confirmed", True)
    assert outcome.retry_after_ms == row.get("retryAfterMs")
    assert (None if outcome.receipt is None else outcome.receipt.provider_message_id) == row.get("id")


@pytest.mark.parametrize("row", [row for row in ROWS if row.get("reason") != "CONTRADICTION"], ids=lambda r: r["case"])
def test_answer_to_a_recall_differs_only_where_a_send_needs_an_id(row: dict[str, Any]) -> None:
    outcome = of_recall(row["status"], row.get("headers", {}), row["body"].encode(), CODES)
    expected = "ACCEPTED" if row.get("reason") == "NO_ID" else row["kind"]
    assert (outcome.kind, outcome.receipt) == (OutcomeClass(expected), None)


def test_every_class_of_an_answer_is_in_the_table() -> None:
    assert {row["kind"] for row in ROWS} == set(OutcomeClass) - {OutcomeClass.NOT_SENT}
    assert len({row["case"] for row in ROWS}) == len(ROWS) >= 45


@pytest.mark.parametrize("opening", ["[", '{"error_code":0,"data":', '{"data":['])
def test_nesting_too_deep_to_read_is_uncertain(opening: str) -> None:
    outcome = send(200, opening * 100_000)
    assert (outcome.kind, outcome.reason) == (OutcomeClass.UNCERTAIN, "UNREADABLE")


@example(status=400, value={"data": {"msg_data": {"error_code": None, "id": 1}}}, retry_after="")
@example(status=429, value={}, retry_after="Mon, 01 Jan 2025 00:00:00 +99999999999999999999")
@example(status=429, value={}, retry_after="Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
@given(status=st.sampled_from([200, 400, 422, 429, 500]), value=JSON, retry_after=st.text(max_size=12))
def test_no_json_raises_and_only_an_id_with_code_0_is_accepted(status: int, value: Any, retry_after: str) -> None:
    body = json.dumps(value)
    outcome = send(status, body, {"retry-after": retry_after, "date": retry_after})
    assert of_recall(status, {}, body.encode(), CODES).receipt is None
    if outcome.kind is OutcomeClass.ACCEPTED:
        assert status == 200
        assert outcome.receipt is not None
        assert value["data"]["msg_data"]["id"] not in {None, "", "0", 0}
        assert value.get("error_code") in {None, 0, "0", "-0"}


@given(status=st.integers(200, 599), body=st.binary(max_size=60))
def test_no_bytes_raise(status: int, body: bytes) -> None:
    assert of_send(status, {}, body, CODES).kind is not OutcomeClass.ACCEPTED


def test_receipt_stores_everything_as_the_vendor_encodes_it() -> None:
    callback_key = base64.b64encode(b"\x08\x05\x10\xfe\xe5\x95\xc2\x06").decode()
    msg_data: dict[str, Any] = {
        "id": "7000000000000000001",
        "seq": "14303419",
        "messagetype": 4,
        "sender": "1688850000000001",
        "receiver": "0",
        "roomid": "10810965948920358",
        "contenttype": 2,
        "content": "CggIABIECgJoaQ==",
        "sendtime": 1753761234,
        "flag": 16777216,
        "devinfo": "131075",
        "appinfo": base64.b64encode(callback_key.encode()).decode(),
        "sendername": "RXhhbXBsZQ==",
        "extra_content": "eA==",
        "asid": "0",
    }
    assert read_receipt({"msg_data": msg_data, "is_svr_fail": False}) == Receipt(
        provider_message_id=ProviderMessageId("7000000000000000001"),
        seq="14303419",
        app_info=msg_data["appinfo"],
        app_info_key=callback_key,
        sent_at=1_753_761_234_000,
        sender_id="1688850000000001",
        details={
            "receiver_id": "0",
            "room_id": "10810965948920358",
            "message_type": 4,
            "content_type": 2,
            "content": "CggIABIECgJoaQ==",
            "sender_name": "RXhhbXBsZQ==",
            "dev_info": "131075",
            "extra_content": "eA==",
            "is_svr_fail": False,
        },
    )


@pytest.mark.parametrize(
    ("answered", "key"),
    [
        ("Q0FVUS91V1Z3Z1k9", "CAUQ/uWVwgY="),
        ("CAUQ/uWVwgY=", "CAUQ/uWVwgY="),
        ("9038742283964224996", "9038742283964224996"),
        ("90387422839642249960", "90387422839642249960"),
        ("not base64!", "not base64!"),
        ("中文", "中文"),
        ("", None),
        ("x" * 256, None),
    ],
)
def test_app_info_is_decoded_once_where_it_is_base64_twice(answered: str, key: str | None) -> None:
    assert app_info_key(answered) == key


def test_too_long_values_are_omitted_and_the_id_is_stored() -> None:
    msg_data = {"id": "1", "content": "x" * 32_769, "extra_content": "x" * 8_193, "sendername": "x" * 1_025}
    receipt = read_receipt({"msg_data": msg_data})
    assert receipt is not None
    assert (receipt.text("content"), receipt.text("extra_content"), receipt.text("sender_name")) == (None, None, None)


@pytest.mark.parametrize(
    "configured", [{"0": OutcomeClass.UNCERTAIN}, {"-1": OutcomeClass.ACCEPTED}, {"x": OutcomeClass.UNCERTAIN}]
)
def test_impossible_outcome_of_a_code_is_refused(configured: dict[str, OutcomeClass]) -> None:
    with pytest.raises(ValueError, match=r"outcome-codes|invalid literal"):
        outcome_codes(configured)


def test_configured_code_overrides_the_built_in_one() -> None:
    codes = outcome_codes({"-4017": OutcomeClass.REFUSED_CAPABILITY})
    assert codes == {**BUILT_IN_CODES, -4017: OutcomeClass.REFUSED_CAPABILITY}


def test_codes_that_change_count_at_once() -> None:
    configured = {"-4017": OutcomeClass.REFUSED_CAPABILITY}
    codes = outcome_codes(configured)
    configured.clear()
    assert (codes, len(codes)) == (BUILT_IN_CODES, len(BUILT_IN_CODES))
    configured["-77"] = OutcomeClass.THROTTLED
    assert (codes[-77], codes.get(-78), len(codes)) == (OutcomeClass.THROTTLED, None, len(BUILT_IN_CODES) + 1)


@pytest.mark.parametrize(
    "sendtime",
    [1753761234000, 1753761234000000, -1753761234, 0, 2**53 - 1, 2**70, 1e300, "1753761234000", "soon", True, [], None],
)
def test_an_impossible_send_time_is_left_out_and_the_id_is_kept(sendtime: object) -> None:
    receipt = read_receipt({"msg_data": {"id": "7", "sendtime": sendtime}})
    assert receipt is not None
    assert (receipt.provider_message_id, receipt.sent_at) == ("7", None)
