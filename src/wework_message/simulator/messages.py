"""Execution of `/msg/` calls: sends, recalls, read marks and mass sends. Nothing here waits."""

import random
import time

from wework_message.simulator.accounts import Accounts, Conversation
from wework_message.simulator.answers import (
    FLAG_RECALL,
    FLAG_SEND_FAIL,
    KINDS,
    Json,
    Record,
    appinfo,
    failure,
    msg_data,
    success,
)
from wework_message.simulator.faults.actions import Action
from wework_message.simulator.files.handles import Handles
from wework_message.simulator.instances import Instance, Instances
from wework_message.simulator.mass import PATHS, MassSends
from wework_message.simulator.options import ONLINE, SimulatorOptions
from wework_message.simulator.outcome import Outcome
from wework_message.simulator.sends import RECALL
from wework_message.simulator.throttle import Throttle

NO_PREFIX = -2003
"""error_code of a conversation_id without its prefix (captured)."""

_VOICE_ANSWERS: dict[str, Json] = {
    "/msg/apply_voice_id": {"voiceid": "17116493654455008439152244321"},
    "/msg/query_voice_text": {"text": "测试测试。", "isend": True, "seqid": 0},
}


class Messages:
    """Executes calls to `/msg/` endpoints against the accounts."""

    def __init__(
        self,
        options: SimulatorOptions,
        accounts: Accounts,
        instances: Instances,
        random_source: random.Random,
        handles: Handles,
    ) -> None:
        self._options = options
        self._instances = instances
        self._accounts = accounts
        self._random_source = random_source
        self._throttle = Throttle()
        self._handles = handles
        self.mass = MassSends(options, handles, self._sent)

    def perform(self, path: str, body: Json, fault: Action | None) -> Outcome:
        """Execute one call that passed validation, or refuse it with an envelope."""
        instance = self._instances.find(str(body["guid"]))
        if instance is None:
            return Outcome(failure(self._options.unknown_guid_code, "guid not exist"))
        if (wait_s := self._over_limit(instance)) is not None:
            return Outcome(failure(self._options.throttle_code, "too many requests"), retry_after_s=wait_s)
        if instance.status != ONLINE:
            return Outcome(failure(self._options.offline_code, "client not online"))
        if path in PATHS:
            return self.mass.perform(path, instance, body, fault)
        if path not in KINDS:
            return Outcome(success(_VOICE_ANSWERS.get(path, {})), executed=True)
        return self._in_conversation(path, instance, body, fault)

    def _over_limit(self, instance: Instance) -> int | None:
        own = instance.calls_per_minute
        limit = self._options.calls_per_minute if own is None else own
        return self._throttle.refuse(instance.guid, limit, time.monotonic())

    def _in_conversation(self, path: str, instance: Instance, body: Json, fault: Action | None) -> Outcome:
        conversation_id = str(body.get("conversation_id", ""))
        conversation = Conversation.parse(conversation_id)
        if conversation is None:
            return Outcome(failure(NO_PREFIX))
        if path == RECALL:
            return self._recall(instance, conversation, conversation_id, body)
        return self._send(path, instance, conversation, body, fault)

    def _send(
        self, path: str, instance: Instance, conversation: Conversation, body: Json, fault: Action | None
    ) -> Outcome:
        if (refusal := self._handles.refuse(path, body)) is not None:
            return Outcome(refusal)
        kind = None if fault is None else fault.kind
        record = self._sent(path, instance, conversation, body, fault)
        self._accounts.remember(instance.account.user_id, record.id, str(body["conversation_id"]))
        return Outcome(
            success({"msg_data": msg_data(record), "is_svr_fail": kind == "svr_fail"}), executed=True, record=record
        )

    def _sent(
        self, path: str, instance: Instance, conversation: Conversation, body: Json, fault: Action | None
    ) -> Record:
        """The record of a message."""
        kind = None if fault is None else fault.kind
        flag = FLAG_SEND_FAIL if kind == "send_fail_later" else 0
        return self._record(path, instance, conversation, body, flag=flag, reuse_id=kind == "reused_id")

    def _recall(self, instance: Instance, conversation: Conversation, conversation_id: str, body: Json) -> Outcome:
        if not self._accounts.recall(instance.account.user_id, str(body.get("msgid", "")), conversation_id):
            return Outcome(failure(self._options.recall_code, "revoke failed"))
        record = self._record(RECALL, instance, conversation, body, flag=FLAG_RECALL, reuse_id=False)
        return Outcome(success({}), executed=True, record=record)

    def _record(
        self, path: str, instance: Instance, conversation: Conversation, body: Json, *, flag: int, reuse_id: bool
    ) -> Record:
        now = time.time_ns()
        account = instance.account
        return Record(
            path=path,
            instance=instance,
            conversation=conversation,
            body=body,
            id=str(account.last_id if reuse_id else account.next_id(self._random_source)),
            seq=str(account.next_seq()),
            sendtime=now // 1_000_000_000,
            appinfo=appinfo(path, now, self._random_source.getrandbits(32)),
            flag=flag,
        )
