"""What this process serves: the handlers, by resource."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from litestar import Router
from litestar.handlers import HTTPRouteHandler

from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.http.routing import options
from wework_message.entrypoints.rest.resources import (
    batches,
    callbacks,
    dead_letters,
    health,
    message_actions,
    messages,
    providers,
    sending,
    swagger_ui,
)

MESSAGES: Final = (
    sending.send_message,
    sending.send_message_async,
    batches.send_batch,
    batches.get_batch,
    messages.list_messages,
    messages.list_statuses,
    messages.get_message,
    messages.get_message_status,
    message_actions.retry_message,
    message_actions.cancel_message,
    message_actions.recall_message,
)
PROVIDERS: Final = (
    providers.list_providers,
    providers.get_default_provider,
    providers.get_providers_health,
    providers.get_providers_stats,
    providers.get_provider,
    providers.get_provider_health,
    providers.list_provider_clients,
)
CALLBACKS: Final = (
    callbacks.receive_callback,
    callbacks.receive_provider_callback,
    callbacks.list_recent_callbacks,
    callbacks.list_callbacks_of_type,
    callbacks.list_quarantine,
    callbacks.purge_quarantine,
    callbacks.get_callback,
)
DEAD_LETTERS: Final = (dead_letters.list_dead_letters, dead_letters.get_dead_letter, dead_letters.replay_dead_letter)
HEALTH: Final = (
    health.get_health,
    health.get_actuator_health,
    health.get_readiness,
    health.get_liveness,
    health.get_info,
)
DOCUMENTATION: Final = (swagger_ui.get_api_docs, swagger_ui.get_page, swagger_ui.get_asset)


def routers(config: Config) -> list[Router]:
    """A router per resource, named by its tag in the document."""
    metrics = (health.get_metrics,) if config.metrics is not None else ()
    operating = [_router("health", *HEALTH, *metrics)]
    if config.operating:
        return operating
    pages = [Router("/", include_in_schema=False, route_handlers=DOCUMENTATION)] if config.documentation else []
    return [
        _router("messages", *MESSAGES),
        _router("providers", *PROVIDERS),
        _router("callbacks", *CALLBACKS),
        _router("dead letters", *DEAD_LETTERS),
        *operating,
        *pages,
    ]


def _router(tag: str, *handlers: HTTPRouteHandler) -> Router:
    methods: dict[str, set[str]] = defaultdict(set)
    for handler in handlers:
        for path in handler.paths:
            methods[path] |= handler.http_methods
    # What answers OPTIONS comes first: Litestar would add its own to a path that has none yet.
    return Router("/", tags=[tag], route_handlers=[*(options(*of_path) for of_path in methods.items()), *handlers])


def route_templates(config: Config) -> Iterator[tuple[str, str]]:
    """Path and method of every route, HEAD and OPTIONS aside; a path such as ``/api/messages/{message_id}/status``."""
    for router in routers(config):
        for route in router.routes:
            for method in ("GET", "POST", "DELETE"):
                if method in route.methods:
                    yield route.path_format, method
