"""Mass sends at Guxing: the body is the vendor's schema, and no answer loses or doubles a message."""

import json
from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.adapters.guxing.mass import GuxingMassSends, mass_body
from wework_message.adapters.guxing.outcomes import outcome_codes
from wework_message.adapters.http import Answer, LostError, NotWrittenError, Timing
from wework_message.domain.content import TextContent
from wework_message.domain.content.mass import MassContent
from wework_message.domain.ids import BatchId, Guid
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.mass_gateway import MassCall, MassOutcome, MassResult
from wework_message.domain.ports.protocols import MassConnection
from wework_message.simulator.contract.endpoints import check_request, contract
from wework_message.testing.strategies import mass_contents

PEOPLE: Final = ("S:7881300000000001", "S:7881300000000002")
ROOMS: Final = ("R:10810965948920358",)
GUID: Final = Guid("g-1")
SEND: Final = "/msg/send_group_msg"


class Vendor:
    """Always answers the same."""

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer
        self.calls: list[tuple[str, Any, Sequence[tuple[str, str]], Timing]] = []

    async def post(self, path: str, body: bytes, *, timing: Timing, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        self.calls.append((path, json.loads(body), headers, timing))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def envelope(data: object, code: int = 0, message: str = "") -> Answer:
    return Answer(200, {}, json.dumps({"error_code": code, "error_message": message, "data": data}).encode(), 1.0)


def a_call(recipients: tuple[str, ...] = PEOPLE, content: MassContent | None = None, **changes: Any) -> MassCall:
    fields: dict[str, Any] = {
        "batch_id": BatchId("b-1"), "chunk": 2, "attempt": 1, "guid": GUID, "recipients": recipients,
        "are_rooms": recipients[:1] == ROOMS, "content": content or MassContent(content="tomorrow at ten"),
        "write_before_boot_ms": 1_234.5,
    }  # fmt: skip
    return MassCall(**fields | changes)


def mass_sends(result: Answer | Exception, /, **connection: Any) -> tuple[GuxingMassSends, Vendor, Vendor]:
    sends, asks = Vendor(result), Vendor(result)

    def or_expired(outcome: AttemptOutcome) -> AttemptOutcome:
        return AttemptOutcome(OutcomeClass.NOT_SENT, Reason.MEDIA_EXPIRED) if outcome.error_code == -88 else outcome

    gateway = GuxingMassSends(
        transport=sends, probe_transport=asks, timeout_ms=30_000, codes=outcome_codes({}), or_expired=or_expired,
        connection=MassConnection(**connection),
    )  # fmt: skip
    return gateway, sends, asks


@given(content=mass_contents(), are_rooms=st.booleans(), prefixed_ids=st.booleans())
def test_every_content_is_sent_in_the_form_of_the_schema(
    content: MassContent, are_rooms: bool, prefixed_ids: bool
) -> None:
    call = a_call(ROOMS if are_rooms else PEOPLE, content)
    body = json.loads(json.dumps(mass_body(call, prefixed_ids=prefixed_ids)))
    endpoint = contract().endpoints[SEND]
    assert check_request(endpoint, body, inline_required=True) == []
    assert body.keys() == endpoint.fields.keys()
    for name, field in endpoint.fields.items():
        if field.items is not None and field.items.properties is not None:
            assert all(item.keys() == field.items.properties.keys() for item in body[name])
    ids = list(call.recipients) if prefixed_ids else [name[2:] for name in call.recipients]
    assert (body["user_list"], body["room_list"]) == (([], ids) if are_rooms else (ids, []))


@pytest.mark.parametrize(
    "changes",
    [
        {"recipients": ()},
        {"recipients": tuple(f"S:{number}" for number in range(201))},
        {"recipients": (*PEOPLE, *ROOMS)},
        {"are_rooms": True},
        {"guid": "\ud83d"},
        {"batch_id": "b\n"},
        {"content": TextContent(content="a text")},
    ],
)
async def test_what_cannot_be_one_call_is_not_sent(changes: dict[str, Any]) -> None:
    gateway, sends, _ = mass_sends(envelope({}))
    end = await gateway.send_mass(a_call(**changes))
    assert (end.outcome.kind, end.outcome.reason, sends.calls) == (OutcomeClass.NOT_SENT, Reason.UNBUILDABLE, [])


async def test_200_recipients_are_one_call_with_a_mark_and_in_time() -> None:
    gateway, sends, asks = mass_sends(envelope({}))
    people = tuple(f"S:{number};5" for number in range(200))
    assert (await gateway.send_mass(a_call(people))).outcome.kind is OutcomeClass.ACCEPTED
    ((path, body, headers, timing),) = sends.calls
    assert (path, body["user_list"][199], asks.calls) == (SEND, "199", [])
    assert ("x-request-id", "b-1.2.1") in headers
    assert (timing.total_ms, timing.write_before_boot_ms) == (30_000, 1_234.5)


ACCEPTED: Final = AttemptOutcome(OutcomeClass.ACCEPTED)
U: Final = OutcomeClass.UNCERTAIN


@pytest.mark.parametrize(
    ("data", "end"),
    [
        ({}, MassOutcome(ACCEPTED)),
        ([], MassOutcome(ACCEPTED)),
        ({"msgid": "m1", "is_svr_fail": False}, MassOutcome(ACCEPTED, "m1")),
        ({"msg_data": {"id": "7"}, "task_id": 12}, MassOutcome(ACCEPTED, "12")),
        ({"fail_list": ["7881300000000002", "99"]}, MassOutcome(ACCEPTED, None, {PEOPLE[1]: None})),
        (
            {"failed_list": [{"user_id": 7881300000000001, "errcode": 41}, {}, None]},
            MassOutcome(ACCEPTED, None, {PEOPLE[0]: 41}),
        ),
        ({"fail_list": [PEOPLE[0]]}, MassOutcome(ACCEPTED, None, {PEOPLE[0]: None})),
        ({"fail_list": "all"}, MassOutcome(ACCEPTED)),
    ],
)
async def test_an_accepted_call_says_who_was_left_out(data: object, end: MassOutcome) -> None:
    assert await mass_sends(envelope(data))[0].send_mass(a_call()) == end


async def test_what_is_where_in_an_answer_is_the_operators() -> None:
    data = {"task": {"no": "m1"}, "left": [{"who": PEOPLE[0], "why": -3}]}
    places = {"task-id": "task.no", "refused": "left", "user-id": "who", "code": "why"}
    end = await mass_sends(envelope(data), answer=places)[0].send_mass(a_call())
    assert end == MassOutcome(ACCEPTED, "m1", {PEOPLE[0]: -3})


@pytest.mark.parametrize(
    ("answer", "kind", "reason", "task_id"),
    [
        (envelope({"is_svr_fail": True, "msgid": "m1"}), U, Reason.SERVER_FAILED, "m1"),
        (envelope({"msgid": "m1"}, -9), U, Reason.CONTRADICTION, "m1"),
        (envelope({"msg_data": {"id": "7"}}, -9), U, Reason.CONTRADICTION, None),
        (Answer(200, {}, b"<html>", 1.0), U, Reason.UNREADABLE, None),
        (Answer(500, {}, b"", 1.0), U, Reason.of_status(500), None),
        (LostError(Reason.DEADLINE), U, Reason.DEADLINE, None),
        (NotWrittenError(Reason.CONNECT), OutcomeClass.NOT_SENT, Reason.CONNECT, None),
        (RuntimeError("of a transport"), U, Reason.TRANSPORT, None),
        (Answer(429, {}, b"", 1.0), OutcomeClass.THROTTLED, Reason.of_status(429), None),
        (envelope({}, -4017), OutcomeClass.REFUSED_PERMANENT, Reason.CODE, None),
        (envelope({}, -30004), OutcomeClass.REFUSED_PERMANENT, Reason.UNKNOWN_CODE, None),
        (envelope({}, -88), OutcomeClass.NOT_SENT, Reason.MEDIA_EXPIRED, None),
    ],
)
async def test_what_is_not_proven_is_uncertain(
    answer: Answer | Exception, kind: OutcomeClass, reason: Reason, task_id: str | None
) -> None:
    gateway, sends, _ = mass_sends(answer)
    end = await gateway.send_mass(a_call())
    assert (end.outcome.kind, end.outcome.reason, end.task_id, end.refused) == (kind, reason, task_id, {})
    assert end.outcome.receipt is None
    assert len(sends.calls) == 1


async def test_a_text_that_repeats_the_content_is_not_stored() -> None:
    end = await mass_sends(envelope({}, -9, "no tomorrow at ten"))[0].send_mass(a_call())
    assert (end.outcome.error_code, end.outcome.error_message) == (-9, None)


async def test_results_name_those_whose_status_is_known() -> None:
    listed = [
        {"user_id": "1", "status": 1}, {"room_id": "2", "status": "2", "error_code": -4}, {"userid": "S:3", "status": 3},
        {"userid": "4", "status": 0}, {"userid": "5"}, {"status": 1}, None, 7,
    ]  # fmt: skip
    gateway, sends, asks = mass_sends(envelope({"send_list": listed}))
    assert await gateway.mass_results(GUID, "m1") == {
        "S:1": MassResult(sent=True), "R:2": MassResult(sent=False, error_code=-4), "S:3": MassResult(sent=False)
    }  # fmt: skip
    ((path, body, _, _),) = asks.calls
    assert (path, sends.calls) == ("/msg/sync_group_msg_send_status", [])
    assert body == {"guid": "g-1", "msgid": "m1", "seq": 0, "send_type": 0}
    assert check_request(contract().endpoints[path], body, inline_required=True) == []


async def test_statuses_are_the_operators() -> None:
    gateway, *_ = mass_sends(
        envelope({"list": [{"vid": "1", "status": 9}, {"vid": "2", "status": 1}]}), statuses={"9": "SENT"}
    )
    assert await gateway.mass_results(GUID, "m1") == {"S:1": MassResult(sent=True), "S:2": MassResult(sent=True)}


@pytest.mark.parametrize(
    "answer",
    [envelope({}), envelope({"send_list": {}, "fail_list": 1}), envelope({"send_list": []}, -9), envelope([]),
     Answer(500, {}, b"", 1.0), Answer(200, {}, b"<html>", 1.0), LostError(Reason.READ)],
)  # fmt: skip
async def test_what_is_not_understood_is_no_result(answer: Answer | Exception) -> None:
    gateway, *_ = mass_sends(answer)
    assert await gateway.mass_results(GUID, "m1") is None
    assert await gateway.ineligible(GUID, PEOPLE, are_rooms=False) is None
    assert await gateway.mass_results(Guid("\ud83d"), "m1") is None


async def test_who_cannot_get_one_is_asked_by_id() -> None:
    gateway, _, asks = mass_sends(envelope({"fail_list": [{"vid": "7881300000000002"}, "99"]}))
    assert await gateway.ineligible(GUID, PEOPLE, are_rooms=False) == frozenset({PEOPLE[1]})
    rooms, _, room_asks = mass_sends(envelope({"invalid_list": [ROOMS[0][2:]]}), prefixed_ids=True)
    assert await rooms.ineligible(GUID, ROOMS, are_rooms=True) == frozenset(ROOMS)
    assert asks.calls[0][1] == {"guid": "g-1", "vid_list": [name[2:] for name in PEOPLE], "is_room": False}
    assert room_asks.calls[0][1] == {"guid": "g-1", "vid_list": list(ROOMS), "is_room": True}


async def test_tasks_are_passed_on_as_they_are() -> None:
    answer = envelope({"anything": [1]}, -9)
    gateway, _, asks = mass_sends(answer)
    for raw in (await gateway.tasks(GUID, "p2"), await gateway.task(GUID, "m1")):
        assert raw == json.loads(answer.body)
    assert [(path, body) for path, body, *_ in asks.calls] == [
        ("/msg/query_group_msg_confirm_list", {"guid": "g-1", "next_page": "p2"}),
        ("/msg/get_group_msg_detail", {"guid": "g-1", "msgid": "m1", "send_type": 0}),
    ]
    for no_answer in (Answer(200, {}, b"<html>", 1.0), Answer(502, {}, b"{}", 1.0), LostError(Reason.READ)):
        assert await mass_sends(no_answer)[0].tasks(GUID, "") is None
