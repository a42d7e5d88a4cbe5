"""The application on memory adapters with the provider of the default settings, as tests of REST and intake need it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from tests.support.apps.in_memory_app import InMemoryApp

from wework_message.adapters.guxing.callbacks import GuxingCallbackReader
from wework_message.adapters.local.notifier import LocalNotifier
from wework_message.application.policy import Policy
from wework_message.domain.content import MessageType
from wework_message.domain.ids import ProviderCode
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.tracer import Tracer
from wework_message.domain.retry import RetryPolicy
from wework_message.domain.routing.provider import Capabilities, Provider

GUXING: Final = ProviderCode("GUANGZHOU_GUXING")
ALL_TYPES: Final = frozenset(str(kind) for kind in MessageType if kind is not MessageType.MIXED)


def a_provider(**changes: Any) -> Provider:
    fields: dict[str, Any] = {
        "code": GUXING,
        "name": "广州孤星",
        "capabilities": Capabilities(ALL_TYPES),
        "protocol": "guxing",
        "simulated": True,
    }
    return Provider(**fields | changes)


def a_policy(*providers: Provider, **changes: Any) -> Policy:
    known = providers or (a_provider(),)
    fields: dict[str, Any] = {"providers": {provider.code: provider for provider in known}, "retry": RetryPolicy()}
    return Policy(**fields | changes)


@asynccontextmanager
async def running(
    policy: Policy | None = None, *, dispatching: bool = True, tracer: Tracer = NO_TRACER
) -> AsyncIterator[InMemoryApp]:
    """A started application. Without `dispatching`, messages stay as acceptance leaves them."""
    app = InMemoryApp(
        policy=policy or a_policy(), notifier=LocalNotifier(), reader=GuxingCallbackReader(), tracer=tracer
    )
    async with app:
        if dispatching:
            app.start()
        yield app
