"""Uploads: the vendor fetches a file from a URL, and gives it a handle (P-7).

No answer is documented, so where a handle is in it is assumed and configured (`MediaConnection.answer`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from wework_message.adapters.guxing import outcomes
from wework_message.adapters.guxing.places import Places
from wework_message.adapters.guxing.wire import OfInstance, number, read_envelope
from wework_message.adapters.http import Answer, Timing, Transport, answer_or_outcome
from wework_message.domain.content.rules import MAX_BYTES, Digest, Key, Url, rule_of
from wework_message.domain.ids import Guid
from wework_message.domain.media.handles import Handle, UploadKind
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import INPUT_REFUSALS, OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.media_gateway import Upload, Uploaded, UploadOutcome
from wework_message.domain.ports.protocols import MediaConnection

ANSWER: Final[Mapping[str, str]] = {
    "file-id": "file_id | fileid | fileId",
    "aes-key": "aes_key | aeskey | aesKey",
    "md5": "md5 | file_md5",
    "size": "size | file_size",
    "url": "url | image_url | preview_url",
}
"""Assumed."""

FILE_TYPES: Final[Mapping[str, int]] = {
    UploadKind.IMAGE: 2,
    UploadKind.VIDEO: 4,
    UploadKind.VOICE: 5,
    UploadKind.FILE: 5,
    UploadKind.COVER: 1,
}
"""`file_type` of the small CDN. Another page of the documents says 1 for pictures."""

_C2C: Final = "/cloud/cdn_c2c_upload"
_UPDATE_RULE: Final = "/cloud/update_cdn_rule"
_PATHS: Final[Mapping[UploadKind, str]] = {
    UploadKind.BIG: "/cloud/cdn_big_upload",
    UploadKind.PREVIEW: "/cloud/upload_video_preview",
    UploadKind.PICTURE_URL: "/cloud/add_image",
}
"""Endpoints of the kinds that do not go to the small CDN."""

_STALE_RULE: Final = frozenset({-5103011, 5103011})
"""The CDN's rule of the instance is too old. The vendor writes other codes of the CDN without their sign, so both count."""

_JSON: Final = ("content-type", "application/json")
_REFUSED_BYTES: Final = INPUT_REFUSALS | {Reason.UNKNOWN_CODE}
_RETRY: Final = Uploaded(UploadOutcome.RETRY)

_encode: Final = msgspec.json.Encoder().encode


class GuxingUploads:
    """The uploads of one provider. Neither the address of a file nor a key is in what it returns about a failure."""

    def __init__(
        self,
        transport: Transport,
        connection: MediaConnection,
        codes: Mapping[int, OutcomeClass],
        state_of: Callable[[Guid], Awaitable[ClientState]],
    ) -> None:
        """`transport` is for uploads alone, and belongs to the caller; `state_of` is asked after a code that no table knows."""
        self._transport = transport
        self._timeout_ms = connection.timeout_ms
        self._file_types = {**FILE_TYPES, **connection.file_types}
        self._places = Places(ANSWER, connection.answer)
        self._codes = codes
        self._state_of = state_of

    async def upload(self, upload: Upload) -> Uploaded:
        """One upload; once more where the vendor first wants the rule of its CDN to be updated."""
        try:
            path, body = self._request(upload)
            rule = _encode(OfInstance(upload.guid))
        except ValueError:  # a lone surrogate: neither an id of the vendor nor a URL
            return Uploaded(UploadOutcome.REFUSED)
        ends = asyncio.get_running_loop().time() + self._timeout_ms / 1_000
        answer = await self._post(path, body, ends)
        if _has_stale_rule(answer):
            await self._post(_UPDATE_RULE, rule, ends)
            answer = await self._post(path, body, ends)
        if isinstance(answer, AttemptOutcome) or _has_stale_rule(answer):
            return _RETRY
        return await self._end(upload, answer)

    def _request(self, upload: Upload) -> tuple[str, bytes]:
        path = _PATHS.get(upload.kind, _C2C)
        body: dict[str, Any] = {"guid": upload.guid}
        if path is _C2C:
            body["file_type"] = self._file_types[upload.kind]
        return path, _encode({**body, "url": upload.address})

    async def _post(self, path: str, body: bytes, ends: float) -> Answer | AttemptOutcome:
        left_ms = max(int((ends - asyncio.get_running_loop().time()) * 1_000), 1)
        return await answer_or_outcome(self._transport, path, body, Timing(left_ms), _JSON)

    async def _end(self, upload: Upload, answer: Answer) -> Uploaded:
        """What an answer means. A refusal is one of the bytes only where the instance could have taken them."""
        outcome = outcomes.of_recall(answer.status, answer.headers, answer.body, self._codes)
        code = outcome.error_code
        if outcome.kind is OutcomeClass.ACCEPTED:
            handle = self._handle(upload, answer)
            return _RETRY if handle is None else Uploaded(UploadOutcome.UPLOADED, handle)
        if outcome.kind is OutcomeClass.THROTTLED:
            return Uploaded(UploadOutcome.RETRY, error_code=code, retry_after_ms=outcome.retry_after_ms)
        if outcome.kind is OutcomeClass.REFUSED_BINDING:
            return Uploaded(UploadOutcome.RETRY, error_code=code, guid_offline=True)
        if outcome.kind in (OutcomeClass.UNCERTAIN, OutcomeClass.NOT_SENT) or outcome.reason not in _REFUSED_BYTES:
            return Uploaded(UploadOutcome.RETRY, error_code=code)
        if not outcome.confirmed and await self._state_of(upload.guid) is not ClientState.ONLINE:
            return Uploaded(UploadOutcome.RETRY, error_code=code, guid_offline=True)
        return Uploaded(UploadOutcome.REFUSED, error_code=code)

    def _handle(self, upload: Upload, answer: Answer) -> Handle | None:
        """The handle; None where the answer lacks what this kind needs."""
        envelope = read_envelope(answer.body)
        data = None if envelope is None else envelope.data
        file_id, aes_key, url = (
            _text(self._places.value(name, data), rule)
            for name, rule in (("file-id", Key), ("aes-key", Key), ("url", Url))
        )
        by_url = upload.kind in (UploadKind.PREVIEW, UploadKind.PICTURE_URL)
        needed = (url,) if by_url else (file_id,) if upload.kind is UploadKind.BIG else (file_id, aes_key)
        if not all(needed):
            return None
        size = number(self._places.value("size", data))
        return Handle(
            file_id="" if by_url else file_id,
            aes_key=aes_key if len(needed) > 1 else "",
            md5=_text(self._places.value("md5", data), Digest) or upload.md5,
            size=size if size is not None and 0 < size <= MAX_BYTES else upload.size,
            url=url if by_url else "",
        )


def _has_stale_rule(answer: Answer | AttemptOutcome) -> bool:
    envelope = None if isinstance(answer, AttemptOutcome) else read_envelope(answer.body)
    return envelope is not None and envelope.code in _STALE_RULE


def _text(value: object, kind: Any) -> str:
    """A text that a content can carry as this kind of field; empty for anything else."""
    rule = rule_of(kind)
    return value if isinstance(value, str) and rule is not None and rule.problem(value) is None else ""
