"""The contract suite of provider protocols: what each must promise, for its own package to run with pytest.

Subclass `ProviderContract` in a test module, and say what it tests: the protocol, and how its provider answers over HTTP.
The suite starts that provider on a local port, makes it misbehave, and compares the outcomes with what it executed.

    class TestCourier(ProviderContract):
        options = {"token": "a-secret-token"}
        conversation = "S:42"

        @pytest.fixture
        def protocol(self) -> ProviderProtocol:
            return CourierProtocol()

        @pytest.fixture
        def provider(self) -> HttpProvider:
            return HttpProvider(Courier(), sends="/messages")

Needs the extra `testing`. See docs/providers.md, and examples/courier for a whole package.
"""

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{name}"
        for name in ("callbacks", "calls", "declarations", "gateway", "instances", "mass", "media", "streams")
    )
)

# After the line above: a failed assert of the suite then shows its values, as in a test of one's own.
from wework_message.testing.provider_contract.contract import ProviderContract  # noqa: E402 - see above
from wework_message.testing.provider_contract.faults import Fault  # noqa: E402 - as above
from wework_message.testing.provider_contract.gateway import GatewayContract, a_dispatch  # noqa: E402 - as above
from wework_message.testing.provider_contract.http_provider import (  # noqa: E402 - as above
    HttpProvider,
    ProviderAnswers,
    Reply,
    Request,
)

__all__ = [
    "Fault",
    "GatewayContract",
    "HttpProvider",
    "ProviderAnswers",
    "ProviderContract",
    "Reply",
    "Request",
    "a_dispatch",
]
