"""Calls about instances: paths and bodies as the contract has them, and outcomes as for recalls."""

import json
from collections.abc import Sequence

import pytest

from wework_message.adapters.guxing.instances import GuxingInstanceGateway
from wework_message.adapters.http import Answer, LostError, NotWrittenError, Timing
from wework_message.domain.ids import Guid
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.instances import InstanceAdmin, Notify

GUID = Guid("g-1")
OK = '{"error_code": 0, "data": {}}'


class ScriptedTransport:
    """A transport with a fixed answer or failure; records its calls."""

    def __init__(self, result: Answer | Exception) -> None:
        self.result = result
        self.calls: list[tuple[str, bytes]] = []

    async def post(self, path: str, body: bytes, *, timing: Timing, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        self.calls.append((path, body))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def answering(body: str, status: int = 200) -> ScriptedTransport:
    return ScriptedTransport(Answer(status, {}, body.encode(), 1.0))


async def every_order(transport: ScriptedTransport) -> list[AttemptOutcome]:
    gateway = GuxingInstanceGateway(transport)
    return [
        await gateway.set_callback_url(GUID, "https://hooks.example/x"),
        await gateway.set_notify(GUID, Notify.OWN),
        await gateway.set_notify(GUID, Notify.ALL),
        await gateway.mark_read(GUID, "S:1"),
    ]


async def test_the_requests_are_those_of_the_contract() -> None:
    transport = answering(OK)
    assert {outcome.kind for outcome in await every_order(transport)} == {OutcomeClass.ACCEPTED}
    own = {"guid": "g-1", "self_msg": True, "self_room_msg": True, "room_white_list": []}
    assert [(path, json.loads(body)) for path, body in transport.calls] == [
        ("/client/set_notify_url", {"guid": "g-1", "notify_url": "https://hooks.example/x"}),
        ("/client/set_notify_msg_flag", own | {"contact_msg": False, "contact_room_msg": False}),
        ("/client/set_notify_msg_flag", own | {"contact_msg": True, "contact_room_msg": True}),
        ("/msg/report_unread", {"guid": "g-1", "conversation_id": "S:1"}),
    ]


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (
            Answer(200, {}, b'{"error_code": -7, "error_message": "no", "data": {}}', 1.0),
            OutcomeClass.REFUSED_PERMANENT,
        ),
        (Answer(500, {}, b"<html>", 1.0), OutcomeClass.UNCERTAIN),
        (NotWrittenError(Reason.CONNECT), OutcomeClass.NOT_SENT),
        (LostError(Reason.READ), OutcomeClass.UNCERTAIN),
    ],
)
async def test_an_order_that_fails_is_an_outcome(result: Answer | Exception, kind: OutcomeClass) -> None:
    assert {outcome.kind for outcome in await every_order(ScriptedTransport(result))} == {kind}


@pytest.mark.parametrize(
    ("answer", "paths"),
    [
        (OK, ["/client/restore_client"]),
        ('{"error_code": -7, "error_message": "no", "data": {}}', ["/client/restore_client", "/login/auto_login"]),
    ],
)
async def test_a_login_starts_the_instance_and_then_opens_its_stored_login(answer: str, paths: list[str]) -> None:
    transport = answering(answer)
    await GuxingInstanceGateway(transport).log_in(GUID)
    assert [path for path, _ in transport.calls] == paths
    restore = {"guid": "g-1", "force_online": False, "auto_start": True, "sync_history_msg": True}
    assert [json.loads(body) for _, body in transport.calls] == [restore, {"guid": "g-1"}][: len(paths)]


async def test_an_id_that_cannot_be_encoded_is_not_sent() -> None:
    transport = answering(OK)
    outcome = await GuxingInstanceGateway(transport).mark_read(Guid("\ud800"), "S:1")
    assert (outcome.kind, transport.calls) == (OutcomeClass.NOT_SENT, [])


@pytest.mark.parametrize(
    ("body", "guids"),
    [
        ('{"data": ["b", "a", "b", 7, null, ""]}', ["7", "a", "b"]),
        ('{"error_code": 0, "data": []}', []),
        ('{"error_code": 0, "data": {}}', None),
        ('{"error_code": -1, "data": ["a"]}', None),
        ("<html>", None),
    ],
)
async def test_the_instances_are_the_array_in_data(body: str, guids: list[str] | None) -> None:
    gateway = GuxingInstanceGateway(answering(body))
    assert isinstance(gateway, InstanceAdmin)
    assert await gateway.instances() == guids


