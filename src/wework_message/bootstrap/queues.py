"""The queue of the settings: its connection, its topics, and the watch on its cluster.

One pair of topics wakes dispatchers. Two more are optional: sends of other systems, and wake-ups for callbacks.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from wework_message.adapters.local.notifier import LocalNotifier
from wework_message.adapters.rocketmq.admin import Admin
from wework_message.adapters.rocketmq.cluster_watch import ClusterWatch
from wework_message.adapters.rocketmq.part_search import PartSearch
from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.adapters.rocketmq.topics import ensure
from wework_message.adapters.rocketmq.transport.cluster_address import Target, addresses, in_namespace, proxies
from wework_message.adapters.rocketmq.transport.gated import GatedTransport
from wework_message.adapters.rocketmq.transport.grpc import GrpcTransport
from wework_message.adapters.rocketmq.transport.native import NativeTransport
from wework_message.adapters.rocketmq.transport.port import Transport
from wework_message.adapters.rocketmq.wakeup.callbacks import CallbackWakeupConsumer, CallbackWakeupPublisher
from wework_message.adapters.rocketmq.wakeup.notifier import RocketmqNotifier, lanes
from wework_message.adapters.tls import ClientTls
from wework_message.application.callbacks.projector import LocalInboxNotifier
from wework_message.application.queries.service import Backend, InProcess
from wework_message.application.role import Role
from wework_message.bootstrap.container import UseCases
from wework_message.bootstrap.loops import Loop
from wework_message.bootstrap.settings.model import RocketmqSettings
from wework_message.bootstrap.settings.rocketmq import PROXY_PORT
from wework_message.bootstrap.settings.secrets import Secret
from wework_message.bootstrap.settings.tls import tls_files
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.notifier import Notifier
from wework_message.domain.ports.observers import IntakeObserver
from wework_message.domain.ports.tracer import Tracer
from wework_message.entrypoints.intake.consumer import IntakeConsumer
from wework_message.entrypoints.wire.requests.body import Limits

CLOSE_S: Final = 6.0
"""The longest close: a running poll ends within 5 s."""

CLOSE_AWAY_S: Final = 2.0
"""The longest close where the cluster is not healthy: threads that wait for it are abandoned."""

INTAKE_LEASE_S: Final = 30
"""How long a queued send is invisible to other consumers; storing it takes milliseconds, unless the store is away."""

WAKEUP_LEASE_S: Final = 10
"""The shortest lease of a broker: a wake-up is acknowledged at once."""

_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Queue:
    """The notifier of dispatchers, and its parts."""

    notifier: Notifier
    backend: Backend
    transport: Transport | None = None
    """None = there is no cluster."""
    loops: Sequence[Loop] = ()


@asynccontextmanager
async def open_queue(
    settings: RocketmqSettings, role: Role, queue_metrics: QueueMetrics, tracer: Tracer
) -> AsyncIterator[Queue]:
    """Nothing is connected before its first use, so a broker that is away stops no start; closed at the end."""
    if settings.name_server is None:
        yield Queue(LocalNotifier(), InProcess("in-process"))
        return
    transport = _transport(settings)
    gated = GatedTransport(transport)
    notifier = RocketmqNotifier(
        gated, lanes(settings.topics.due, settings.group), queue_metrics, listens=role.dispatches, tracer=tracer
    )
    watch = ClusterWatch(
        admin_of(settings), proxies_of(settings), (transport.publishing, transport.receiving), required_topics(settings), queue_metrics,
        creates=settings.create_topics, tried=gated.open,
        tls=None if settings.tls.mode == "off" else ClientTls(tls_files(settings.tls)),
    )  # fmt: skip
    notifier.start()
    try:
        yield Queue(notifier, watch, gated, (watch,))
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S if watch.condition().healthy else CLOSE_AWAY_S):
                await notifier.close()
                await transport.close()


async def init_topics(settings: RocketmqSettings) -> tuple[Sequence[str], Sequence[str]]:
    """Create what is missing; the topics and groups that were created. Raises `LayoutError`."""
    created = await ensure(admin_of(settings), required_topics(settings))
    return created.topics, created.groups


def required_topics(settings: RocketmqSettings) -> Sequence[tuple[str, str]]:
    """Every topic with the group that reads it, as brokers call them."""
    due = [(lane.topic, lane.group) for _, lane in sorted(lanes(settings.topics.due, settings.group).items())]
    required = (*due, *topics_and_groups(settings))
    return [
        (in_namespace(settings.namespace, topic), in_namespace(settings.namespace, group)) for topic, group in required
    ]


def intake_group(settings: RocketmqSettings) -> str:
    """The consumer group of the intake."""
    return settings.intake.group or f"{settings.group}-intake"


def callback_group(settings: RocketmqSettings) -> str:
    """The consumer group of the wake-ups for callbacks."""
    return f"{settings.group}-callbacks"


def topics_and_groups(settings: RocketmqSettings) -> Sequence[tuple[str, str]]:
    """The optional topics that are set, each with the group that reads it."""
    optional = ((settings.topics.intake, intake_group(settings)), (settings.topics.callbacks, callback_group(settings)))
    return [(topic, group) for topic, group in optional if topic is not None]


class CallbackNotifiers:
    """The notifiers of stored callbacks: of every process, and of the projector here."""

    def __init__(self, settings: RocketmqSettings, transport: Transport | None) -> None:
        """Without a topic both are the local one."""
        self.here = LocalInboxNotifier()
        topic = settings.topics.callbacks
        self.wakeups = (
            None if topic is None or transport is None else CallbackWakeupPublisher(transport, topic, self.here.notify)
        )

    @property
    def everywhere(self) -> LocalInboxNotifier | CallbackWakeupPublisher:
        """Notified after each commit that stored callbacks."""
        return self.wakeups or self.here


async def open_intake(
    settings: RocketmqSettings,
    limits: Limits,
    role: Role,
    transport: Transport | None,
    use_cases: UseCases,
    observer: IntakeObserver,
) -> Sequence[Loop]:
    """The consumer of queued sends; none without a topic, or in a process that does not dispatch."""
    topic = settings.topics.intake
    if topic is None or transport is None or not role.dispatches:
        return ()
    application = use_cases.application()
    subscription = await transport.subscribe(topic, intake_group(settings), lease_s=INTAKE_LEASE_S)
    consumer = IntakeConsumer(
        subscription, application.accept, use_cases.keep_dead_letter(), application.service.database_answers, observer,
        use_cases.clock(), limits, tenant_id=TenantId(settings.intake.tenant), unique_keys=settings.intake.unique_keys,
        topic=topic, tracer=use_cases.tracer(),
    )  # fmt: skip
    return (consumer,)


async def open_callback_consumer(
    settings: RocketmqSettings, role: Role, transport: Transport | None, callback_notifiers: CallbackNotifiers
) -> Sequence[Loop]:
    """The consumer of all processes' wake-ups, where callbacks are projected; none without a topic."""
    topic = settings.topics.callbacks
    if topic is None or transport is None or not role.dispatches:
        return ()
    subscription = await transport.subscribe(topic, callback_group(settings), lease_s=WAKEUP_LEASE_S)
    return (CallbackWakeupConsumer(subscription, callback_notifiers.here.notify),)


