"""WeCom accounts: their numbers, and their messages that can still be recalled."""

import hashlib
import random
import time

import msgspec

from wework_message.simulator.ledger import Entry
from wework_message.simulator.options import SimulatorOptions
from wework_message.simulator.sends import READ_MARK, RECALL

_EPOCH_2025_MS = 1_735_689_600_000
_SEQ_AHEAD = 7_000_000_000
"""Keeps seq apart from id, so that code that mixes them up fails."""


_USER_ID_DIGITS = 16


def own_user_id(name: str) -> str:
    """The user id of the account of this name: the name itself if it is 16 digits, else made from it, always the same.

    One that is made begins 168885 (the vendor's samples of WeCom users begin 168).
    """
    if len(name) == _USER_ID_DIGITS and name.isascii() and name.isdigit():
        return name
    return f"168885{int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % 10**10:010d}"


class Conversation(msgspec.Struct, frozen=True):
    """A conversation_id taken apart: `S:<user>`, `S:<user>;<asid>` or `R:<room>`."""

    receiver: str
    roomid: str
    asid: str

    @classmethod
    def parse(cls, text: str) -> "Conversation | None":
        """None when the prefix, or what follows it, is missing (the vendor answers -2003, captured)."""
        prefix, name = text[:2], text[2:]
        if prefix == "R:" and name:
            return cls(receiver="0", roomid=name, asid="0")
        user, _, asid = name.partition(";")
        if prefix == "S:" and user:
            return cls(receiver=user, roomid="0", asid=asid or "0")
        return None


class Account(msgspec.Struct):
    """One WeCom account, whatever instances it is logged in on. `last_id` and `last_seq` are the highest numbers given out.

    The numbers belong to the account and not to an instance: the vendor calls seq the position in the account's stream.
    """

    user_id: str
    name: str
    last_id: int
    last_seq: int

    def next_id(self, random_source: random.Random) -> int:
        """A new message id; ids skip numbers now and then (captured: 1000127, then 1000129)."""
        self.last_id += random_source.choice((1, 1, 2))
        return self.last_id

    def next_seq(self) -> int:
        """A new position in the account's message stream; consecutive, as captured."""
        self.last_seq += 1
        return self.last_seq


class Accounts:
    """All accounts by user id, and their messages that can still be recalled, through any of their instances (assumed).

    An account that no ledger knows starts its numbers from the clock (milliseconds since 2025), so that a simulator
    without a kept ledger does not give out the ids of an earlier run again.
    """

    def __init__(self, options: SimulatorOptions) -> None:
        self._options = options
        self._by_user_id: dict[str, Account] = {}
        self._messages: dict[tuple[str, str], str | None] = {}

    def named(self, name: str) -> Account:
        """The account of this name or user id; made if it did not exist."""
        user_id = own_user_id(name)
        account = self._by_user_id.get(user_id)
        if account is None:
            start = int(time.time() * 1000) - _EPOCH_2025_MS
            account = Account(user_id, self._options.sender_name, start, start + _SEQ_AHEAD)
            self._by_user_id[user_id] = account
        return account

    def restore(self, entry: Entry) -> None:
        """Continue after an entry of an earlier run: numbers, and what can be recalled."""
        if not entry.executed or entry.guid is None or entry.body is None:
            return
        user_id = entry.account or own_user_id(entry.guid)
        if entry.id is not None and entry.seq is not None:
            account = self._by_user_id.get(user_id)
            if account is None:
                account = self._by_user_id[user_id] = Account(user_id, self._options.sender_name, 0, 0)
            account.last_id = max(account.last_id, int(entry.id))
            account.last_seq = max(account.last_seq, int(entry.seq))
        conversation_id = entry.conversationId or ""
        if entry.path == RECALL:
            self.recall(user_id, str(entry.body.get("msgid", "")), conversation_id)
        elif entry.id is not None and entry.path != READ_MARK and entry.of is None:
            self.remember(user_id, entry.id, conversation_id)

    def remember(self, user_id: str, message_id: str, conversation_id: str) -> None:
        """Keep a sent message recallable; the oldest is forgotten beyond `remember_messages`."""
        self._messages[user_id, message_id] = conversation_id
        if len(self._messages) > self._options.remember_messages:
            del self._messages[next(iter(self._messages))]

    def recall(self, user_id: str, message_id: str, conversation_id: str) -> bool:
        """Take a message back, once; False when it is unknown, of another conversation, or taken back already."""
        if self._messages.get((user_id, message_id)) != conversation_id:
            return False
        self._messages[user_id, message_id] = None
        return True
