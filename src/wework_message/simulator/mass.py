"""The mass-send assistant: seven endpoints, of which the vendor documents the requests and a few rules; all answers are invented."""

import itertools
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from wework_message.simulator.accounts import Conversation
from wework_message.simulator.answers import Json, Record, failure, success
from wework_message.simulator.faults.actions import Action
from wework_message.simulator.files.handles import Handles
from wework_message.simulator.instances import Instance
from wework_message.simulator.ledger import Entry
from wework_message.simulator.options import SimulatorOptions
from wework_message.simulator.outcome import Delivery, Outcome
from wework_message.simulator.sends import MASS_SEND

MASS_SEND_TARGETS: Final = 200
"""Entries of user_list or room_list one mass send may have (documented)."""

SENT, BLOCKED, HAD_ONE = 1, 2, 3
"""Statuses of a recipient, as in the official API of WeCom (assumed)."""

CHECK: Final = "/msg/check_can_send_group_msg"
STATUS: Final = "/msg/sync_group_msg_send_status"
TASKS: Final = "/msg/query_group_msg_confirm_list"
DETAIL: Final = "/msg/get_group_msg_detail"
ROOMS: Final = "/msg/query_group_msg_room_list"
CONFIRM: Final = "/msg/confirm_group_msg"
PATHS: Final = frozenset({MASS_SEND, CHECK, STATUS, TASKS, DETAIL, ROOMS, CONFIRM})

_LISTS: Final[tuple[tuple[str, str, dict[str, str]], ...]] = (
    ("image_msg_list", "/msg/send_image", {"thumb_width": "image_width", "thumb_height": "image_height"}),
    ("video_msg_list", "/msg/send_video", {}),
    ("weapp_msg_list", "/msg/send_weapp", {}),
    ("link_msg_list", "/msg/send_link", {}),
    ("file_msg_list", "/msg/send_file", {}),
)
"""List, the send whose record an entry becomes, and its fields that are called otherwise there."""

_SAMPLE: Final[Json] = {
    "msgid": "90001", "send_type": 0, "sender": "1688850000000002", "content": "国庆放假通知", "create_time": 1_758_000_000,
}  # fmt: skip

MakeRecord = Callable[[str, Instance, Conversation, Json, Action | None], Record]
"""Path, instance, conversation, body and fault of a new record."""


