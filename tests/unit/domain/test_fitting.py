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


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"sender": None}, Misfit.SENDER),
        ({"sender": None, "marked_own": True, "kinds": REVOKED}, Misfit.SENDER),
        ({"conversations": ()}, Misfit.CONVERSATION),
        ({"conversations": (), "names_session": False}, Misfit.CONVERSATION),
        ({"sent_at": None, "received_at": LATER}, Misfit.SEND_TIME),
        ({"sent_at": None}, None),
        ({"app_info_key": None}, None),
        ({"text": None}, None),
    ],
)
def test_a_record_must_name_sender_and_conversation_and_come_in_time(
    record: dict[str, Any], reason: Misfit | None
) -> None:
    assert misfit(**record) is reason


@given(kinds=st.frozensets(st.sampled_from(FactKind)), received_at=st.integers(NOW - SKEW_MS, LATER))
def test_an_id_alone_never_fits(kinds: frozenset[FactKind], received_at: int) -> None:
    bare: dict[str, Any] = {"conversations": (), "sender": None, "sent_at": None, "app_info_key": None, "text": None}
    assert misfit(kinds=kinds, received_at=received_at, **bare) is not None
    assert misfit(expected(own_user_id=None), kinds=kinds, received_at=received_at, **bare) is not None


@pytest.mark.parametrize("missing", ["app_info_key", "ended_at"])
def test_what_is_not_known_of_an_attempt_cannot_be_contradicted(missing: str) -> None:
    known: dict[str, Any] = {missing: None}
    assert misfit(expected(**known), app_info_key="other") is (None if missing == "app_info_key" else Misfit.APP_INFO)
    assert misfit(expected(own_user_id=None), sender=STRANGER) is None
    assert misfit(expected(own_user_id=None), sender=None) is None


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
    for guessed in (None, "other"):
        about = expected(app_info_key=None if guessed else "key")
        assert misfit(about, received_at=NOW - 1, app_info_key=guessed) is Misfit.OLDER
        assert misfit(about, received_at=NOW, app_info_key=guessed) is None


def test_the_clocks_of_two_processes_may_differ_for_a_record_with_the_key_of_the_message() -> None:
    assert misfit(received_at=NOW - 600_000) is None
    assert misfit(received_at=NOW - 600_000, app_info_key=None) is Misfit.OLDER


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
    received_at=st.integers(NOW, ENDED + HORIZON_MS),
    omitted=st.sets(st.sampled_from(["app_info_key", "text"])),
    conversations=st.sampled_from([(CONVERSATION,), (CONVERSATION, "S:1;a")]),
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
