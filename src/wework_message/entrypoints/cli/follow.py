"""Waits for a message to come to rest, with long polls of its status."""

import time
from collections.abc import Iterable
from typing import Any, Final

from wework_message.entrypoints.cli.client import ServiceClient

LONG_POLL_S: Final = 30
"""The longest wait of one request, s."""

_MIN_INTERVAL_S: Final = 0.2
"""Between two polls that found no change."""

_SETTLED: Final = frozenset({"SENT", "DELIVERED", "RECALLED", "FAILED", "EXPIRED", "CANCELLED"})


def unsettled(statuses: Iterable[str]) -> bool:
    """Whether one of them still has to be sent, or it is unknown whether it was."""
    return any(status not in _SETTLED for status in statuses)


def follow(client: ServiceClient, first: dict[str, Any], wait_s: float) -> dict[str, Any]:
    """The message's status once it is final, or its status after `wait_s` seconds."""
    deadline = time.monotonic() + wait_s
    status = first
    while (remaining_s := deadline - (requested_at := time.monotonic())) > 0 and not status.get("final"):
        wait = max(1, min(LONG_POLL_S, int(remaining_s)))
        before, status = status, client.data("GET", f"/api/messages/{first['messageId']}/status", params={"wait": wait})
        if status.get("status") == before.get("status") and time.monotonic() - requested_at < _MIN_INTERVAL_S:
            time.sleep(_MIN_INTERVAL_S)  # the service did not wait (perhaps it drains): do not poll it in a tight loop
    return status
