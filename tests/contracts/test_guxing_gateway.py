"""The protocol Guxing passes the shipped suite, over both transports; what is the vendor's own is tried on the simulator."""

import base64
import itertools
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, get_args

import httpx
import msgspec
import pytest
from tests.contracts.instance_admin_contract import InstanceAdminContract, SessionRestorerContract
from tests.support.builders.guxing_contents import CONTENTS
from tests.support.builders.messages import CONVERSATION, a_message_id
from tests.support.processes.running_service import client_of

from wework_message.adapters.guxing.gateway import GuxingGateway
from wework_message.adapters.guxing.httpx_transport import HttpxTransport
from wework_message.adapters.guxing.protocol import GuxingProtocol
from wework_message.adapters.http import HttpClient, boot_ms
from wework_message.domain.content import CONTENTS as TYPES
from wework_message.domain.content import Content, TextContent, decode_content
from wework_message.domain.ids import Guid, ProviderMessageId
from wework_message.domain.outcomes import REFUSALS, OutcomeClass
from wework_message.domain.ports.gateway import ClientState, Dispatch, MessageGateway, Recall
from wework_message.domain.ports.instances import InstanceAdmin
from wework_message.domain.ports.protocols import ProviderConnection, ProviderProtocol
from wework_message.entrypoints.wire.requests.examples import content_example
from wework_message.simulator import SimulatorOptions, running
from wework_message.simulator.faults.actions import Kind
from wework_message.simulator.server import RunningSimulator
from wework_message.testing.provider_contract import HttpProvider, ProviderContract, Reply, Request
from wework_message.testing.provider_contract.calls import CallContract

GUID: Final = Guid("g-1")
AMPLE_MS: Final = 20_000
"""A deadline that a passing test never reaches."""
ROOM: Final = "R:10810965948920358"
RECORD: Final[dict[str, Any]] = {
    "seq": "14303419", "id": "1000127", "appinfo": "CAUQ/uWVwgY=", "sender": "1688850000000001",
    "receiver": "7881300000000001", "roomid": "0", "sendtime": 1753761234, "sender_name": "Example Agent",
    "content_type": 2, "referid": "0", "flag": 16_777_216, "content": "你好", "send_flag": 1, "msg_type": 2,
}  # fmt: skip


def callback(notify_type: int, data: object) -> bytes:
    return json.dumps({"guid": GUID, "notify_type": notify_type, "data": data}).encode()


class GuxingOverHttpx(GuxingProtocol):
    """The same protocol over the second transport (ADR 9)."""

    @asynccontextmanager
    async def open(self, connection: ProviderConnection) -> AsyncIterator[MessageGateway]:
        transport = HttpxTransport(connection.url, max_connections=connection.calls)
        yield GuxingGateway(transport, timeout_ms=connection.timeout_ms, outcome_codes=connection.outcome_codes)
        await transport.aclose()


class Vendor:
    """The vendor's usual answers, as captured."""

    def __init__(self) -> None:
        self._ids = itertools.count(1_000_127)

    def answer(self, request: Request) -> Reply:
        if request.path.startswith("/msg/send_"):
            provider_message_id = str(next(self._ids))
            app_info = base64.b64encode(b"key").decode()
            data = {"msg_data": {"id": provider_message_id, "seq": "7", "appinfo": app_info}, "is_svr_fail": False}
            return _envelope(data, executed=True)
        if request.path.startswith("/cloud/"):
            return _envelope(
                {"file_id": f"30{next(self._ids)}", "aes_key": "ab", "url": "https://wework.qpic.example/1"}
            )
        if request.path == "/client/create_client":
            return _envelope({"guid": f"made-{next(self._ids)}"})
        if request.path == "/login/get_login_qrcode":
            return _envelope({"qrcode": "/9j/", "key": "09E3", "qrcode_content": "https://wx.example/auth?key=09E3"})
        if request.path == "/sync/sync_msg":
            key = int(json.loads(request.body)["sync_key"])
            records = [RECORD] if key < int(RECORD["seq"]) else []
            return _envelope({"msg_list": records, "continue_flag": 0})
        return _envelope({"status": 2} if request.path == "/client/get_client_status" else {})

    def refusal(self, code: int) -> Reply:
        return Reply(json.dumps({"error_code": code, "error_message": "no", "data": {}}).encode())


