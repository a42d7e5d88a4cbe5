"""Native mass sends (P-6). The vendor documents their requests and no answer: what is read from those is assumed and configured."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from wework_message.adapters.guxing import outcomes
from wework_message.adapters.guxing.gateway import JSON, PROBE_MS, marker, without_content
from wework_message.adapters.guxing.payloads import FILE, LINK, MINIPROGRAM, VIDEO
from wework_message.adapters.guxing.places import Places
from wework_message.adapters.guxing.table import VendorFields
from wework_message.adapters.guxing.wire import identifier, number, parse, read_envelope
from wework_message.adapters.http import Answer, Timing, Transport, answer_or_outcome, is_success
from wework_message.domain.content.mass import MassContent
from wework_message.domain.ids import Guid
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import REFUSALS, OutcomeClass, Reason
from wework_message.domain.ports.mass_gateway import MassCall, MassOutcome, MassResult
from wework_message.domain.ports.protocols import MassConnection

MAX_RECIPIENTS: Final = 200
"""Of one call (documented)."""

ANSWER: Final[Mapping[str, str]] = {
    "task-id": "msgid | msg_id | task_id",
    "refused": "fail_list | failed_list",
    "results": "send_list | status_list | list",
    "ineligible": "fail_list | invalid_list | can_not_send_list",
    "user-id": "user_id | userid | vid | external_userid",
    "room-id": "room_id | roomid | chat_id",
    "code": "error_code | errcode | code",
    "status": "status | send_status",
}
"""Assumed: the first four in `data`, the others in an entry of a list. An entry may also be the id itself."""

STATUSES: Final[Mapping[str, str]] = {"1": "SENT", "2": "FAILED", "3": "FAILED"}
"""Assumed: the statuses of the official API of WeCom; its 0 is "not sent yet"."""

_SEND: Final = "/msg/send_group_msg"
_PERSON: Final = "S:"
_ROOM: Final = "R:"
_IMAGE: Final = VendorFields("image_url size thumb_width thumb_height")
_UNBUILDABLE: Final = MassOutcome(AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.UNBUILDABLE))

_encode: Final = msgspec.json.Encoder().encode


def mass_body(call: MassCall, *, prefixed_ids: bool) -> dict[str, Any]:
    """The body of a mass send: its schema needs every list, one of them with recipients.

    Raises `ValueError` for recipients that cannot be of one call.
    """
    prefix = _ROOM if call.are_rooms else _PERSON
    if not 0 < len(call.recipients) <= MAX_RECIPIENTS or not all(name.startswith(prefix) for name in call.recipients):
        raise ValueError("a mass send has 1 to 200 recipients, all of them people or all of them rooms")
    recipients = [name if prefixed_ids else _bare(name) for name in call.recipients]
    return {
        "guid": call.guid,
        "user_list": [] if call.are_rooms else recipients,
        "room_list": recipients if call.are_rooms else [],
        **_contents(call.content),
    }


def _contents(content: MassContent) -> dict[str, Any]:
    return {
        "content": content.content,
        "image_msg_list": [_IMAGE.of(image) for image in content.images],
        "video_msg_list": [VIDEO.fields.of(video) for video in content.videos],
        "weapp_msg_list": [MINIPROGRAM.fields.of(program) for program in content.mini_programs],
        "link_msg_list": [LINK.fields.of(link) for link in content.links],
        "file_msg_list": [FILE.fields.of(file) for file in content.files],
    }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GuxingMassSends:
    """The mass sends of one provider; sends go over `transport`, all else over `probe_transport`."""

    transport: Transport
    probe_transport: Transport
    timeout_ms: int
    codes: Mapping[int, OutcomeClass]
    or_expired: Callable[[AttemptOutcome], AttemptOutcome]
    """What a refusal is where the provider does not know a file any more."""
    connection: MassConnection
    _places: Places = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", Places(ANSWER, self.connection.answer))

    async def send_mass(self, call: MassCall) -> MassOutcome:
        """One call; its outcome is judged like that of a send, but needs no id of a message."""
        try:
            body = _encode(mass_body(call, prefixed_ids=self.connection.prefixed_ids))
            mark = marker(f"{call.batch_id}.{call.chunk}.{call.attempt}")
        except Exception:  # noqa: BLE001 -- any content: no byte has left, and a gateway never raises
            return _UNBUILDABLE
        timing = Timing(self.timeout_ms, write_before_boot_ms=call.write_before_boot_ms)
        answer = await answer_or_outcome(self.transport, _SEND, body, timing, JSON, mark)
        if isinstance(answer, AttemptOutcome):
            return MassOutcome(answer)
        outcome = outcomes.of_mass(answer.status, answer.headers, answer.body, self.codes)
        data = _data(answer)
        task_id = identifier(self._places.value("task-id", data))
        if outcome.kind in REFUSALS and task_id is not None:
            outcome = dataclasses.replace(outcome, kind=OutcomeClass.UNCERTAIN, reason=Reason.CONTRADICTION)
        if outcome.kind is OutcomeClass.ACCEPTED:
            return MassOutcome(outcome, task_id, self._refused(data, call))
        return MassOutcome(self.or_expired(without_content(outcome, call.content)), task_id)

    async def mass_results(self, guid: Guid, task_id: str) -> Mapping[str, MassResult] | None:
        """Of `/msg/sync_group_msg_send_status`; one page (assumed: it has all recipients of one call)."""
        data = await self._ask(
            "/msg/sync_group_msg_send_status", {"guid": guid, "msgid": task_id, "seq": 0, "send_type": 0}
        )
        listed = self._places.value("results", data)
        if not isinstance(listed, list):
            return None
        statuses = {**STATUSES, **self.connection.statuses}
        results = {}
        for name, entry in self._entries(listed, are_rooms=False):
            status = statuses.get(str(self._places.value("status", entry)))
            if status is not None:
                results[name] = MassResult(status == "SENT", number(self._places.value("code", entry)))
        return results

    async def ineligible(self, guid: Guid, recipients: tuple[str, ...], *, are_rooms: bool) -> frozenset[str] | None:
        """Of `/msg/check_can_send_group_msg`."""
        ids = [name if self.connection.prefixed_ids else _bare(name) for name in recipients]
        data = await self._ask("/msg/check_can_send_group_msg", {"guid": guid, "vid_list": ids, "is_room": are_rooms})
        listed = self._places.value("ineligible", data)
        if not isinstance(listed, list):
            return None
        known = {_bare(name): name for name in recipients}
        return frozenset(
            known[_bare(name)] for name, _ in self._entries(listed, are_rooms=are_rooms) if _bare(name) in known
        )

    async def tasks(self, guid: Guid, next_page: str) -> Any:
        """Of `/msg/query_group_msg_confirm_list`."""
        return await self._raw("/msg/query_group_msg_confirm_list", {"guid": guid, "next_page": next_page})

    async def task(self, guid: Guid, task_id: str) -> Any:
        """Of `/msg/get_group_msg_detail`."""
        return await self._raw("/msg/get_group_msg_detail", {"guid": guid, "msgid": task_id, "send_type": 0})

    def _refused(self, data: object, call: MassCall) -> Mapping[str, int | None]:
        listed = self._places.value("refused", data)
        known = {_bare(name): name for name in call.recipients}
        return {
            known[_bare(name)]: number(self._places.value("code", entry))
            for name, entry in self._entries(listed, are_rooms=call.are_rooms)
            if _bare(name) in known
        }

    def _entries(self, listed: object, *, are_rooms: bool) -> Iterator[tuple[str, object]]:
        """Conversation id and entry of what a list has; entries that name nobody are left out."""
        for entry in listed if isinstance(listed, list) else ():
            room = identifier(self._places.value("room-id", entry))
            name = room or identifier(self._places.value("user-id", entry)) or identifier(entry)
            if name is not None:
                prefix = _ROOM if are_rooms or room is not None else _PERSON
                yield (name if name.startswith((_PERSON, _ROOM)) else f"{prefix}{name}"), entry

    async def _ask(self, path: str, request: Mapping[str, Any]) -> object:
        """`data` of a read-only call; None without a good answer."""
        answer = await self._answer(path, request)
        if answer is None:
            return None
        envelope = read_envelope(answer.body)
        return None if envelope is None or envelope.refused else envelope.data

    async def _raw(self, path: str, request: Mapping[str, Any]) -> Any:
        answer = await self._answer(path, request)
        try:
            return None if answer is None else parse(answer.body)
        except ValueError:
            return None

    async def _answer(self, path: str, request: Mapping[str, Any]) -> Answer | None:
        try:
            body = _encode(request)
        except ValueError:  # a lone surrogate: not an id of the vendor
            return None
        answer = await answer_or_outcome(self.probe_transport, path, body, Timing(PROBE_MS), JSON)
        return None if isinstance(answer, AttemptOutcome) or not is_success(answer.status) else answer


def _bare(conversation_id: str) -> str:
    """The id of the person or room, without prefix and customer-service session."""
    return conversation_id.removeprefix(_PERSON).removeprefix(_ROOM).partition(";")[0]


def _data(answer: Answer) -> object:
    envelope = read_envelope(answer.body)
    return None if envelope is None else envelope.data
