"""The one table of what clients see of each error (D-23)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import Scope
from msgspec import UNSET

from wework_message.application.errors import (
    AccountDisabledError,
    ApplicationError,
    BatchConflictError,
    BatchRefusedError,
    CallbackRefusedError,
    ConfirmationRequiredError,
    DrainingError,
    ForbiddenError,
    IdempotencyConflictError,
    InstanceOnlineError,
    MediaInUseError,
    NoCapabilityError,
    NotFoundError,
    NotImplementedYetError,
    OverloadedError,
    PoolTakenError,
    ProviderRefusedError,
    RateLimitedError,
    TooManyWaitersError,
    UnauthenticatedError,
    UnfitMediaError,
    UnknownNameError,
    UnquotableError,
)
from wework_message.domain.access.api_keys import KeyRotatedError, TooManyKeysError
from wework_message.domain.access.tenants import OperatorTenantError, TenantExistsError, TooManyTenantsError
from wework_message.domain.account import NotActivatableError, SlotOccupiedError
from wework_message.domain.callback_tokens import TooManyTokensError
from wework_message.domain.errors import (
    ConflictError,
    ContentErasedError,
    DomainError,
    IllegalTransitionError,
    InvalidValueError,
    TryAgainError,
    UnavailableError,
    WeworkMessageError,
)
from wework_message.domain.placement import FullError, OpenPlacementError, UnplaceableError
from wework_message.domain.ports.media_inspector import MediaDefectError
from wework_message.domain.ports.media_store import BlobMissingError
from wework_message.domain.registration import StaleVersionError, TakenError
from wework_message.entrypoints.rest.http.envelope import (
    JSON_TYPE,
    PROBLEM_NAMES,
    PROBLEM_TYPE,
    Answer,
    Envelope,
    Header,
    Problem,
    encode,
    request_id_of,
)
from wework_message.entrypoints.rest.http.noted_problems import note_problem
from wework_message.entrypoints.rest.http.query_parameters import unbound
from wework_message.entrypoints.wire.instants import iso
from wework_message.entrypoints.wire.problems import MAX_PROBLEMS, FieldProblem, ProblemCode, RequestRejected

RETRY_AFTER_S: Final = 1
"""`Retry-After` of a 503."""

STATUSES: Final[Mapping[type[WeworkMessageError], int]] = {
    DomainError: 422,
    InvalidValueError: 422,
    IllegalTransitionError: 409,
    ContentErasedError: 409,
    SlotOccupiedError: 409,
    TakenError: 409,
    StaleVersionError: 409,
    NotActivatableError: 409,
    ConflictError: 409,
    TooManyTokensError: 409,
    UnavailableError: 503,
    TryAgainError: 503,
    ApplicationError: 422,
    NotFoundError: 404,
    CallbackRefusedError: 404,
    IdempotencyConflictError: 409,
    BatchRefusedError: 422,
    BatchConflictError: 409,
    UnknownNameError: 422,
    AccountDisabledError: 409,
    NoCapabilityError: 422,
    ConfirmationRequiredError: 409,
    PoolTakenError: 503,
    UnquotableError: 422,
    UnfitMediaError: 422,
    NotImplementedYetError: 501,
    InstanceOnlineError: 409,
    MediaInUseError: 409,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    TooManyKeysError: 409,
    KeyRotatedError: 409,
    TooManyTenantsError: 409,
    TenantExistsError: 409,
    OperatorTenantError: 409,
    ProviderRefusedError: 422,
    UnplaceableError: 422,
    FullError: 409,
    OpenPlacementError: 409,
    BlobMissingError: 404,
    MediaDefectError: 422,
    DrainingError: 503,
    TooManyWaitersError: 503,
    OverloadedError: 503,
    RateLimitedError: 429,
}
"""HTTP status by error; a class that is not here has its parent's. `RequestRejected` and `Refusal` have their own."""

_CODES: Final[Mapping[int, str]] = {
    400: "INVALID_REQUEST",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    421: "MISDIRECTED",
    422: "VALIDATION_FAILED",
    429: "RATE_LIMITED",
    431: "HEAD_TOO_LARGE",
    501: "NOT_IMPLEMENTED",
    503: "UNAVAILABLE",
}
"""Stable code by status, for errors that the framework raises."""

_TITLES: Final[Mapping[int, str]] = {413: "Content Too Large", 422: "Unprocessable Content"}
"""RFC 9110's words, where the running Python still has older ones."""

_log: Final = logging.getLogger(__name__)


class Refusal(WeworkMessageError):  # noqa: N818 -- an answer about a message, not a fault of ours
    """The outcome of a request about a stored message, which the answer carries as `data`."""

    def __init__(self, status: int, error: str, message: str, data: Any, headers: tuple[Header, ...] = ()) -> None:
        """`error` the stable code, `message` for people, `data` the status object."""
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.data = data
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Failure:
    """What a client sees of an error."""

    status: int
    error: str
    message: str
    errors: tuple[FieldProblem, ...] = ()
    headers: tuple[Header, ...] = ()
    data: Any = UNSET


