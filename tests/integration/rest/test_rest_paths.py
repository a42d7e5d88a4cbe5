"""Only the documented spelling of a path answers; ids may hold anything."""

from urllib.parse import quote

import pytest
from tests.support.apps.rest import ASYNC, TEXT, Rest, serving

from wework_message.entrypoints.rest.webhook_paths import webhook_spellings

NOTICE = {"guid": "g", "notify_type": 11002, "data": {}}
SPELLINGS = (
    "/message/api/callbacks/webhook",
    "/message/callbacks/webhook",
    "/api/callbacks/webhook",
    "/callbacks/webhook",
)
OTHER_SPELLINGS = (
    "/api/callbacks/webhook/",
    "/api/callbacks//webhook",
    "/message//api/callbacks/webhook",
    "/api/callbacks/webhoo%6B",
    "/%61pi/callbacks/webhook",
    "/mess%61ge/api/callbacks/webhook",
    "/api%2Fcallbacks/webhook",
    "/api/callbacks%2fwebhook",
    "/%63allbacks/webhook",
    "/api/callbacks/webhook%20",
    "/api/callbacks/webhook%00",
    "/api/callbacks/webhook;a=b",
    "/api/x/%2e%2e/callbacks/webhook",
    "/API/callbacks/webhook",
    "/message/message/api/callbacks/webhook",
    "/api/callbacks/webhook//GUANGZHOU_GUXING",
    "/api/callbacks/webhook/GUANGZHOU_GUXING/",
    "/api/callbacks/%77ebhook/GUANGZHOU_GUXING",
)


def test_the_documented_spellings_are_known() -> None:
    assert sorted(webhook_spellings("/message/")) == sorted(SPELLINGS)
    assert sorted(webhook_spellings("")) == ["/api/callbacks/webhook", "/callbacks/webhook"]


@pytest.mark.parametrize("path", OTHER_SPELLINGS)
async def test_another_spelling_of_the_webhook_is_404(idle: Rest, path: str) -> None:
    answer = await idle.post(path, NOTICE)
    assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")
    assert (await idle.get("/api/callbacks/g/recent")).json()["data"] == []


@pytest.mark.parametrize(
    "path",
    ["/api/health/", "/api//health", "/api/%68ealth", "/actuator/health/", "/actuator%2Fhealth", "/message/",
     "/swagger-ui.html/", "/v3%2Fapi-docs", "/api/messages/", "/api/providers/%64efault"],
)  # fmt: skip
async def test_another_spelling_of_any_path_is_404(idle: Rest, path: str) -> None:
    assert (await idle.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/health", "/message/health"])
async def test_the_health_of_the_java_service_is_where_it_was(idle: Rest, path: str) -> None:
    answer = await idle.client.request("GET", path)
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "UP")
    assert {(await idle.client.request("GET", path + more)).status_code for more in ("/", "/x", "y")} == {404}


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_the_webhook_can_be_narrowed_to_one_spelling(spelling: str) -> None:
    async with serving(dispatching=False, webhook_path=spelling) as rest:
        for path in SPELLINGS:
            status = 200 if path == spelling else 404
            assert (await rest.post(path, NOTICE)).status_code == status
            assert (await rest.post(f"{path}/GUANGZHOU_GUXING", NOTICE)).status_code == status
        for path in OTHER_SPELLINGS:
            assert (await rest.post(path, NOTICE)).status_code == 404
        assert (await rest.get("/api/callbacks/g/recent")).status_code == 200
        assert (await rest.get(spelling)).status_code == 405


@pytest.mark.parametrize("guid", ["team/7", "50%", "a//b", "..", "a?b#c", "%2F"])
async def test_an_id_may_hold_what_a_path_cannot(idle: Rest, guid: str) -> None:
    encoded = quote(guid, safe="") if guid != ".." else "%2E%2E"
    answer = await idle.post(ASYNC, TEXT | {"guid": guid})
    assert answer.status_code == 202
    message_id = answer.json()["data"]["messageId"]
    recall = await idle.client.delete(f"/message/api/messages/{encoded}/messages/{message_id}")
    assert (recall.status_code, recall.json()["data"]["messageId"]) == (409, message_id)  # found; it is not sent yet
    elsewhere = await idle.client.delete(f"/message/api/messages/other/messages/{message_id}")
    assert elsewhere.status_code == 404
    assert (await idle.post("/callbacks/webhook", NOTICE | {"guid": guid})).status_code == 200
    for path in (f"/callbacks/{encoded}/recent", f"/api/callbacks/{encoded}/callbacks/11002"):
        assert [callback["guid"] for callback in (await idle.get(path)).json()["data"]] == [guid]


@pytest.mark.parametrize("bad", ["%", "%2", "%zz", "%ff", "%C3"])
async def test_an_id_that_is_no_text_names_nothing(idle: Rest, bad: str) -> None:
    for path in (f"/api/callbacks/{bad}/recent", f"/api/messages/{bad}/status"):
        assert (await idle.get(path)).status_code == 404
