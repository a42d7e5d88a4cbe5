"""Execution of `/msg/` calls: sends, recalls, read marks and mass sends. Nothing here waits."""

import random
import time

import msgspec

from wework_message.simulator.accounts import ONLINE, Account, Accounts, Conversation
from wework_message.simulator.answers import (
    FLAG_RECALL,
    FLAG_SEND_FAIL,
    KINDS,
    RECALL,
    Json,
    Record,
    appinfo,
    failure,
    msg_data,
    success,
)
from wework_message.simulator.faults import Fault
from wework_message.simulator.options import SimulatorOptions

MASS_SEND = "/msg/send_group_msg"
MASS_SEND_TARGETS = 200
"""Entries of user_list or room_list one mass send may have (documented)."""

NO_PREFIX = -2003
"""error_code of a conversation_id without its prefix (captured)."""

_VOICE_ANSWERS: dict[str, Json] = {
    "/msg/apply_voice_id": {"voiceid": "17116493654455008439152244321"},
    "/msg/query_voice_text": {"text": "测试测试。", "isend": True, "seqid": 0},
}


class Outcome(msgspec.Struct, frozen=True):
    """The result of a call. `record` is its record in the account's message stream, if it made one."""

    envelope: Json
    executed: bool = False
    record: Record | None = None


class Messages:
    """Executes calls to `/msg/` endpoints against the accounts."""

    def __init__(self, options: SimulatorOptions, accounts: Accounts, random_source: random.Random) -> None:
        self._options = options
        self._accounts = accounts
        self._random_source = random_source

    def perform(self, path: str, body: Json, fault: Fault | None) -> Outcome:
        """Execute one call that passed validation, or refuse it with an envelope."""
        account = self._accounts.find(str(body["guid"]))
        if account is None:
            return Outcome(failure(self._options.unknown_guid_code, "guid not exist"))
        if account.status != ONLINE:
            return Outcome(failure(self._options.offline_code, "client not online"))
        if path == MASS_SEND:
            return self._mass_send(account, body)
        if path not in KINDS:
            return Outcome(success(_VOICE_ANSWERS.get(path, {})), executed=True)
        return self._in_conversation(path, account, body, fault)

    def _in_conversation(self, path: str, account: Account, body: Json, fault: Fault | None) -> Outcome:
        conversation_id = str(body.get("conversation_id", ""))
        conversation = Conversation.parse(conversation_id)
        if conversation is None:
            return Outcome(failure(NO_PREFIX))
        if path == RECALL:
            return self._recall(account, conversation, conversation_id, body)
        return self._send(path, account, conversation, body, fault)

    def _send(
        self, path: str, account: Account, conversation: Conversation, body: Json, fault: Fault | None
    ) -> Outcome:
        kind = None if fault is None else fault.kind
        record = self._record(
            path,
            account,
            conversation,
            body,
            flag=FLAG_SEND_FAIL if kind == "send_fail_later" else 0,
            reuse_id=kind == "reused_id",
        )
        self._accounts.remember(account.guid, record.id, str(body["conversation_id"]))
        return Outcome(
            success({"msg_data": msg_data(record), "is_svr_fail": kind == "svr_fail"}), executed=True, record=record
        )

    def _recall(self, account: Account, conversation: Conversation, conversation_id: str, body: Json) -> Outcome:
        if not self._accounts.recall(account.guid, str(body.get("msgid", "")), conversation_id):
            return Outcome(failure(self._options.recall_code, "revoke failed"))
        record = self._record(RECALL, account, conversation, body, flag=FLAG_RECALL, reuse_id=False)
        return Outcome(success({}), executed=True, record=record)

    def _record(
        self, path: str, account: Account, conversation: Conversation, body: Json, *, flag: int, reuse_id: bool
    ) -> Record:
        now = time.time_ns()
        return Record(
            path=path,
            account=account,
            conversation=conversation,
            body=body,
            id=str(account.last_id if reuse_id else account.next_id(self._random_source)),
            seq=str(account.next_seq()),
            sendtime=now // 1_000_000_000,
            appinfo=appinfo(path, now, self._random_source.getrandbits(32)),
            flag=flag,
        )

    def _mass_send(self, account: Account, body: Json) -> Outcome:
        users, rooms = body.get("user_list") or [], body.get("room_list") or []
        targets = [*users, *rooms] if isinstance(users, list) and isinstance(rooms, list) else []
        code = self._options.mass_send_code
        if bool(users) == bool(rooms):
            return Outcome(failure(code, "exactly one of user_list and room_list"))
        if len(targets) > MASS_SEND_TARGETS:
            return Outcome(failure(code, "more than 200 targets"))
        if users and self._options.mass_send_daily and not self._accounts.mass_send(account.guid, targets, _now_ms()):
            return Outcome(failure(code, "once per customer and day"))
        return Outcome(success({}), executed=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
