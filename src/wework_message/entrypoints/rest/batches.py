"""POST send/batch and GET batches/{batchId} (decision 46)."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from litestar import Request

from wework_message.application.commands.accept import AcceptBatch, Accepted, AcceptedBatch, AcceptMessage
from wework_message.application.errors import ApplicationError, NotFoundError, NotImplementedYetError
from wework_message.domain.ids import BatchId
from wework_message.entrypoints.rest.api import TENANT, Api, link
from wework_message.entrypoints.rest.envelope import ACCEPTED, Answer
from wework_message.entrypoints.rest.problems import problems_of
from wework_message.entrypoints.rest.request_input import Query, check_json, next_cursor, read_body
from wework_message.entrypoints.rest.sending import REPLAYED, idempotency_key
from wework_message.entrypoints.wire.batch_answers import BatchAnswer, BatchItemAnswer, batch_progress
from wework_message.entrypoints.wire.requests import BatchItem, BatchMode, BatchRequest, parse_batch

MAX_ITEMS: Final = 200


async def send_batch(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """Accept the valid items and say of each what became of it."""
    check_json(request)
    limits, now = api.config.limits, api.config.now()
    body = await read_body(request, most=limits.max_batch_bytes)
    ask = parse_batch(body, limits=limits, now=now, idempotency_key=idempotency_key(request))
    if ask.mode is BatchMode.MASS_SEND:
        text = "mass send (userList and roomList) comes with a later version; mode FANOUT sends single messages"
        raise NotImplementedYetError("mode", text)
    command = _command(ask)
    batch = await api.take_work().accept_batch(command)
    items = await _stored_items(api, batch) if batch.duplicate else list(_fresh_items(ask, command, batch, now))
    items += _rejected_items(ask)
    items.sort(key=lambda item: item.index)
    accepted = sum(item.error is None for item in items)
    answer = BatchAnswer(
        batch_id=batch.batch_id,
        mode=BatchMode.FANOUT.value,
        accepted=accepted,
        rejected=len(items) - accepted,
        items=tuple(items),
        duplicate=batch.duplicate,
    )
    location = (b"location", link(request, f"/api/messages/batches/{batch.batch_id}").encode())
    headers = (location, REPLAYED) if batch.duplicate else (location,)
    return api.answer(request, answer, status=ACCEPTED, headers=headers)


def _command(ask: BatchRequest) -> AcceptBatch:
    valid = [(item.index, item.draft) for item in ask.items if item.draft is not None]
    return AcceptBatch(
        TENANT,
        tuple(AcceptMessage(TENANT, (draft,), "BATCH", key=draft.client_message_id) for _, draft in valid),
        tuple(index for index, _ in valid),
        ask.atomic,
        ask.client_message_id,
    )


def _fresh_items(ask: BatchRequest, command: AcceptBatch, batch: AcceptedBatch, now: int) -> Iterator[BatchItemAnswer]:
    for index, result in zip(command.places, batch.items, strict=True):
        if isinstance(result, ApplicationError):
            yield BatchItemAnswer(index, error=result.code, errors=problems_of(result))
        else:
            yield _accepted(index, result, ask.items[index], now)


def _accepted(index: int, result: Accepted, item: BatchItem, now: int) -> BatchItemAnswer:
    draft = item.draft
    later = draft is not None and draft.scheduled_at is not None and draft.scheduled_at > now
    return BatchItemAnswer(index, result.target, "SCHEDULED" if later else "QUEUED")


async def _stored_items(api: Api, batch: AcceptedBatch) -> list[BatchItemAnswer]:
    """A repetition of an earlier batch answers today's statuses (decision 45)."""
    views = await api.application.read.batch_items(batch.batch_id, limit=MAX_ITEMS, after=-1)
    return [BatchItemAnswer(view.message.index or 0, view.message.id, view.message.status.value) for view in views]


def _rejected_items(ask: BatchRequest) -> Iterable[BatchItemAnswer]:
    return [
        BatchItemAnswer(item.index, error=item_error(item), errors=item.problems)
        for item in ask.items
        if item.draft is None
    ]


def item_error(item: BatchItem) -> str:
    """The code that the item would have got alone."""
    late = any(problem.code == NotImplementedYetError.code for problem in item.problems)
    return NotImplementedYetError.code if late else "VALIDATION_FAILED"


async def batch(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """How far a batch is, and its items in order."""
    query = Query(request, frozenset({"limit", "cursor"}))
    limit, after = query.limit(MAX_ITEMS, most=MAX_ITEMS), query.numeric_cursor()
    name = BatchId(request.path_params["batch_id"])
    reader = api.application.read
    found = await reader.batch(TENANT, name)
    if found is None:
        raise NotFoundError("batch")
    views = await reader.batch_items(name, limit=limit + 1, after=-1 if after is None else after)
    page = views[:limit]
    more = next_cursor(page[-1].message.index or 0) if len(views) > limit else None
    return api.answer(
        request, batch_progress(found, page, providers=api.application.policy.providers, next_cursor=more)
    )