INTERNAL: Final = Failure(500, "INTERNAL", "internal error")
"""The answer to every unforeseen error; the log has the details."""


def status_of(kind: type[WeworkMessageError]) -> int | None:
    """The HTTP status of an error class; None where neither it nor a parent has one."""
    return next((STATUSES[parent] for parent in kind.__mro__ if parent in STATUSES), None)


def failure(error: Exception) -> Failure:
    """What a client sees of `error`."""
    if isinstance(error, RequestRejected):
        return Failure(error.status, error.error, error.message, error.errors, error.headers)
    if isinstance(error, Refusal):
        return Failure(error.status, error.error, error.message, headers=error.headers, data=error.data)
    if isinstance(error, WeworkMessageError) and (status := status_of(type(error))) is not None:
        return Failure(status, error.code, str(error), problems_of(error)[:MAX_PROBLEMS], _headers(error, status))
    if isinstance(error, HTTPException) and error.status_code in _CODES:
        headers = tuple((name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items())
        code = _CODES[error.status_code]
        return Failure(error.status_code, code, _title(error.status_code).lower(), headers=headers)
    return INTERNAL


def problems_of(error: WeworkMessageError) -> tuple[FieldProblem, ...]:
    """The fields that an error is about, in the JSON's own spelling."""
    if isinstance(error, BatchRefusedError):
        return tuple(_of_item(place, refused) for place, refused in error.refusals)
    path, message = getattr(error, "path", None), getattr(error, "message", None)
    if path is None or message is None:
        return ()
    late = isinstance(error, NotImplementedYetError)
    return (FieldProblem(path, ProblemCode.NOT_IMPLEMENTED if late else ProblemCode.INVALID_VALUE, message),)


def _of_item(place: int, refused: ApplicationError) -> FieldProblem:
    item = f"messages[{place}]"
    for problem in problems_of(refused):
        return FieldProblem(f"{item}.{problem.path}", problem.code, problem.message)
    return FieldProblem(f"{item}.clientMessageId", ProblemCode.INVALID_VALUE, str(refused))


def _headers(error: WeworkMessageError, status: int) -> tuple[Header, ...]:
    headers: tuple[Header, ...] = ()
    if isinstance(error, UnauthenticatedError):
        headers = ((b"www-authenticate", b"Bearer"),)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers = ((b"retry-after", b"%d" % RETRY_AFTER_S),)
    if isinstance(error, RateLimitedError):
        headers = ((b"retry-after", b"%d" % error.retry_after_s),)
    return (*headers, (b"connection", b"close")) if isinstance(error, DrainingError) else headers


def _title(status: int) -> str:
    return _TITLES.get(status) or HTTPStatus(status).phrase


def failure_answer(scope: Scope, failed: Failure, *, now: int) -> Answer:
    """The envelope, or RFC 9457 where the client accepts it; `now` is epoch ms."""
    note_problem(scope, failed.error, failed.data)
    common = {
        "error": failed.error,
        "errors": failed.errors or UNSET,
        "timestamp": iso(now),
        "request_id": request_id_of(scope),
        "data": failed.data,
    }
    if _accepts_problem(scope):
        problem = Problem(
            type=PROBLEM_NAMES + failed.error,
            title=_title(failed.status),
            status=failed.status,
            detail=failed.message,
            **common,
        )
        return Answer(failed.status, encode(problem), (PROBLEM_TYPE, *failed.headers))
    envelope = Envelope(code=failed.status, message=failed.message, success=False, **common)
    return Answer(failed.status, encode(envelope), (JSON_TYPE, *failed.headers))


def _accepts_problem(scope: Scope) -> bool:
    return any(name == b"accept" and b"application/problem+json" in value for name, value in scope["headers"])


def answer_to(error: Exception, scope: Scope, *, now: int) -> Answer:
    """The answer to an error; unforeseen errors are logged here, without the request's content."""
    failed = failure(error)
    if failed is INTERNAL:
        named = {"request_id": request_id_of(scope)}
        _log.error("request %s failed: %s", named["request_id"], type(error).__name__, exc_info=error, extra=named)
    return failure_answer(scope, failed, now=now)


def as_response(answer: Answer) -> Response[bytes]:
    """The same answer, as Litestar's exception handlers must return it."""
    headers = {name.decode(): value.decode() for name, value in answer.headers if name != b"content-length"}
    return Response(answer.body, status_code=answer.status, media_type=headers.pop("content-type"), headers=headers)


class ExceptionHandler:
    """Litestar's exception handler, which uses the table."""

    def __init__(self, now: Any) -> None:
        """`now` returns epoch ms."""
        self._now = now

    def __call__(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        """Answer any exception, also Litestar's own."""
        if isinstance(error, ValidationException):
            error = unbound(request, error)
        return as_response(answer_to(error, request.scope, now=self._now()))
