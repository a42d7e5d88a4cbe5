"""Endpoints: what they take, which secrets sign, and when they are switched off."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import NOW
from tests.support.builders.webhooks import a_secret, an_endpoint

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.webhooks.endpoint import (
    FAILING_MS,
    PAUSE_MS,
    ROTATION_MS,
    STEP_MS,
    DisabledReason,
    checked_events,
    of_origin,
)
from wework_message.domain.webhooks.event import SUBSCRIBABLE, EventType

HOUR_MS = 3_600_000


def test_it_takes_the_events_that_it_names_while_it_is_enabled() -> None:
    endpoint = an_endpoint()
    assert endpoint.takes(EventType.MESSAGE_STATUS)
    assert not endpoint.takes(EventType.MESSAGE_RECEIVED)
    assert not endpoint.switched(enabled=False).takes(EventType.MESSAGE_STATUS)


def test_events_are_recorded_for_what_failures_have_disabled_and_not_for_what_a_client_has() -> None:
    gone = an_endpoint().failed(NOW, gone=True)
    assert (gone.enabled, gone.records, gone.takes(EventType.MESSAGE_STATUS)) == (False, True, True)
    assert not gone.takes(EventType.MESSAGE_RECEIVED)
    # Who changes something else of it does not switch it off.
    assert gone.switched(enabled=False) is gone
    assert not gone.switched(enabled=True).switched(enabled=False).records


def test_a_callback_url_goes_to_an_enabled_endpoint_before_one_that_failed() -> None:
    url = "https://w.example.com/x"
    gone = an_endpoint("w-1", url=url).failed(NOW, gone=True)
    enabled, off = an_endpoint("w-2", url=url), an_endpoint("w-0", url=url, disabled=DisabledReason.BY_CLIENT)
    assert of_origin([off, gone], url) is None
    assert of_origin([off, gone], url, disabled=True) is gone
    assert of_origin([off, gone, enabled], url, disabled=True) is enabled
    assert of_origin([off], url, disabled=True) is None


def test_two_secrets_sign_for_a_day_after_a_rotation() -> None:
    first, second, third = a_secret("1"), a_secret("2"), a_secret("3")
    endpoint = an_endpoint(secret=first)
    assert endpoint.secrets(NOW) == (first,)
    rotated = endpoint.rotated(second, NOW)
    assert rotated.secrets(NOW + ROTATION_MS - 1) == (second, first)
    assert rotated.secrets(NOW + ROTATION_MS) == (second,)
    assert rotated.rotated(third, NOW + 1).secrets(NOW + 1) == (third, second)


def test_an_endpoint_whose_secret_cannot_be_read_signs_nothing_until_it_has_a_new_one() -> None:
    unreadable = an_endpoint(secret=None)
    assert (unreadable.enabled, unreadable.sends, unreadable.records) == (True, False, True)
    assert unreadable.secrets(NOW) == ()
    rotated = unreadable.rotated(a_secret(), NOW)
    assert (rotated.sends, rotated.previous, rotated.previous_until) == (True, None, 0)
    assert not rotated.switched(enabled=False).sends


def test_switching_is_the_client_s_and_gives_a_clean_record() -> None:
    endpoint = an_endpoint().failed(NOW)
    assert endpoint.switched(enabled=True) is endpoint
    off = endpoint.switched(enabled=False)
    assert (off.enabled, off.disabled) == (False, DisabledReason.BY_CLIENT)
    on = dataclasses.replace(off, failing_since=NOW, failed_at=NOW).switched(enabled=True)
    assert (on.enabled, on.failing_since, on.failed_at) == (True, None, None)


def test_a_success_ends_a_time_of_failure() -> None:
    endpoint = an_endpoint()
    assert endpoint.succeeded() is endpoint
    failing = endpoint.failed(NOW)
    assert (failing.failing_since, failing.failed_at) == (NOW, NOW)
    healthy = failing.succeeded()
    assert (healthy.failing_since, healthy.failed_at) == (None, None)


def test_410_disables_at_once_and_nothing_changes_what_is_disabled() -> None:
    gone = an_endpoint().failed(NOW, gone=True)
    assert gone.disabled is DisabledReason.GONE
    assert gone.failed(NOW + FAILING_MS) is gone


def test_five_days_of_nothing_but_failure_disable() -> None:
    endpoint, now = an_endpoint(), NOW
    while now < NOW + FAILING_MS:
        endpoint = endpoint.failed(now)
        assert endpoint.enabled
        now += 10 * HOUR_MS
    assert endpoint.failed(NOW + FAILING_MS).disabled is DisabledReason.FAILING


def test_failures_a_day_apart_are_no_time_of_failure() -> None:
    endpoint = an_endpoint().failed(NOW)
    later = endpoint.failed(NOW + PAUSE_MS + 1)
    assert later.failing_since == NOW + PAUSE_MS + 1
    assert endpoint.failed(NOW + PAUSE_MS).failing_since == NOW
    # A row of a version that noted the first failure only.
    assert dataclasses.replace(endpoint, failed_at=None).failed(NOW + 1).failing_since == NOW + 1


def test_a_flood_of_failures_changes_the_row_once_a_minute() -> None:
    endpoint = an_endpoint().failed(NOW)
    assert endpoint.failed(NOW + STEP_MS - 1) is endpoint
    assert endpoint.failed(NOW + STEP_MS).failed_at == NOW + STEP_MS


@given(st.lists(st.tuples(st.integers(1, PAUSE_MS), st.booleans()), max_size=60))
def test_it_is_disabled_exactly_where_no_attempt_succeeded_for_five_days(steps: list[tuple[int, bool]]) -> None:
    endpoint, now, first = an_endpoint(), NOW, None
    for wait, success in steps:
        now += wait
        before = endpoint
        endpoint = endpoint.succeeded() if success and endpoint.enabled else endpoint.failed(now)
        if not before.enabled:
            assert endpoint is before
        elif success:
            assert endpoint.enabled
            first = None
        else:
            first = now if first is None else first
            # A failure that was not noted makes the next one look as if it came later than it did.
            assert endpoint.enabled == (now - first < FAILING_MS) or now - (before.failed_at or now) > PAUSE_MS
            if endpoint.failing_since is not None:
                first = endpoint.failing_since


def test_event_types_are_checked() -> None:
    assert checked_events(["message.unknown", "message.status", "message.unknown"]) == (
        EventType.MESSAGE_STATUS,
        EventType.MESSAGE_UNKNOWN,
    )
    assert checked_events(SUBSCRIBABLE) == SUBSCRIBABLE
    for wrong in ([], ["message.status", "other"], ["webhook.test"]):
        with pytest.raises(InvalidValueError) as raised:
            checked_events(wrong)
        assert raised.value.path == "events"


def test_the_oldest_enabled_endpoint_of_an_origin_takes_its_callbacks() -> None:
    url = "https://w-1.example.com/other?x=1"
    older, newer = an_endpoint("w-1"), dataclasses.replace(an_endpoint("w-1"), id="w-2")  # type: ignore[arg-type]  # ids are text
    assert of_origin([newer, older], url) is older
    assert of_origin([newer, older.switched(enabled=False)], url) is newer
    assert of_origin([newer, older], "no url") is None
    assert of_origin([newer, older], "http://w-1.example.com/other") is None
