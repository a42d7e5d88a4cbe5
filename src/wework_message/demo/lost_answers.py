"""Sends through a simulator that loses answers and echoes, and compares every status with its ledger. The comparison is pure."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from wework_message.demo.failover import first_provider
from wework_message.demo.play import SETTLE_S, message_ids
from wework_message.demo.processes import MAIN_CODE, Place, ServiceProcesses, SimulatedProvider
from wework_message.domain.content import CONTENTS, MessageType
from wework_message.domain.message.echo_keys import COMPARED
from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.commands.messages import MESSAGES

GUIDS: Final = ("lost-1", "lost-2", "lost-3", "lost-4")

EXECUTED_EVERY: Final = 10
"""Of so many sends one is executed, and its answer lost."""
UNEXECUTED_EVERY: Final = 25
"""Of so many other sends one is not executed, and nobody can tell."""
ECHOES_LOST: Final = 0.3

_TYPES: Final = ("TEXT", "TEXT", "IMAGE", "LINK", "FILE", "LOCATION", "SHOP_PRODUCT")
_ENDS: Final = frozenset({"DELIVERED", "SENT", "UNKNOWN"})


def lossy_provider() -> SimulatedProvider:
    """The provider of the run."""
    return first_provider(*(Place(guid) for guid in GUIDS))


def settings_with(sync: str) -> dict[str, str]:
    """Those of the service, which pulls the message stream as `sync` says."""
    return {
        f"APP_WEWORK_PROVIDERS_{MAIN_CODE}_SETTLE_SYNC": sync,
        "APP_MESSAGE_UNKNOWN_SYNC_INTERVAL_SECONDS": "1",
        "APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE": "1000000",
    }


@dataclass(slots=True)
class Settled:
    """One run."""

    sync: str
    conversations: dict[str, str] = field(default_factory=dict)
    """Message id -> its conversation, which no other message has."""
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Message id -> its entry in the service's list."""
    ledger: list[dict[str, Any]] = field(default_factory=list)

    @property
    def statuses(self) -> Counter[str]:
        """How many have each status."""
        return Counter(message["status"] for message in self.messages.values())

    @property
    def lost_answers(self) -> int:
        """Calls that got no answer."""
        return sum(entry["status"] == 0 for entry in self.ledger)


def send_and_settle(client: ServiceClient, processes: ServiceProcesses, count: int, sync: str) -> Settled:
    """Send `count` messages, and wait until evidence moves nothing any more. Raises as `ServiceClient` does."""
    simulator = processes.simulators[0]
    rules = [
        {"name": "executed", "match": {"every": EXECUTED_EVERY}, "do": {"kind": "answer_lost"}},
        {"name": "unexecuted", "match": {"every": UNEXECUTED_EVERY}, "do": {"kind": "closed_before"}},
    ]
    simulator.ask("POST", "faults", rules)
    simulator.ask("POST", "echoes", {"drop_rate": ECHOES_LOST, "duplicate_rate": 0.3, "reorder": True})
    settled = Settled(sync)
    for number in range(count):
        body = _request(number)
        answer = client.request("POST", f"{MESSAGES}/send/async", body=msgspec.json.encode(body))
        if not (ids := message_ids(answer)):
            raise answer.failure()
        settled.conversations |= dict.fromkeys(ids, str(body["conversationId"]))
    deadline = time.monotonic() + SETTLE_S + count / 20
    while True:
        pending = simulator.ask("GET", "state")["echoes_pending"]
        settled.ledger = simulator.ask("GET", "ledger")
        settled.messages = {
            item["messageId"]: item for guid in GUIDS for item in client.pages(MESSAGES, {"guid": guid}, limit=count)[0]
        }
        if (not pending and not any(_open(settled))) or time.monotonic() > deadline:
            return settled
        time.sleep(0.2)


def differences_of_settlement(settled: Settled) -> list[str]:
    """Every broken promise, one sentence each."""
    calls = _by_conversation(settled)
    differing = [line for id_, place in settled.conversations.items() for line in _message(settled, id_, calls[place])]
    if not settled.lost_answers:
        differing.append("no answer was lost: the run shows nothing")
    return [*differing, *_open(settled)]


def _message(settled: Settled, message_id: str, entries: list[dict[str, Any]]) -> Iterator[str]:
    message = settled.messages.get(message_id)
    if message is None:
        yield f"{message_id} is lost"
        return
    status, name = message["status"], f"{message_id} ({message['messageType']}, {message['status']})"
    executed = [entry for entry in entries if entry["executed"]]
    if len(executed) > 1:
        yield f"{name} was executed {len(executed)} times: a duplicate"
    if status in {"FAILED", "EXPIRED"} and executed:
        yield f"{name} was executed: a false failure"
    if status in {"DELIVERED", "SENT"} and not executed:
        yield f"{name} was not executed: settled wrongly"


def _open(settled: Settled) -> Iterator[str]:
    """What evidence should still move: messages under way, and UNKNOWN ones whose record was offered and can be compared."""
    by_conversation = _by_conversation(settled)
    for message_id, conversation in settled.conversations.items():
        message = settled.messages.get(message_id)
        if message is None or message["status"] not in _ENDS:
            yield f"{message_id} has not come to an end: {None if message is None else message['status']}"
            continue
        shown = any(entry["echoOffered"] or _is_pulled(settled, entry) for entry in by_conversation[conversation])
        if shown and message["status"] == "UNKNOWN" and COMPARED[MessageType(message["messageType"])] is not None:
            yield f"{message_id} ({message['messageType']}) is UNKNOWN, and what it sent was shown"


def _is_pulled(settled: Settled, entry: Mapping[str, Any]) -> bool:
    return settled.sync != "none" and bool(entry["executed"])


def _by_conversation(settled: Settled) -> Mapping[str, list[dict[str, Any]]]:
    calls = defaultdict[str, list[dict[str, Any]]](list)
    for entry in settled.ledger:
        calls[str(entry["conversationId"])].append(entry)
    return calls


def _request(number: int) -> dict[str, Any]:
    message_type = _TYPES[number % len(_TYPES)]
    return {
        **CONTENTS[message_type].EXAMPLE, "messageType": message_type, "guid": GUIDS[number % len(GUIDS)],
        "conversationId": f"S:7881303{number:09d}",
    }  # fmt: skip
