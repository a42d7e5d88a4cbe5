"""A refused request is neither stored nor sent."""

import json

import pytest
from tests.support.builders.send_requests import EXAMPLES, REQUIRED
from tests.support.processes.backends import BackendSettings
from tests.support.processes.running_service import text

pytestmark = pytest.mark.e2e

BAD = [
    text(""),
    text("x" * 4_001),
    text("a\0b"),
    text(conversationId="X:12345"),
    text(conversationId="S:"),
    text(messageType="TELEGRAM"),
    text(messageType=None),
    text(guid=None),
    text(accountId="both"),
    text(surprise=1),
    text(messageId="0197c2b2-7c1f-7c3e-9d5a-0123456789ab"),
    text(linkTitle="of another type"),
    text(priority=11),
    text(retryCount=11),
    text(expiresAt="2001-01-01T00:00:00Z"),
    text(providerCode="NOBODY"),
    {"guid": "g1", "conversationId": "S:12345", "messageType": "MENTION", "content": "@", "atList": ["0"]},
    EXAMPLES["MIXED"] | {"parts": EXAMPLES["MIXED"]["parts"][:1]},
    {"guid": "g1", "conversationId": "S:1", "messageType": "QUOTE", "content": "?", "quoteMessageId": "no-such-id"},
    *(
        {key: value for key, value in request.items() if key != missing}
        for name, request in EXAMPLES.items()
        for missing in REQUIRED[name]
        if missing not in {"fileId", "fileSize", "aesKey", "md5"} or name != "GIF"
    ),
]


async def test_nothing_of_a_bad_request_is_stored_or_sent(backend: BackendSettings) -> None:
    async with backend.running_service() as running:
        valid_id = (await running.api.send(text()))["messageId"]
        for number, body in enumerate(BAD):
            for route in ("send", "send/async"):
                answer = await running.api.post(route, body, Idempotency_Key=f"bad-{number}")
                assert (answer.status_code, answer.json()["success"]) == (422, False), (body, answer.text)
                assert "data" not in answer.json()
        for raw, status in ((b"{", 400), (b"", 400), (b"[]", 422), (b'{"guid":"' + b"g" * 1_048_576 + b'"}', 413)):
            answer = await running.api.client.post(
                "/api/messages/send/async", content=raw, headers={"content-type": "application/json"}
            )
            assert answer.status_code == status, (raw[:20], answer.text)
        form = await running.api.client.post("/api/messages/send", content=b"x", headers={"content-type": "text/plain"})
        assert form.status_code == 415
        for count in (0, 201):
            answer = await running.api.post("send/batch", {"messages": [text()] * count})
            assert answer.status_code == 422
        atomic = await running.api.post("send/batch", {"messages": [text(), text("")], "atomic": True})
        assert atomic.status_code == 422
        assert (await running.api.post("send/batch", {"messages": [text("")] * 3})).status_code == 422

        assert [row["messageId"] for row in await running.api.rows()] == [valid_id]
        good = await running.api.send(text("danach"), Idempotency_Key="bad-0")  # a refused request used up no key
        assert good["duplicate"] is False
        markers = [entry["marker"] for entry in await running.simulator.ledger()]
        assert markers == [f"{valid_id}.1", f"{good['messageId']}.1"]


async def test_of_a_batch_only_the_valid_items_are_stored_and_sent(backend: BackendSettings) -> None:
    async with backend.running_service() as running:
        items = [text("eins"), text(""), text("drei", conversationId="S:3"), text(messageType="TELEGRAM")]
        answer = await running.api.post("send/batch", {"messages": items})
        data = answer.json()["data"]
        assert (answer.status_code, data["accepted"], data["rejected"]) == (202, 2, 2)
        ids = {item["index"]: item["messageId"] for item in data["items"] if item["messageId"] is not None}
        assert [*ids] == [0, 2]
        for message_id in ids.values():
            await running.api.reaches(message_id, "DELIVERED")
        assert {row["messageId"] for row in await running.api.rows()} == {*ids.values()}
        sent = {json.dumps(entry["body"]["content"]) for entry in await running.simulator.ledger()}
        assert sent == {'"eins"', '"drei"'}
