"""Files of clients through the real service: uploaded once to each provider, and every message sent once, judged by the ledger."""

import asyncio
from pathlib import Path
from typing import Final

import pytest
from tests.support.media.files import picture
from tests.support.polling import until
from tests.support.processes.backends import BackendSettings
from tests.support.processes.running_service import LONG_S, SENDS, Api, Json, RunningService, running_service, text
from tests.support.processes.two_providers import MAIN, SPARE, TwoProviders, two_providers
from tests.support.providers.file_server import file_server

pytestmark = pytest.mark.e2e

UPLOAD: Final = "/cloud/cdn_c2c_upload"
EXPIRED_CODE: Final = "-30009"
_SETTINGS: Final = {
    "APP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8",
    "APP_MEDIA_UPLOAD_TIMEOUT_MS": "1500",
    "APP_MEDIA_FETCH_TIMEOUT_MS": "1500",
    f"APP_WEWORK_PROVIDERS_{MAIN}_MEDIA_EXPIRED_CODES": EXPIRED_CODE,
}
"""A killed upload is repeated after 16.5 s."""


async def test_files_are_uploaded_once_and_messages_sent_once_whatever_happens(tmp_path: Path) -> None:
    async with running_service(tmp_path, "--strict-media", **_SETTINGS) as running, file_server() as files:
        api = running.api
        uploaded = await _upload(api, picture("PNG"))
        await _reaches_all(api, [await _sent_in_one_request(api, _image(mediaId=uploaded))])
        by_url = files.offer("/photo.jpg?token=secret", picture("JPEG"))
        await _reaches_all(api, [await api.accept(_image(number, url=by_url)) for number in range(1, 4)])
        assert (len(files.fetched), await _uploads(running)) == (1, 2)

        await _reaches_all(api, [await api.accept(_image(number, mediaId=uploaded)) for number in range(30)])
        assert await _uploads(running) == 2

        await running.simulator._control("files/expire", {})
        await _reaches_all(api, [again := await api.accept(_image(50, mediaId=uploaded))])
        assert (await _uploads(running), len(await running.simulator.calls(again))) == (3, 2)

        await _killed_while_it_uploads(running)
        assert "token=secret" not in "\n".join(running.service.lines())
        await _nothing_twice(running)


async def _killed_while_it_uploads(running: RunningService) -> None:
    """A text of another conversation does not wait for the upload."""
    await running.simulator.fault("stall", times=1, endpoint=UPLOAD, delay_ms=20_000)
    waiting = await running.api.accept(_image(60, mediaId=await _upload(running.api, picture("PNG", (9, 9)))))
    behind = await running.api.accept(text(conversationId="S:60", content="behind it"))

    async def hangs() -> bool:
        return await _uploads(running) == 4

    await until(hangs, LONG_S)
    await _reaches_all(running.api, [await running.api.accept(text(conversationId="S:61", content="meanwhile"))])
    assert (await running.api.status(waiting))["status"] == "HELD"
    running.service.kill()
    await asyncio.to_thread(running.service.start)
    await _reaches_all(running.api, [waiting, behind])
    order = [entry["marker"].partition(".")[0] for entry in await _sends(running) if entry["conversationId"] == "S:60"]
    assert order == [waiting, behind]


async def test_after_a_failover_the_other_provider_gets_the_file_once(backend: BackendSettings) -> None:
    settings = {**backend.settings, "APP_MEDIA_FOLDER": str(backend.folder / "media")}
    async with two_providers(backend.folder, **settings) as two:
        await _register(two)
        media_id = await _upload(two.api, picture("PNG"))
        first = await two.api.accept(_image(1, mediaId=media_id) | _ACCOUNT)
        await two.api.reaches(first, "DELIVERED")
        two.main.program.kill()
        during = [await two.api.accept(_image(number, mediaId=media_id) | _ACCOUNT) for number in range(10, 15)]
        await _reaches_all(two.api, during)
        two.main.program.start()
        calls = await two.ledger.calls()
        uploads = [call["providerCode"] for call in calls if call["path"] == UPLOAD]
        assert sorted(uploads) == sorted([MAIN, SPARE])
        executed = {call["marker"].partition(".")[0] for call in await two.ledger.executions()}
        assert len(await two.ledger.executions()) == len(executed) == 6


_ACCOUNT: Final = {"guid": None, "accountId": "sales"}


async def _register(two: TwoProviders) -> None:
    bindings = [
        {"providerCode": provider.code, "guid": provider.guids[0], "priority": place}
        for place, provider in enumerate(two.providers)
    ]
    answer = await two.api.client.post("/api/accounts", json={"accountId": "sales", "bindings": bindings})
    assert answer.status_code == 201, answer.text


def _image(number: int = 0, **named: str) -> Json:
    return {"guid": "g1", "conversationId": f"S:{number}", "messageType": "IMAGE"} | named


async def _upload(api: Api, file: bytes) -> str:
    answer = await api.client.post("/api/media", files={"file": ("photo.png", file, "image/png")})
    assert answer.status_code == 201, answer.text
    media_id: str = answer.json()["data"]["mediaId"]
    return media_id


async def _sent_in_one_request(api: Api, message: Json) -> str:
    """Whoever waits for the outcome waits for the upload as well."""
    answer = await api.client.post("/api/messages/send", json=message, headers={"prefer": "wait=30"})
    assert answer.status_code == 200, answer.text
    message_id: str = answer.json()["data"]["messageId"]
    return message_id


async def _reaches_all(api: Api, message_ids: list[str]) -> None:
    for message_id in message_ids:
        await api.reaches(message_id, "DELIVERED")


async def _uploads(running: RunningService) -> int:
    return sum(entry["path"] == UPLOAD for entry in await running.simulator.ledger())


async def _sends(running: RunningService) -> list[Json]:
    return [
        entry for entry in await running.simulator.ledger() if entry["executed"] and entry["path"].startswith(SENDS)
    ]


async def _nothing_twice(running: RunningService) -> None:
    markers = [entry["marker"].partition(".")[0] for entry in await _sends(running)]
    assert len(markers) == len(set(markers))
