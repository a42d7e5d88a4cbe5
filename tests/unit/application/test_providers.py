import pytest
from tests.support.builders.messages import PROVIDER

from wework_message.application.queries.providers import ProviderStats


@pytest.mark.parametrize(("sent", "succeeded", "rate"), [(0, 0, None), (4, 1, 0.25), (4, 4, 1.0)])
def test_the_success_rate_is_a_share_of_the_calls(sent: int, succeeded: int, rate: float | None) -> None:
    assert ProviderStats(PROVIDER, sent, succeeded, {}, {}).success_rate == rate
