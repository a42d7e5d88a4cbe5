"""Files and mass sends on every combination of backends (D-2): each once, by the simulator's ledger."""

from collections import Counter
from typing import Final

import pytest
from tests.support.media.files import picture
from tests.support.polling import until
from tests.support.processes.backends import BackendSettings
from tests.support.processes.running_service import LONG_S, Json, RunningService
from tests.support.providers.file_server import file_server

pytestmark = pytest.mark.e2e

PEOPLE: Final = ["7881301000000001", "7881301000000002", "7881301000000003"]
ROOM: Final = "10600000000001"
IMAGE: Final[Json] = {"guid": "g1", "conversationId": "S:1", "messageType": "IMAGE"}


async def test_files_by_upload_and_url_and_a_mass_send_arrive_once(backend: BackendSettings) -> None:
    settings = {"APP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8", "APP_MEDIA_FOLDER": str(backend.folder / "media")}
    async with backend.running_service("--strict-media", **settings) as running, file_server() as files:
        api = running.api
        answer = await api.client.post("/api/media", files={"file": ("照片.png", picture("PNG"), "image/png")})
        uploaded = answer.json()["data"]["mediaId"]
        by_url = files.offer("/photo.jpg", picture("JPEG"))
        sends = [await api.send(IMAGE | named, Prefer="wait=30") for named in ({"mediaId": uploaded}, {"url": by_url})]
        assert {send["success"] for send in sends} == {True}, sends
        images = [send["messageId"] for send in sends]
        for image in images:
            await api.reaches(image, "DELIVERED")

        body = {"guid": "g1", "userList": PEOPLE, "roomList": [ROOM], "imageMsgList": [{"mediaId": uploaded}]}
        batch = (await api.post("send/batch", body)).json()["data"]
        await until(lambda: _sent(running, batch), LONG_S)
        again = (await api.post("send/batch", body)).json()["data"]
        await until(lambda: _refused(running, again), LONG_S)

        ledger = [entry for entry in await running.simulator.ledger() if entry["executed"]]
        singles = Counter(entry["marker"].partition(".")[0] for entry in ledger if entry["path"] == "/msg/send_image")
        assert singles == Counter(images)
        got = Counter(entry["conversationId"] for entry in ledger if entry["of"] is not None)
        assert got == Counter({f"S:{person}": 1 for person in PEOPLE} | {f"R:{ROOM}": 2})
        assert Counter(entry["path"] for entry in ledger if entry["path"].startswith("/cloud/")) == Counter(
            {"/cloud/cdn_c2c_upload": 2, "/cloud/add_image": 1}
        )
        assert len(files.fetched) == 1


async def _sent(running: RunningService, batch: Json) -> bool:
    return await _statuses(running, batch) == {"SENT": 4}


async def _refused(running: RunningService, batch: Json) -> bool:
    """Each person had one today; rooms get any number."""
    return await _statuses(running, batch) == {"SENT": 1, "FAILED": 3}


async def _statuses(running: RunningService, batch: Json) -> dict[str, int]:
    progress = (await running.api.client.get(f"/api/messages/batches/{batch['batchId']}")).json()["data"]
    return {status: count for status, count in progress["byStatus"].items() if count}
