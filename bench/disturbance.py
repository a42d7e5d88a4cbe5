"""What a bad network and a forger make of callbacks: how many of each kind, drawn by a seed, and the bodies that nobody honest sends. Pure.

Of all callbacks 30 % are duplicates, 20 % come late, 10 % are dropped, 5 % are forged and 5 % malformed. What is neither a duplicate, forged nor
malformed is an original: the echo of a send or, to fill up, a customer's message.
"""

import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Json = dict[str, Any]
Fate = Literal["on time", "late", "dropped"]
Way = Literal["bare", "unknown token", "token of another guid", "token"]
"""By which path a forged callback comes."""

DUPLICATES: Final = 0.3
LATE: Final = 0.2
DROPPED: Final = 0.1
FORGED: Final = 0.05
MALFORMED: Final = 0.05
"""Parts of all callbacks. What is late or dropped are originals and duplicates alike: an echo is lost where every copy is dropped."""

HOUR_S: Final = 3_600
STRANGER: Final = "1688859999999999"
SEND_FAIL_FLAG: Final = 1 << 22
RECALL_FLAG: Final = 1 << 5
PLAIN_FLAG: Final = 1 << 24
DEEP: Final = 50_000


@dataclass(frozen=True, slots=True)
class Shares:
    """Numbers of callbacks by kind."""

    originals: int
    duplicates: int
    forged: int
    malformed: int
    late: int
    dropped: int

    @classmethod
    def of(cls, callbacks: int) -> "Shares":
        """Those of so many callbacks."""
        duplicates, forged, malformed = (round(callbacks * part) for part in (DUPLICATES, FORGED, MALFORMED))
        originals = callbacks - duplicates - forged - malformed
        return cls(originals, duplicates, forged, malformed, round(callbacks * LATE), round(callbacks * DROPPED))


class Fates:
    """Draws what becomes of each original and of its duplicates; the totals are exact."""

    def __init__(self, shares: Shares, chances: random.Random) -> None:
        numbers: dict[Fate, int] = {"late": shares.late, "dropped": shares.dropped}
        numbers["on time"] = shares.originals + shares.duplicates - sum(numbers.values())
        fates = [fate for fate, number in numbers.items() for _ in range(number)]
        chances.shuffle(fates)
        self._fates = iter(fates)
        self._copies = [1] * shares.originals
        for number in chances.choices(range(shares.originals), k=shares.duplicates):
            self._copies[number] += 1
        self.left = shares.originals

    def next(self) -> list[Fate]:
        """Of every copy of the next original; raises `IndexError` where all have been drawn."""
        copies = self._copies.pop()
        self.left -= 1
        return list(itertools.islice(self._fates, copies))


@dataclass(frozen=True, slots=True)
class Forgery:
    """One lie."""

    way: Way
    changes: Callable[[Json], Json]
    """What it changes in a record that fits the call in everything."""
    has_its_id: bool = False
    """Whether it names the id of an executed call; else one of nobody's."""


def _nothing(_record: Json) -> Json:
    return {}


FORGERIES: Final[Mapping[str, Forgery]] = {
    "fits, no token": Forgery("bare", _nothing),
    "fits, unknown token": Forgery("unknown token", _nothing),
    "fits, token of another guid": Forgery("token of another guid", _nothing),
    "sender": Forgery("token", lambda _: {"sender": STRANGER}),
    "conversation": Forgery("token", lambda record: {"receiver": record["receiver"][::-1] + "9"}),
    "an hour old": Forgery("token", lambda record: {"sendtime": record["sendtime"] - HOUR_S}),
    "id, sender": Forgery("token", lambda _: {"sender": STRANGER}, has_its_id=True),
    "id, send failed": Forgery(
        "token", lambda record: {"sender": STRANGER, "flag": record["flag"] | SEND_FAIL_FLAG}, has_its_id=True
    ),
    "id, recalled": Forgery(
        "token",
        lambda record: {"sender": STRANGER, "flag": record["flag"] | RECALL_FLAG, "referid": record["id"]},
        has_its_id=True,
    ),
}
"""By name. The forger has read the ledger: without a proof of who brings it, a record that fits would be believed."""


def record_of(call: Json, provider_message_id: str) -> Json:
    """The record of a text that fits the call, an entry of the simulator's ledger, in everything."""
    return {
        "seq": f"8{provider_message_id}", "id": provider_message_id, "appinfo": "", "sender": call["account"],
        "receiver": call["conversationId"][2:], "roomid": "0", "sendtime": call["at"] // 1_000, "sender_name": "Example Agent",
        "content_type": 2, "referid": "0", "flag": PLAIN_FLAG, "content": call["body"]["content"], "at_list": [],
        "quote_content": "", "quote_appinfo": "", "send_flag": 1, "msg_type": 2,
    }  # fmt: skip


def forged(forgery: Forgery, call: Json, unused_id: str) -> bytes:
    """The lie about this call."""
    record = record_of(call, call["id"] if forgery.has_its_id else unused_id)
    return callback(call["guid"], record | forgery.changes(record))


def customers_message(guid: str, number: int, now_s: int) -> bytes:
    """A callback of a message that a customer has sent: no message of ours."""
    call = {
        "account": f"7881309{number:09d}", "conversationId": f"S:7881309{number:09d}", "at": now_s * 1_000,
        "body": {"content": f"question {number}"},
    }  # fmt: skip
    return callback(guid, record_of(call, f"6{number:09d}") | {"send_flag": 0})


def callback(guid: str, record: Json) -> bytes:
    """As an 11010."""
    return json.dumps({"guid": guid, "notify_type": 11010, "data": record}).encode()


def malformed(guid: str) -> Iterator[bytes]:
    """Endless bodies in which nobody can read a record."""
    named = json.dumps(guid).encode()
    whole = customers_message(guid, 0, 0)
    return itertools.cycle(
        (
            b"",
            b"\xff\xfe\x00",
            b"null",
            b"[]",
            whole[: len(whole) // 2],
            b'{"notify_type":11010,"data":{}}',
            b'{"guid":7,"notify_type":11010,"data":{}}',
            b'{"guid":%s,"notify_type":"?","data":{}}' % named,
            b'{"guid":%s,"notify_type":11010,"data":"text"}' % named,
            b'{"guid":%s,"notify_type":11010,"data":%s%s}' % (named, b"[" * DEEP, b"]" * DEEP),
            b'{"guid":%s,"notify_type":11013,"data":[1,null,"text",{"id":{}}]}' % named,
        )
    )