def _transport(settings: RocketmqSettings) -> GrpcTransport | NativeTransport:
    if settings.transport == "native":
        return NativeTransport(_native_target(settings), settings.producer.group)
    return GrpcTransport(_target(settings), PartSearch(admin_of(settings), settings.namespace or "").find)


def _target(settings: RocketmqSettings) -> Target:
    endpoints = ";".join(f"{host}:{port}" for host, port in proxies_of(settings))
    return Target(
        proxies(endpoints), _revealed(settings.access_key), _revealed(settings.secret_key), settings.namespace or "",
        None if settings.tls.mode == "off" else tls_files(settings.tls), -(-settings.producer.send_message_timeout // _MS),
        max(1, settings.producer.retry_times_when_send_failed),
    )  # fmt: skip


def _native_target(settings: RocketmqSettings) -> Target:
    servers = ";".join(f"{host}:{port}" for host, port in addresses(settings.name_server or ""))
    return Target(
        servers, _revealed(settings.access_key), _revealed(settings.secret_key), settings.namespace or "",
        request_timeout_s=-(-settings.producer.send_message_timeout // _MS),
        tries=max(1, settings.producer.retry_times_when_send_failed),
    )  # fmt: skip


def proxies_of(settings: RocketmqSettings) -> Sequence[tuple[str, int]]:
    """None for the native transport, which speaks to brokers."""
    if settings.transport == "native" or settings.name_server is None:
        return ()
    if settings.endpoints is not None:
        return addresses(settings.endpoints)
    return ((addresses(settings.name_server)[0][0], PROXY_PORT),)


def admin_of(settings: RocketmqSettings) -> Admin:
    """The admin client of these settings' cluster, with their access key."""
    tls = ClientTls(tls_files(settings.tls)) if settings.tls.mode == "verify" else None
    servers = addresses(settings.name_server or "")
    return Admin(servers, _revealed(settings.access_key), _revealed(settings.secret_key), tls)


def _revealed(secret: Secret | None) -> str:
    return secret.reveal() if secret is not None else ""
