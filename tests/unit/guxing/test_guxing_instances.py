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


def answering(body: str) -> ScriptedTransport:
    return ScriptedTransport(Answer(200, {}, body.encode(), 1.0))


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
