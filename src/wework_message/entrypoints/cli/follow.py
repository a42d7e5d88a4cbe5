"""Waiting for a message to come to rest, by asking the service to answer when something changes."""

import time
from collections.abc import Iterable
from typing import Any, Final

from wework_message.entrypoints.cli.client import ServiceClient

LONG_POLL_S: Final = 30
"""The longest wait of one request."""

_BREATH_S: Final = 0.2

_SETTLED: Final = frozenset({"SENT", "DELIVERED", "RECALLED", "FAILED", "EXPIRED", "CANCELLED"})


def unsettled(statuses: Iterable[str]) -> bool:
    """Whether one of them still has to be sent, or nobody knows whether it was."""
    return any(status not in _SETTLED for status in statuses)


def follow(client: ServiceClient, first: dict[str, Any], wait_s: float) -> dict[str, Any]:
    """The message's status once it is final, or after `wait_s` seconds whatever it is then."""
    ends = time.monotonic() + wait_s
    status = first
    while (left := ends - (asked := time.monotonic())) > 0 and not status.get("final"):
        wait = max(1, min(LONG_POLL_S, int(left)))
        before, status = status, client.data("GET", f"/api/messages/{first['messageId']}/status", params={"wait": wait})
        if status.get("status") == before.get("status") and time.monotonic() - asked < _BREATH_S:
            time.sleep(_BREATH_S)  # it would not wait (it drains, perhaps): do not storm it
    return status