@pytest.mark.parametrize(
    ("body", "guid"),
    [
        ('{"error_code": 0, "error_message": "ok", "data": {"guid": "g-9"}}', "g-9"),
        ('{"data": {"guid": "g-9", "client_type": 244}}', "g-9"),
        ('{"error_code": 0, "data": "g-9"}', "g-9"),
        ('"{\\"error_code\\": 0, \\"data\\": {\\"guid\\": \\"g-9\\"}}"', "g-9"),
    ],
)
async def test_a_new_instance_has_the_guid_that_stands_where_others_do(body: str, guid: str) -> None:
    transport = answering(body)
    made = await GuxingInstanceGateway(transport).make_instance()
    assert (made.outcome.kind, made.guid) == (OutcomeClass.ACCEPTED, guid)
    assert transport.calls == [("/client/create_client", b"{}")]


@pytest.mark.parametrize(
    "body",
    [
        '{"error_code": 0, "data": {}}',
        '{"error_code": 0, "data": {"guid": null}}',
        '{"error_code": 0, "data": {"guid": "0"}}',
        '{"error_code": 0, "data": {"guid": "a b"}}',
        '{"error_code": 0, "data": ["g-9"]}',
        '{"error_code": 0, "data": {"guid": "g-9"}, "is_svr_fail": true}'.replace('}, "is', ', "is') + "}",
    ],
)
async def test_a_success_without_a_guid_was_perhaps_one(body: str) -> None:
    made = await GuxingInstanceGateway(answering(body)).make_instance()
    assert (made.outcome.kind, made.guid) == (OutcomeClass.UNCERTAIN, None)


async def test_a_code_that_no_table_knows_does_not_prove_that_nothing_was_made() -> None:
    refusing = answering('{"error_code": -7, "error_message": "no", "data": {}}')
    outcome, guid = await GuxingInstanceGateway(refusing).make_instance()
    assert (outcome.kind, outcome.confirmed, guid) == (OutcomeClass.REFUSED_PERMANENT, False, None)
    known = GuxingInstanceGateway(refusing, outcome_codes={"-7": OutcomeClass.REFUSED_PERMANENT})
    assert (await known.make_instance()).outcome.confirmed


async def test_the_login_code_is_the_content_of_the_answer_and_nothing_shows_it() -> None:
    data = {"qrcode": "/9j/4AAQ", "key": "09E3", "qrcode_content": "https://wx.example/auth?key=09E3"}
    transport = answering(json.dumps({"error_code": 0, "error_message": "ok", "data": data}))
    code = await GuxingInstanceGateway(transport).login_code(GUID)
    assert (code.outcome.kind, code.content, code.image) == (OutcomeClass.ACCEPTED, data["qrcode_content"], "/9j/4AAQ")
    assert "09E3" not in repr(code)
    ((path, body),) = transport.calls
    assert (path, json.loads(body)) == ("/login/get_login_qrcode", {"guid": "g-1", "verify_login": False})


@pytest.mark.parametrize("data", ["{}", '{"qrcode": "/9j/"}', '{"qrcode_content": ""}', '{"qrcode_content": 7}', "[]"])
async def test_an_answer_without_a_content_is_no_login_code(data: str) -> None:
    code = await GuxingInstanceGateway(answering(f'{{"error_code": 0, "data": {data}}}')).login_code(GUID)
    assert (code.outcome.kind, code.content, code.image) == (OutcomeClass.UNCERTAIN, None, None)


async def test_the_code_of_a_login_is_passed_on_as_the_vendor_documents_it() -> None:
    transport = answering('{"error_code": 0, "error_message": "ok", "data": {}}')
    assert (await GuxingInstanceGateway(transport).verify_login(GUID, "735915")).kind is OutcomeClass.ACCEPTED
    assert transport.calls == [("/login/verify_login_qrcode", b'{"guid":"g-1","code":"735915"}')]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, '{"error_code": -9, "error_message": "735915 is wrong", "data": {}}'),
        (422, '{"detail": [{"loc": ["body", "735915"], "msg": "735915 is too long", "type": "x"}]}'),
    ],
)
async def test_a_refused_code_of_a_login_is_not_repeated_in_the_outcome(status: int, body: str) -> None:
    outcome = await GuxingInstanceGateway(answering(body, status)).verify_login(GUID, "735915")
    assert (outcome.kind, outcome.error_message) == (OutcomeClass.REFUSED_PERMANENT, None)
    assert "735915" not in repr(outcome)


async def test_a_picture_that_is_too_large_is_left_out() -> None:
    data = {"qrcode": "x" * 300_000, "qrcode_content": "https://wx.example"}
    code = await GuxingInstanceGateway(answering(json.dumps({"data": data}))).login_code(GUID)
    assert (code.content, code.image) == ("https://wx.example", None)
