import pytest
from tests.support.builders.control import a_pause
from tests.support.builders.messages import a_batch_id, a_due_message

from wework_message.domain.control import NOT_READ, Pauses, PauseScope
from wework_message.domain.ids import DEFAULT_TENANT

BATCH_ID = a_batch_id()
MESSAGE = a_due_message(batch_id=BATCH_ID)
SERVICE = a_pause()
TENANT = a_pause(PauseScope.TENANT, DEFAULT_TENANT)
ACCOUNT = a_pause(PauseScope.ACCOUNT, MESSAGE.account_id)
BATCH = a_pause(PauseScope.BATCH, BATCH_ID)
PROVIDER = a_pause(PauseScope.PROVIDER, "P")
WIDEST_FIRST = [SERVICE, TENANT, ACCOUNT, BATCH]


@pytest.mark.parametrize("pause", WIDEST_FIRST)
def test_each_pause_stops_the_messages_of_its_place(pause: object) -> None:
    assert Pauses((pause,)).stopping(MESSAGE) is pause  # type: ignore[arg-type]  # a pause


@pytest.mark.parametrize("first", range(len(WIDEST_FIRST)))
def test_the_widest_pause_is_named(first: int) -> None:
    pauses = WIDEST_FIRST[first:]
    assert Pauses(tuple(reversed(pauses))).stopping(MESSAGE) is pauses[0]


def test_what_is_not_of_the_place_goes_on() -> None:
    other = a_due_message(guid="other", account_id="guid:other")
    elsewhere = [a_pause(scope, "elsewhere") for scope in PauseScope if scope is not PauseScope.SERVICE]
    assert Pauses((ACCOUNT, BATCH, PROVIDER)).stopping(other) is None
    assert Pauses(tuple(elsewhere)).stopping(MESSAGE) is None
    assert Pauses().stopping(MESSAGE) is None
    assert Pauses((a_pause(PauseScope.BATCH, "b"),)).stopping(a_due_message()) is None


def test_only_the_service_and_ignorance_stop_everything() -> None:
    assert NOT_READ.everything
    assert not Pauses().everything
    stopped = [pause for pause in (*WIDEST_FIRST, PROVIDER) if Pauses((pause,)).everything]
    assert stopped == [SERVICE]


def test_pauses_are_counted_by_scope() -> None:
    other = a_pause(PauseScope.ACCOUNT, "other")
    counts = Pauses((ACCOUNT, other, BATCH)).counts
    assert counts == {"SERVICE": 0, "TENANT": 0, "PROVIDER": 0, "ACCOUNT": 2, "BATCH": 1}
    assert Pauses((ACCOUNT, other, PROVIDER)).accounts == {MESSAGE.account_id, "other"}
    assert Pauses((ACCOUNT, PROVIDER)).providers == {"P"}
