import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.batch import resting, stores
from wework_message.domain.lifecycle import RESTING, MessageStatus


@pytest.mark.parametrize(
    ("valid", "rejected", "atomic", "stored"),
    [
        (3, 0, False, True),
        (3, 1, False, True),
        (0, 4, False, False),
        (3, 0, True, True),
        (3, 1, True, False),
        (0, 1, True, False),
    ],
)
def test_what_is_stored_of_a_batch(valid: int, rejected: int, atomic: bool, stored: bool) -> None:
    assert stores(valid=valid, rejected=rejected, atomic=atomic) is stored


@given(st.dictionaries(st.sampled_from(MessageStatus), st.integers(0, 50)))
def test_what_rests_of_a_batch_is_what_does_not_move(counts: dict[MessageStatus, int]) -> None:
    moving = sum(count for status, count in counts.items() if status not in RESTING)
    assert resting(counts) == sum(counts.values()) - moving