def _envelope(data: object, *, executed: bool = False) -> Reply:
    return Reply(json.dumps({"error_code": 0, "error_message": "ok", "data": data}).encode(), executed=executed)


class TestGuxingProtocol(ProviderContract):
    conversation = ROOM
    stream_seq = RECORD["seq"]
    callbacks = (
        callback(11010, RECORD),
        callback(11013, [RECORD, RECORD | {"id": "1000129", "seq": "14303420", "referid": "1000127"}]),
        callback(11003, {"user_id": "1688850000000001"}),
        callback(11004, {}),
        callback(19999, {"new": "kind"}),
    )

    @pytest.fixture
    def protocol(self) -> ProviderProtocol:
        return GuxingProtocol()

    @pytest.fixture
    def provider(self) -> HttpProvider:
        return HttpProvider(Vendor(), sends="/msg/send_")


class TestGuxingInstances(InstanceAdminContract, SessionRestorerContract):
    @pytest.fixture
    async def admin(self, simulator: RunningSimulator, guid: Guid) -> AsyncIterator[InstanceAdmin]:
        async with GuxingProtocol().open(ProviderConnection(simulator.url, AMPLE_MS, 1)) as gateway:
            assert isinstance(gateway, InstanceAdmin)
            assert await gateway.client_state(guid) is ClientState.ONLINE  # its first use makes the simulator create it
            yield gateway

    @pytest.fixture
    async def unreachable(self) -> AsyncIterator[InstanceAdmin]:
        with socket.socket() as taken:  # bound and not listening, as below
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            async with GuxingProtocol().open(ProviderConnection(url, AMPLE_MS, 1)) as gateway:
                assert isinstance(gateway, InstanceAdmin)
                yield gateway

    @pytest.fixture
    def guid(self) -> Guid:
        return GUID


class TestGuxingOverHttpx(CallContract):
    """The calls alone: what the protocol declares and reads has nothing to do with its transport."""

    conversation = ROOM

    @pytest.fixture
    def protocol(self) -> ProviderProtocol:
        return GuxingOverHttpx()

    @pytest.fixture
    def provider(self) -> HttpProvider:
        return HttpProvider(Vendor(), sends="/msg/send_")


U, P, T = OutcomeClass.UNCERTAIN, OutcomeClass.REFUSED_PERMANENT, OutcomeClass.THROTTLED

NEVER_MS: Final = 60_000

