"""Checks of the RocketMQ settings and of the client that the transport needs."""

import re
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from typing import Final

from wework_message.adapters.rocketmq.transport.cluster_address import addresses, proxies
from wework_message.adapters.rocketmq.wakeup.notifier import lanes
from wework_message.bootstrap.settings.errors import InvalidSettingError, MissingBackendError, SettingsError
from wework_message.bootstrap.settings.model import RocketmqSettings

PROXY_PORT: Final = 8081
"""The default port of a proxy."""

GRPC_CLIENT: Final = "rocketmq-python-client"
NATIVE_CLIENT: Final = "rocketmq-client-python"
_CLIENTS: Final = {"grpc": (GRPC_CLIENT, "rocketmq"), "native": (NATIVE_CLIENT, "rocketmq-native")}
_JAVA_CALLBACKS: Final = "message-callback"
_JAVA_TOPICS: Final = frozenset({"async-message-send", _JAVA_CALLBACKS})
"""What the Java service queued for itself."""
_NAME: Final = re.compile(r"[%a-zA-Z0-9_-]{1,100}")


def queue_problems(settings: RocketmqSettings) -> Iterator[SettingsError]:
    """Everything that stops the start where a name server is set."""
    if settings.name_server is None:
        return
    yield from _unreadable("rocketmq.name-server", settings.name_server, addresses)
    if settings.endpoints is not None:
        yield from _unreadable("rocketmq.endpoints", settings.endpoints, proxies)
    names = {"topics.due": settings.topics.due, "group": settings.group, "topics.intake": settings.topics.intake,
             "topics.callbacks": settings.topics.callbacks, "intake.group": settings.intake.group}  # fmt: skip
    for key, name in names.items():
        if name is not None and not _NAME.fullmatch(name):
            yield InvalidSettingError(f"rocketmq.{key}", "must be letters, digits, -, _ and % only, at most 100")
    yield from _foreign_topics(settings)
    if (settings.access_key is None) != (settings.secret_key is None):
        yield InvalidSettingError("rocketmq.secret-key", "access-key and secret-key go together")
    if settings.transport == "native":
        for key, value in (("namespace", settings.namespace), ("tls.mode", settings.tls.mode != "off")):
            if value:
                yield InvalidSettingError(f"rocketmq.{key}", "is for transport grpc only")
    if (problem := client_problem(settings.transport)) is not None:
        yield problem


def _foreign_topics(settings: RocketmqSettings) -> Iterator[SettingsError]:
    """The Java service's topics are not for wake-ups, and its callbacks are no sends: what they bring would be lost."""
    topics = settings.topics
    for key, topic in (("due", topics.due), ("callbacks", topics.callbacks)):
        if topic in _JAVA_TOPICS:
            text = f"is for wake-ups of this service; {topic} has messages of the Java service, which would be lost"
            yield InvalidSettingError(f"rocketmq.topics.{key}", text)
    if topics.intake == _JAVA_CALLBACKS:
        text = f"is for sends; {topics.intake} has callbacks of the Java service, about messages that it sent"
        yield InvalidSettingError("rocketmq.topics.intake", text)
    wakeup_groups = {lane.group for lane in lanes(topics.due, settings.group).values()} | {
        f"{settings.group}-callbacks"
    }
    if settings.intake.group in wakeup_groups:
        yield InvalidSettingError("rocketmq.intake.group", "must differ from the groups that read wake-ups")


def queue_warnings(settings: RocketmqSettings) -> tuple[str, ...]:
    """What an operator should know."""
    if settings.name_server is None or settings.endpoints is not None or settings.transport == "native":
        return ()
    host = settings.name_server.partition(";")[0].rpartition(":")[0]
    return (
        f"rocketmq.endpoints is not set: the proxy is taken to be {host}:{PROXY_PORT}, beside the first name server",
    )


def is_installed(name: str) -> bool:
    """Whether a distribution of this name is installed."""
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def client_problem(transport: str, installed: Callable[[str], bool] = is_installed) -> SettingsError | None:
    """What is wrong with the installed clients: both are modules of one name, and the last installed one damages the other."""
    client, extra = _CLIENTS[transport]
    other_client = GRPC_CLIENT if client == NATIVE_CLIENT else NATIVE_CLIENT
    has, has_other = installed(client), installed(other_client)
    if has and has_other:
        fix = f"pip uninstall {other_client} {client}, then pip install 'wework-message[{extra}]'"
        return InvalidSettingError(
            "rocketmq.transport", f"{other_client} and {client} cannot be installed together: {fix}"
        )
    if has:
        return None
    if has_other:
        fix = f"set rocketmq.transport, or in an environment of its own: pip install 'wework-message[{extra}]'"
        return InvalidSettingError(
            "rocketmq.transport", f"{transport} needs {client}, and {other_client} is installed: {fix}"
        )
    return MissingBackendError(
        "rocketmq.name-server", f"RocketMQ needs the extra {extra}: pip install 'wework-message[{extra}]'"
    )


def _unreadable(key: str, text: str, read: Callable[[str], object]) -> Iterator[SettingsError]:
    try:
        read(text)
    except ValueError as error:
        yield InvalidSettingError(key, str(error))
