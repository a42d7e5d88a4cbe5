"""Media assets: upload a file or name its URL, look at it, read its content, delete it (ADR 66)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from operator import attrgetter
from typing import Annotated, Any, Final, TypeAlias

from litestar import Request
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import QueryParameter
from litestar.types import HTTPScope

from wework_message.application.errors import NotFoundError
from wework_message.application.media.content import Signed
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.domain.ids import MediaId
from wework_message.domain.media.asset import MediaAsset, MediaState
from wework_message.domain.ports.media_reader import MediaView
from wework_message.entrypoints.rest.api import ApiDependency, link
from wework_message.entrypoints.rest.http.contents import Sent, Streamed, names_tag, safe_headers, span_of
from wework_message.entrypoints.rest.http.envelope import ACCEPTED, OK, Answer, Enveloped
from wework_message.entrypoints.rest.http.media_types import is_multipart
from wework_message.entrypoints.rest.http.multipart import receive_file
from wework_message.entrypoints.rest.http.query_parameters import (
    NO_PARAMETERS,
    Cursor,
    Limit,
    Name,
    cursor_text,
    items_of,
)
from wework_message.entrypoints.rest.http.request_body import request_header
from wework_message.entrypoints.rest.http.routing import (
    NOT_AUDITED,
    OWN_PROOF,
    PlainOperation,
    answers,
    delete,
    errors,
    get,
    header,
    post,
    reading,
)
from wework_message.entrypoints.rest.request_schemas import MEDIA
from wework_message.entrypoints.rest.resources.settings_body import read_settings_body
from wework_message.entrypoints.wire.answers.media import (
    DeletedMedia,
    MediaAnswer,
    MediaPage,
    content_path,
    media_answer,
)
from wework_message.entrypoints.wire.requests.media import NewMediaRequest

_FILE: Final = {
    "multipart/form-data": OpenAPIMediaType(
        Schema(
            type=OpenAPIType.OBJECT,
            properties={
                "file": Schema(
                    type=OpenAPIType.STRING,
                    format=OpenAPIFormat.BINARY,
                    content_media_type="application/octet-stream",
                    min_length=1,
                )
            },
            required=["file"],
            max_properties=1,
        )
    )
}


@dataclass
class UploadOperation(reading(MEDIA, lambda: {"url": {"url": "https://files.example/picture.png"}})):  # type: ignore[misc] # a class that a function makes
    """A body of either kind."""

    def __post_init__(self) -> None:
        """Add the file to the JSON body."""
        super().__post_init__()
        body: RequestBody = self.request_body
        body.content = {**_FILE, **body.content}


@post(
    "/api/media",
    scope=Scope.MESSAGES_SEND,
    audit=NOT_AUDITED,
    status_code=HTTPStatus.CREATED,
    summary="Upload a file, or name the URL of one, for any number of messages",
    operation_class=UploadOperation,
    opt=NO_PARAMETERS,
    responses=answers({200: MediaAnswer, 202: MediaAnswer}) | errors(400, 413, 415, 422),
)
async def create_media(api: ApiDependency, request: Request[Any, Any, Any]) -> Enveloped[MediaAnswer]:
    """A file is READY at once (201); what a URL names is fetched (202), or is an asset already (200)."""
    application = api.take_work()
    if is_multipart(request_header(request, b"content-type")):
        async with application.receive_media.file() as staged:
            name = await receive_file(request, staged.write, max_bytes=api.config.max_media_bytes)
            asset = await application.receive_media(api.tenant_id, staged, name)
        return _made(request, asset, HTTPStatus.CREATED)
    named = await read_settings_body(api, request, NewMediaRequest)
    asset = await application.name_media(api.tenant_id, named.url, named.file_name)
    return _made(request, asset, OK if asset.state is MediaState.READY else ACCEPTED)


@get("/api/media", scope=Scope.MESSAGES_READ, summary="Media assets, newest first", responses=errors(422))
async def list_media(
    api: ApiDependency, request: Request[Any, Any, Any], limit: Limit = 50, cursor: Cursor = None
) -> MediaPage:
    """A page of assets, newest first."""
    before = cursor_text(cursor)
    views = await api.application.read_media.assets(
        api.tenant_id, limit=limit + 1, before=None if before is None else MediaId(before)
    )
    return MediaPage(*items_of(views, limit, partial(_answer, request), attrgetter("media_id")))


@get(
    "/api/media/{media_id:str}",
    scope=Scope.MESSAGES_READ,
    summary="What is known of a media asset",
    opt=NO_PARAMETERS,
    responses=errors(404, 422),
)
async def get_media(api: ApiDependency, request: Request[Any, Any, Any], media_id: Name) -> MediaAnswer:
    """With the handles that providers gave for its bytes."""
    view = await api.application.read_media.asset(api.tenant_id, MediaId(media_id))
    if view is None:
        raise NotFoundError("media asset")
    return _answer(request, view)


@delete(
    "/api/media/{media_id:str}",
    scope=Scope.MESSAGES_SEND,
    audit=AuditAction.MEDIA_DELETE,
    summary="Delete a media asset that no open message needs",
    opt=NO_PARAMETERS,
    responses=errors(404, 409, 422),
)
async def delete_media(api: ApiDependency, media_id: Name) -> DeletedMedia:
    """Its bytes go when no other asset has them."""
    await api.application.delete_media(api.tenant_id, MediaId(media_id))
    return DeletedMedia(media_id=media_id)


Expires: TypeAlias = Annotated[
    str | None, QueryParameter(description="Of an address that the service has signed: when it expires, epoch seconds.")
]
Signature: TypeAlias = Annotated[
    str | None, QueryParameter(description="Of an address that the service has signed; it comes with `expires`.")
]


@dataclass
class ContentOperation(PlainOperation):
    """An operation that answers with bytes."""

    def __post_init__(self) -> None:
        """Say so; Litestar sees no type."""
        super().__post_init__()
        content = {
            "*/*": OpenAPIMediaType(Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        }  # whatever the bytes are
        self.responses = {
            **(self.responses or {}),
            **{
                status: self.finish(int(status), OpenAPIResponse("", content=dict(content)))
                for status in ("200", "206")
            },
            "304": OpenAPIResponse("Not Modified"),
        }
        self.responses = dict(sorted(self.responses.items()))
        self.parameters = [
            header("Range", "One range of bytes, such as `bytes=0-1023`; several of them are answered with all bytes."),
            header("If-None-Match", "Entity tags (`ETag`): 304 where one of them is that of the bytes."),
            *(self.parameters or ()),
        ]


def _is_signed(scope: HTTPScope) -> bool:
    """Whether the address says that the service has signed it. A handler that sees the parameter checks it."""
    return b"signature=" in scope["query_string"]


@get(
    "/api/media/{media_id:str}/content",
    scope=Scope.MESSAGES_READ,
    opt={OWN_PROOF: _is_signed},
    summary="The bytes of a media asset",
    operation_class=ContentOperation,
    responses=errors(404, 416, 422),
)
async def get_media_content(
    api: ApiDependency,
    request: Request[Any, Any, Any],
    media_id: Name,
    expires: Expires = None,
    signature: Signature = None,
) -> Sent:
    """Ranges, HEAD, and 304 for a known tag. An address with a signature must be right, and not late."""
    contents = api.application.media_content
    signed = None if expires is None and signature is None else Signed(expires or "", signature or "")
    asset, facts = await contents.asset(api.tenant_id, MediaId(media_id), signed)
    tag = b'"%b"' % facts.sha256.encode()
    headers = safe_headers(facts.seen.mime_type, asset.file_name, tag)
    if names_tag(request_header(request, b"if-none-match"), tag):
        return Answer(HTTPStatus.NOT_MODIFIED, b"", headers)
    condition = request_header(request, b"if-range")
    wished = request_header(request, b"range") if condition in (None, tag) else None
    span = span_of(wished, facts.size)
    if span.partial:
        headers.append((b"content-range", b"bytes %d-%d/%d" % (span.start, span.end - 1, facts.size)))
    status = HTTPStatus.PARTIAL_CONTENT if span.partial else HTTPStatus.OK
    pieces = contents.read(asset.tenant_id, facts, span.start, span.end if request.method == "GET" else span.start)
    try:
        first = await anext(pieces, b"")
    except BaseException:
        await pieces.aclose()
        raise
    return Streamed(status, headers, span.end - span.start, first, pieces)


def _made(request: Request[Any, Any, Any], asset: MediaAsset, status: int) -> Enveloped[MediaAnswer]:
    headers: Mapping[str, str] = {"location": link(request, f"/api/media/{asset.media_id}")}
    return Enveloped(_answer(request, MediaView(asset)), status_code=status, headers=headers)


def _answer(request: Request[Any, Any, Any], view: MediaView) -> MediaAnswer:
    return media_answer(view, link(request, content_path(view.asset)))
