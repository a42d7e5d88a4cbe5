"""Route decorators: Litestar's own, with what every route of this API has in common."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

from litestar import Response
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import (
    Example,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIType

from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.entrypoints.rest.http.envelope import OK, Enveloped
from wework_message.entrypoints.rest.http.priorities import priority_of
from wework_message.entrypoints.rest.load.request_limits import PRIORITY


class Public(Enum):
    """The scope of a route that needs none."""

    PUBLIC = "PUBLIC"


PUBLIC: Final = Public.PUBLIC
"""For routes that everybody may call, or that know who may in a way of their own."""


class NotAudited(Enum):
    """What stands in the place of the action of a route that leaves nothing in the audit trail."""

    NOT_AUDITED = "NOT_AUDITED"


NOT_AUDITED: Final = NotAudited.NOT_AUDITED
"""For what sends and what comes in, which is stored with its own history, and for what changes nothing."""

AUDIT: Final = "audit"
"""The key of a route's action for the audit trail in its `opt`."""

SCOPE: Final = "scope"
"""The key of a route's scope in its `opt`."""

OWN_PROOF: Final = "own_proof"
"""The key in `opt` of a function that says whether a request has a proof that its handler checks, such as a signature."""

REF: Final = "#/components/schemas/"

ERRORS: Final = {
    400: "The body is not JSON (`INVALID_JSON`), or the request is no HTTP, has no or two `Host`, or ends early (`INVALID_REQUEST`).",
    401: "No key or token, or not a valid one (`UNAUTHENTICATED`); only with `security.mode: keys`.",
    403: "A web page of another site asks, or the key or token lacks the scope that the text names (`FORBIDDEN`).",
    404: "There is no such thing (`NOT_FOUND`).",
    405: "The path has other methods, see `Allow` (`METHOD_NOT_ALLOWED`).",
    408: "The head or the body comes too slowly (`REQUEST_TIMEOUT`).",
    409: "The message's status forbids it (`ILLEGAL_STATE`, the status object as `data`), the key was used for another request (`IDEMPOTENCY_CONFLICT`), the sender is switched off (`ACCOUNT_DISABLED`), an id or guid is taken or was changed meanwhile (`CONFLICT`), or an open message needs the media asset (`MEDIA_IN_USE`).",
    413: "The body is too large (`PAYLOAD_TOO_LARGE`).",
    415: "The body does not say that it is JSON in UTF-8 (or a form, for files), or is compressed (`UNSUPPORTED_MEDIA_TYPE`).",
    416: "The content has no such range of bytes (`RANGE_NOT_SATISFIABLE`).",
    421: "`Host` is not a name of this service (`MISDIRECTED`).",
    422: "`VALIDATION_FAILED` with every problem and its path; of a sync send also `PROVIDER_REFUSED`, `NO_BINDING`, `NO_CAPABILITY`, `EXPIRED`, `CANCELLED` with the message as `data`; of a send to a `pool` `NO_CAPABILITY`, where no account of it, or not that of the conversation, can send this.",
    429: "More requests than this key or tenant may make, or failed log-ins than an address may (`RATE_LIMITED`); nothing was done, `Retry-After` says when to repeat.",
    431: "Line and headers are too large (`HEAD_TOO_LARGE`).",
    500: "Our fault; nothing is told here (`INTERNAL`).",
    501: "Not at this provider: its protocol or its settings do not allow it (`NOT_IMPLEMENTED`).",
    503: "The store is away or the process drains (`UNAVAILABLE`), or it is overloaded (`OVERLOADED`); nothing was accepted, `Retry-After` says when to repeat.",
}
"""The document's texts of errors, by status; they are `components/responses`."""

_ALWAYS: Final = (400, 403, 405, 408, 421, 429, 431, 500, 503)
"""Errors that every route has."""

_REQUEST_ID: Final = Reference("#/components/headers/X-Request-ID")


def answers(by_status: dict[int, Any]) -> dict[int, ResponseSpec]:
    """Answers in addition to that of the handler's return type: the type of `data` by status."""
    return {
        status: ResponseSpec(kind, generate_examples=False, description=HTTPStatus(status).phrase)
        for status, kind in by_status.items()
    }


def errors(*statuses: int) -> dict[int, ResponseSpec]:
    """Errors that a route has besides those that every route has."""
    return {status: ResponseSpec(None, generate_examples=False, description=ERRORS[status]) for status in statuses}


@dataclass
class PlainOperation(Operation):
    """An operation of the document, finished: headers of answers, and the errors as references."""

    def __post_init__(self) -> None:
        """Add what all operations have in common; Litestar has no other place for it."""
        finished: dict[str, OpenAPIResponse | Reference] = {}
        for status, response in (self.responses or {}).items():
            if response.description == ERRORS.get(int(status)):
                finished[status] = Reference(f"#/components/responses/{status}")
            elif isinstance(response, OpenAPIResponse) and response.content and status != "400":
                finished[status] = self.finish(int(status), response)
            # Else it is Litestar's own 400 for parameters, which is 422 here, or the success of a route that has none.
        for status in map(str, _ALWAYS):
            finished.setdefault(status, Reference(f"#/components/responses/{status}"))
        self.responses = dict(sorted(finished.items()))

    def finish(self, status: int, response: OpenAPIResponse) -> OpenAPIResponse:
        """Complete the answer of a success."""
        response.description = HTTPStatus(status).phrase
        response.headers = {"X-Request-ID": _REQUEST_ID}
        return response


