"""Creates the topics and consumer groups that must exist at the cluster."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.adapters.rocketmq.admin import Address, Admin, NoBrokerError, RefusedError
from wework_message.adapters.unreached import why_unreached

QUEUES_PER_TOPIC: Final = 4
MAX_REDELIVERIES: Final = 16
"""Redeliveries before a broker moves a message to its own dead letters; our own limits are lower."""

_MAX_POLLS: Final = 40
_POLL_INTERVAL_S: Final = 0.25
"""A broker registers a topic at its name server within moments, or with its next registration: 10 s in all."""
_POLLS_PER_PUT: Final = 8


class LayoutError(Exception):
    """Topics or groups could not be created; the text says which and why, without addresses."""


@dataclass(frozen=True, slots=True)
class Created:
    """The topics and groups that did not exist before."""

    topics: tuple[str, ...]
    groups: tuple[str, ...]


async def ensure(admin: Admin, required: Sequence[tuple[str, str]]) -> Created:
    """Create the missing ones of `required`, pairs (topic, group). Raises `LayoutError`.

    Groups come first: a group that is created after the first message would not receive that message.
    """
    try:
        masters = await admin.masters()
        groups = tuple([group for _, group in required if await _ensure_group(admin, masters, group)])
        topics = tuple([topic for topic, _ in required if await _ensure_topic(admin, masters, topic)])
    except RefusedError as error:
        raise LayoutError(f"the broker refused: {error}") from None
    except (OSError, ValueError, LookupError) as error:
        why = str(error) if isinstance(error, NoBrokerError) else f"the name server or a broker: {why_unreached(error)}"
        raise LayoutError(why) from None
    return Created(topics, groups)


async def _ensure_group(admin: Admin, masters: Sequence[Address], group: str) -> bool:
    missing = [broker for broker in masters if group not in await admin.groups(broker)]
    for broker in missing:
        await admin.put_group(broker, group, retries=MAX_REDELIVERIES)
    return bool(missing)


async def _ensure_topic(admin: Admin, masters: Sequence[Address], topic: str) -> bool:
    """A broker that has not registered yet accepts a topic without publishing it: poll for the route, and put it again."""
    if await admin.has_route(topic):
        return False
    for number in range(_MAX_POLLS):
        if number % _POLLS_PER_PUT == 0:
            for broker in masters:
                await admin.put_topic(broker, topic, queues=QUEUES_PER_TOPIC)
        if await admin.has_route(topic):
            return True
        await asyncio.sleep(_POLL_INTERVAL_S)
    raise LayoutError(f"topic {topic} was created, but the name server does not know it")
