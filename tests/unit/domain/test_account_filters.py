"""Which filters of accounts no index serves."""

from typing import Any

import pytest
from tests.support.builders.messages import GUID, PROVIDER

from wework_message.domain.ports.accounts import AccountFilter


@pytest.mark.parametrize(
    ("filters", "walked"),
    [({}, False), ({"provider_code": PROVIDER}, True), ({"provider_code": PROVIDER, "guid": GUID}, False)],
    ids=str,
)
def test_accounts_are_walked_where_no_index_has_what_is_asked_for(filters: dict[str, Any], walked: bool) -> None:
    assert AccountFilter(**filters).is_walked is walked
