"""The second act: an account with an instance at each of two providers, of which the preferred one is killed twice."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from wework_message.demo.play import SETTLE_S, message_ids
from wework_message.demo.processes import MAIN_CODE, Place, ServiceProcesses, SimulatedProvider, Simulator
from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.commands.messages import MESSAGES

ACCOUNT: Final = "demo-sales"
_MAIN_GUID: Final = "sales-desktop"
_BACKUP_GUID: Final = "sales-ipad"
BACKUP_CODE: Final = "BACKUP_PROVIDER_A"

BOTH_RUN: Final = 10
HELD_OPEN: Final = 2
BRIEFLY_DEAD: Final = 3
"""So few that no breaker opens: five failures in a row would keep a provider out for half a minute."""
REVIVED: Final = 5
SENT_BEFORE: Final = 12
ON_THEIR_WAY: Final = 4
"""Accepted just before it is killed: whatever their calls are doing then."""
SENT_AFTER: Final = 24
STREAM: Final = BOTH_RUN + HELD_OPEN + BRIEFLY_DEAD + REVIVED + SENT_BEFORE + ON_THEIR_WAY + SENT_AFTER
"""Messages of the act."""

_RESTING: Final = frozenset({"DELIVERED", "UNKNOWN", "FAILED"})

AFTER_REVIVAL: Final = "runs again"
_SECOND_DEATH: Final = "killed in a stream"

_LONGER_THAN_IT_LIVES_MS: Final = 30_000


def first_provider(*places: Place) -> SimulatedProvider:
    """The preferred provider, with these instances."""
    return SimulatedProvider("simulator", MAIN_CODE, 1, places)


def two_providers(*guids: str) -> tuple[SimulatedProvider, SimulatedProvider]:
    """The preferred provider, which also has these instances of other acts, and the one for bad days."""
    return (
        first_provider(*map(Place, guids), Place(_MAIN_GUID, ACCOUNT, "desktop")),
        SimulatedProvider("backup", BACKUP_CODE, 2, (Place(_BACKUP_GUID, ACCOUNT, "ipad"),)),
    )


@dataclass(slots=True)
class Stage:
    """Messages that were sent in one situation."""

    title: str
    message_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Survived:
    """Everything that the act sent and saw."""

    stages: list[Stage] = field(default_factory=list)
    conversations: dict[str, str] = field(default_factory=dict)
    """Message id -> its conversation, which no other message has."""
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Message id -> the whole message, as the service shows it at the end."""
    account: dict[str, Any] = field(default_factory=dict)
    """As it was while the preferred provider was dead for the second time."""
    providers: list[dict[str, Any]] = field(default_factory=list)
    """The providers' numbers and breakers then."""
    explained: dict[str, Any] = field(default_factory=dict)
    """Where the next message would have gone then."""
    ledgers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Provider code -> the entries of its simulator, oldest first."""
    killed_pids: list[int] = field(default_factory=list)

    @property
    def revived(self) -> list[str]:
        """Ids of the messages that were sent while the preferred provider ran again."""
        return [message_id for stage in self.stages if stage.title == AFTER_REVIVAL for message_id in stage.message_ids]


def survive(client: ServiceClient, processes: ServiceProcesses, advance: Callable[[int], None]) -> Survived:
    """Play the act; `advance` is called with the number of messages that were sent.

    The preferred simulator runs at the end. Raises `CommandFailedError` or `httpx.HTTPError` where it breaks off.
    """
    main = processes.simulators[0]
    stream = _Stream(client, advance)
    _register(client)
    stream.send("both run", BOTH_RUN)
    stream.rest()
    stream.hold_open(main)
    stream.kill(main)
    stream.send("dead for a moment", BRIEFLY_DEAD)
    main.revive()
    stream.send(AFTER_REVIVAL, REVIVED)
    stream.rest()
    stream.send(_SECOND_DEATH, SENT_BEFORE)
    stream.send(_SECOND_DEATH, ON_THEIR_WAY, wait=False)
    stream.kill(main)
    stream.send(_SECOND_DEATH, SENT_AFTER, wait=False)
    stream.rest(dead=True)
    stream.look()
    main.revive()
    return stream.survived


class _Stream:
    """Sends numbered messages, each to a customer of its own, so that none waits behind another one."""

    def __init__(self, client: ServiceClient, advance: Callable[[int], None]) -> None:
        self.survived = Survived()
        self._client = client
        self._advance = advance

    def send(self, title: str, count: int, *, wait: bool = True) -> None:
        """Send `count` messages one after another; `wait` for the outcome of each before the next."""
        stages = self.survived.stages
        if not stages or stages[-1].title != title:
            stages.append(Stage(title))
        for _ in range(count):
            body = _text(self._next)
            path = f"{MESSAGES}/send{'' if wait else '/async'}"
            answer = self._client.request("POST", path, body=msgspec.json.encode(body))
            ids = message_ids(answer)
            if not ids:
                raise answer.failure()
            stages[-1].message_ids += ids
            self.survived.conversations |= dict.fromkeys(ids, body["conversationId"])
            self._advance(len(self.survived.conversations))

    def hold_open(self, simulator: Simulator) -> None:
        """Send two messages whose calls get no answer as long as the simulator lives; only the first one is executed."""
        echoes_sent = simulator.ask("GET", "state")["echoes_sent"]
        for offset, when in enumerate(("after", "before")):
            conversation = _text(self._next + offset)["conversationId"]
            rule = {
                "name": f"held-{when}",
                "match": {"conversationId": conversation},
                "do": {"kind": "slow", "when": when, "delay_ms": _LONGER_THAN_IT_LIVES_MS},
            }
            simulator.ask("POST", "faults", [rule])
        self.send("killed with open calls", HELD_OPEN, wait=False)
        _until(lambda: _are_open(simulator, echoes_sent))

    def kill(self, simulator: Simulator) -> None:
        """The provider dies, whatever it is doing."""
        self.survived.killed_pids.append(simulator.pid)
        simulator.kill()

    def rest(self, *, dead: bool = False) -> None:
        """Wait until every message rests, or for `SETTLE_S`. The echo of a `dead` provider never comes."""
        resting = _RESTING | ({"SENT"} if dead else frozenset())
        messages = self.survived.messages

        def rested() -> bool:
            for message_id in self.survived.conversations:
                if message_id not in messages or messages[message_id]["status"] not in _RESTING:
                    messages[message_id] = self._client.data("GET", f"{MESSAGES}/{message_id}")
            return all(
                message["status"] in (resting if message["providerCode"] == MAIN_CODE else _RESTING)
                for message in messages.values()
            )

        _until(rested)

    def look(self) -> None:
        """Ask for the account, the providers, where the next message would go, and once more for every message."""
        for message_id in self.survived.conversations:
            self.survived.messages[message_id] = self._client.data("GET", f"{MESSAGES}/{message_id}")
        self.survived.account = self._client.data("GET", f"/api/accounts/{ACCOUNT}")
        self.survived.providers = self._client.data("GET", "/api/providers/stats")["providers"]
        body = msgspec.json.encode(_text(self._next))
        self.survived.explained = self._client.data("POST", "/api/routing/explain", body=body)

    @property
    def _next(self) -> int:
        return len(self.survived.conversations) + 1


def _register(client: ServiceClient) -> None:
    bindings = [
        {"providerCode": MAIN_CODE, "guid": _MAIN_GUID, "standby": "HOT", "deviceSlot": "desktop"},
        {"providerCode": BACKUP_CODE, "guid": _BACKUP_GUID, "standby": "HOT", "deviceSlot": "ipad"},
    ]
    account = {"accountId": ACCOUNT, "name": "Sales of the demo", "bindings": bindings}
    client.data("POST", "/api/accounts", body=msgspec.json.encode(account))


def _text(number: int) -> dict[str, str]:
    return {
        "accountId": ACCOUNT, "conversationId": f"S:7881302{number:09d}", "messageType": "TEXT", "content": f"message {number}",
    }  # fmt: skip


def _are_open(simulator: Simulator, echoes_sent: int) -> bool:
    """Whether the simulator holds both calls, and has posted the echo of the one that it has executed."""
    held = sum(rule["hits"] for rule in simulator.ask("GET", "faults"))
    echoes: int = simulator.ask("GET", "state")["echoes_sent"]
    return held == HELD_OPEN and echoes > echoes_sent


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SETTLE_S
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.05)