class MassSends:
    """Executes the calls of the assistant for an instance that is online."""

    def __init__(self, options: SimulatorOptions, handles: Handles, make_record: MakeRecord) -> None:
        self._options = options
        self._handles = handles
        self._make_record = make_record
        self._zone = ZoneInfo(options.day_zone)
        self.blocked = set(options.mass_blocked)
        """Ids that get no mass send."""
        self._had_one: set[tuple[str, str, str]] = set()
        self._serial = itertools.count(1)
        self._tasks: dict[str, list[Json]] = {}
        self._confirmed = False

    def restore(self, user_id: str, entry: Entry) -> None:
        """Continue after a recipient of an earlier run."""
        task_id = str((entry.body or {}).get("msgid", ""))
        self._note(task_id, entry.conversationId or "", entry.error_code or SENT)
        if entry.executed:
            self._had_one.add((user_id, _bare(entry.conversationId or ""), self._day(entry.at)))
        self._serial = itertools.count(len(self._tasks) + 1)

    def perform(self, path: str, instance: Instance, body: Json, fault: Action | None) -> Outcome:
        """One call that passed validation."""
        if path == MASS_SEND:
            return self._send(instance, body, fault)
        return Outcome(self._answer(path, instance, body), executed=True)

    def _send(self, instance: Instance, body: Json, fault: Action | None) -> Outcome:
        users, rooms = _ids(body.get("user_list")), _ids(body.get("room_list"))
        code = self._options.mass_send_code
        if bool(users) == bool(rooms):
            return Outcome(failure(code, "exactly one of user_list and room_list"))
        if len(users) + len(rooms) > MASS_SEND_TARGETS:
            return Outcome(failure(code, "more than 200 targets"))
        prefix = "R:" if rooms else "S:"
        statuses = {
            f"{prefix}{_bare(name)}": self._status(instance, name, is_room=bool(rooms)) for name in users + rooms
        }
        left_out = {name for name, status in statuses.items() if status != SENT}
        if left_out and self._options.mass_form == "refuse":
            text = "once per customer and day" if HAD_ONE in statuses.values() else "can not send"
            return Outcome(failure(code, text))
        if len(left_out) < len(statuses) and (refusal := self._handles.refuse(MASS_SEND, body)) is not None:
            return Outcome(refusal)
        return self._deliver(instance, body, fault, statuses)

    def _deliver(self, instance: Instance, body: Json, fault: Action | None, statuses: dict[str, int]) -> Outcome:
        task_id = f"{int(time.time())}{next(self._serial):06d}"
        today = self._day(time.time_ns() // 1_000_000)
        deliveries = []
        for name, status in statuses.items():
            self._note(task_id, name, status)
            records: tuple[Record, ...] = ()
            if status == SENT:
                self._had_one.add((instance.account.user_id, _bare(name), today))
                records = tuple(self._records(instance, name, body, fault))
            deliveries.append(Delivery(name, task_id, status, records))
        data: Json = {"msgid": task_id} if self._options.mass_task_id else {}
        if self._options.mass_form == "partial":
            data["fail_list"] = [_bare(name) for name, status in statuses.items() if status != SENT]
        if fault is not None and fault.kind == "svr_fail":
            data["is_svr_fail"] = True
        is_executed = any(delivery.records for delivery in deliveries)
        return Outcome(success(data), executed=is_executed, deliveries=tuple(deliveries))

    def _records(self, instance: Instance, name: str, body: Json, fault: Action | None) -> Iterator[Record]:
        """The messages of one recipient: the text, then each attachment."""
        conversation = Conversation.parse(name)
        if conversation is None:
            return
        if body.get("content"):
            yield self._make_record("/msg/send_text", instance, conversation, {"content": body["content"]}, fault)
        for listed, path, others in _LISTS:
            entries = body.get(listed)
            for entry in entries if isinstance(entries, list) else ():
                fields = {others.get(field, field): value for field, value in entry.items()}
                yield self._make_record(path, instance, conversation, fields, fault)

    def _status(self, instance: Instance, name: str, *, is_room: bool) -> int:
        """Whether this recipient can get one now. Rooms get any number a day (assumed)."""
        if _bare(name) in self.blocked:
            return BLOCKED
        today = self._day(time.time_ns() // 1_000_000)
        had_one = not is_room and (instance.account.user_id, _bare(name), today) in self._had_one
        return HAD_ONE if had_one and self._options.mass_send_daily else SENT

    def _answer(self, path: str, instance: Instance, body: Json) -> Json:
        if path == CHECK:
            is_room = bool(body.get("is_room"))
            names = _ids(body.get("vid_list"))
            return success(
                {"fail_list": [name for name in names if self._status(instance, name, is_room=is_room) != SENT]}
            )
        if path == STATUS:
            return self._results(str(body.get("msgid")))
        if path == TASKS:
            return success({"list": [] if self._confirmed else [_SAMPLE], "next_page": ""})
        return self._about_sample(path, body)

    def _about_sample(self, path: str, body: Json) -> Json:
        """About the one task of an administrator."""
        if body.get("msgid") != _SAMPLE["msgid"]:
            return failure(self._options.mass_send_code, "msgid not exist")
        if path == CONFIRM:
            self._confirmed = True
            return success({})
        if path == ROOMS:
            return success({"list": [{"room_id": "10810965948920358", "name": "示例群"}]})
        return success({**_SAMPLE, "customer_list": ["7881300000000001"]})

    def _results(self, task_id: str) -> Json:
        if not self._options.mass_status:
            return success({})
        results = self._tasks.get(task_id)
        if results is None:
            return failure(self._options.mass_send_code, "msgid not exist")
        return success({"send_list": results, "seq": 0})

    def _note(self, task_id: str, conversation_id: str, status: int) -> None:
        key = "room_id" if conversation_id.startswith("R:") else "user_id"
        self._tasks.setdefault(task_id, []).append({key: _bare(conversation_id), "status": status})

    def _day(self, at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1_000, self._zone).date().isoformat()


def _ids(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else []


def _bare(name: str) -> str:
    """The id without a prefix: both forms are taken, as the vendor does not say which one it wants."""
    return name.removeprefix("S:").removeprefix("R:").partition(";")[0]
