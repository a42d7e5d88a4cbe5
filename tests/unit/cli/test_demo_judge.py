import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from wework_message.demo.judge import RECALL_PATH, differences
from wework_message.demo.play import Played, Sent
from wework_message.demo.report import result_table
from wework_message.demo.script import Expectation, Step

TEXT = "/msg/send_text"
LINK = "/msg/send_link"


def step(name: str, conversation: str | None, path: str = "/api/messages/send", **expect: Any) -> Step:
    body = None if conversation is None else {"messageType": "TEXT", "conversationId": conversation}
    return Step(name=name, path=path, body=body, expect=Expectation(**expect))


def batch() -> Step:
    body = {"messages": [{"conversationId": "S:{n}"}, {"conversationId": "S:{n}"}]}
    expect = Expectation(http=202, status="DELIVERED", calls=(TEXT, LINK))
    return Step(name="batch", path="/api/messages/send/batch", body=body, repeat=3, expect=expect)


def entry(n: int, path: str, conversation: str, **more: Any) -> dict[str, Any]:
    return {
        "n": n, "path": path, "conversationId": conversation, "executed": True, "id": str(n), "status": 200,
        "error_code": 0, "body": {},
    } | more  # fmt: skip


def listed(number: int, status: str = "DELIVERED") -> dict[str, Any]:
    return {
        "messageId": f"m-{number}", "status": status, "reason": None, "providerMessageId": str(number), "attempts": 1,
        "messageType": "TEXT", "createdAt": "2026-01-01T00:00:00.000Z", "updateTime": "2026-01-01T00:00:00.250Z",
    }  # fmt: skip


def perfect() -> Played:
    order = step("order", "S:90", http=200, status="DELIVERED", calls=(TEXT,))
    return Played(
        sent=[
            Sent(order, 200, None, ("m-1",)),
            Sent(step("again", "S:90", http=200, status="DELIVERED", same_as="order"), 200, None, ("m-1",)),
            Sent(step("mistake", "S:91", http=200, status="DELIVERED", calls=(TEXT,)), 200, None, ("m-2",)),
            Sent(step("recall", None, "/x/${mistake.messageId}", http=202, status="RECALLED"), 202, None, ("m-2",)),
            Sent(step("bad", "S:99", http=422, error="VALIDATION_FAILED"), 422, "VALIDATION_FAILED", ()),
            Sent(batch(), 202, None, ("m-3", "m-4", "m-5")),
        ],
        listed={f"m-{n}": listed(n, "RECALLED" if n == 2 else "DELIVERED") for n in range(1, 6)},
        ledger=[
            entry(1, TEXT, "S:90"),
            entry(2, TEXT, "S:91"),
            entry(3, TEXT, "S:1"),
            entry(4, LINK, "S:2"),
            entry(5, TEXT, "S:3"),
            entry(6, RECALL_PATH, "S:91", body={"msgid": "2"}),
        ],
    )


def resent(played: Played, index: int, **change: Any) -> None:
    played.sent[index] = dataclasses.replace(played.sent[index], **change)


def test_a_run_in_which_every_promise_was_kept_has_no_differences() -> None:
    assert differences(perfect()) == []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda p: p.listed["m-1"].update(status="UNKNOWN"), "order: UNKNOWN"),
        (lambda p: p.listed["m-2"].update(status="DELIVERED"), "mistake: DELIVERED"),
        (lambda p: p.listed["m-4"].update(status="FAILED", reason="POISON"), "batch[1]: FAILED (POISON)"),
        (lambda p: p.listed.pop("m-1"), "order: the service lists no message m-1"),
        (lambda p: p.listed["m-1"].update(providerMessageId=None), "order: the ledger has it 0 times"),
        (lambda p: p.ledger.pop(0), "order: the ledger has it 0 times"),
        (lambda p: p.ledger.append(entry(1, TEXT, "S:90")), "order: the ledger has it 2 times"),
        (
            lambda p: p.ledger.append(entry(7, TEXT, "S:90")),
            "ledger entry 7, /msg/send_text to S:90: belongs to no message",
        ),
        (lambda p: p.ledger.append(entry(7, TEXT, "S:99", executed=False)), "belongs to a request that was refused"),
        (lambda p: p.ledger.append(entry(7, TEXT, "S:90", executed=False, status=422)), "was not executed (HTTP 422"),
        (lambda p: p.ledger[3].update(path=TEXT), "batch[1]: executed as"),
        (lambda p: p.ledger[3].update(conversationId="S:1"), "batch[1]: executed as"),
        (lambda p: p.ledger.pop(), "the ledger has recalls of []"),
        (lambda p: p.ledger.append(p.ledger[-1]), "the ledger has recalls of ['2', '2']"),
        (lambda p: p.ledger[-1].update(body={"msgid": "1"}), "the ledger has recalls of ['1']"),
        (lambda p: resent(p, 1, message_ids=("m-9",)), "again: got ('m-9',), not ('m-1',)"),
        (lambda p: resent(p, 0, http=503, error="UNAVAILABLE"), "order: HTTP 503 UNAVAILABLE, expected 200"),
        (lambda p: resent(p, 4, http=200, error=None), "bad: error code None"),
        (lambda p: resent(p, 4, message_ids=("m-1",)), "bad: was refused and yet got the id m-1"),
        (lambda p: resent(p, 5, message_ids=("m-3", "m-4")), "batch: 2 message ids, expected 3"),
        (lambda p: resent(p, 0, message_ids=()), "order: 0 message ids, expected 1"),
        (lambda p: p.listed.update({"m-8": listed(8)}), "the service has a message that nobody sent: m-8"),
        (lambda p: p.unsent.update(late="no answer"), "late: could not be sent: no answer"),
    ],
)
def test_every_broken_promise_is_named(spoil: Callable[[Played], object], says: str) -> None:
    played = perfect()
    spoil(played)
    assert any(says in line for line in differences(played)), differences(played)


def test_the_table_has_a_row_per_message_and_one_for_the_batch() -> None:
    made = result_table(perfect())
    cells = {name: [str(cell) for cell in column.cells] for name, column in zip(
        ("request", "type", "mode", "status", "attempts", "id", "ms"), made.columns, strict=True
    )}  # fmt: skip
    assert cells["request"] == ["order", "again", "mistake", "recall", "bad", "batch"]
    assert cells["status"] == [
        "DELIVERED", "same id as order", "RECALLED", "mistake is RECALLED", "refused 422", "3 DELIVERED",
    ]  # fmt: skip
    assert cells["id"][5] == "3 ids"
    assert cells["ms"] == ["250", "", "250", "", "", "250, max 250"]
