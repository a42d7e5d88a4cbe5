"""The policy of the use cases, from the settings."""

from collections.abc import Mapping
from typing import Any, Final

from wework_message.application.policy import DAY_MS, InstancePolicy, Policy
from wework_message.application.role import Role
from wework_message.bootstrap.gateways import protocol
from wework_message.bootstrap.outbound import address_policy
from wework_message.bootstrap.settings import Loaded, ProviderSettings, simulated_providers
from wework_message.bootstrap.settings.access_check import token_required
from wework_message.bootstrap.settings.callbacks import networks_in, relay_of
from wework_message.bootstrap.settings.compat import CompatSettings, zone_of
from wework_message.bootstrap.settings.horizon import horizon_of
from wework_message.bootstrap.settings.section import comma_separated
from wework_message.domain.callers import CallbackAccess
from wework_message.domain.content import MessageType
from wework_message.domain.conversation import AnyGrammar, ConversationGrammar
from wework_message.domain.ids import ProviderCode
from wework_message.domain.inbox import InboxLimits
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.ports.instances import Notify
from wework_message.domain.quota import Budget, Period
from wework_message.domain.retry import RetryPolicy
from wework_message.domain.routing.provider import Capabilities, Provider
from wework_message.domain.stream import StreamSupport
from wework_message.entrypoints.wire.answer_form import AnswerForm
from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.old_values import Compat

HOUR_MS = 3_600_000


POLLS: Final[Mapping[Role, Mapping[str, Any]]] = {
    Role.ALL: {},
    # No event in the waiting process reports that the message has moved.
    Role.ACCEPTING: {"poll_status_ms": 20},
    # Without a queue no wake-ups arrive from the processes that accept.
    Role.CONSUMING: {"poll_due_ms": 100, "poll_inbox_ms": 250},
}
"""How often a process of each role polls the database, ms, where it differs from the default."""

WORKER_POLLS: Final[Mapping[str, Any]] = {"poll_status_ms": 20, "poll_due_ms": 250}
"""The same for one worker of several: another one may move the message that it waits for, or have no free slot for a due one."""


def policy_of(loaded: Loaded, role: Role = Role.ALL) -> Policy:
    """One frozen policy; the settings are checked already."""
    message = loaded.settings.app.message
    simulated = set(simulated_providers(loaded.settings, loaded.profile))
    providers = {
        ProviderCode(settings.code): _provider(settings, simulated=key in simulated)
        for key, settings in loaded.settings.app.wework.providers.items()
    }
    return Policy(
        providers=providers,
        instances=_instances(loaded),
        retry=RetryPolicy(max_attempts=message.retry.max_attempts, first_delay_ms=message.retry.delay_ms),
        calls_in_flight=message.async_.max_pool_size,
        rate_per_minute=message.limits.rate_limit_per_minute,
        horizon_ms=horizon_of(loaded.settings),
        sync_interval_ms=message.unknown.sync_interval_seconds * 1000,
        on_unknown=OnUnknown(message.unknown.on_unknown),
        fail_unknown_after_ms=message.unknown.fail_after_hours * HOUR_MS,
        sync_wait_ms=message.sync.wait_ms,
        media_fresh_ms=loaded.settings.app.media.url_fresh_seconds * 1_000,
        max_waiters=message.limits.max_waiting_requests,
        expire_after_ms=DAY_MS,
        confirm_above=message.mass.confirm_above,
        mass_zone=message.mass.zone,
        async_enabled=message.async_.enabled,
        admin_user_ids=frozenset(comma_separated(message.callbacks.admin_user_ids)),
        max_foreign_ids=message.callbacks.max_foreign_ids,
        callback_access=_callback_access(loaded),
        asks_for_keys=loaded.settings.security.mode == "keys",
        key_environment=loaded.settings.security.environment,
        keep_callbacks_ms=message.retention.callback_days * DAY_MS,
        keep_raw_ms=None if message.retention.raw_days is None else message.retention.raw_days * DAY_MS,
        keep_audit_ms=loaded.settings.app.audit.retention_days * DAY_MS,
        keep_media_ms=loaded.settings.app.media.retention_days * DAY_MS,
        keep_quarantine_ms=message.retention.quarantine_days * DAY_MS,
        inbox=InboxLimits(
            max_pending=message.limits.max_pending_callbacks,
            max_pending_per_guid=message.limits.max_pending_callbacks_per_guid,
            max_kept=message.retention.max_quarantined,
            max_kept_per_guid=message.retention.max_quarantined_per_guid,
            max_finished=message.retention.max_callbacks,
        ),
        max_callback_records=message.limits.max_callback_records,
        keep_content_ms=None if message.retention.content_days is None else message.retention.content_days * DAY_MS,
        keep_messages_ms=None if message.retention.message_days is None else message.retention.message_days * DAY_MS,
        **_polls(loaded, role),
    )


