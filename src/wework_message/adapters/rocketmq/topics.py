"""What has to exist at the cluster: topics of ordinary messages, and the groups that read them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.adapters.rocketmq.admin import Address, Admin, RefusedError

QUEUES: Final = 4
RETRIES: Final = 16
"""Redeliveries before a broker moves a message to its own dead letters; our own limits are below it."""

_POLLS: Final = 40
_POLL_INTERVAL_S: Final = 0.25
"""A broker tells its name server what it has within moments, or with its next registration: 10 s in all."""


class LayoutError(Exception):
    """The cluster does not have what it should; the text says what and why, without addresses."""


@dataclass(frozen=True, slots=True)
class Created:
    """What was not there before."""

    topics: tuple[str, ...]
    groups: tuple[str, ...]


async def ensure(admin: Admin, wanted: Sequence[tuple[str, str]]) -> Created:
    """Create what is missing of `wanted`, (topic, group) each; what exists stays as it is. Raises `LayoutError`.

    Groups come first: one that is created after the first message would begin behind it.
    """
    try:
        masters = await admin.masters()
        groups = tuple([group for _, group in wanted if await _ensure_group(admin, masters, group)])
        topics = tuple([topic for topic, _ in wanted if await _ensure_topic(admin, masters, topic)])
    except RefusedError as error:
        raise LayoutError(f"the broker refused: {error}") from None
    except (OSError, ValueError, LookupError) as error:
        raise LayoutError(f"the name server or a broker does not answer: {type(error).__name__}") from None
    return Created(topics, groups)


async def _ensure_group(admin: Admin, masters: Sequence[Address], group: str) -> bool:
    missing = [broker for broker in masters if group not in await admin.groups(broker)]
    for broker in missing:
        await admin.put_group(broker, group, retries=RETRIES)
    return bool(missing)


async def _ensure_topic(admin: Admin, masters: Sequence[Address], topic: str) -> bool:
    """A broker that has not registered yet takes a topic and tells nobody: look whether it is known, and put it again."""
    if await admin.has_route(topic):
        return False
    for look in range(_POLLS):
        if look % 8 == 0:
            for broker in masters:
                await admin.put_topic(broker, topic, queues=QUEUES)
        if await admin.has_route(topic):
            return True
        await asyncio.sleep(_POLL_INTERVAL_S)
    raise LayoutError(f"topic {topic} was created, but the name server does not know it")
