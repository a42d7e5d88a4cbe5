"""Which records are evidence about the attempt whose provider id they name."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import CONVERSATION, HORIZON_MS, NOW, a_stream_record, an_attempt

from wework_message.domain.message.fitting import SKEW_MS, Expected, Misfit
from wework_message.domain.message.projection import FactKind

ENDED: Final = NOW + 30_000
OWN, ADMIN, STRANGER = "168", "169", "788"
ECHO, FAILED, REVOKED, RETRIED = (
    frozenset({kind}) for kind in (FactKind.ECHO, FactKind.SEND_FAIL, FactKind.REVOKED, FactKind.SERVER_RETRY_OK)
)
LATER: Final = ENDED + 10 * HORIZON_MS


def expected(conversation_id: str = CONVERSATION, own_user_id: str | None = OWN, **attempt: Any) -> Expected:
    fields = {"ended_at": ENDED, "app_info_key": "key", "provider_message_id": "4711"} | attempt
    return Expected(an_attempt(**fields), conversation_id, HORIZON_MS, own_user_id, admin_user_ids={ADMIN})


def misfit(about: Expected | None = None, received_at: int = ENDED, **record: Any) -> Misfit | None:
    fields = {"provider_message_id": "4711", "sender": OWN, "app_info_key": "key"} | record
    return (about or expected()).misfit(a_stream_record(**fields), received_at=received_at)


def test_a_record_that_agrees_in_everything_fits() -> None:
    assert misfit() is None


@pytest.mark.parametrize("missing", ["sender", "app_info_key", "sent_at", "text"])
def test_what_a_record_does_not_say_cannot_contradict(missing: str) -> None:
    said: dict[str, Any] = {missing: None}
    assert misfit(**said) is None
    assert misfit(conversations=()) is None


@pytest.mark.parametrize("missing", ["app_info_key", "ended_at"])
def test_what_is_not_known_of_an_attempt_cannot_be_contradicted(missing: str) -> None:
    known: dict[str, Any] = {missing: None}
    assert misfit(expected(**known), app_info_key="other") is (None if missing == "app_info_key" else Misfit.APP_INFO)
    assert misfit(expected(own_user_id=None), sender=STRANGER) is None


@pytest.mark.parametrize("kinds", [ECHO, FAILED, RETRIED, frozenset()])
@pytest.mark.parametrize("sender", [STRANGER, ADMIN])
def test_somebody_else_proves_nothing(kinds: frozenset[FactKind], sender: str) -> None:
    assert misfit(sender=sender, kinds=kinds) is Misfit.SENDER


def test_an_admin_may_recall_and_nothing_else() -> None:
    assert misfit(sender=ADMIN, kinds=REVOKED) is None
    assert misfit(sender=ADMIN, kinds=REVOKED | FAILED) is Misfit.SENDER
    assert misfit(sender=STRANGER, kinds=REVOKED) is Misfit.SENDER


@pytest.mark.parametrize(
    ("conversation_id", "conversations", "names_session", "fits"),
    [
        ("R:9", ("R:9",), True, True),
        ("R:9", ("S:9",), True, False),
        ("S:1", ("S:2",), False, False),
        ("S:1", ("S:1", "S:1;a"), True, True),
        ("S:1;a", ("S:1", "S:1;a"), True, True),
        ("S:1;b", ("S:1", "S:1;a"), True, False),
        ("S:1;a", ("S:1",), False, True),
        ("S:2;a", ("S:1",), False, False),
    ],
)
def test_a_record_must_be_of_the_conversation_as_far_as_it_says(
    conversation_id: str, conversations: tuple[str, ...], names_session: bool, fits: bool
) -> None:
    about = expected(conversation_id)
    actual = misfit(about, conversations=conversations, names_session=names_session)
    assert actual is (None if fits else Misfit.CONVERSATION)


def test_both_keys_must_be_equal_but_for_a_record_that_changes_an_earlier_one() -> None:
    assert misfit(app_info_key="other") is Misfit.APP_INFO
    assert misfit(app_info_key="other", refers_to="4711", provider_message_id="4712") is None


@pytest.mark.parametrize(
    ("sent_at", "fits"),
    [
        (NOW - SKEW_MS - 1, False),
        (NOW - SKEW_MS, True),
        (ENDED + HORIZON_MS + SKEW_MS, True),
        (ENDED + HORIZON_MS + SKEW_MS + 1, False),
    ],
)
@pytest.mark.parametrize("kinds", [ECHO, FAILED, frozenset()])
def test_it_must_be_stamped_in_the_time_of_the_attempt(sent_at: int, fits: bool, kinds: frozenset[FactKind]) -> None:
    assert misfit(sent_at=sent_at, kinds=kinds) is (None if fits else Misfit.SEND_TIME)
    assert (misfit(sent_at=sent_at, kinds=kinds, received_at=LATER) is None) is (fits and kinds != FAILED)


@pytest.mark.parametrize("kinds", [REVOKED, RETRIED])
def test_a_later_change_is_stamped_at_most_when_it_came(kinds: frozenset[FactKind]) -> None:
    for sent_at, fits in (
        (NOW - SKEW_MS - 1, False),
        (LATER, True),
        (LATER + SKEW_MS, True),
        (LATER + SKEW_MS + 1, False),
    ):
        assert misfit(sent_at=sent_at, kinds=kinds, received_at=LATER) is (None if fits else Misfit.SEND_TIME)


@pytest.mark.parametrize("offset_ms", [-3_600_000, 3_600_000])
def test_a_provider_whose_clock_is_wrong_is_judged_by_the_time_in_its_answer(offset_ms: int) -> None:
    about = expected(sent_at=NOW + offset_ms)
    for sent_at, fits in (
        (NOW + offset_ms, True),
        (NOW + offset_ms - SKEW_MS, True),
        (NOW + offset_ms - SKEW_MS - 1, False),
        (NOW + offset_ms + HORIZON_MS + SKEW_MS, True),
        (NOW + offset_ms + HORIZON_MS + SKEW_MS + 1, False),
        (NOW, True),
    ):
        assert misfit(about, sent_at=sent_at) is (None if fits else Misfit.SEND_TIME)
    revoked: dict[str, Any] = {"kinds": REVOKED, "received_at": LATER}
    assert misfit(about, sent_at=LATER + offset_ms, **revoked) is None


def test_a_record_that_arrived_before_the_attempt_cannot_know_it() -> None:
    assert misfit(received_at=NOW - SKEW_MS) is None
    assert misfit(received_at=NOW - SKEW_MS - 1) is Misfit.OLDER


def test_a_failure_after_the_answer_must_come_within_the_horizon() -> None:
    assert misfit(kinds=FAILED, received_at=ENDED + HORIZON_MS) is None
    assert misfit(kinds=FAILED, received_at=ENDED + HORIZON_MS + 1) is Misfit.OVERDUE
    assert misfit(kinds=FAILED | ECHO, received_at=ENDED + HORIZON_MS + 1) is Misfit.OVERDUE
    for outweighed in (FAILED | RETRIED, FAILED | REVOKED):
        assert misfit(kinds=outweighed, received_at=LATER) is None
    assert misfit(kinds=ECHO, received_at=LATER) is None
    assert misfit(expected(ended_at=None), kinds=FAILED, received_at=NOW + HORIZON_MS + 1) is None


@given(
    kinds=st.frozensets(st.sampled_from(FactKind)),
    sent_at=st.none() | st.integers(NOW - SKEW_MS, ENDED + HORIZON_MS),
    received_at=st.integers(NOW - SKEW_MS, ENDED + HORIZON_MS),
    omitted=st.sets(st.sampled_from(["sender", "app_info_key"])),
    conversations=st.sampled_from([(), (CONVERSATION,)]),
)
def test_whatever_the_provider_reports_in_time_about_its_own_message_fits(
    kinds: frozenset[FactKind],
    sent_at: int | None,
    received_at: int,
    omitted: set[str],
    conversations: tuple[str, ...],
) -> None:
    record = {"kinds": kinds, "sent_at": sent_at, "conversations": conversations} | dict.fromkeys(omitted)
    assert misfit(received_at=received_at, **record) is None