FAULTS: Final[list[tuple[dict[str, Any], OutcomeClass, str | None, bool]]] = [
    ({"kind": "http_500_before"}, U, "HTTP_500", False),
    ({"kind": "http_500_after"}, U, "HTTP_500", True),
    ({"kind": "http_502"}, U, "HTTP_502", False),
    ({"kind": "http_502", "executed": True}, U, "HTTP_502", True),
    ({"kind": "closed_before"}, U, None, False),
    ({"kind": "answer_lost"}, U, None, True),
    ({"kind": "reset", "when": "before"}, U, None, True),
    ({"kind": "reset"}, U, None, True),
    ({"kind": "truncated"}, U, None, True),
    ({"kind": "svr_fail"}, U, "SVR_FAIL", False),
    ({"kind": "svr_fail", "executed": True}, U, "SVR_FAIL", True),
    ({"kind": "no_id"}, U, "NO_ID", True),
    ({"kind": "html"}, U, "UNREADABLE", False),
    ({"kind": "html", "executed": True}, U, "UNREADABLE", True),
    ({"kind": "garbage"}, U, "UNREADABLE", False),
    ({"kind": "garbage", "executed": True}, U, "UNREADABLE", True),
    ({"kind": "nan"}, U, "UNREADABLE", True),
    ({"kind": "deep"}, U, "UNREADABLE", True),
    ({"kind": "oversize"}, U, "OVERSIZE", True),
    ({"kind": "json_string"}, OutcomeClass.ACCEPTED, None, True),
    ({"kind": "send_fail_later"}, OutcomeClass.ACCEPTED, None, True),
    ({"kind": "slow", "delay_ms": 1}, OutcomeClass.ACCEPTED, None, True),
    ({"kind": "drip", "delay_ms": 0}, OutcomeClass.ACCEPTED, None, True),
    ({"kind": "stall", "when": "before", "delay_ms": 1}, OutcomeClass.ACCEPTED, None, True),
    ({"kind": "stall", "when": "while", "delay_ms": 1}, OutcomeClass.ACCEPTED, None, True),
    ({"kind": "stall", "when": "after", "delay_ms": 1}, OutcomeClass.ACCEPTED, None, True),
    ({"kind": "refuse", "error_code": -2003}, P, "CODE", False),
    ({"kind": "refuse", "error_code": -4017}, P, "CODE", False),
    ({"kind": "refuse", "error_code": -4046}, OutcomeClass.REFUSED_CAPABILITY, "CODE", False),
    ({"kind": "refuse", "error_code": -5103011}, P, "UNKNOWN_CODE", False),
    ({"kind": "throttle", "retry_after_s": 2}, T, "HTTP_429", False),
]
"""What the simulator can do to a send: fault, outcome, reason (None: any), and whether the provider executed the call."""

LATE: Final[list[dict[str, Any]]] = [
    {"kind": "slow", "when": "after", "delay_ms": NEVER_MS},
    {"kind": "drip", "delay_ms": NEVER_MS},
    {"kind": "stall", "when": "before", "delay_ms": NEVER_MS},
    {"kind": "stall", "when": "while", "delay_ms": NEVER_MS},
    {"kind": "stall", "when": "after", "delay_ms": NEVER_MS},
]
"""Answers to an executed call that do not come in time."""

PROVABLY_UNSENT: Final = REFUSALS | {OutcomeClass.THROTTLED, OutcomeClass.NOT_SENT}


def dispatch(content: Content | None = None, **changes: Any) -> Dispatch:
    fields: dict[str, Any] = {
        "message_id": a_message_id(), "attempt": 2, "guid": GUID, "conversation_id": CONVERSATION,
        "content": content or TextContent(content="hello"), "write_before_boot_ms": boot_ms() + 20_000,
    }  # fmt: skip
    return Dispatch(**fields | changes)


@pytest.fixture
async def simulator() -> AsyncIterator[RunningSimulator]:
    async with running(SimulatorOptions(fsync=False)) as started:
        yield started


