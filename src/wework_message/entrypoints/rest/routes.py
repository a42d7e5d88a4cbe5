"""What this process serves: the handlers, by resource."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from litestar.handlers import HTTPRouteHandler

from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.http.routing import options
from wework_message.entrypoints.rest.resources import (
    accounts,
    audit,
    batches,
    callback_tokens,
    callbacks,
    control,
    conversations,
    dead_letters,
    erasures,
    explanations,
    failed_messages,
    health,
    kept_callbacks,
    keys,
    mass_tasks,
    media,
    message_actions,
    messages,
    providers,
    resolutions,
    sending,
    swagger_ui,
    tenants,
    webhooks,
)

MESSAGES: Final = (
    sending.send_message,
    sending.send_message_async,
    batches.send_batch,
    batches.get_batch,
    batches.cancel_batch,
    messages.list_messages,
    messages.list_statuses,
    messages.get_message,
    messages.get_message_status,
    message_actions.retry_message,
    message_actions.cancel_message,
    message_actions.recall_message,
    resolutions.resolve_message,
    resolutions.resolve_messages,
)
ACCOUNTS: Final = (
    accounts.create_account,
    accounts.list_accounts,
    accounts.get_account,
    accounts.change_account,
    accounts.create_binding,
    accounts.change_binding,
    accounts.activate_binding,
    accounts.create_login_code,
    accounts.verify_login_code,
    accounts.delete_binding,
    explanations.explain_route,
)
PROVIDERS: Final = (
    providers.list_providers,
    providers.get_default_provider,
    providers.get_providers_health,
    providers.get_providers_stats,
    providers.get_provider,
    providers.get_provider_health,
    providers.list_accounts_without_sibling,
    providers.list_provider_clients,
    providers.get_client_status,
    conversations.mark_conversation_read,
    mass_tasks.list_mass_tasks,
    mass_tasks.get_mass_task,
)
CALLBACKS: Final = (
    callbacks.receive_callback,
    callbacks.receive_provider_callback,
    callbacks.list_recent_callbacks,
    callbacks.list_callbacks_of_type,
    kept_callbacks.list_quarantine,
    kept_callbacks.purge_quarantine,
    kept_callbacks.list_parked,
    kept_callbacks.get_callback_stats,
    kept_callbacks.replay_callbacks,
    callbacks.get_callback,
    callback_tokens.create_callback_token,
    callback_tokens.list_callback_tokens,
    callback_tokens.rotate_callback_token,
    callback_tokens.revoke_callback_token,
)
DEAD_LETTERS: Final = (
    failed_messages.list_failure_groups,
    failed_messages.list_failed_messages,
    failed_messages.start_replay,
    failed_messages.list_replays,
    failed_messages.get_replay,
    failed_messages.cancel_replay,
    dead_letters.list_dead_letters,
    dead_letters.get_dead_letter,
    dead_letters.replay_dead_letter,
)
WEBHOOKS: Final = (
    webhooks.create_webhook,
    webhooks.list_webhooks,
    webhooks.change_webhook,
    webhooks.delete_webhook,
    webhooks.rotate_webhook,
    webhooks.recover_webhook,
    webhooks.test_webhook,
    webhooks.list_deliveries,
)
MEDIA: Final = (
    media.create_media,
    media.list_media,
    media.get_media,
    media.delete_media,
    media.get_media_content,
)
ERASURES: Final = (erasures.start_erasure, erasures.list_erasures, erasures.get_erasure)
AUDIT: Final = (audit.list_audit_entries,)
CONTROL: Final = (control.list_pauses, control.pause_sends, control.resume_sends)
KEYS: Final = (keys.create_key, keys.list_keys, keys.rotate_key, keys.revoke_key)
TENANTS: Final = (
    tenants.create_tenant,
    tenants.list_tenants,
    tenants.disable_tenant,
    tenants.enable_tenant,
)
HEALTH: Final = (
    health.get_health,
    health.get_actuator_health,
    health.get_readiness,
    health.get_liveness,
    health.get_info,
)
DOCUMENTATION: Final = (swagger_ui.get_api_docs, swagger_ui.get_page, swagger_ui.get_asset)


def resources(config: Config) -> Mapping[str, Sequence[HTTPRouteHandler]]:
    """The handlers of each resource, by its tag in the document."""
    metrics = (health.get_metrics,) if config.metrics is not None else ()
    operating = {"health": (*HEALTH, *metrics)}
    if config.operating:
        return operating
    return {
        "messages": MESSAGES,
        "accounts": ACCOUNTS,
        "providers": PROVIDERS,
        "callbacks": CALLBACKS,
        "dead letters": DEAD_LETTERS,
        "webhooks": WEBHOOKS,
        "media": MEDIA,
        "erasures": ERASURES,
        "control": CONTROL,
        "audit": AUDIT,
        "keys": KEYS,
        "tenants": TENANTS,
        **operating,
    }


def served(config: Config) -> list[HTTPRouteHandler]:
    """Every handler, without routers: Litestar copies a router deeply, with all that its handlers refer to."""
    handlers = [handler for of_resource in resources(config).values() for handler in of_resource]
    if config.documentation and not config.operating:
        handlers += DOCUMENTATION
    # What answers OPTIONS comes first: Litestar would add its own to a path that has none yet.
    return [*(options(path, methods) for path, methods in _methods(handlers).items()), *handlers]


def route_templates(config: Config) -> Iterator[tuple[str, str]]:
    """Path and method of every route, HEAD and OPTIONS aside; a path such as ``/api/messages/{message_id}/status``."""
    for path, methods in _methods(served(config)).items():
        for method in ("GET", "POST", "PUT", "DELETE"):
            if method in methods:
                yield _template(path), method


def _methods(handlers: Iterable[HTTPRouteHandler]) -> dict[str, set[str]]:
    methods: dict[str, set[str]] = defaultdict(set)
    for handler in handlers:
        for path in handler.paths:
            methods[path] |= handler.http_methods
    return methods


def _template(path: str) -> str:
    """A path as Litestar calls it in a request: without the types of its parameters."""
    return re.sub(r":\w+}", "}", path)
