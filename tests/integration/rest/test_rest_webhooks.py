"""Webhooks over REST: created with a secret, listed without, changed, and what became of each event."""

from typing import Any, get_args

import pytest
from tests.support.apps.rest import ASYNC, TEXT, Rest
from tests.support.builders.webhooks import GONE as BROKEN_FOR_GOOD
from tests.support.builders.webhooks import a_delivery

from wework_message.domain.signatures import SigningSecret
from wework_message.domain.webhooks.event import SUBSCRIBABLE
from wework_message.entrypoints.wire.instants import iso
from wework_message.entrypoints.wire.requests.webhooks import TypeName

ROOT, URL = "/api/webhooks", "https://shop.example.com/events"


async def test_an_endpoint_from_its_creation_to_its_end(idle: Rest) -> None:
    now = idle.in_memory_app.clock.now()
    answer = await idle.post(ROOT, {"url": URL})
    created = answer.json()["data"]
    assert (answer.status_code, answer.headers["location"].rpartition("/")[2]) == (201, created["webhookId"])
    assert SigningSecret.parse(created["secret"]).reveal() == created["secret"]
    shown = created | {"secret": None}
    assert shown == {
        "webhookId": created["webhookId"], "url": URL, "events": ["message.status"], "enabled": True, "secret": None,
        "disabledReason": None, "failingSince": None, "previousSecretUntil": None, "createdAt": iso(now),
    }  # fmt: skip
    path = f"{ROOT}/{created['webhookId']}"
    assert (await idle.get(ROOT)).json()["data"] == {"items": [shown], "nextCursor": None}
    rotated = (await idle.post(f"{path}/rotate", None)).json()["data"]
    assert rotated["secret"] not in {None, created["secret"]}
    assert rotated["previousSecretUntil"] == iso(now + 86_400_000)
    body = {"url": f"{URL}/2", "events": ["message.received", "message.unknown"], "enabled": False}
    changed = (await idle.client.put(path, json=body)).json()["data"]
    assert (changed["url"], changed["events"], changed["disabledReason"], changed["secret"]) == (
        f"{URL}/2", ["message.unknown", "message.received"], "BY_CLIENT", None,
    )  # fmt: skip
    assert (await idle.client.delete(path)).json()["data"] == changed
    assert (await idle.client.delete(path)).status_code == 404


async def test_events_are_tested_listed_and_recovered(idle: Rest) -> None:
    created = (await idle.post(ROOT, {"url": URL})).json()["data"]
    path = f"{ROOT}/{created['webhookId']}"
    events = [(await idle.post(f"{path}/test", None)).json()["data"]["eventId"] for _ in range(3)]
    page = (await idle.get(f"{path}/deliveries?limit=2")).json()["data"]
    assert [item["eventId"] for item in page["items"]] == events[:0:-1]
    rest = (await idle.get(f"{path}/deliveries?limit=2&cursor={page['nextCursor']}")).json()["data"]
    assert ([item["eventId"] for item in rest["items"]], rest["nextCursor"]) == ([events[0]], None)
    assert (rest["items"][0]["type"], rest["items"][0]["state"]) == ("webhook.test", "WAITING")
    app = idle.in_memory_app
    async with app.units() as unit:
        failed = a_delivery("f", created["webhookId"]).claimed(app.clock.now())
        gone = failed.answered(BROKEN_FOR_GOOD, now=app.clock.now(), fraction=0.0)
        await unit.webhooks.record([gone])
        await unit.commit()
    recovered = (await idle.post(f"{path}/recover", {"since": "2020-01-05T08:00:00Z"})).json()["data"]
    assert recovered == {"webhookId": created["webhookId"], "recovered": 1, "more": False}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "url"),
        ({"url": 7}, "url"),
        ({"url": "shop"}, "url"),
        ({"url": "http://shop.example.com/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://shop.example.com:0/"}, "url"),
        ({"url": "https://u:p@shop.example.com/"}, "url"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": ["message.other"]}, "events[0]"),
        ({"url": URL, "events": "message.status"}, "events"),
        ({"url": URL, "secret": "whsec_x"}, "secret"),
    ],
)
async def test_a_bad_endpoint_names_its_field_and_stores_nothing(idle: Rest, body: dict[str, Any], path: str) -> None:
    answer = await idle.post(ROOT, body)
    assert (answer.status_code, answer.json()["error"]) == (422, "VALIDATION_FAILED")
    assert [problem["path"] for problem in answer.json()["errors"]] == [path]
    assert "message.other" not in answer.text
    assert idle.in_memory_app.database.webhooks.committed_items() == {}


async def test_a_callback_url_needs_a_registered_origin(idle: Rest) -> None:
    for url in ("https://shop.example.com/cb", "shop", "https://shop.example.com/#x"):
        answer = await idle.post(ASYNC, TEXT | {"statusCallbackUrl": url})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "statusCallbackUrl")
    assert idle.in_memory_app.stored() == 0
    await idle.post(ROOT, {"url": URL})
    for port, status in ((":0", 422), (":443", 202), ("", 202)):
        answer = await idle.post(ASYNC, TEXT | {"statusCallbackUrl": f"https://shop.example.com{port}/cb"})
        assert answer.status_code == status
        assert status == 202 or answer.json()["errors"][0]["path"] == "statusCallbackUrl"


async def test_what_does_not_exist_is_404_and_a_wrong_time_names_its_field(idle: Rest) -> None:
    for answer in (
        await idle.post(f"{ROOT}/none/rotate", None),
        await idle.post(f"{ROOT}/none/test", None),
        await idle.post(f"{ROOT}/none/recover", {"since": "2026-01-05T08:00:00Z"}),
        await idle.get(f"{ROOT}/none/deliveries"),
        await idle.client.put(f"{ROOT}/none", json={"url": URL}),
    ):
        assert answer.status_code == 404
    wrong = await idle.post(f"{ROOT}/none/recover", {"since": "yesterday"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "since")


def test_the_document_names_every_event_that_an_endpoint_may_ask_for() -> None:
    assert get_args(TypeName) == tuple(kind.value for kind in SUBSCRIBABLE)
