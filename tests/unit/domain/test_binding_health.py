"""The health of a binding, as operators see it."""

import pytest

from wework_message.domain.account import Binding, BindingState
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode
from wework_message.domain.routing.breaker import Passage
from wework_message.domain.routing.filters import BindingHealth, RouteHealth, binding_health

ONLINE, OFFLINE, UNKNOWN = BindingState.ONLINE, BindingState.OFFLINE, BindingState.UNKNOWN


@pytest.mark.parametrize(
    ("stored", "observed", "shown"),
    [
        (UNKNOWN, RouteHealth(), BindingHealth(UNKNOWN, None)),
        (ONLINE, RouteHealth(), BindingHealth(ONLINE, True)),
        (OFFLINE, RouteHealth(), BindingHealth(OFFLINE, False)),
        (ONLINE, RouteHealth(OFFLINE), BindingHealth(OFFLINE, False)),
        (OFFLINE, RouteHealth(ONLINE), BindingHealth(ONLINE, True)),
        (ONLINE, RouteHealth(suspect=True), BindingHealth(ONLINE, False)),
        (ONLINE, RouteHealth(binding=Passage.SHUT), BindingHealth(ONLINE, False)),
        (ONLINE, RouteHealth(provider=Passage.SHUT), BindingHealth(ONLINE, True)),
    ],
)
def test_what_was_observed_counts_more_and_only_its_own_breaker_counts(
    stored: BindingState, observed: RouteHealth, shown: BindingHealth
) -> None:
    binding = Binding(BindingId("b-1"), AccountId("acme"), ProviderCode("ALPHA"), Guid("g-1"), state=stored)
    assert binding_health(binding, observed) == shown
