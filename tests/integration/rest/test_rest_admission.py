"""Who may ask while nobody needs a key: one Host that is ours, no other site's page, a body that says it is JSON."""

import gzip
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
import pytest
from tests.support.apps.rest import ASYNC, TEXT, Rest, serving

HOOK = "/message/api/callbacks/webhook"
NOTICE = b'{"guid":"g","notify_type":11002,"data":{}}'
JSON = {"Content-Type": "application/json"}


def error_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "127.0.0.1:8082"),
        ("http://127.0.0.1:3000", "127.0.0.1:8082"),
        ("http://localhost:8082", "127.0.0.1:8082"),
        ("https://service", "service:8082"),
        ("null", "service"),
        ("", "service"),
        ("chrome-extension://abc", "service"),
        ("http://service.evil.example", "service"),
        ("http://service@evil.example", "service"),
        ("http://service/", "other"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", ASYNC), ("POST", HOOK), ("GET", "/api/messages"), ("OPTIONS", ASYNC)]
)
async def test_the_page_of_another_site_is_refused(idle: Rest, origin: str, host: str, method: str, path: str) -> None:
    headers = {"Origin": origin, "Host": host} | JSON
    answer = await idle.client.request(method, path, content=msgspec.json.encode(TEXT), headers=headers)
    assert error_of(answer) == (403, "FORBIDDEN")
    assert idle.in_memory_app.stored() == 0


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://service", "service"),
        ("http://service:8082", "service:8082"),
        ("https://service", "service:443"),
        ("https://service:443", "service"),
        ("http://[::1]:8082", "[::1]:8082"),
        ("HTTP://LocalHost:8082", "localhost:8082"),
    ],
)
async def test_the_own_page_may_ask(idle: Rest, origin: str, host: str) -> None:
    headers = {"Origin": origin, "Host": host, "Sec-Fetch-Site": "same-origin"}
    assert (await idle.post(ASYNC, TEXT, headers=headers)).status_code == 202


async def test_origins_can_be_allowed() -> None:
    async with serving(dispatching=False, allowed_origins=("https://desk.example/",)) as rest:
        for origin, status in (("https://desk.example", 202), ("https://other.example", 403)):
            headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
            assert (await rest.post(ASYNC, TEXT, headers=headers)).status_code == status
    async with serving(dispatching=False, allowed_origins=("*",)) as rest:
        assert (await rest.post(ASYNC, TEXT, headers={"Origin": "null"})).status_code == 202


@pytest.mark.parametrize("mode", [{}, {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}])  # fmt: skip
async def test_a_request_from_another_site_is_refused(idle: Rest, mode: dict[str, str]) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"} | mode
    assert error_of(await idle.get("/api/messages", headers=headers)) == (403, "FORBIDDEN")
    assert error_of(await idle.post(ASYNC, TEXT, headers=headers)) == (403, "FORBIDDEN")
    assert error_of(await idle.client.post(HOOK, content=NOTICE, headers=headers)) == (403, "FORBIDDEN")


async def test_a_link_may_be_followed_but_no_form_be_sent(idle: Rest) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert (await idle.get("/swagger-ui.html", headers=headers)).status_code == 200
    assert (await idle.post(ASYNC, TEXT, headers=headers)).status_code == 403


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none"])
async def test_other_requests_of_a_browser_are_served(idle: Rest, site: str) -> None:
    assert (await idle.get("/api/messages", headers={"Sec-Fetch-Site": site})).status_code == 200


FORMS: Final = ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x")


@pytest.mark.parametrize("action", ["retry?force=true", "cancel"])
async def test_a_form_changes_nothing(idle: Rest, action: str) -> None:
    message_id = await idle.accept()
    path = f"/api/messages/{message_id}/{action}"
    of_browser = {"Sec-Fetch-Site": "same-origin"}
    for content_type in FORMS:
        form = {"Content-Type": content_type}
        for answer in (
            await idle.client.post(path, content=b"a=b", headers=form),
            await idle.client.post(path, content=b"a=b", headers=form | of_browser),
            await idle.client.post(path, headers=form | of_browser),
        ):
            assert error_of(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert (await idle.status_of(message_id))["status"] == "QUEUED"


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


async def _braces() -> AsyncIterator[bytes]:
    yield b""
    yield b"{}"


@pytest.mark.parametrize("form", [None, *FORMS])
@pytest.mark.parametrize("in_chunks", [False, True])
async def test_no_body_needs_no_type(idle: Rest, form: str | None, in_chunks: bool) -> None:
    """Java's HttpURLConnection says that even an empty body is a form; Spring's default client sends a DELETE in chunks."""
    headers = {"Content-Type": form} if form else {}
    message_id = await idle.accept()
    cancelled = await idle.client.post(
        f"/api/messages/{message_id}/cancel", headers=headers, content=_nothing() if in_chunks else b""
    )
    assert cancelled.status_code == 200
    recall = await idle.client.request(
        "DELETE",
        f"/api/messages/test-guid/messages/{message_id}",
        headers=headers,
        content=_nothing() if in_chunks else b"",
    )
    assert error_of(recall) == (409, "ILLEGAL_STATE")


@pytest.mark.parametrize("path", ["/api/messages/{}/cancel", "/api/messages/send/async"])
async def test_a_body_must_say_that_it_is_json(idle: Rest, path: str) -> None:
    message_id = await idle.accept()
    for content in (b"{}", _braces()):
        answer = await idle.client.post(path.format(message_id), content=content)
        assert error_of(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert (await idle.status_of(message_id))["status"] == "QUEUED"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8082", "127.0.0.1.evil.example", "localhost.evil.example", "svc", "1.2.3"])  # fmt: skip
async def test_a_host_that_may_be_anybodys_is_refused(idle: Rest, host: str) -> None:
    status = 202 if host == "svc" else 421
    for path in (ASYNC, f"{ASYNC}?a=1"):
        assert (await idle.post(path, TEXT, headers={"Host": host})).status_code == status
    answer = await idle.get("/api/health", headers={"Host": host})
    assert answer.status_code == (200 if status == 202 else 421)
    if status == 421:
        assert answer.json()["error"] == "MISDIRECTED"
        assert host not in answer.text


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost.:8082", "127.0.0.1:8082", "10.42.0.17:8082", "[::1]:8082", "[fd00::17]", "service",
        "message-service:8082", "host.docker.internal:8082", "wework.prod.svc", "wework.prod.svc.cluster.local",
        "a.localhost", "desk.local", "MY_SERVICE",
    ],
)  # fmt: skip
async def test_addresses_and_private_names_are_ours(idle: Rest, host: str) -> None:
    assert (await idle.get("/api/health", headers={"Host": host})).status_code == 200


