"""The receipt of the gateway and the stream record of the callback reader are about the same message."""

import json
from collections.abc import AsyncIterator
from typing import Literal

import httpx
import msgspec
import pytest
from tests.support.builders.messages import a_message_id
from tests.support.processes.running_service import client_of
from tests.support.providers.callback_receiver import CallbackReceiver, callback_receiver

from wework_message.adapters.guxing.callbacks import GuxingCallbackReader
from wework_message.adapters.guxing.gateway import GuxingGateway
from wework_message.adapters.http import HttpClient, boot_ms
from wework_message.domain.content import CONTENTS, Content, ImageContent, TextContent, decode_content
from wework_message.domain.ids import Guid
from wework_message.domain.message.attempt import Receipt
from wework_message.domain.message.echo_keys import echo_key
from wework_message.domain.message.projection import FactKind, StreamRecord
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import Dispatch, NoticeKind, Recall
from wework_message.simulator import SimulatorOptions, running

GUID = Guid("g-1")
PRIVATE, SERVICE, ROOM = "S:7881300000000001", "S:7881300000000001;a-7", "R:10810965948920358"
TEXT = TextContent(content=" 你好 😀\r\n")
IMAGE = ImageContent(file_id="f", file_size=1, aes_key="k", md5="m", image_width=2, image_height=3)


class ServiceProcesses:
    """A simulator with callbacks, and a gateway to it."""

    def __init__(self, gateway: GuxingGateway, receiver: CallbackReceiver, control: httpx.AsyncClient) -> None:
        self.gateway = gateway
        self.receiver = receiver
        self.control = control

    async def send(self, conversation_id: str, content: Content) -> Receipt:
        deadline = boot_ms() + 20_000
        outcome = await self.gateway.send(Dispatch(a_message_id(), 1, GUID, conversation_id, content, deadline))
        assert outcome.receipt is not None
        return outcome.receipt

    async def stream_records(self, count: int) -> list[StreamRecord | None]:
        """The first `count` records of the stream, in the order of their ids."""
        await self.receiver.wait_objects(count)
        bodies = [json.dumps(callback).encode() for callback in self.receiver.callbacks]
        items = [item for body in bodies for item in GuxingCallbackReader().read(body)]
        assert [item.defect for item in items] == [None] * count
        return [item.stream_record for item in sorted(items, key=lambda item: item.event_key.rpartition(":")[0])]


@pytest.fixture(params=["11010", "11013"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[ServiceProcesses]:
    form: Literal["11010", "11013"] = request.param
    async with callback_receiver() as receiver:
        options = SimulatorOptions(fsync=False, echo_delay_ms=0, echo_form=form, callback_url=receiver.url)
        async with running(options) as simulator, client_of(simulator.url) as control:
            client = HttpClient(simulator.url)
            yield ServiceProcesses(GuxingGateway(client), receiver, control)
            await client.aclose()


@pytest.mark.parametrize("conversation_id", [PRIVATE, ROOM])
async def test_echo_matches_the_receipt_of_its_message(stage: ServiceProcesses, conversation_id: str) -> None:
    receipts = [await stage.send(conversation_id, content) for content in (TEXT, IMAGE)]
    text, image = await stage.stream_records(2)
    assert text is not None
    assert image is not None
    for receipt, stream_record in zip(receipts, (text, image), strict=True):
        assert stream_record.provider_message_id == receipt.provider_message_id
        assert stream_record.app_info_key == receipt.app_info_key is not None
        assert (stream_record.sender, stream_record.sent_at) == (receipt.sender_id, receipt.sent_at)
        assert (stream_record.marked_own, stream_record.refers_to) == (True, None)
        assert stream_record.conversations == (conversation_id,)
        assert stream_record.kinds == {FactKind.ECHO}
    assert text.shown is not None
    assert image.shown is not None
    assert [text.shown.key, image.shown.key] == [echo_key(TEXT), echo_key(IMAGE)]


async def test_the_record_of_every_type_shows_the_key_of_what_was_sent(stage: ServiceProcesses) -> None:
    sent = [
        decode_content(msgspec.json.encode({**kind.EXAMPLE, "messageType": name})) for name, kind in CONTENTS.items()
    ]
    for content in sent:
        await stage.send(ROOM, content)
    shown = [record and record.shown and record.shown.key for record in await stage.stream_records(len(sent))]
    assert shown == [echo_key(content) for content in sent]
    assert shown.count(None) == 2


async def test_echo_of_a_service_session_is_found_under_the_request_spelling(stage: ServiceProcesses) -> None:
    await stage.send(SERVICE, TEXT)
    (stream_record,) = await stage.stream_records(1)
    assert stream_record is not None
    if stage.receiver.callbacks[0]["notify_type"] == 11013:  # 11010's sample carries no asid
        assert SERVICE in stream_record.conversations
    assert PRIVATE in stream_record.conversations


async def test_recall_is_a_fact_about_the_recalled_message(stage: ServiceProcesses) -> None:
    sent = await stage.send(PRIVATE, TEXT)
    recall = Recall(a_message_id(), GUID, PRIVATE, sent.provider_message_id)
    assert (await stage.gateway.recall(recall)).kind is OutcomeClass.ACCEPTED
    first, second = await stage.stream_records(2)
    assert first is not None
    assert second is not None
    assert first.kinds == {FactKind.ECHO}
    assert second.kinds == {FactKind.REVOKED}
    assert second.refers_to == sent.provider_message_id


async def test_send_that_the_server_failed_later_is_no_echo(stage: ServiceProcesses) -> None:
    await stage.control.post("/_sim/faults", json={"kind": "send_fail_later", "times": 1})
    await stage.send(PRIVATE, TEXT)
    (stream_record,) = await stage.stream_records(1)
    assert stream_record is not None
    assert stream_record.kinds == {FactKind.SEND_FAIL}


async def test_own_read_receipt_proves_nothing_about_a_send(stage: ServiceProcesses) -> None:
    await stage.control.post("/msg/report_unread", json={"guid": GUID, "conversation_id": PRIVATE})
    (stream_record,) = await stage.stream_records(1)
    assert stream_record is not None
    assert stream_record.kinds == set()


async def test_login_contains_the_user_id_of_the_account(stage: ServiceProcesses) -> None:
    sent = await stage.send(PRIVATE, TEXT)
    login = {"guid": GUID, "notify_type": 11003, "data": {"user_id": sent.sender_id, "name": "n"}}
    await stage.control.post("/_sim/callbacks", json=login)
    await stage.receiver.wait_callbacks(2)
    body = next(callback for callback in stage.receiver.callbacks if callback["notify_type"] == 11003)
    (item,) = GuxingCallbackReader().read(json.dumps(body).encode())
    assert (item.notice, item.wecom_user_id) == (NoticeKind.ONLINE, sent.sender_id)
