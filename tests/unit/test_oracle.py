"""The oracle of the end-to-end runs finds every kind of violation, and none in a good run."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.load.oracle import Call, Execution, Row, Rule, judge

COUNT = 6
CALLS = [
    call
    for n in range(COUNT)
    for call in (
        Call(f"k{n}", "info", f"t{n}", f"lane{n % 2}"),
        Call(f"k{n}", "ok", f"t{n}", f"lane{n % 2}", f"m{n}"),
    )
]
REFUSED = Call("bad", "fail", "t-bad", "lane0")
ROWS = [Row(f"m{n}", f"k{n}", "DELIVERED", identified_by_text=n != 5) for n in range(COUNT)]
EXECUTED = [Execution(n + 1, f"m{n}.1", f"t{n}") for n in range(COUNT)]


def rules(
    calls: list[Call] | None = None,
    rows: list[Row] | None = None,
    executions: list[Execution] | None = None,
    cut_off: int = 2,
    withdrawn: Collection[str] = (),
    resent: Collection[str] = (),
) -> set[Rule]:
    violations = judge(
        [*CALLS, REFUSED] if calls is None else calls,
        ROWS if rows is None else rows,
        EXECUTED if executions is None else executions,
        cut_off=cut_off, withdrawn=withdrawn, resent=resent,
    )  # fmt: skip
    assert all(str(violation).startswith(violation.rule) for violation in violations)
    return {violation.rule for violation in violations}


def changed(place: int, **values: object) -> list[Row]:
    return [replace(row, **values) if n == place else row for n, row in enumerate(ROWS)]  # type: ignore[arg-type] # by name


def test_a_good_run_has_no_violation() -> None:
    assert rules() == set()


def test_unknown_is_no_violation_where_nothing_proves_it_wrong() -> None:
    never = [execution for execution in EXECUTED if execution.message_id != "m0"]
    assert rules(rows=changed(0, status="UNKNOWN", uncertain=1), executions=never) == set()
    silent = [replace(execution, echo_offered=execution.message_id != "m0") for execution in EXECUTED]
    assert rules(rows=changed(0, status="UNKNOWN", uncertain=1), executions=silent) == set()
    assert rules(rows=changed(5, status="UNKNOWN", uncertain=1)) == set()  # only an id identifies a file


def test_marking_everything_unknown_is_found() -> None:
    unknown = [replace(row, status="UNKNOWN") for row in ROWS]
    assert rules(rows=unknown) == {Rule.TOO_UNCERTAIN, Rule.EVIDENCE_IGNORED}
    silent = [replace(execution, echo_offered=False) for execution in EXECUTED]
    assert rules(rows=unknown, executions=silent) == {Rule.TOO_UNCERTAIN}
    assert rules(rows=unknown, cut_off=COUNT) == {Rule.EVIDENCE_IGNORED}


def test_a_lost_message_is_found() -> None:
    assert rules(rows=ROWS[1:], executions=EXECUTED[1:]) == {Rule.LOST}


@pytest.mark.parametrize("status", ["QUEUED", "HELD", "SENDING", "RETRY_WAIT", "RECALLING"])
def test_a_stranded_message_is_found(status: str) -> None:
    assert rules(rows=changed(1, status=status)) == {Rule.STRANDED}


def test_two_messages_of_one_key_are_found_in_the_rows_and_in_the_answers() -> None:
    assert Rule.TWO_IDS in rules(rows=[*ROWS, replace(ROWS[0], message_id="m9", status="CANCELLED")], withdrawn=["m9"])
    assert Rule.TWO_IDS in rules(calls=[*CALLS, replace(CALLS[1], message_id="m1")])


def test_a_refused_message_that_is_stored_is_found() -> None:
    assert rules(rows=[*ROWS, Row("m9", "bad", "CANCELLED")], withdrawn=["m9"]) == {Rule.REFUSED_BUT_STORED}


def test_a_message_that_no_client_requested_is_found() -> None:
    assert rules(rows=[*ROWS, Row("m9", None, "CANCELLED")], withdrawn=["m9"]) == {Rule.NOT_REQUESTED}


def test_a_double_execution_is_found_by_its_marker() -> None:
    second = Execution(9, "m0.2", None)
    assert Rule.DOUBLED in rules(rows=changed(0, attempts=2), executions=[*EXECUTED, second])


def test_a_double_execution_is_found_by_its_content() -> None:
    calls = [*CALLS, Call("k9", "ok", "t0", "lane9", "m9")]
    twin = Execution(9, "m9.1", "t0")
    assert rules(calls=calls, rows=[*ROWS, Row("m9", "k9", "DELIVERED")], executions=[*EXECUTED, twin]) == {
        Rule.DOUBLED
    }


def test_a_duplicate_that_the_service_knows_of_is_no_violation() -> None:
    second = Execution(9, "m0.2", "t0")
    doubled = changed(0, attempts=2, possible_duplicate=True)
    assert rules(rows=doubled, executions=[*EXECUTED, second], resent=["m0"]) == set()


def test_a_duplicate_that_no_client_asked_for_is_found_though_the_service_knows_of_it() -> None:
    second = Execution(9, "m0.2", "t0")
    doubled = changed(0, attempts=2, possible_duplicate=True)
    assert rules(rows=doubled, executions=[*EXECUTED, second]) == {Rule.NEEDLESS_DUPLICATE}
    assert rules(rows=doubled) == {Rule.NEEDLESS_DUPLICATE}


@pytest.mark.parametrize("status", ["EXPIRED", "FAILED", "CANCELLED"])
def test_messages_that_were_accepted_and_never_sent_are_found(status: str) -> None:
    given_up = [replace(row, status=status, confirmed=True) for row in ROWS]
    assert rules(rows=given_up, executions=[]) == {Rule.GIVEN_UP}


def test_a_recall_that_no_client_asked_for_is_found() -> None:
    assert rules(rows=changed(0, status="RECALLED")) == {Rule.GIVEN_UP}
    assert rules(rows=changed(0, status="RECALLED"), withdrawn=["m0"]) == set()


def test_a_message_that_its_client_cancelled_need_not_be_sent() -> None:
    assert rules(rows=changed(0, status="CANCELLED"), executions=EXECUTED[1:], withdrawn=["m0"]) == set()


@pytest.mark.parametrize("status", ["SENT", "DELIVERED", "RECALLED"])
def test_a_message_said_to_be_sent_that_was_not_is_found(status: str) -> None:
    assert rules(rows=changed(0, status=status), executions=EXECUTED[1:], withdrawn=["m0"]) == {Rule.FALSE_SENT}


@pytest.mark.parametrize(("status", "confirmed"), [("FAILED", True), ("EXPIRED", None), ("CANCELLED", None)])
def test_a_message_said_to_be_unsent_that_was_sent_is_found(status: str, confirmed: bool | None) -> None:
    silent = [replace(execution, echo_offered=False) for execution in EXECUTED]
    unsent = changed(0, status=status, confirmed=confirmed)
    assert Rule.FALSE_FAILED in rules(rows=unsent, executions=silent)


def test_a_failure_that_claims_no_proof_is_not_false() -> None:
    silent = [replace(execution, echo_offered=False) for execution in EXECUTED]
    assert rules(rows=changed(0, status="FAILED", confirmed=False), executions=silent) == {Rule.GIVEN_UP}


def test_more_uncertain_sends_than_were_cut_off_are_found_even_if_all_were_settled() -> None:
    settled = [replace(row, uncertain=1) for row in ROWS]
    assert rules(rows=settled) == {Rule.TOO_UNCERTAIN}
    assert rules(rows=settled, cut_off=COUNT) == set()


@pytest.mark.parametrize("status", ["UNKNOWN", "SENT"])
def test_an_ignored_echo_is_found(status: str) -> None:
    assert rules(rows=changed(0, status=status)) == {Rule.EVIDENCE_IGNORED}
    assert rules(rows=changed(5, status="SENT")) == {Rule.EVIDENCE_IGNORED}


def test_an_execution_without_a_message_is_found() -> None:
    assert rules(executions=[*EXECUTED, Execution(9, "m9.1", "t-bad")]) == {Rule.GHOST}


def test_an_execution_with_the_content_of_another_message_is_found() -> None:
    swapped = [replace(EXECUTED[0], token="t1"), replace(EXECUTED[1], token="t0"), *EXECUTED[2:]]
    assert Rule.GHOST in rules(executions=swapped)
    assert Rule.GHOST in rules(executions=[replace(EXECUTED[0], token=None), *EXECUTED[1:]])


def test_an_execution_without_a_recorded_attempt_is_found() -> None:
    assert rules(rows=changed(0, attempts=0)) == {Rule.UNANNOUNCED}


def test_an_execution_before_an_earlier_one_of_its_lane_is_found() -> None:
    first, third = EXECUTED[0], EXECUTED[2]
    turned = [replace(first, number=3), EXECUTED[1], replace(third, number=1), *EXECUTED[3:]]
    assert rules(executions=turned) == {Rule.OUT_OF_ORDER}


def test_lanes_overtake_each_other() -> None:
    first, second = EXECUTED[0], EXECUTED[1]
    assert rules(executions=[replace(first, number=2), replace(second, number=1), *EXECUTED[2:]]) == set()


def test_every_rule_is_known_to_this_test() -> None:
    text = Path(__file__).read_text("utf-8")
    assert [rule.name for rule in Rule if f"Rule.{rule.name}" not in text] == []
