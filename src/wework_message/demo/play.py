"""Sends the script's requests and records the answers."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from wework_message.demo.script import Step
from wework_message.entrypoints.cli.client import Answer, ServiceClient
from wework_message.entrypoints.cli.commands.messages import MESSAGES
from wework_message.entrypoints.cli.failure import CommandFailedError

SETTLE_S: Final = 60.0
"""The longest wait for echoes; then the comparison is made with the current state."""

_RESTING: Final = frozenset({"DELIVERED", "RECALLED", "FAILED", "EXPIRED", "CANCELLED"})


@dataclass(frozen=True, slots=True)
class Sent:
    """A request and its answer."""

    step: Step
    http: int
    error: str | None
    message_ids: tuple[str, ...]
    """The messages that the answer names, in order."""


@dataclass(slots=True)
class Played:
    """Everything that the demo sent and received."""

    sent: list[Sent] = field(default_factory=list)
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Message id -> its entry in the service's list, for every message of the service."""
    ledger: list[dict[str, Any]] = field(default_factory=list)
    """The simulator's entries, oldest first."""
    unsent: dict[str, str] = field(default_factory=dict)
    """Name of a request that could not be made -> why."""


def play(client: ServiceClient, steps: list[Step], advance: Callable[[Step], None]) -> Played:
    """Send every request in order; `advance` is called after each."""
    played = Played()
    ids: dict[str, str] = {}
    for step in steps:
        try:
            answer = _send(client, step, ids)
        except (CommandFailedError, KeyError) as error:
            played.unsent[step.name] = (
                f"{error.args[0]} got no message id" if isinstance(error, KeyError) else str(error)
            )
        else:
            ids_of_answer = message_ids(answer)
            if ids_of_answer:
                ids[step.name] = ids_of_answer[0]
            played.sent.append(Sent(step, answer.status, answer.error, ids_of_answer))
        advance(step)
    return played


def _send(client: ServiceClient, step: Step, ids: Mapping[str, str]) -> Answer:
    document = step.document()
    body = None if document is None else msgspec.json.encode(document)
    answer = client.request(step.method, step.address(ids), body=body, headers=step.headers)
    if answer.error != "CONFIRMATION_REQUIRED" or document is None:
        return answer
    confirmed = msgspec.json.encode(document | {"confirmToken": answer.data["confirmToken"]})
    return client.request(step.method, step.address(ids), body=confirmed, headers=step.headers)


def message_ids(answer: Answer) -> tuple[str, ...]:
    """The ids in an answer of any kind: of one message, of a group's parts, of a batch's items."""
    data = answer.data
    if not isinstance(data, dict):
        return ()
    if "messageId" in data:
        return (data["messageId"],)
    entries = data.get("parts") or data.get("items") or ()
    return tuple(entry["messageId"] for entry in entries if entry.get("messageId"))


def settle(
    client: ServiceClient, guid: str, statuses: Mapping[str, str], advance: Callable[[int], None]
) -> dict[str, Any]:
    """The service's list for `guid` once every message of `statuses` (id -> status) has its status, or rests elsewhere.

    `advance` is called with the number that have. After `SETTLE_S` seconds the list is returned as it is.
    """
    deadline = time.monotonic() + SETTLE_S
    while True:
        items, _ = client.pages(MESSAGES, {"guid": guid}, limit=10_000)
        listed = {item["messageId"]: item for item in items}
        reached = [
            (listed[message_id]["status"], status) for message_id, status in statuses.items() if message_id in listed
        ]
        done = sum(current == expected for current, expected in reached)
        advance(done)
        failed = sum(current in _RESTING - {expected, "DELIVERED"} for current, expected in reached)
        if done + failed >= len(statuses) or time.monotonic() > deadline:
            return listed
        time.sleep(0.1)
