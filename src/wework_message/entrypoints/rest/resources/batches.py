"""POST send/batch and GET batches/{batchId} (D-46)."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, TypeAlias

from litestar import Request
from litestar.params import QueryParameter
from msgspec import UNSET, structs

from wework_message.application.accept.accept import Accepted, AcceptMessage
from wework_message.application.accept.accept_batch import AcceptBatch, AcceptedBatch
from wework_message.application.big_work import computed
from wework_message.application.control.cancel_batch import CancelBatch
from wework_message.application.errors import (
    ApplicationError,
    BatchRefusedError,
    ConfirmationRequiredError,
    NotFoundError,
)
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.domain.batch import BatchMode
from wework_message.domain.ids import BatchId, MessageId, TenantId
from wework_message.entrypoints.rest.api import Api, ApiDependency, link
from wework_message.entrypoints.rest.http.envelope import ACCEPTED, Enveloped, request_id_of
from wework_message.entrypoints.rest.http.problems import Refusal, problems_of
from wework_message.entrypoints.rest.http.query_parameters import Cursor, Name, cursor_number, next_cursor
from wework_message.entrypoints.rest.http.request_body import read_body
from wework_message.entrypoints.rest.http.routing import NOT_AUDITED, errors, get, post, reading
from wework_message.entrypoints.rest.message_schemas import BATCH
from wework_message.entrypoints.rest.resources.sending import KEY, REPLAYED, idempotency_key, log_unanswered
from wework_message.entrypoints.wire.answers.batches import (
    BatchAnswer,
    BatchItemAnswer,
    BatchProgress,
    ChunkAnswer,
    ConfirmationAnswer,
    batch_progress,
)
from wework_message.entrypoints.wire.answers.control import CancelledBatchAnswer, cancelled_batch
from wework_message.entrypoints.wire.instants import iso
from wework_message.entrypoints.wire.problems import MAX_PROBLEMS, RequestRejected, bounded, rejection
from wework_message.entrypoints.wire.requests.examples import batch_examples
from wework_message.entrypoints.wire.requests.mass_send import as_requested
from wework_message.entrypoints.wire.requests.send import BatchItem, BatchRequest, parse_batch

MAX_ITEMS: Final = 200


@post(
    "/api/messages/send/batch",
    scope=Scope.MESSAGES_SEND,
    audit=NOT_AUDITED,
    status_code=ACCEPTED,
    summary="Accept up to 200 messages, or a mass send; invalid ones are rejected alone unless `atomic`",
    operation_class=reading(BATCH, batch_examples, (KEY,)),
    responses=errors(400, 409, 413, 415, 422),
)
async def send_batch(api: ApiDependency, request: Request[Any, Any, Any]) -> Enveloped[BatchAnswer]:
    """Accept the valid items and answer the result of each item."""
    limits, now = api.config.limits, api.config.now()
    body = await read_body(request, max_bytes=limits.max_batch_bytes)
    key = idempotency_key(request)
    requested = await computed(len(body), parse_batch, body, limits=limits, now=now, idempotency_key=key)
    command = _command(api.tenant_id, requested, request_id_of(request.scope))
    if api.config.request_limits is not None:
        await api.config.request_limits.charge(api.caller, len(requested.items) - 1)
    try:
        batch = await api.take_work().accept_batch(command)
    except ConfirmationRequiredError as required:
        raise confirmation(required) from None
    except BatchRefusedError as refused:
        raise (_refused_mass_send(refused) if requested.mode is BatchMode.MASS_SEND else None) or refused from None
    if batch.duplicate:
        items = await _stored_items(api, batch, len(requested.items))
    else:
        items = await _with_todays_statuses(api, list(_fresh_items(requested, command, batch, now)))
    items += _rejected_items(requested)
    items.sort(key=lambda item: item.index)
    accepted = sum(item.error is None for item in items)
    answer = BatchAnswer(
        batch_id=batch.batch_id,
        mode=requested.mode.value,
        accepted=accepted,
        rejected=len(items) - accepted,
        items=tuple(items),
        duplicate=batch.duplicate,
        chunks=tuple(ChunkAnswer(chunk.number, chunk.recipients) for chunk in batch.chunks)
        if requested.mode is BatchMode.MASS_SEND
        else UNSET,
    )
    headers = {"location": link(request, f"/api/messages/batches/{batch.batch_id}")}
    if batch.duplicate:
        headers |= {REPLAYED[0].decode(): REPLAYED[1].decode()}
    return Enveloped(answer, headers=headers)


def _refused_mass_send(refused: BatchRefusedError) -> RequestRejected | None:
    """All recipients get one content: what is wrong with it is told once, at its field; None where no field is wrong."""
    problems = [as_requested(problem) for _, error in refused.refusals for problem in problems_of(error)]
    return rejection(problems) if problems else None


def confirmation(required: ConfirmationRequiredError) -> Refusal:
    """The answer to the first request of a mass send to many: with the token of the second one."""
    data = ConfirmationAnswer(
        confirm_token=required.token,
        recipients=required.recipients,
        chunks=required.chunks,
        expires_at=iso(required.expires_at),
    )
    return Refusal(409, required.code, str(required), data)


def _command(tenant_id: TenantId, requested: BatchRequest, request_id: str) -> AcceptBatch:
    how = "BATCH" if requested.mode is BatchMode.FANOUT else requested.mode.value
    valid = [(item.index, item.draft) for item in requested.items if item.draft is not None]
    return AcceptBatch(
        tenant_id,
        tuple(
            AcceptMessage(tenant_id, (draft,), how, key=draft.options.client_message_id, request_id=request_id)
            for _, draft in valid
        ),
        tuple(index for index, _ in valid),
        requested.atomic,
        requested.client_message_id,
        requested.mode,
        requested.confirm_token,
    )


def _fresh_items(
    requested: BatchRequest, command: AcceptBatch, batch: AcceptedBatch, now: int
) -> Iterator[BatchItemAnswer]:
    for index, result in zip(command.places, batch.items, strict=True):
        if isinstance(result, ApplicationError):
            yield BatchItemAnswer(index, error=result.code, errors=problems_of(result))
        else:
            yield _accepted(index, result, requested.items[index], now)


def _accepted(index: int, result: Accepted, item: BatchItem, now: int) -> BatchItemAnswer:
    draft = item.draft
    later = draft is not None and draft.options.scheduled_at is not None and draft.options.scheduled_at > now
    return BatchItemAnswer(index, result.target, "SCHEDULED" if later else "QUEUED", duplicate=result.duplicate)


async def _with_todays_statuses(api: Api, items: list[BatchItemAnswer]) -> list[BatchItemAnswer]:
    """The items; those whose key was used before with the status that their message has now (D-45)."""
    repeated = [MessageId(item.message_id) for item in items if item.duplicate and item.message_id is not None]
    if not repeated:
        return items
    try:
        views = await api.application.read.messages(api.tenant_id, repeated)
    except Exception as error:  # noqa: BLE001 -- the others are stored: any error would make the client repeat them
        log_unanswered(error)
        views = {}
    statuses = {message_id: view.message.status.value for message_id, view in views.items()}
    return [
        structs.replace(item, status=statuses.get(MessageId(item.message_id or ""), "ACCEPTED"))
        if item.duplicate
        else item
        for item in items
    ]


async def _stored_items(api: Api, batch: AcceptedBatch, limit: int) -> list[BatchItemAnswer]:
    """A repetition of an earlier batch answers today's statuses (D-45).

    Where they cannot be read, that is the answer: the client may repeat what has a key, and to say that no item was
    accepted would be a lie about messages that are sent.
    """
    views = await api.application.read.batch_items(api.tenant_id, batch.batch_id, limit=limit, after=-1)
    return [
        BatchItemAnswer(view.message.index or 0, view.message.id, view.message.status.value, duplicate=True)
        for view in views
    ]


def _rejected_items(requested: BatchRequest) -> Iterator[BatchItemAnswer]:
    """Each with its first problem at least; all of them together have `MAX_PROBLEMS`."""
    rejected = [item for item in requested.items if item.draft is None]
    spare = max(0, MAX_PROBLEMS - len(rejected))
    for item in rejected:
        errors = bounded(item.problems, 1 + spare)
        spare -= len(errors) - 1
        yield BatchItemAnswer(item.index, error="VALIDATION_FAILED", errors=errors)


Items: TypeAlias = Annotated[int, QueryParameter(name="limit", ge=1, le=MAX_ITEMS, description="Items of one page.")]


@get(
    "/api/messages/batches/{batch_id:str}",
    scope=Scope.MESSAGES_READ,
    summary="How far a batch is, and its items",
    responses=errors(404, 422),
)
async def get_batch(
    api: ApiDependency, batch_id: Name, limit: Items = MAX_ITEMS, cursor: Cursor = None
) -> BatchProgress:
    """How far a batch is, and its items in order."""
    after = cursor_number(cursor)
    reader = api.application.read
    batch = await reader.batch(api.tenant_id, BatchId(batch_id))
    if batch is None:
        raise NotFoundError("batch")
    place = -1 if after is None else after
    views = await reader.batch_items(api.tenant_id, BatchId(batch_id), limit=limit + 1, after=place)
    page = views[:limit]
    more = next_cursor(page[-1].message.index or 0) if len(views) > limit else None
    application = api.application
    return batch_progress(
        batch, page, providers=application.policy.providers, next_cursor=more, paused=application.pauses.shows
    )


Cancels: TypeAlias = Annotated[
    int, QueryParameter(name="limit", ge=1, le=MAX_ITEMS, description="Messages that this request cancels at most.")
]


@post(
    "/api/messages/batches/{batch_id:str}/cancel",
    scope=Scope.MESSAGES_SEND,
    audit=AuditAction.BATCH_CANCEL,
    summary="Withdraw what a batch has not begun to send",
    responses=errors(404, 422),
)
async def cancel_batch(api: ApiDependency, batch_id: Name, limit: Cancels = MAX_ITEMS) -> CancelledBatchAnswer:
    """What is sent or in flight stays as it is; a repetition goes on where the last one ended."""
    command = CancelBatch(api.tenant_id, BatchId(batch_id), limit)
    return cancelled_batch(await api.application.cancel_batch(command))
