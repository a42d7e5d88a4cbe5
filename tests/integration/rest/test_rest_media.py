"""Media over REST: uploads and URLs, what is refused of them, contents with ranges and signatures, deletion."""

import asyncio
import hashlib
import logging
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.support.apps.rest import Rest, serving
from tests.support.builders.media import a_handle, a_message_with

from wework_message.adapters.memory.media_store import MemoryMediaStore
from wework_message.application.media import receive
from wework_message.domain.ids import DEFAULT_TENANT, MediaId, ProviderCode
from wework_message.domain.media.addresses import content_path
from wework_message.domain.media.asset import MediaState
from wework_message.domain.media.fetched import Fetched, FetchOutcome
from wework_message.domain.media.handles import HandleKey, UploadKind
from wework_message.domain.ports.media_store import BlobKey
from wework_message.entrypoints.rest.http import multipart
from wework_message.entrypoints.rest.http.contents import safe_headers

ROOT = "/message/api/media"
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489") + b"not decoded here"
URL = "https://files.example/folder/%E5%9B%BE.png?token=hunter2"


async def uploaded(rest: Rest, content: bytes = PNG, name: str = "图 1.png") -> dict[str, Any]:
    answer = await rest.client.post(ROOT, files={"file": (name, content)})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    assert answer.headers["location"] == f"{ROOT}/{data['mediaId']}"
    return data


def refusal(answer: httpx.Response) -> tuple[int, str, list[tuple[str, str]]]:
    body = answer.json()
    return answer.status_code, body["error"], [(error["path"], error["message"]) for error in body.get("errors", ())]


async def test_an_upload_is_an_asset_at_once_and_is_read_back(idle: Rest) -> None:
    data = await uploaded(idle)
    created = data.pop("createdAt")
    assert data == {
        "mediaId": data["mediaId"], "state": "READY", "sha256": hashlib.sha256(PNG).hexdigest(), "size": len(PNG),
        "mimeType": "image/png", "width": None, "height": None, "durationSeconds": None, "fileName": "图 1.png",
        "reason": None, "handles": [], "contentUrl": f"{ROOT}/{data['mediaId']}/content",
    }  # fmt: skip
    assert (await idle.get(f"{ROOT}/{data['mediaId']}")).json()["data"] == data | {"createdAt": created}
    content = await idle.get(data["contentUrl"])
    assert (content.status_code, content.content) == (200, PNG)


async def test_a_long_content_comes_in_pieces_and_whole(idle: Rest) -> None:
    content = bytes(range(256)) * 1_000
    data = await uploaded(idle, content)
    answer = await idle.get(data["contentUrl"])
    assert (answer.content, answer.headers["content-length"]) == (content, str(len(content)))
    part = await idle.get(data["contentUrl"], headers={"range": "bytes=100-199999"})
    assert part.content == content[100:200_000]


async def test_equal_bytes_are_two_assets_and_are_stored_once(idle: Rest) -> None:
    first, second = await uploaded(idle), await uploaded(idle, name="other.png")
    assert first["mediaId"] != second["mediaId"]
    assert first["sha256"] == second["sha256"]
    assert len(idle.in_memory_app.media_store._blobs) == 1


@pytest.mark.parametrize(
    ("name", "shown"),
    [("C:\\fakepath\\a.png", "a.png"), ("../../etc/passwd", "passwd"), ("..", None), ("a\u202egnp.exe", "agnp.exe")],
)
async def test_a_name_has_no_folders_and_nothing_that_is_not_printed(idle: Rest, name: str, shown: str | None) -> None:
    assert (await uploaded(idle, name=name))["fileName"] == shown


async def test_a_long_name_keeps_its_end(idle: Rest) -> None:
    assert (await uploaded(idle, name="图" * 300 + ".png"))["fileName"] == "图" * 251 + ".png"


