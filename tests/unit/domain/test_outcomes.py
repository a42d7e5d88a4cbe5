import copy

import pytest

from wework_message.domain.outcomes import INPUT_REFUSALS, Reason
from wework_message.domain.routing.breaker import CONNECT_REASONS, OWN_REASONS, TIMEOUT_REASONS


@pytest.mark.parametrize("reason", Reason)
def test_a_stored_reason_is_read_as_the_member_it_was(reason: Reason) -> None:
    assert Reason.stored(reason.value) is reason


@pytest.mark.parametrize("text", ["HTTP_503", "TIMEOUT", "A_REASON_OF_ANOTHER_VERSION", ""])
def test_a_stored_reason_that_is_no_member_stays_as_it_is(text: str) -> None:
    reason = Reason.stored(text)
    assert (reason, str(reason), reason.value) == (text, text, text)
    assert copy.deepcopy(reason) == text
    with pytest.raises(ValueError, match="is not a valid Reason"):
        Reason(text)


def test_an_http_status_is_a_reason() -> None:
    assert Reason.of_status(503) == "HTTP_503"
    assert hash(Reason.of_status(422)) == hash(Reason.stored("HTTP_422"))
    assert Reason.of_status(422) in INPUT_REFUSALS
    assert [Reason.of_status(status).is_client_error for status in (399, 400, 499, 500)] == [False, True, True, False]


def test_a_reason_says_one_thing_about_a_provider() -> None:
    assert not CONNECT_REASONS & TIMEOUT_REASONS
    assert not OWN_REASONS & (CONNECT_REASONS | TIMEOUT_REASONS)
