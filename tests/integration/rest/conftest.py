from collections.abc import AsyncIterator

import pytest
from tests.support.apps.rest import Rest, serving


@pytest.fixture
async def rest() -> AsyncIterator[Rest]:
    """Messages are sent at once, and the provider accepts them."""
    async with serving() as rest:
        yield rest


@pytest.fixture
async def idle() -> AsyncIterator[Rest]:
    """Nothing is sent: messages stay where acceptance leaves them."""
    async with serving(dispatching=False) as rest:
        yield rest