async def test_hosts_can_be_allowed() -> None:
    async with serving(dispatching=False, allowed_hosts=("Gateway.Example", "*.corp.example")) as rest:
        hosts = {"gateway.example:80": 200, "a.corp.example": 200, "corp.example": 421, "xcorp.example": 421}
        for host, status in hosts.items():
            assert (await rest.get("/api/health", headers={"Host": host})).status_code == status
    async with serving(dispatching=False, allowed_hosts=("*",)) as rest:
        assert (await rest.get("/api/health", headers={"Host": "evil.example"})).status_code == 200


@pytest.mark.parametrize(
    "host", ["", "a b", "a,b", "a@b", "[::1", "[zz]", "a:b", "a/b", ":80", "ü", "a" * 261], ids=lambda host: host[:9]
)
async def test_a_host_that_is_none_is_400_everywhere(idle: Rest, host: str) -> None:
    for path in ("/api/health", HOOK, ASYNC):
        answer = await idle.client.post(
            path, content=NOTICE, headers={b"Content-Type": b"application/json", b"Host": host.encode()}
        )
        assert error_of(answer) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/json;"])
async def test_the_webhook_takes_any_host_and_any_type(idle: Rest, content_type: str | None) -> None:
    headers = {"Host": "gateway.public.example"} | ({"Content-Type": content_type} if content_type else {})
    for path in (HOOK, f"{HOOK}/GUANGZHOU_GUXING", "/callbacks/webhook"):
        assert (await idle.client.post(path, content=NOTICE, headers=headers)).status_code == 200


@pytest.mark.parametrize("browser", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "same-origin"}])
async def test_the_webhook_takes_no_page_that_has_a_name_for_our_address(idle: Rest, browser: dict[str, str]) -> None:
    headers = {"Host": "evil.example"} | browser
    for path in (HOOK, f"{HOOK}/GUANGZHOU_GUXING"):
        assert error_of(await idle.client.post(path, content=NOTICE, headers=headers)) == (421, "MISDIRECTED")


async def test_a_callback_is_not_refused_for_two_types(idle: Rest) -> None:
    headers = [("Content-Type", "application/json"), ("Content-Type", "text/plain")]
    assert (await idle.client.post(HOOK, content=NOTICE, headers=headers)).status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip", "GZIP"])
@pytest.mark.parametrize("path", [ASYNC, "/message/api/messages/send", "/message/api/messages/send/batch", HOOK])
async def test_a_compressed_body_is_415_and_the_answer_says_what_is_taken(idle: Rest, encoding: str, path: str) -> None:
    headers = JSON | {"Content-Encoding": encoding}
    answer = await idle.client.post(path, content=gzip.compress(msgspec.json.encode(TEXT)), headers=headers)
    assert error_of(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert answer.headers["accept-encoding"] == "identity"


async def test_a_body_that_is_expressly_not_compressed_is_read(idle: Rest) -> None:
    assert (await idle.post(ASYNC, TEXT, headers={"Content-Encoding": "identity"})).status_code == 202


@pytest.mark.parametrize("name", ["Host", "Content-Type", "Origin", "Sec-Fetch-Site"])
async def test_a_header_that_must_be_given_once_is_refused_twice_by_name(idle: Rest, name: str) -> None:
    value = {"Host": "service", "Content-Type": "application/json", "Origin": "http://service"}.get(name, "none")
    headers = [("Host", "service"), ("Content-Type", "application/json"), (name, value)]
    headers += [(name, value)] * (name not in {"Host", "Content-Type"})
    answer = await idle.client.post(ASYNC, content=msgspec.json.encode(TEXT), headers=headers)
    assert error_of(answer) == (400, "INVALID_REQUEST")
    assert name in answer.json()["message"]


@pytest.mark.parametrize("second", ["a", "b"])
@pytest.mark.parametrize("path", [ASYNC, "/message/api/messages/send", "/message/api/messages/send/batch"])
async def test_two_idempotency_keys_are_422(idle: Rest, path: str, second: str) -> None:
    headers = [("Content-Type", "application/json"), ("Idempotency-Key", "a"), ("Idempotency-Key", second)]
    body = {"messages": [TEXT]} if path.endswith("batch") else TEXT
    answer = await idle.client.post(path, content=msgspec.json.encode(body), headers=headers)
    assert error_of(answer) == (422, "VALIDATION_FAILED")
    assert [problem["path"] for problem in answer.json()["errors"]] == ["Idempotency-Key"]
    assert idle.in_memory_app.stored() == 0
