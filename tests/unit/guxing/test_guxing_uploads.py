"""Uploads to Guxing: what is asked for, and what each answer means. Its answers are not documented."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.adapters.guxing.outcomes import outcome_codes
from wework_message.adapters.guxing.uploads import GuxingUploads
from wework_message.adapters.http import Answer, LostError, NotWrittenError, Timing
from wework_message.domain.ids import Guid
from wework_message.domain.media.handles import Handle, UploadKind
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.media_gateway import Upload, Uploaded, UploadOutcome
from wework_message.domain.ports.protocols import MediaConnection

ADDRESS: Final = "http://127.0.0.1/api/media/m-1/content?signature=s3cret"
MD5: Final = "0" * 32
FIELDS: Final = {"file_id": "3069", "aes_key": "ab" * 16, "md5": "1" * 32, "size": 20}
HANDLE: Final = Handle("3069", "ab" * 16, "1" * 32, 20)
RETRY: Final = Uploaded(UploadOutcome.RETRY)
CODES: Final = outcome_codes({"-7": OutcomeClass.REFUSED_BINDING, "-8": OutcomeClass.THROTTLED})


class Vendor:
    """Answers each call with the next of its answers, the last one again and again."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, Any]] = []

    async def post(self, path: str, body: bytes, *, timing: Timing, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        assert timing.total_ms <= MediaConnection().timeout_ms
        assert list(headers) == [("content-type", "application/json")]
        self.calls.append((path, json.loads(body)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def envelope(data: object, code: int = 0, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(200, headers or {}, json.dumps({"error_code": code, "error_message": "", "data": data}).encode(), 1.0)


def a_upload(kind: UploadKind = UploadKind.IMAGE, guid: str = "g-1") -> Upload:
    return Upload(Guid(guid), kind, ADDRESS, 10, MD5)


async def upload(
    *answers: Answer | Exception,
    kind: UploadKind = UploadKind.IMAGE,
    state: ClientState = ClientState.ONLINE,
    **connection: Any,
) -> tuple[Uploaded, Vendor]:
    async def state_of(_guid: Guid) -> ClientState:
        return state

    vendor = Vendor(*answers)
    return await GuxingUploads(vendor, MediaConnection(**connection), CODES, state_of).upload(a_upload(kind)), vendor


@pytest.mark.parametrize(
    ("kind", "path", "file_type"),
    [
        (UploadKind.IMAGE, "/cloud/cdn_c2c_upload", 2),
        (UploadKind.VIDEO, "/cloud/cdn_c2c_upload", 4),
        (UploadKind.VOICE, "/cloud/cdn_c2c_upload", 5),
        (UploadKind.FILE, "/cloud/cdn_c2c_upload", 5),
        (UploadKind.COVER, "/cloud/cdn_c2c_upload", 1),
        (UploadKind.BIG, "/cloud/cdn_big_upload", None),
        (UploadKind.PREVIEW, "/cloud/upload_video_preview", None),
        (UploadKind.PICTURE_URL, "/cloud/add_image", None),
    ],
)
async def test_each_kind_goes_to_its_endpoint(kind: UploadKind, path: str, file_type: int | None) -> None:
    end, vendor = await upload(envelope({**FIELDS, "url": "https://cdn.example/1"}), kind=kind)
    number = {} if file_type is None else {"file_type": file_type}
    assert vendor.calls == [(path, {"guid": "g-1", **number, "url": ADDRESS})]
    assert end.outcome is UploadOutcome.UPLOADED
    by_url = kind in (UploadKind.PREVIEW, UploadKind.PICTURE_URL)
    assert end.handle == Handle(
        file_id="" if by_url else "3069",
        aes_key="ab" * 16 if file_type is not None else "",
        md5="1" * 32,
        size=20,
        url="https://cdn.example/1" if by_url else "",
    )


async def test_the_numbers_of_kinds_are_the_operators() -> None:
    _, vendor = await upload(envelope(FIELDS), file_types={"IMAGE": 1})
    assert vendor.calls[0][1]["file_type"] == 1


@pytest.mark.parametrize(
    ("data", "handle"),
    [
        (FIELDS, HANDLE),
        ({"fileid": "3069", "aeskey": "ab" * 16, "file_md5": "1" * 32, "file_size": "20"}, HANDLE),
        ({"fileId": "3069", "aesKey": "ab" * 16}, Handle("3069", "ab" * 16, MD5, 10)),
        ({**FIELDS, "md5": "", "size": 0}, Handle("3069", "ab" * 16, MD5, 10)),
        ({**FIELDS, "size": 2**60, "md5": 7}, Handle("3069", "ab" * 16, MD5, 10)),
        ({**FIELDS, "file_id": ""}, None),
        ({**FIELDS, "file_id": 3069}, None),
        ({**FIELDS, "file_id": "a\0b"}, None),
        ({**FIELDS, "file_id": "3" * 5_000}, None),
        ({**FIELDS, "aes_key": None}, None),
        ({}, None),
        ([FIELDS], None),
        ("3069", None),
    ],
)
async def test_a_handle_is_read_by_the_names_that_are_assumed(data: object, handle: Handle | None) -> None:
    end, _ = await upload(envelope(data))
    assert end == (RETRY if handle is None else Uploaded(UploadOutcome.UPLOADED, handle))


async def test_a_handle_is_read_where_the_operator_says() -> None:
    data = {"cdn": {"file": {"no": "3069"}}, "k": "ab" * 16, "md5": "1" * 32, "size": 20, "file_id": "wrong"}
    end, _ = await upload(envelope(data), answer={"file-id": "cdn.no | cdn.file.no", "aes-key": "k.key|k"})
    assert end.handle == HANDLE


@pytest.mark.parametrize("url", ["", "ftp://cdn.example/1", "https://cdn.example/a b", 7, None])
async def test_a_picture_needs_an_address(url: object) -> None:
    assert (await upload(envelope({**FIELDS, "url": url}), kind=UploadKind.PICTURE_URL))[0] == RETRY


@pytest.mark.parametrize("code", [-5103011, 5103011])
async def test_the_rule_of_the_cdn_is_updated_once(code: int) -> None:
    stale = envelope({}, code)
    end, vendor = await upload(stale, envelope({}), envelope(FIELDS))
    assert end == Uploaded(UploadOutcome.UPLOADED, HANDLE)
    assert [path for path, _ in vendor.calls] == [
        "/cloud/cdn_c2c_upload",
        "/cloud/update_cdn_rule",
        "/cloud/cdn_c2c_upload",
    ]
    assert vendor.calls[1][1] == {"guid": "g-1"}
    end, vendor = await upload(stale)
    assert (end, len(vendor.calls)) == (RETRY, 3)


REFUSED: Final[Callable[[int | None], Uploaded]] = lambda code: Uploaded(UploadOutcome.REFUSED, error_code=code)  # noqa: E731 - a table's word


@pytest.mark.parametrize(
    ("answer", "state", "end"),
    [
        (envelope({}, -4017), ClientState.OFFLINE, REFUSED(-4017)),
        (envelope({}, -9), ClientState.ONLINE, REFUSED(-9)),
        (envelope({}, -9), ClientState.OFFLINE, Uploaded(UploadOutcome.RETRY, error_code=-9, guid_offline=True)),
        (envelope({}, -9), ClientState.UNKNOWN, Uploaded(UploadOutcome.RETRY, error_code=-9, guid_offline=True)),
        (envelope({}, -7), ClientState.ONLINE, Uploaded(UploadOutcome.RETRY, error_code=-7, guid_offline=True)),
        (
            envelope({}, -8, {"retry-after": "3"}), ClientState.ONLINE,
            Uploaded(UploadOutcome.RETRY, error_code=-8, retry_after_ms=3_000),
        ),
        (Answer(429, {"retry-after": "2"}, b"", 1.0), ClientState.ONLINE, Uploaded(UploadOutcome.RETRY, retry_after_ms=2_000)),
        (Answer(422, {}, b'{"detail":[]}', 1.0), ClientState.ONLINE, REFUSED(None)),
        (Answer(413, {}, b"", 1.0), ClientState.ONLINE, REFUSED(None)),
        (Answer(401, {}, b"", 1.0), ClientState.ONLINE, RETRY),
        (Answer(404, {}, b"", 1.0), ClientState.ONLINE, RETRY),
        (Answer(500, {}, b"", 1.0), ClientState.ONLINE, RETRY),
        (Answer(200, {}, b"<html>", 1.0), ClientState.ONLINE, RETRY),
        (LostError(Reason.READ), ClientState.ONLINE, RETRY),
        (NotWrittenError(Reason.POOL), ClientState.ONLINE, RETRY),
        (RuntimeError(ADDRESS), ClientState.ONLINE, RETRY),
    ],
)  # fmt: skip
async def test_only_bytes_that_the_provider_will_not_take_are_refused(
    answer: Answer | Exception, state: ClientState, end: Uploaded
) -> None:
    assert (await upload(answer, state=state))[0] == end


async def test_a_guid_that_nobody_has_is_refused_without_a_call() -> None:
    async def state_of(_guid: Guid) -> ClientState:
        raise AssertionError

    vendor = Vendor(envelope(FIELDS))
    uploads = GuxingUploads(vendor, MediaConnection(), CODES, state_of)
    assert (await uploads.upload(a_upload(guid="\ud83d"))).outcome is UploadOutcome.REFUSED
    assert vendor.calls == []


def test_an_address_is_in_no_text() -> None:
    assert "s3cret" not in repr(a_upload())


JSON: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*FIELDS, "url", "cdn"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(data=JSON, code=st.sampled_from([0, None, -9, -5103011]), kind=st.sampled_from(list(UploadKind)))
async def test_whatever_is_answered_nothing_raises(data: object, code: int | None, kind: UploadKind) -> None:
    answer = Answer(200, {}, json.dumps({"error_code": code, "data": data}).encode(), 1.0)
    places: Mapping[str, str] = {"file-id": "cdn.file_id.cdn | file_id"}
    end, _ = await upload(answer, kind=kind, answer=places)
    assert (end.handle is not None) == (end.outcome is UploadOutcome.UPLOADED)
