"""The two topics that carry more than rings of due messages: sends of other systems, and rings for callbacks.

Both need a `Transport`; without their topics nothing of this exists.
"""

from collections.abc import Sequence
from typing import Final

from wework_message.adapters.rocketmq.transport.port import Transport
from wework_message.adapters.rocketmq.wakeup.callbacks import CallbackWakeupConsumer, CallbackWakeupPublisher
from wework_message.application.callbacks.projector import LocalInboxNotifier
from wework_message.application.role import Role
from wework_message.bootstrap.container import UseCases
from wework_message.bootstrap.loops import Loop
from wework_message.bootstrap.settings.model import RocketmqSettings
from wework_message.domain.ports.observers import IntakeObserver
from wework_message.entrypoints.intake.consumer import IntakeConsumer
from wework_message.entrypoints.wire.requests.body import Limits

INTAKE_LEASE_S: Final = 30
"""How long a queued send is ours; storing it takes milliseconds, unless the store is away."""

WAKEUP_LEASE_S: Final = 10
"""The shortest there is: a ring is acknowledged at once."""


def intake_group(settings: RocketmqSettings) -> str:
    """The consumer group of the intake; not the Java service's, whose place in the topic is another's."""
    return f"{settings.group}-intake"


def callback_group(settings: RocketmqSettings) -> str:
    """The consumer group of the rings for callbacks."""
    return f"{settings.group}-callbacks"


def topics_and_groups(settings: RocketmqSettings) -> Sequence[tuple[str, str]]:
    """What has to exist at the cluster: each topic with the group that reads it."""
    wanted = ((settings.topics.intake, intake_group(settings)), (settings.topics.callbacks, callback_group(settings)))
    return [(topic, group) for topic, group in wanted if topic is not None]


class CallbackNotifiers:
    """Who is told that callbacks were stored, and what the projector of this process waits for."""

    def __init__(self, settings: RocketmqSettings, transport: Transport | None) -> None:
        """One and the same without a topic."""
        self.here = LocalInboxNotifier()
        topic = settings.topics.callbacks
        self.wakeups = (
            None if topic is None or transport is None else CallbackWakeupPublisher(transport, topic, self.here.notify)
        )

    @property
    def everywhere(self) -> LocalInboxNotifier | CallbackWakeupPublisher:
        """Rung after each commit that stored callbacks."""
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
        use_cases.clock(), limits,
    )  # fmt: skip
    return (consumer,)


async def open_callback_consumer(
    settings: RocketmqSettings, role: Role, transport: Transport | None, callback_notifiers: CallbackNotifiers
) -> Sequence[Loop]:
    """Who listens to the rings of all processes, where callbacks are projected; none without a topic."""
    topic = settings.topics.callbacks
    if topic is None or transport is None or not role.dispatches:
        return ()
    subscription = await transport.subscribe(topic, callback_group(settings), lease_s=WAKEUP_LEASE_S)
    return (CallbackWakeupConsumer(subscription, callback_notifiers.here.notify),)