def _provider(settings: ProviderSettings, *, simulated: bool) -> Provider:
    provider_protocol = protocol(settings.protocol)
    return Provider(
        code=ProviderCode(settings.code),
        name=settings.name,
        capabilities=_capabilities(settings, provider_protocol.capabilities),
        protocol=settings.protocol,
        has_echoes=provider_protocol.has_echoes,
        has_callbacks=provider_protocol.reader() is not None,
        priority=settings.priority,
        weight=settings.weight,
        enabled=settings.enabled,
        timeout_ms=settings.timeout_ms,
        retry_count=settings.quick_tries,
        budgets=_budgets_of(settings),
        max_accounts=settings.max_accounts,
        sync=StreamSupport(settings.settle.sync),
        simulated=simulated,
    )


_BIG_TYPES: Final[tuple[str, ...]] = (MessageType.FILE, MessageType.BIG_VIDEO)
"""Types whose files may be larger than what every provider takes."""


def _capabilities(settings: ProviderSettings, declared: Capabilities) -> Capabilities:
    """Those of the protocol, with what this provider was found to carry."""
    limit, max_bytes = settings.media.max_file_bytes, dict(declared.max_bytes)
    if limit is None:
        return declared
    max_bytes |= {kind: min(limit, max_bytes.get(kind, limit)) for kind in _BIG_TYPES if kind in declared.types}
    return Capabilities(types=declared.types, max_bytes=max_bytes)


def _callback_access(loaded: Loaded) -> CallbackAccess:
    access = loaded.settings.app.callbacks
    return CallbackAccess(
        token_required(loaded.settings),
        networks_in(access.allow_networks),
        networks_in(access.trusted_proxies),
        relay_of(access.relay_secret),
    )


_NOTIFY: Final = {"OWN": Notify.OWN, "ALL": Notify.ALL, None: None}


def _instances(loaded: Loaded) -> Mapping[ProviderCode, InstancePolicy]:
    """What the service may set at the instances of each provider."""
    return {
        ProviderCode(provider.code): InstancePolicy(
            callback_url=None if provider.callback_url is None else provider.callback_url.reveal(),
            notify=_NOTIFY[provider.notify],
            mark_read=provider.mark_read,
        )
        for provider in loaded.settings.app.wework.providers.values()
    }


def _budgets_of(provider: ProviderSettings) -> tuple[Budget, ...]:
    limits = {
        Period.MINUTE: provider.rate_limit_per_minute,
        Period.HOUR: provider.rate_limit_per_hour,
        Period.DAY: provider.rate_limit_per_day,
    }
    return tuple(Budget(per, limit) for per, limit in limits.items() if limit is not None)


def _polls(loaded: Loaded, role: Role) -> Mapping[str, Any]:
    """Polls are rare where a queue brings wake-ups."""
    rocketmq = loaded.settings.rocketmq
    wakeup_source = {"poll_due_ms": rocketmq.name_server, "poll_inbox_ms": rocketmq.topics.callbacks}
    polls = POLLS[role] if loaded.settings.server.workers == 1 else {**WORKER_POLLS, **POLLS[role]}
    return {name: ms for name, ms in polls.items() if wakeup_source.get(name) is None}


def limits_of(loaded: Loaded) -> Limits:
    """The limits of one request, by REST or by the queue."""
    limits = loaded.settings.app.message.limits
    return Limits(
        max_text_length=limits.max_text_length,
        max_batch_size=limits.max_batch_size,
        max_mass_recipients=limits.max_mass_recipients,
        earliest_year=limits.earliest_year,
        max_days_ahead=limits.max_days_ahead,
        compat=compat_of(loaded.settings.app.compat),
        conversations=grammar_of(loaded),
        addresses=address_policy(loaded.settings.app.outbound),
    )


def compat_of(settings: CompatSettings) -> Compat | None:
    """How requests of the Java service's clients are read; None = as all others."""
    zone = zone_of(settings)
    return Compat(zone, settings.lenient_requests) if zone is not None or settings.lenient_requests else None


def answers_of(settings: CompatSettings) -> AnswerForm | None:
    """The form of answers for clients of the Java service; None = the documented one."""
    zone = zone_of(settings)
    return AnswerForm(zone, settings.boolean_success) if zone is not None or settings.boolean_success else None


def grammar_of(loaded: Loaded) -> ConversationGrammar:
    """How the configured providers name conversations; the error text is the default provider's where none reads a name."""
    settings = loaded.settings.app.wework.providers.values()
    by_rank = sorted(settings, key=lambda provider: (not provider.enabled, provider.priority))
    names = dict.fromkeys(provider.protocol for provider in by_rank)
    grammars = [protocol(name).conversations for name in names]
    return grammars[0] if len(grammars) == 1 else AnyGrammar(grammars)
