"""The simulator's stream, as our own gateway reads it: each of its forms, and what it refuses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from tests.support.builders.messages import a_message_id
from tests.support.processes.running_service import client_of

from wework_message.adapters.guxing.protocol import GuxingProtocol
from wework_message.adapters.guxing.streams import GuxingStreamGateway
from wework_message.adapters.http import boot_ms
from wework_message.domain.content import TextContent
from wework_message.domain.ids import Guid
from wework_message.domain.message.attempt import Receipt
from wework_message.domain.message.echo_keys import Form, Shown
from wework_message.domain.message.projection import StreamRecord
from wework_message.domain.ports.gateway import Dispatch, Recall
from wework_message.domain.ports.protocols import ProviderConnection
from wework_message.domain.stream import PullOutcome
from wework_message.simulator import SimulatorOptions, running

GUID = Guid("g-1")
TO = "S:7881300000000001"


class Stage:
    def __init__(self, gateway: GuxingStreamGateway, control: httpx.AsyncClient) -> None:
        self.gateway = gateway
        self.control = control

    async def send(self, text: str) -> Receipt:
        content = TextContent(content=text)
        outcome = await self.gateway.send(Dispatch(a_message_id(), 1, GUID, TO, content, boot_ms() + 20_000))
        assert outcome.receipt is not None
        assert outcome.receipt.seq is not None
        return outcome.receipt

    async def ask(self, **body: Any) -> httpx.Response:
        return await self.control.post("/sync/sync_msg", json={"guid": GUID, "sync_key": "1"} | body)


@asynccontextmanager
async def stage(**options: Any) -> AsyncIterator[Stage]:
    simulated = SimulatorOptions(fsync=False, **options)
    async with (
        running(simulated) as simulator,
        client_of(simulator.url) as control,
        GuxingProtocol().open(ProviderConnection(simulator.url, 20_000, 1)) as gateway,
    ):
        assert isinstance(gateway, GuxingStreamGateway)
        yield Stage(gateway, control)


@pytest.mark.parametrize("form", ["callback", "answer"])
async def test_what_was_sent_is_in_the_stream_and_is_read_page_by_page(form: str) -> None:
    async with stage(sync_form=form) as at:
        receipts = [await at.send(f"text {number}") for number in range(5)]
        await at.gateway.recall(Recall(a_message_id(), GUID, TO, receipts[0].provider_message_id))
        cursor = at.gateway.cursor_before(receipts[0].seq or "")
        assert cursor is not None
        records: list[StreamRecord | None] = []
        ends = []
        for _ in range(5):
            page = await at.gateway.pull(GUID, cursor, 2)
            assert (page.end.outcome, len(page.items)) == (PullOutcome.READ, 1 if records else 2)
            assert page.end.cursor is not None
            cursor = page.end.cursor
            ends.append((page.end.more, page.end.is_whole))
            records += [item.stream_record for item in page.items]
        # The first joins nothing, and each other one shows the last of the one before again.
        assert ends == [(True, False), (True, True), (True, True), (True, True), (False, True)]
        sent = [record for record in records[:5] if record is not None]
        assert [record.provider_message_id for record in sent] == [receipt.provider_message_id for receipt in receipts]
        assert [record.app_info_key for record in sent] == [receipt.app_info_key for receipt in receipts]
        assert [record.shown for record in sent] == [Shown(Form.TEXT, (f"text {number}",)) for number in range(5)]
        assert {record.sender for record in sent} == {receipts[0].sender_id}
        assert len(records) == 6
        end = await at.gateway.pull(GUID, cursor, 2)
        assert (end.items, end.end.cursor, end.end.is_whole) == ((), cursor, True)


@pytest.mark.parametrize("form", ["foreign", "empty"])
async def test_a_form_that_nobody_knows_is_unreadable(form: str) -> None:
    async with stage(sync_form=form) as at:
        await at.send("hello")
        page = await at.gateway.pull(GUID, "1", 100)
        assert (page.end.outcome, page.items) == (PullOutcome.UNREADABLE, ())


async def test_what_is_asked_wrongly_is_refused() -> None:
    async with stage(strict_guids=True, guids=(GUID,)) as at:
        for body in ({"sync_key": "0"}, {"sync_key": ""}, {"sync_key": "x"}, {"guid": "nobody"}):
            assert (await at.ask(**body)).json()["error_code"] != 0
        assert (await at.ask(sync_key=7)).status_code == 422
        page = await at.gateway.pull(Guid("nobody"), "1", 100)
        assert (page.end.outcome, page.end.cursor) == (PullOutcome.REFUSED, None)
        await at.control.post(f"/_sim/guids/{GUID}", json={"status": 1})
        assert (await at.gateway.pull(GUID, "1", 100)).end.outcome is PullOutcome.REFUSED


async def test_the_answer_says_that_it_is_assumed_and_the_oldest_are_forgotten() -> None:
    async with stage(sync_remember=2) as at:
        for number in range(3):
            await at.send(f"text {number}")
        answer = await at.ask(limit=0)
        assert answer.headers["x-sim-assumed"] == "sync-answer"
        assert [record["content"] for record in answer.json()["data"]["msg_list"]] == ["text 1", "text 2"]


async def test_what_a_fault_keeps_from_being_executed_is_not_in_the_stream() -> None:
    async with stage() as at:
        first = await at.send("first")
        for kind in ("closed_before", "answer_lost"):
            await at.control.post("/_sim/faults", json={"kind": kind, "times": 1})
            content = TextContent(content=kind)
            await at.gateway.send(Dispatch(a_message_id(), 1, GUID, TO, content, boot_ms() + 20_000))
        page = await at.gateway.pull(GUID, first.seq or "", 100)
        texts = [item.stream_record.shown for item in page.items if item.stream_record is not None]
        assert texts == [Shown(Form.TEXT, ("answer_lost",))]


@pytest.mark.parametrize("change", [{"sync_form": "other"}, {"sync_remember": 0}])
def test_an_option_out_of_range_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        SimulatorOptions(**change)
