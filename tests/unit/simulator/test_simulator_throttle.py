"""The limit of calls per instance and minute."""

from wework_message.simulator.throttle import Throttle


def test_calls_above_the_limit_wait_until_the_oldest_is_a_minute_old() -> None:
    throttle = Throttle()
    assert [throttle.refuse("g", 2, second) for second in (0.0, 10.0)] == [None, None]
    assert [throttle.refuse("g", 2, second) for second in (10.0, 59.5)] == [50, 1]
    assert [throttle.refuse("g", 2, second) for second in (60.0, 61.0)] == [None, 9]


def test_instances_have_limits_of_their_own_and_0_is_none() -> None:
    throttle = Throttle()
    assert [throttle.refuse(guid, 1, 0.0) for guid in ("g", "h", "g")] == [None, None, 60]
    assert [throttle.refuse("i", 0, 0.0) for _ in range(100)] == [None] * 100


def test_lower_limit_counts_what_was_taken_under_the_higher_one() -> None:
    throttle = Throttle()
    for second in (0.0, 10.0, 20.0):
        assert throttle.refuse("g", 3, second) is None
    assert throttle.refuse("g", 1, 30.0) == 50
