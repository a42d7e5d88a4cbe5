"""Compares what the second act sent with the joint ledger of both providers. Pure; names every difference.

Each message has a conversation of its own. The ledgers name the conversation of every call, so nothing that the service
says is needed to see that a message was sent twice.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wework_message.demo.failover import BACKUP_CODE, Survived
from wework_message.demo.processes import MAIN_CODE

Call = dict[str, Any]
"""An entry of a ledger, with the `providerCode` of its provider."""

_EXECUTIONS: Final[Mapping[str, frozenset[int]]] = {
    "DELIVERED": frozenset({1}),
    "SENT": frozenset({1}),
    "UNKNOWN": frozenset({0, 1}),
}
"""How often a message of a status may have been executed; any other status is a difference."""


def calls_by_message(survived: Survived) -> dict[str, list[Call]]:
    """Message id -> its calls at both providers."""
    by_conversation = _by_conversation(survived)
    return {message_id: by_conversation[place] for message_id, place in survived.conversations.items()}


def outcomes(message: Mapping[str, Any]) -> list[str]:
    """The outcome class of each attempt, in order."""
    return [attempt["outcome"] for attempt in message.get("attempts", ())]


def failed_over(survived: Survived) -> list[str]:
    """Messages with a provably unsent attempt that the backup provider has executed."""
    calls = calls_by_message(survived)
    return [
        message_id
        for message_id, message in survived.messages.items()
        if "NOT_SENT" in outcomes(message) and [call["providerCode"] for call in calls[message_id]] == [BACKUP_CODE]
    ]


def uncertain(survived: Survived) -> list[str]:
    """Messages of which nobody could know at first whether they were sent."""
    return [message_id for message_id, message in survived.messages.items() if "UNCERTAIN" in outcomes(message)]


def differences_of_failover(survived: Survived) -> list[str]:
    """Every difference, one sentence each; empty = the account survived and nobody got anything twice."""
    return [*_messages(survived), *_strangers(survived), *_not_shown(survived)]


def _messages(survived: Survived) -> Iterator[str]:
    calls = calls_by_message(survived)
    for message_id, place in survived.conversations.items():
        message = survived.messages.get(message_id)
        if message is None:
            yield f"the message to {place} is lost: {message_id}"
            continue
        status, executed = message["status"], [call for call in calls[message_id] if call["executed"]]
        name = f"the message to {place} ({status})"
        if status not in _EXECUTIONS:
            yield f"{name} did not survive: {message.get('reason') or 'no reason'}"
        if len(calls[message_id]) > 1:
            where = ", ".join(call["providerCode"] for call in calls[message_id])
            yield f"{name} reached the providers {len(calls[message_id])} times ({where}), at most once is right"
        elif len(executed) not in _EXECUTIONS.get(status, {len(executed)}):
            yield f"{name} was executed {len(executed)} times"
        yield from _place(name, message, executed)
        if "UNCERTAIN" in outcomes(message)[:-1]:
            yield f"{name} was sent again after an uncertain attempt: {outcomes(message)}"


def _place(name: str, message: Mapping[str, Any], executed: list[Call]) -> Iterator[str]:
    """Where the service says that it is, the ledger must have it."""
    said = (message["providerCode"], message["providerMessageId"])
    for call in executed:
        happened = (call["providerCode"], call["id"])
        if message["status"] != "UNKNOWN" and said != happened:
            yield f"{name} is {happened} in the ledger, and {said} at the service"


def _strangers(survived: Survived) -> Iterator[str]:
    known = set(survived.conversations.values())
    for place, calls in _by_conversation(survived).items():
        if place not in known:
            yield f"the ledgers have {len(calls)} calls to {place}, which nobody asked for"


def _not_shown(survived: Survived) -> Iterator[str]:
    """A run in which nothing went wrong at the right moment proves nothing."""
    if not failed_over(survived):
        yield f"no provably unsent message went through {BACKUP_CODE}"
    if not uncertain(survived):
        yield "no call was open when the provider was killed"
    calls = calls_by_message(survived)
    if not any(call["providerCode"] == MAIN_CODE for message_id in survived.revived for call in calls[message_id]):
        yield f"{MAIN_CODE} got no message back when it ran again"


def _by_conversation(survived: Survived) -> dict[str, list[Call]]:
    calls = defaultdict[str, list[Call]](list)
    for code, entries in survived.ledgers.items():
        for entry in entries:
            calls[str(entry["conversationId"])].append(entry | {"providerCode": code})
    return calls