@pytest.mark.parametrize(
    ("files", "status", "path", "says"),
    [
        ([("file", ("a", b""))], 422, "file", "must not be empty"),
        ([("other", ("a", b"x"))], 422, "other", "is not a known field"),
        ([("file", ("a", b"x")), ("file", ("b", b"x"))], 422, "file", "must be given once"),
        ([("file", ("a", b"x")), ("url", (None, b"https://x.example/"))], 422, "url", "belongs into a JSON body"),
        ([("file", (None, b"x"))], 422, "file", "must be a file"),
    ],
)
async def test_a_form_that_is_wrong_is_refused_and_names_its_part(
    idle: Rest, files: Any, status: int, path: str, says: str
) -> None:
    answer = await idle.client.post(ROOT, files=files)
    code, _, ((named, message),) = refusal(answer)
    assert (code, named) == (status, path)
    assert says in message
    assert (await idle.get(ROOT)).json()["data"]["items"] == []
    assert idle.in_memory_app.media_store._blobs == {}


@pytest.mark.parametrize(
    ("kind", "body", "status", "error"),
    [
        ("multipart/form-data; boundary=x", b"--x--\r\n", 422, "VALIDATION_FAILED"),
        ("multipart/form-data; boundary=x", b"", 422, "VALIDATION_FAILED"),
        ("multipart/form-data; boundary=x", b"no form at all", 422, "VALIDATION_FAILED"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf', 400, "INVALID_REQUEST"),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"a: b\r\n" * 20, 400, "INVALID_REQUEST"),
        ("multipart/form-data", b"--x--\r\n", 400, "INVALID_REQUEST"),
        ("multipart/form-data; boundary=" + 71 * "x", b"", 400, "INVALID_REQUEST"),
        ("multipart/mixed; boundary=x", b"--x--\r\n", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("image/png", PNG, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("application/json", b"{", 400, "INVALID_JSON"),
    ],
)  # fmt: skip
async def test_a_body_of_no_kind_is_refused(idle: Rest, kind: str, body: bytes, status: int, error: str) -> None:
    answer = await idle.client.post(ROOT, content=body, headers={"content-type": kind})
    assert refusal(answer)[:2] == (status, error)


async def test_a_form_is_taken_nowhere_else(idle: Rest) -> None:
    answer = await idle.client.post("/message/api/erasures", files={"file": ("a", b"x")})
    assert answer.status_code == 415


async def chunks(size: int) -> AsyncIterator[bytes]:
    yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="large"\r\n\r\n'
    piece = bytes(65_536)
    for _ in range(size // len(piece)):
        yield piece
    yield b"\r\n--x--\r\n"


FORM = {"content-type": "multipart/form-data; boundary=x"}


async def test_a_file_above_the_limit_is_refused_and_never_held_as_a_whole(idle: Rest) -> None:
    tracemalloc.start()
    try:
        answer = await idle.client.post(ROOT, content=chunks(27 * 1024 * 1024), headers=FORM)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert refusal(answer) == (413, "PAYLOAD_TOO_LARGE", [("file", "may have 26214400 bytes (app.media.max-bytes)")])
    assert peak < 5_000_000


async def test_the_limit_is_that_of_the_file_and_what_is_around_it_has_one_too() -> None:
    limit = 100_000
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n%b\r\n--x--\r\n'
    async with serving(dispatching=False, max_media_bytes=limit) as rest:

        async def status(*pieces: bytes) -> int:
            async def body() -> AsyncIterator[bytes]:  # without a length
                for piece in pieces:
                    yield piece

            return (await rest.client.post(ROOT, content=body(), headers=FORM)).status_code

        assert await status(part % bytes(limit)) == 201
        assert await status(part % bytes(limit + 1)) == 413
        around = [b"x" * limit] * 2
        assert await status(part % b"x", *around) == 413
        assert await status(*around, b"\r\n", part % b"x") == 413
        assert await status((part % b"x").replace(b'"a"', b'"%b"' % (b"a" * 5_000))) == 400


async def test_a_body_that_says_that_it_is_too_long_is_not_read(idle: Rest) -> None:
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(True)
        yield b""

    answer = await idle.client.post(ROOT, content=body(), headers=FORM | {"content-length": "27000000"})
    assert read == []
    assert answer.status_code == 413


async def test_beyond_many_uploads_at_once_clients_come_again(idle: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "MAX_UPLOADS", 0)
    answer = await idle.client.post(ROOT, files={"file": ("a", b"x")})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_who_sends_nothing_more_or_too_little_gives_the_place_back(
    idle: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = asyncio.Event()

    async def begun(more: bytes) -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="slow"\r\n\r\n' + more
        await never.wait()

    monkeypatch.setattr(multipart, "GRACE_S", 0.0)
    monkeypatch.setattr(multipart, "SLOWEST", 1_000_000_000)
    for more in (b"", bytes(20_000)):
        answer = await idle.client.post(ROOT, content=begun(more), headers=FORM)
        assert refusal(answer)[:2] == (408, "REQUEST_TIMEOUT")
    assert (await idle.get(ROOT)).json()["data"]["items"] == []
    assert idle.in_memory_app.application.receive_media._coming == 0


async def test_a_full_store_is_unavailable_and_no_asset_is_made(idle: Rest) -> None:
    idle.in_memory_app.media_store._room = 3
    answer = await idle.client.post(ROOT, files={"file": ("a", PNG)})
    assert answer.status_code == 503
    assert (await idle.get(ROOT)).json()["data"]["items"] == []


async def test_a_url_is_fetched_later_and_is_one_asset_while_it_is_fresh(idle: Rest) -> None:
    answer = await idle.post(ROOT, {"url": URL, "fileName": None})
    assert answer.status_code == 202
    data = answer.json()["data"]
    assert (data["state"], data["fileName"], data["contentUrl"], data["sha256"]) == ("PENDING", "图.png", None, None)
    assert "hunter2" not in answer.text
    assert (await idle.post(ROOT, {"url": URL})).json()["data"]["mediaId"] == data["mediaId"]
    named = (await idle.post(ROOT, {"url": URL, "fileName": "own.png"})).json()["data"]
    assert (named["fileName"], named["mediaId"] == data["mediaId"]) == ("own.png", False)
    assert (await idle.get(f"{ROOT}/{data['mediaId']}/content")).status_code == 404
    assert len(idle.in_memory_app.database.media_jobs.committed_items()) == 2


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "url"),
        ({"url": 1}, "url"),
        ({"url": "http://files.example/a"}, "url"),
        ({"url": "https://127.0.0.1/a"}, "url"),
        ({"url": "https://u:p@files.example/a"}, "url"),
        ({"url": "https://files.example/" + "a" * 3000}, "url"),
        ({"url": URL, "fileName": "a/b"}, "fileName"),
        ({"url": URL, "fileName": ""}, "fileName"),
        ({"url": URL, "fileName": "a" * 256}, "fileName"),
        ({"url": URL, "file": "x"}, "file"),
    ],
)
async def test_a_url_that_is_not_allowed_is_refused_at_once(idle: Rest, body: dict[str, Any], path: str) -> None:
    code, error, problems = refusal(await idle.post(ROOT, body))
    assert (code, error, [named for named, _ in problems]) == (422, "VALIDATION_FAILED", [path])
    assert (await idle.get(ROOT)).json()["data"]["items"] == []


@pytest.mark.parametrize(
    ("header", "status", "span"),
    [
        ("bytes=0-0", 206, (0, 1)),
        ("bytes=5-", 206, (5, None)),
        ("bytes=-4", 206, (-4, None)),
        ("bytes=-4000", 206, (0, None)),
        ("bytes=3-99999", 206, (3, None)),
        ("bytes=0-1,3-4", 200, (0, None)),
        ("bytes=4-2", 200, (0, None)),
        ("lines=1-2", 200, (0, None)),
        ("bytes=-", 200, (0, None)),
    ],
)
async def test_one_range_is_read(idle: Rest, header: str, status: int, span: tuple[int, int | None]) -> None:
    data = await uploaded(idle)
    answer = await idle.get(data["contentUrl"], headers={"range": header})
    assert (answer.status_code, answer.content) == (status, PNG[slice(*span)])
    if status == 206:
        first = len(PNG) - len(PNG[span[0] :])
        last = first + len(answer.content) - 1
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(PNG)}"


async def test_a_range_of_other_bytes_than_these_is_answered_with_all_of_these(idle: Rest) -> None:
    data = await uploaded(idle)
    for tag, status in ((data["sha256"], 206), ("other", 200)):
        answer = await idle.get(data["contentUrl"], headers={"range": "bytes=0-1", "if-range": f'"{tag}"'})
        assert answer.status_code == status


async def test_a_range_beyond_the_end_is_none(idle: Rest) -> None:
    data = await uploaded(idle)
    for header in (f"bytes={len(PNG)}-", "bytes=-0"):
        answer = await idle.get(data["contentUrl"], headers={"range": header})
        assert refusal(answer)[:2] == (416, "RANGE_NOT_SATISFIABLE")
        assert answer.headers["content-range"] == f"bytes */{len(PNG)}"


async def test_a_known_tag_is_not_sent_again_and_head_has_the_headers_alone(idle: Rest) -> None:
    data = await uploaded(idle)
    tag = f'"{data["sha256"]}"'
    for known in (tag, f'"x", W/{tag}', "*"):
        answer = await idle.get(data["contentUrl"], headers={"if-none-match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert (await idle.get(data["contentUrl"], headers={"if-none-match": '"other"'})).status_code == 200
    head = await idle.client.head(data["contentUrl"])
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(PNG)))


@pytest.mark.parametrize("mime_type", ["text/html\r\nx: y", "a", "image/png; charset=x", ""])
def test_a_type_that_is_none_gets_into_no_header(mime_type: str) -> None:
    assert dict(safe_headers(mime_type, None, b'"x"'))[b"content-type"] == b"application/octet-stream"


async def test_head_reads_no_byte_of_the_store(idle: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    data, spans = await uploaded(idle), []
    read = MemoryMediaStore.read

    def recorded(store: MemoryMediaStore, key: BlobKey, *, start: int = 0, end: int | None = None) -> Any:
        spans.append((start, end))
        return read(store, key, start=start, end=end)

    monkeypatch.setattr(MemoryMediaStore, "read", recorded)
    for headers in ({}, {"range": "bytes=3-9"}):
        await idle.client.head(data["contentUrl"], headers=headers)
    assert spans == [(0, 0), (3, 3)]


async def test_no_browser_runs_a_content(idle: Rest) -> None:
    data = await uploaded(idle, b"<html><script>alert(1)</script></html>", 'a"; x=\r\nü.html')
    headers = (await idle.get(data["contentUrl"])).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["content-disposition"].startswith('attachment; filename="a__ x__.html"; ')
    assert headers["content-disposition"].endswith("filename*=UTF-8''a%22%3B%20x%3D%C3%BC.html")
    assert headers["cache-control"] == "private, no-cache"


async def test_a_signed_address_is_right_and_in_time_or_not_there(idle: Rest) -> None:
    data = await uploaded(idle)
    media_id = MediaId(data["mediaId"])
    key = idle.in_memory_app.database.media.committed_items()[media_id].asset.address_key
    assert key is not None
    now_s = idle.in_memory_app.clock.now() // 1000
    path = "/message" + content_path(key, media_id, now_s + 60)
    assert (await idle.get(path)).content == PNG
    late, other = content_path(key, media_id, now_s - 1), content_path(b"other key" * 4, media_id, now_s + 60)
    wrong = [f"/message{late}", f"/message{other}", path[:-1], f"{path}0", path.replace("expires=", "expires=1")]
    wrong += [f"{data['contentUrl']}?expires={now_s + 60}", f"{data['contentUrl']}?signature=x&expires=x"]
    for address in wrong:
        assert (await idle.get(address)).status_code == 404, address


async def test_no_log_and_no_refusal_has_an_address_a_name_or_bytes(
    idle: Rest, caplog: pytest.LogCaptureFixture
) -> None:
    app, canary = idle.in_memory_app, "canary3141592653"
    caplog.set_level(logging.DEBUG)
    data = await uploaded(idle, canary.encode(), f"{canary}.txt")
    refused = [
        await idle.get(data["contentUrl"], params={"expires": "1", "signature": canary}),
        await idle.client.post(ROOT, files={"file": (f"{canary}.amr", b"#!AMR\n" + canary.encode())}),
        await idle.post(ROOT, {"url": f"https://10.0.0.1/{canary}"}),
        await idle.post(ROOT, {"url": f"https://user:{canary}@files.example/"}),
    ]
    url = f"https://files.example/{canary}?token={canary}"
    for answer in (Fetched(FetchOutcome.BLOCKED), Fetched(FetchOutcome.FAILED), b"", b"#!AMR\nx", canary.encode()):
        app.media_fetcher.answers[f"{url}{len(app.media_fetcher.answers)}"] = answer
    for named in app.media_fetcher.answers:
        assert (await idle.post(ROOT, {"url": named})).status_code == 202
    worker = app.use_cases.media_worker()
    while await worker.round():
        await worker.settled()
    assert len(app.media_fetcher.fetched) == 5
    app.media_store._room = 3
    refused.append(await idle.client.post(ROOT, files={"file": (canary, canary.encode() * 2)}))
    assert [answer.status_code for answer in refused] == [404, 422, 422, 422, 503]
    assert canary not in "".join(answer.text for answer in refused)
    logged = [record for record in caplog.records if record.name != "httpx"]  # the client of the test
    assert canary not in str([vars(record) for record in logged])
    assert canary not in str(idle.exchanges)


async def test_what_the_store_has_lost_is_not_there(idle: Rest) -> None:
    data = await uploaded(idle)
    await idle.in_memory_app.media_store.delete(BlobKey(DEFAULT_TENANT, data["sha256"]))
    for method in ("GET", "HEAD"):
        assert (await idle.client.request(method, data["contentUrl"])).status_code == 404


async def test_an_asset_that_an_open_message_needs_is_not_deleted(idle: Rest) -> None:
    data = await uploaded(idle)
    media_id = MediaId(data["mediaId"])
    await a_message_with(idle.in_memory_app.units, media_id)
    answer = await idle.client.delete(f"{ROOT}/{media_id}")
    assert refusal(answer)[:2] == (409, "MEDIA_IN_USE")
    free = (await uploaded(idle))["mediaId"]
    assert (await idle.client.delete(f"{ROOT}/{free}")).json()["data"] == {"mediaId": free, "deleted": True}
    for method in ("DELETE", "GET"):
        assert (await idle.client.request(method, f"{ROOT}/{free}")).status_code == 404


async def test_handles_are_shown_and_a_failed_asset_says_why(idle: Rest) -> None:
    data = await uploaded(idle)
    key = HandleKey(DEFAULT_TENANT, data["sha256"], ProviderCode("MAIN"), UploadKind.IMAGE)
    idle.in_memory_app.database.media_handles.put(key, (a_handle(), 0))
    idle.in_memory_app.database.media_handles.commit()
    shown = (await idle.get(f"{ROOT}/{data['mediaId']}")).json()["data"]
    assert shown["handles"] == [
        {"providerCode": "MAIN", "kind": "IMAGE", "fileId": a_handle().file_id, "expiresAt": None}
    ]
    assert a_handle().aes_key not in str(shown)


async def test_assets_are_listed_page_by_page(idle: Rest) -> None:
    made = [(await uploaded(idle, name=f"{number}.png"))["mediaId"] for number in range(3)]
    page = (await idle.get(ROOT, params={"limit": 2})).json()["data"]
    assert [item["mediaId"] for item in page["items"]] == made[:0:-1]
    rest = (await idle.get(ROOT, params={"limit": 2, "cursor": page["nextCursor"]})).json()["data"]
    assert ([item["mediaId"] for item in rest["items"]], rest["nextCursor"]) == (made[:1], None)
    assert page["items"][0]["state"] == MediaState.READY
