"""How long what was fetched from a URL serves messages that name it."""

import pytest

from wework_message.domain.media.asset import is_fresh

FRESH_MS = 1_000


@pytest.mark.parametrize(
    ("created_at", "fresh"),
    [(5_000, True), (5_999, True), (6_000, False), (4_998, True), (4_001, True), (4_000, False)],
)
def test_a_file_is_fresh_for_a_while_also_for_a_message_that_came_a_moment_before_it(
    created_at: int, fresh: bool
) -> None:
    assert is_fresh(5_000, created_at, FRESH_MS) is fresh
