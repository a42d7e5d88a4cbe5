import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import PROVIDER

from wework_message.application.maintenance.polls import MISSES, POLLS, InstancePolls
from wework_message.domain.ids import BindingId, Guid
from wework_message.domain.ports.gateway import ClientState

ONE = BindingId("b-0")


def instances(count: int) -> list[tuple[BindingId, Guid]]:
    return [(BindingId(f"b-{number}"), Guid(f"g-{number}")) for number in range(count)]


@given(st.integers(0, 35))
def test_every_instance_has_its_turn_and_no_round_asks_more_than_ten(count: int) -> None:
    polls, in_use = InstancePolls(), instances(count)
    rounds = [polls.choose(PROVIDER, in_use) for _ in range(-(-count // POLLS) + 1)]
    assert all(len(polled) == min(count, POLLS) for polled in rounds)
    assert set(itertools.chain(*rounds)) == set(in_use)


def test_offline_is_believed_as_the_third_answer_in_a_row() -> None:
    polls = InstancePolls()
    answers = [ClientState.OFFLINE] * (MISSES - 1) + [ClientState.ONLINE] + [ClientState.OFFLINE] * MISSES
    assert [polls.believes(ONE, state) for state in answers] == [False, False, True, False, False, True]


def test_an_instance_that_has_missed_is_asked_in_every_round() -> None:
    polls, in_use = InstancePolls(), instances(4 * POLLS)
    first = polls.choose(PROVIDER, in_use)[0]
    polls.believes(first[0], ClientState.OFFLINE)
    later = [polls.choose(PROVIDER, in_use) for _ in range(2)]
    assert all(first in polled and len(polled) == POLLS + 1 for polled in later)
    polls.believes(first[0], ClientState.ONLINE)
    assert first not in polls.choose(PROVIDER, in_use)


@pytest.mark.parametrize("count", [0, 1])
def test_few_instances_are_asked_once_a_round(count: int) -> None:
    assert list(InstancePolls().choose(PROVIDER, instances(count))) == instances(count)


def test_an_instance_that_was_believed_offline_must_miss_as_often_again() -> None:
    polls = InstancePolls()
    answers = [polls.believes(BindingId("b"), ClientState.OFFLINE) for _ in range(2 * MISSES)]
    assert answers == [*[False] * (MISSES - 1), True] * 2