@dataclass
class EnvelopedOperation(PlainOperation):
    """An operation whose answers come in the envelope."""

    def finish(self, status: int, response: OpenAPIResponse) -> OpenAPIResponse:
        """Put the envelope around the type of `data`."""
        for media in (response.content or {}).values():
            data = Schema(properties={"data": media.schema or Schema()}, required=["data"])
            media.schema = Schema(all_of=[Reference(f"{REF}Envelope"), data])
        return super().finish(status, response)


def reading(
    body: str, examples: Callable[[], Mapping[str, Any]] = dict, headers: Sequence[Parameter] = ()
) -> type[EnvelopedOperation]:
    """The operation of a route that reads its body itself: the body's schema by name, examples, and headers it reads."""

    @dataclass
    class ReadingOperation(EnvelopedOperation):
        def __post_init__(self) -> None:
            super().__post_init__()
            named_examples = {name: Example(value=value) for name, value in examples().items()}
            media = OpenAPIMediaType(Reference(REF + body), examples={**named_examples} or None)
            self.request_body = RequestBody({"application/json": media}, required=True)
            self.parameters = [*headers, *(self.parameters or ())]

    return ReadingOperation


HOT: Final = {"hot": True}
"""`opt` of a POST at a fixed path that every message or callback passes: the edge calls its handler without a detour."""

PLAIN: Final[dict[str, Any]] = {"response_class": Response, "operation_class": PlainOperation}
"""Options of a route that answers without the envelope."""


def get(path: str, *, scope: Scope | Public, **options: Any) -> HTTPRouteHandler:
    """A route for GET and HEAD; `options` are Litestar's."""
    return _route(path, [HttpMethod.GET, HttpMethod.HEAD], scope, options)


def post(path: str, *, scope: Scope | Public, audit: AuditAction | NotAudited, **options: Any) -> HTTPRouteHandler:
    """A route for POST, 200 unless `status_code` says otherwise; `options` are Litestar's."""
    return _route(path, [HttpMethod.POST], scope, _with_body(options), audit)


def put(path: str, *, scope: Scope | Public, audit: AuditAction | NotAudited, **options: Any) -> HTTPRouteHandler:
    """A route for PUT, 200 unless `status_code` says otherwise; `options` are Litestar's."""
    return _route(path, [HttpMethod.PUT], scope, _with_body(options), audit)


def delete(path: str, *, scope: Scope | Public, audit: AuditAction | NotAudited, **options: Any) -> HTTPRouteHandler:
    """A route for DELETE, 200 unless `status_code` says otherwise; `options` are Litestar's."""
    return _route(path, [HttpMethod.DELETE], scope, _with_body(options), audit)


def options(path: str, methods: Collection[str]) -> HTTPRouteHandler:
    """A route for OPTIONS that names these methods and itself in `Allow`.

    Litestar's own names the methods of the first handler of a path only.
    """
    allowed = ", ".join(sorted({*methods, HttpMethod.OPTIONS}))

    def answer_options() -> Response[None]:
        return Response(None, status_code=HTTPStatus.NO_CONTENT, headers={"Allow": allowed})

    return HTTPRouteHandler(
        path, http_method=[HttpMethod.OPTIONS], include_in_schema=False, sync_to_thread=False, opt={SCOPE: PUBLIC}
    )(answer_options)


def _with_body(options: dict[str, Any]) -> dict[str, Any]:
    """What may have a body may have one of a wrong type, also where none is read."""
    return options | {"responses": options.get("responses", {}) | errors(415)}


def _route(
    path: str,
    methods: list[HttpMethod],
    scope: Scope | Public,
    options: dict[str, Any],
    audit: AuditAction | NotAudited = NOT_AUDITED,
) -> HTTPRouteHandler:
    common: dict[str, Any] = {"response_class": Enveloped, "operation_class": EnvelopedOperation, "status_code": OK}
    opt = {**options.get("opt", {}), SCOPE: scope, AUDIT: audit, PRIORITY: priority_of(methods[0], path)}
    if audit is not NOT_AUDITED and "hot" in opt:
        raise ValueError(f"{path}: a hot route has no place for the audit trail")
    return HTTPRouteHandler(path, http_method=methods, **(common | options | {"opt": opt}))


def header(name: str, text: str, schema: Schema | None = None) -> Parameter:
    """A request header that a handler reads itself."""
    return Parameter(name, "header", schema=schema or Schema(type=OpenAPIType.STRING), description=text)
