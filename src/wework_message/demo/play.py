"""Sends the script's requests and notes what came back."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from wework_message.demo.script import Step
from wework_message.entrypoints.cli.client import Answer, ServiceClient
from wework_message.entrypoints.cli.commands.messages import pages
from wework_message.entrypoints.cli.failure import CommandFailedError

SETTLE_S: Final = 60.0
"""How long the echoes may take until the comparison is made with what is there."""

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
    """Everything the demo did and saw."""

    sent: list[Sent] = field(default_factory=list)
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Message id -> what the service says of it, for every message it has."""
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
            found = message_ids(answer)
            if found:
                ids[step.name] = found[0]
            played.sent.append(Sent(step, answer.status, answer.error, found))
        advance(step)
    return played


def _send(client: ServiceClient, step: Step, ids: Mapping[str, str]) -> Answer:
    document = step.document()
    body = None if document is None else msgspec.json.encode(document)
    return client.request(step.method, step.address(ids), body=body, headers=step.headers)


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
    client: ServiceClient, guid: str, wanted: Mapping[str, str], advance: Callable[[int], None]
) -> dict[str, Any]:
    """What the service lists for `guid` once every message of `wanted` (id -> status) has its status, or rests elsewhere.

    `advance` is told how many have. After `SETTLE_S` seconds the list is returned as it is.
    """
    ends = time.monotonic() + SETTLE_S
    while True:
        items, _ = pages(client, {"guid": guid}, limit=10_000)
        listed = {item["messageId"]: item for item in items}
        there = sum(listed[one]["status"] == status for one, status in wanted.items() if one in listed)
        advance(there)
        lost = sum(
            listed[one]["status"] in _RESTING - {status, "DELIVERED"} for one, status in wanted.items() if one in listed
        )
        if there + lost >= len(wanted) or time.monotonic() > ends:
            return listed
        time.sleep(0.1)
