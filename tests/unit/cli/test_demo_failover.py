from collections.abc import Callable
from typing import Any

import pytest

from wework_message.demo.failover import AFTER_REVIVAL, BACKUP_CODE, Stage, Survived
from wework_message.demo.failover_judge import differences_of_failover, failed_over, uncertain
from wework_message.demo.failover_report import show_survival, verdict_of_survival
from wework_message.demo.processes import MAIN_CODE
from wework_message.entrypoints.cli.terminal import Terminal


def entry(number: int, **more: Any) -> dict[str, Any]:
    return {"conversationId": f"S:{number}", "executed": True, "id": str(number)} | more


def message(number: int, code: str, *outcomes: str, status: str = "DELIVERED") -> dict[str, Any]:
    return {
        "messageId": f"m-{number}", "status": status, "reason": None, "providerCode": code,
        "providerMessageId": None if status == "UNKNOWN" else str(number),
        "attempts": [{"number": at, "providerCode": code, "outcome": outcome} for at, outcome in enumerate(outcomes, 1)],
    }  # fmt: skip


def perfect() -> Survived:
    """One message of each kind: sent, settled by its echo, UNKNOWN, failed over, sent after the revival, its echo lost."""
    messages = [
        message(1, MAIN_CODE, "ACCEPTED"),
        message(2, MAIN_CODE, "UNCERTAIN"),
        message(3, MAIN_CODE, "UNCERTAIN", status="UNKNOWN"),
        message(4, BACKUP_CODE, "NOT_SENT", "ACCEPTED"),
        message(5, MAIN_CODE, "ACCEPTED"),
        message(6, MAIN_CODE, "ACCEPTED", status="SENT"),
    ]
    return Survived(
        stages=[Stage("before", ["m-1", "m-2", "m-3", "m-4"]), Stage(AFTER_REVIVAL, ["m-5"]), Stage("after", ["m-6"])],
        conversations={f"m-{number}": f"S:{number}" for number in range(1, 7)},
        messages={message["messageId"]: message for message in messages},
        account={"accountId": "sales", "bindings": []},
        providers=[{"code": MAIN_CODE, "breaker": "OPEN", "sent": 6, "succeeded": 3}],
        explained={"candidates": [], "chosen": "b", "reason": "ONLY_CANDIDATE"},
        ledgers={MAIN_CODE: [entry(number) for number in (1, 2, 5, 6)], BACKUP_CODE: [entry(4)]},
        killed_pids=[11, 22],
    )


def test_an_account_that_survived_has_no_differences() -> None:
    survived = perfect()
    assert differences_of_failover(survived) == []
    assert (failed_over(survived), uncertain(survived)) == (["m-4"], ["m-2", "m-3"])


def add(survived: Survived, code: str, number: int, **more: Any) -> None:
    survived.ledgers[code].append(entry(number, **more))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda s: s.messages.pop("m-1"), "the message to S:1 is lost: m-1"),
        (lambda s: s.messages["m-1"].update(status="FAILED", reason="POISON"), "(FAILED) did not survive: POISON"),
        (lambda s: s.messages["m-1"].update(status="HELD", reason=None), "(HELD) did not survive: no reason"),
        (lambda s: add(s, MAIN_CODE, 1), "to S:1 (DELIVERED) reached the providers 2 times"),
        (lambda s: add(s, BACKUP_CODE, 2), f"reached the providers 2 times ({MAIN_CODE}, {BACKUP_CODE})"),
        (lambda s: add(s, BACKUP_CODE, 1, executed=False), "to S:1 (DELIVERED) reached the providers 2 times"),
        (lambda s: s.ledgers[MAIN_CODE].pop(0), "to S:1 (DELIVERED) was executed 0 times"),
        (lambda s: s.ledgers[MAIN_CODE].pop(), "to S:6 (SENT) was executed 0 times"),
        (lambda s: s.ledgers[MAIN_CODE][0].update(id="9"), f"to S:1 (DELIVERED) is ('{MAIN_CODE}', '9') in the ledger"),
        (lambda s: s.messages["m-4"].update(providerCode=MAIN_CODE), f"is ('{BACKUP_CODE}', '4') in the ledger"),
        (lambda s: s.messages["m-2"]["attempts"].append({"outcome": "NOT_SENT"}), "sent again after an uncertain attempt"),
        (lambda s: add(s, BACKUP_CODE, 7), "1 calls to S:7, which nobody asked for"),
        (lambda s: s.messages["m-4"]["attempts"].pop(0), f"no provably unsent message went through {BACKUP_CODE}"),
        (lambda s: s.ledgers.update({BACKUP_CODE: []}), f"no provably unsent message went through {BACKUP_CODE}"),
        (
            lambda s: [s.messages[name].update(attempts=[]) for name in ("m-2", "m-3")],
            "no call was open when the provider was killed",
        ),
        (lambda s: s.stages.pop(1), f"{MAIN_CODE} got no message back"),
    ],
)  # fmt: skip
def test_every_broken_promise_of_the_failover_is_named(spoil: Callable[[Survived], object], says: str) -> None:
    survived = perfect()
    spoil(survived)
    assert any(says in line for line in differences_of_failover(survived)), differences_of_failover(survived)


def test_an_unknown_message_may_have_been_executed_once() -> None:
    survived = perfect()
    add(survived, MAIN_CODE, 3)
    assert differences_of_failover(survived) == []


def test_the_verdict_counts_what_happened() -> None:
    assert verdict_of_survival(perfect())[1:] == [
        "1 were provably unsent when the first provider died: its sibling sent them.",
        "2 were uncertain and never sent again: 1 settled by the echo, 1 UNKNOWN.",
        "1 were accepted, and their echo died with the provider: SENT.",
    ]


def test_the_report_counts_what_the_ledgers_have(capsys: pytest.CaptureFixture[str]) -> None:
    survived = perfect()
    survived.messages["m-1"]["providerCode"] = BACKUP_CODE  # the service's word is not asked
    show_survival(Terminal(), survived)
    written = capsys.readouterr().out
    shown = [line.split() for line in written.splitlines()]
    assert ["before", "4", "2", "1", "3", "0", "1", "1"] in shown
    assert [*AFTER_REVIVAL.split(), "1", "1", "0", "1", "0", "0", "0"] in shown
    assert ["after", "1", "1", "0", "0", "1", "0", "0"] in shown
    assert [MAIN_CODE, "OPEN", "6", "3"] in shown
    assert "m-4 is DELIVERED" in written