@pytest.fixture
async def control(simulator: RunningSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(simulator.url) as client:
        yield client


@pytest.fixture
async def gateway(simulator: RunningSimulator) -> AsyncIterator[MessageGateway]:
    transport = HttpClient(simulator.url)
    yield GuxingGateway(transport)
    await transport.aclose()


async def inject(control: httpx.AsyncClient, fault: dict[str, Any]) -> None:
    """Apply the fault to the next call that it fits."""
    (await control.post("/_sim/faults", json={"times": 1, **fault})).raise_for_status()


async def calls(control: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Every request for a send or recall, oldest first."""
    entries: list[dict[str, Any]] = (await control.get("/_sim/ledger")).json()
    return entries


@pytest.mark.parametrize(("fault", "kind", "reason", "executed"), FAULTS, ids=str)
async def test_fault_has_its_outcome_and_costs_one_request(
    gateway: MessageGateway,
    control: httpx.AsyncClient,
    fault: dict[str, Any],
    kind: OutcomeClass,
    reason: str | None,
    executed: bool,
) -> None:
    await inject(control, fault)
    sent = dispatch()
    outcome = await gateway.send(sent)
    assert outcome.kind is kind
    assert reason in {None, outcome.reason}
    (call,) = await calls(control)
    assert (call["marker"], call["executed"]) == (f"{sent.message_id}.2", executed)
    if kind is OutcomeClass.ACCEPTED:
        assert outcome.receipt is not None
        assert outcome.receipt.provider_message_id == call["id"]
    assert outcome.confirmed is (reason != "UNKNOWN_CODE")
    assert outcome.retry_after_ms == (2_000 if kind is T else None)


def test_every_kind_of_fault_has_an_outcome_and_no_executed_call_is_taken_for_unsent() -> None:
    kinds = {row[0]["kind"] for row in FAULTS} | {"reused_id"}  # has a test of its own
    assert set(get_args(Kind)) == kinds
    assert [fault for fault, outcome, _, executed in FAULTS if executed and outcome in PROVABLY_UNSENT] == []


@pytest.mark.parametrize("fault", LATE, ids=str)
async def test_answer_that_does_not_come_in_time_is_uncertain(
    simulator: RunningSimulator, control: httpx.AsyncClient, fault: dict[str, Any]
) -> None:
    transport = HttpClient(simulator.url)
    await inject(control, fault)
    outcome = await GuxingGateway(transport, timeout_ms=400).send(dispatch())
    assert (outcome.kind, outcome.reason) == (U, "DEADLINE")
    assert [call["executed"] for call in await calls(control)] == [True]
    await transport.aclose()


async def test_reused_id_is_reported_as_it_came(gateway: MessageGateway, control: httpx.AsyncClient) -> None:
    first = await gateway.send(dispatch())
    await inject(control, {"kind": "reused_id"})
    second = await gateway.send(dispatch())
    assert first.receipt is not None
    assert second.receipt is not None
    assert second.receipt.provider_message_id == first.receipt.provider_message_id
    assert [call["executed"] for call in await calls(control)] == [True, True]


async def test_offline_instance_refuses_with_a_code_that_no_table_knows(
    gateway: MessageGateway, control: httpx.AsyncClient
) -> None:
    for status, state in ((0, ClientState.OFFLINE), (2, ClientState.ONLINE), (1, ClientState.OFFLINE)):
        (await control.post(f"/_sim/guids/{GUID}", json={"status": status})).raise_for_status()
        assert await gateway.client_state(GUID) is state
    outcome = await gateway.send(dispatch())
    assert (outcome.kind, outcome.reason, outcome.confirmed) == (P, "UNKNOWN_CODE", False)
    assert [call["executed"] for call in await calls(control)] == [False]


async def test_conversation_without_its_prefix_is_refused(gateway: MessageGateway) -> None:
    outcome = await gateway.send(dispatch(conversation_id="7881300000000001"))
    assert (outcome.kind, outcome.error_code, outcome.confirmed) == (P, -2003, True)


async def test_every_type_is_accepted_by_a_strict_provider(gateway: MessageGateway, control: httpx.AsyncClient) -> None:
    examples = {name: decode_content(msgspec.json.encode(content_example(name))) for name in TYPES}
    for name, content in (examples | CONTENTS).items():
        outcome = await gateway.send(dispatch(content, conversation_id=ROOM))
        assert outcome.kind is OutcomeClass.ACCEPTED, name
    assert [call["executed"] for call in await calls(control)] == [True] * len(examples | CONTENTS)


async def test_recall_of_what_the_provider_does_not_know_is_refused(gateway: MessageGateway) -> None:
    outcome = await gateway.recall(Recall(a_message_id(), GUID, CONVERSATION, ProviderMessageId("404")))
    assert (outcome.kind, outcome.confirmed) == (P, False)


async def test_recall_whose_answer_is_lost_is_uncertain_and_was_executed(
    gateway: MessageGateway, control: httpx.AsyncClient
) -> None:
    sent = await gateway.send(dispatch())
    assert sent.receipt is not None
    await inject(control, {"kind": "answer_lost", "path": "/msg/revoke_msg"})
    outcome = await gateway.recall(Recall(a_message_id(), GUID, CONVERSATION, sent.receipt.provider_message_id))
    assert outcome.kind is U
    assert [call["executed"] for call in await calls(control)] == [True, True]
