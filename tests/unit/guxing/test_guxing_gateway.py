"""The outcomes of a gateway for each result of its transport; the transports are tested over sockets."""

import asyncio
import json
from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.guxing_contents import CONTENTS

from wework_message.adapters.guxing.gateway import GuxingGateway
from wework_message.adapters.http import Answer, LostError, LostReason, NotWrittenError, NotWrittenReason, Timing
from wework_message.domain.content import (
    Content,
    ImageContent,
    MergedContent,
    MergedImage,
    QuoteContent,
    TextContent,
)
from wework_message.domain.ids import Guid, MessageId, ProviderMessageId
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState, Dispatch, Recall

RECALL = Recall(MessageId("m-1"), Guid("g-1"), "S:1", ProviderMessageId("1000127"))


class ScriptedTransport:
    """A transport with a fixed answer or failure; records its calls."""

    def __init__(self, result: Answer | BaseException) -> None:
        self.result = result
        self.calls: list[tuple[str, bytes, Timing, tuple[tuple[str, str], ...]]] = []

    async def post(self, path: str, body: bytes, *, timing: Timing, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        self.calls.append((path, body, timing, tuple(headers)))
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


def answering(body: str, status: int = 200) -> ScriptedTransport:
    return ScriptedTransport(Answer(status, {}, body.encode(), 1.0))


def dispatch(content: Content | None = None, message_id: str = "m-1") -> Dispatch:
    return Dispatch(MessageId(message_id), 3, Guid("g-1"), "S:1", content or TextContent(content="hello"), 1_234.5)


NOT_WRITTEN: tuple[NotWrittenReason, ...] = get_args(NotWrittenReason)
LOST: tuple[LostReason, ...] = get_args(LostReason)
FAILURES = [
    *[(NotWrittenError(reason), OutcomeClass.NOT_SENT, reason) for reason in NOT_WRITTEN],
    *[(LostError(reason), OutcomeClass.UNCERTAIN, reason) for reason in LOST],
    (RuntimeError("of a transport"), OutcomeClass.UNCERTAIN, "TRANSPORT"),
    (ValueError("of a transport"), OutcomeClass.UNCERTAIN, "TRANSPORT"),
]


async def test_read_only_calls_use_no_connection_of_sends() -> None:
    sends, probes = answering('{"error_code": -2003}'), answering('{"error_code": 0, "data": {"status": 2}}')
    gateway = GuxingGateway(sends, probe_transport=probes)
    await gateway.send(dispatch())
    await gateway.recall(RECALL)
    assert await gateway.probe()
    assert await gateway.client_state(Guid("g-1")) is ClientState.ONLINE
    assert [path for path, *_ in sends.calls] == ["/msg/send_text", "/msg/revoke_msg"]
    assert [path for path, *_ in probes.calls] == ["/client/all_clients", "/client/get_client_status"]


@pytest.mark.parametrize(("failure", "kind", "reason"), FAILURES)
async def test_call_without_an_answer(failure: Exception, kind: OutcomeClass, reason: str) -> None:
    gateway = GuxingGateway(ScriptedTransport(failure))
    for outcome in (await gateway.send(dispatch()), await gateway.recall(RECALL)):
        assert (outcome.kind, outcome.reason, outcome.receipt) == (kind, reason, None)
    assert await gateway.probe() is False
    assert await gateway.client_state(Guid("g-1")) is ClientState.UNKNOWN


async def test_cancellation_passes_through() -> None:
    gateway = GuxingGateway(ScriptedTransport(asyncio.CancelledError()))
    with pytest.raises(asyncio.CancelledError):
        await gateway.send(dispatch())
    with pytest.raises(asyncio.CancelledError):
        await gateway.client_state(Guid("g-1"))


@pytest.mark.parametrize(
    "unbuildable",
    [
        dispatch(QuoteContent(content="x", quote_message_id="m-0")),
        dispatch(ImageContent(media_id="m")),
        dispatch(MergedContent(messages=(MergedImage(media_id="m", sender_name="n"),))),
        dispatch(CONTENTS["merged"], "no-uuid"),
        dispatch(message_id="消息"),
        dispatch(message_id="m\r\nx: y"),
    ],
)
async def test_request_that_cannot_be_built_is_not_sent(unbuildable: Dispatch) -> None:
    transport = answering("{}")
    outcome = await GuxingGateway(transport).send(unbuildable)
    assert (outcome.kind, outcome.reason, transport.calls) == (OutcomeClass.NOT_SENT, "UNBUILDABLE", [])


async def test_send_is_one_call_with_its_marker_and_all_its_deadlines() -> None:
    transport = answering('{"error_code":0,"data":{"msg_data":{"id":"7"}}}')
    outcome = await GuxingGateway(transport, timeout_ms=4_000, connect_ms=300).send(dispatch())
    assert outcome.kind is OutcomeClass.ACCEPTED
    (call,) = transport.calls
    path, body, timing, headers = call
    assert (path, json.loads(body)) == (
        "/msg/send_text", {"guid": "g-1", "conversation_id": "S:1", "content": "hello"}
    )  # fmt: skip
    assert timing == Timing(4_000, 300, 1_234.5)
    assert headers == (("content-type", "application/json"), ("x-request-id", "m-1.3"))


async def test_recall_contains_the_message_id_and_has_the_same_deadline() -> None:
    transport = answering('{"error_code":0,"error_message":"ok","data":{}}')
    outcome = await GuxingGateway(transport, timeout_ms=4_000).recall(RECALL)
    assert (outcome.kind, outcome.receipt) == (OutcomeClass.ACCEPTED, None)
    (call,) = transport.calls
    path, body, timing, headers = call
    assert (path, json.loads(body)) == (
        "/msg/revoke_msg", {"guid": "g-1", "conversation_id": "S:1", "msgid": "1000127"}
    )  # fmt: skip
    assert timing == Timing(4_000, 2_000)
    assert ("x-request-id", "m-1.recall") in headers


@pytest.mark.parametrize(
    ("body", "status", "answers"),
    [
        ('{"data":["g-1"]}', 200, True),
        ('{"data":[]}', 200, True),
        ('{"error_code":-1,"data":{}}', 200, True),
        ('{"error_code":0}', 200, True),
        ("<html>", 200, False),
        ("", 200, False),
        ('{"detail":"Not Found"}', 404, False),
        ('{"data":["g-1"]}', 503, False),
    ],
)
async def test_probe_needs_an_answer_in_the_vendors_form(body: str, status: int, answers: bool) -> None:
    transport = answering(body, status)
    assert await GuxingGateway(transport).probe() is answers
    assert [(path, timing.total_ms) for path, _, timing, _ in transport.calls] == [("/client/all_clients", 5_000)]


@pytest.mark.parametrize(
    ("body", "status", "state"),
    [
        ('{"error_code":0,"data":{"status":2}}', 200, ClientState.ONLINE),
        ('{"data":{"status":"2"}}', 200, ClientState.ONLINE),
        ('{"error_code":0,"data":{"status":1}}', 200, ClientState.OFFLINE),
        ('{"error_code":0,"data":{"status":0}}', 200, ClientState.OFFLINE),
        ('{"error_code":0,"data":{"status":3}}', 200, ClientState.UNKNOWN),
        ('{"error_code":0,"data":{"status":null}}', 200, ClientState.UNKNOWN),
        ('{"error_code":0,"data":[2]}', 200, ClientState.UNKNOWN),
        ('{"error_code":-1,"data":{"status":0}}', 200, ClientState.UNKNOWN),
        ('{"error_code":0,"data":{"status":2}}', 500, ClientState.UNKNOWN),
        ("x", 200, ClientState.UNKNOWN),
    ],
)
async def test_client_state(body: str, status: int, state: ClientState) -> None:
    transport = answering(body, status)
    assert await GuxingGateway(transport).client_state(Guid("g-1")) is state
    assert [(path, json.loads(sent)) for path, sent, _, _ in transport.calls] == [
        ("/client/get_client_status", {"guid": "g-1"})
    ]


async def test_instance_whose_id_cannot_be_written_is_unknown() -> None:
    transport = answering('{"error_code":0,"data":{"status":2}}')
    assert await GuxingGateway(transport).client_state(Guid("\ud83d")) is ClientState.UNKNOWN
    assert transport.calls == []


@pytest.mark.parametrize(
    ("content", "provider_text", "stored"),
    [
        (TextContent(content="a secret text that is rather long"), "refused: a secret text that is rather", None),
        (TextContent(content="abcd"), "not allowed: abcd", None),
        (TextContent(content="密码"), "含有 密码", None),
        (TextContent(content="ab"), "abnormal", "abnormal"),
        (TextContent(content="a secret text"), "no permission", "no permission"),
        (CONTENTS["merged"], "no 嵌套文本消息 here", None),
        (CONTENTS["link"], "type LINK refused", "type LINK refused"),
    ],
)
async def test_providers_text_that_repeats_the_message_is_not_stored(
    content: Content, provider_text: str, stored: str | None
) -> None:
    transport = answering(json.dumps({"error_code": -30002, "error_message": provider_text, "data": {}}))
    message_id = "0194837d-8160-7000-8000-000000000000"
    outcome = await GuxingGateway(transport).send(dispatch(content, message_id))
    assert (outcome.kind, outcome.error_code, outcome.error_message) == (
        OutcomeClass.REFUSED_PERMANENT, -30002, stored
    )  # fmt: skip


async def test_configured_code_is_used_for_sends_and_recalls() -> None:
    transport = answering('{"error_code":-30002,"data":{}}')
    gateway = GuxingGateway(transport, outcome_codes={"-30002": OutcomeClass.REFUSED_BINDING})
    for outcome in (await gateway.send(dispatch()), await gateway.recall(RECALL)):
        assert (outcome.kind, outcome.confirmed) == (OutcomeClass.REFUSED_BINDING, True)


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        ('{"error_code":-88,"error_message":"gone","data":{}}', OutcomeClass.NOT_SENT, Reason.MEDIA_EXPIRED),
        ('{"error_code":-89,"error_message":"gone","data":{}}', OutcomeClass.REFUSED_PERMANENT, Reason.UNKNOWN_CODE),
        ('{"error_code":-88,"data":{"msg_data":{"id":"7"}}}', OutcomeClass.UNCERTAIN, Reason.CONTRADICTION),
    ],
)
async def test_a_file_that_the_provider_has_forgotten_was_not_sent(
    body: str, kind: OutcomeClass, reason: Reason
) -> None:
    outcome = await GuxingGateway(answering(body), expired_codes=frozenset({-88})).send(dispatch(CONTENTS["image"]))
    assert (outcome.kind, outcome.reason) == (kind, reason)
    assert outcome.confirmed is (reason is not Reason.UNKNOWN_CODE)


@pytest.mark.parametrize(
    "settings", [{"timeout_ms": 0}, {"connect_ms": -1}, {"outcome_codes": {"-1": OutcomeClass.ACCEPTED}}]
)
def test_invalid_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"above 0|outcome-codes"):
        GuxingGateway(answering("{}"), **settings)  # type: ignore[arg-type] # wrong values are the point


@given(status=st.integers(200, 599), body=st.binary(max_size=80))
def test_no_answer_makes_a_gateway_raise(status: int, body: bytes) -> None:
    async def ask() -> None:
        gateway = GuxingGateway(ScriptedTransport(Answer(status, {}, body, 1.0)))
        assert (await gateway.send(dispatch())).kind is not OutcomeClass.ACCEPTED
        await gateway.recall(RECALL)
        await gateway.probe()
        await gateway.client_state(Guid("g-1"))

    asyncio.run(ask())
