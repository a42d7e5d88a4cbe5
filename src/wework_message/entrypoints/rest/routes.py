"""The one table of routes: what Litestar serves and what the OpenAPI document tells."""

from collections.abc import Iterator
from typing import Final

from wework_message.entrypoints.rest import (
    batches,
    callbacks,
    dead_letters,
    health,
    message_actions,
    messages,
    providers,
    sending,
    swagger_ui,
)
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.documented import CURSOR, KEY, PREFER, Parameter, Route, integer
from wework_message.entrypoints.wire.answers import (
    AsyncAnswer,
    GroupAnswer,
    MessagePage,
    SendAnswer,
    StatusAnswer,
    StatusPage,
)
from wework_message.entrypoints.wire.batch_answers import BatchAnswer, BatchProgress
from wework_message.entrypoints.wire.callback_answers import CallbackAnswer
from wework_message.entrypoints.wire.dead_letter_answers import DeadLetterAnswer, DeadLetterPage, ReplayAnswer
from wework_message.entrypoints.wire.message_answers import MessageAnswer
from wework_message.entrypoints.wire.provider_answers import ProviderAnswer, ProviderHealthAnswer, ProvidersStats

_SENT: Final = (SendAnswer, GroupAnswer)
_TAKEN: Final = (AsyncAnswer, GroupAnswer)
_LIMIT: Final = Parameter("limit", "Items of one page.", integer(1, 100, 50))

_LIST: Final = (
    *(Parameter(name, f"Only messages with this `{name}`.") for name in sorted(messages.LIST_PARAMETERS - {
        "createdFrom", "createdTo", "limit", "cursor",
    })),
    Parameter("createdFrom", "Accepted at this time or later.", {"type": "string", "format": "date-time"}),
    Parameter("createdTo", "Accepted before this time.", {"type": "string", "format": "date-time"}),
    _LIMIT,
    CURSOR,
)  # fmt: skip

_M, _P, _C, _D, _H = "messages", "providers", "callbacks", "dead letters", "health"

MESSAGES: Final = (
    Route(
        "POST", "/api/messages/send", sending.send, _M,
        "Send a message and wait for its outcome: 200 sent, 202 still open, 422 refused",
        {200: _SENT, 202: (SendAnswer, GroupAnswer, AsyncAnswer)}, (400, 409, 413, 415, 422, 501), "send", (KEY, PREFER),
        hot=True,
    ),
    Route(
        "POST", "/api/messages/send/async", sending.send_async, _M, "Accept a message; it is sent in the background",
        {202: _TAKEN}, (400, 409, 413, 415, 422, 501), "send", (KEY,), hot=True,
    ),
    Route(
        "POST", "/api/messages/send/batch", batches.send_batch, _M,
        "Accept up to 200 messages; invalid ones are rejected alone unless `atomic`",
        {202: BatchAnswer}, (400, 409, 413, 415, 422, 501), "batch", (KEY,),
    ),
    Route(
        "GET", "/api/messages/batches/{batch_id:str}", batches.batch, _M, "How far a batch is, and its items",
        {200: BatchProgress}, (404, 422), None, (Parameter("limit", "Items of one page.", integer(1, 200, 200)), CURSOR),
    ),
    Route("GET", "/api/messages", messages.messages, _M, "Messages, newest first", {200: MessagePage}, (422,), None, _LIST),
    Route(
        "GET", "/api/messages/status", messages.statuses, _M, "Up to 100 statuses at once; unknown ids are left out",
        {200: StatusPage}, (422,), None, (Parameter("ids", "1 to 100 message ids, separated by commas."),),
    ),
    Route(
        "GET", "/api/messages/{message_id:str}", messages.message, _M,
        "The whole message with its timeline and routing decisions", {200: MessageAnswer}, (404,),
    ),
    Route(
        "GET", "/api/messages/{message_id:str}/status", messages.status, _M, "Where a message stands",
        {200: StatusAnswer}, (404, 422), None,
        (Parameter("wait", "Answer at the next change, or after so many seconds.", integer(0, 30, 0)),),
    ),
    Route(
        "POST", "/api/messages/{message_id:str}/retry", message_actions.retry, _M,
        "Try again from FAILED, EXPIRED and, with `force`, UNKNOWN", {202: StatusAnswer}, (404, 409, 422), None,
        (Parameter("force", "Also if it may have been sent: a duplicate is possible.", {"type": "boolean"}),),
    ),
    Route(
        "POST", "/api/messages/{message_id:str}/cancel", message_actions.cancel, _M, "Withdraw what is not claimed yet",
        {200: StatusAnswer}, (404, 409, 422),
    ),
    Route(
        "DELETE", "/api/messages/{guid:str}/messages/{message_id:str}", message_actions.recall, _M,
        "Recall a sent message, named by our id or the provider's", {202: StatusAnswer}, (404, 409, 422),
    ),
)  # fmt: skip

PROVIDERS: Final = (
    Route("GET", "/api/providers", providers.providers, _P, "All providers", {200: list[ProviderAnswer]}),
    Route("GET", "/api/providers/default", providers.default, _P, "The default provider", {200: ProviderAnswer}, (404,)),
    Route("GET", "/api/providers/health", providers.health, _P, "Health by code", {200: dict[str, bool | None]}),
    Route("GET", "/api/providers/stats", providers.stats, _P, "Finished calls by provider", {200: ProvidersStats}),
    Route("GET", "/api/providers/{provider_code:str}", providers.provider, _P, "One provider", {200: ProviderAnswer}, (404,)),
    Route(
        "GET", "/api/providers/{provider_code:str}/health", providers.provider_health_of, _P, "One provider's health",
        {200: ProviderHealthAnswer}, (404,),
    ),
    Route(
        "GET", "/api/providers/{provider_code:str}/clients", providers.clients, _P,
        "The guids at a provider (not in this version)", {}, (404, 501),
    ),
)  # fmt: skip

CALLBACKS: Final = (
    Route(
        "POST", "/api/callbacks/webhook", callbacks.webhook, _C, "Callbacks of the provider come in here",
        {200: str}, (400, 413, 422), "callback", hot=True,
    ),
    Route(
        "GET", "/api/callbacks/{guid:str}/recent", callbacks.recent, _C, "The newest callbacks of a guid",
        {200: list[CallbackAnswer]}, (422,), None, (Parameter("limit", "Items.", integer(1, 100, 20)), CURSOR),
    ),
    Route(
        "GET", "/api/callbacks/{guid:str}/callbacks/{notify_type:str}", callbacks.by_type, _C,
        "The newest callbacks of one type", {200: list[CallbackAnswer]}, (422,), None,
        (Parameter("limit", "Items.", integer(1, 100, 10)), CURSOR),
    ),
)  # fmt: skip

DEAD_LETTERS: Final = (
    Route(
        "GET", "/api/dead-letters/intake", dead_letters.dead_letters, _D,
        "What the intake topic brought and could not be taken, newest first, without bodies", {200: DeadLetterPage},
        (422,), None, (_LIMIT, CURSOR),
    ),
    Route(
        "GET", "/api/dead-letters/intake/{dead_letter_id:str}", dead_letters.dead_letter, _D,
        "One dead letter with its body", {200: DeadLetterAnswer}, (404,),
    ),
    Route(
        "POST", "/api/dead-letters/intake/{dead_letter_id:str}/replay", dead_letters.replay, _D,
        "Put it through the intake again, under its idempotency key; what refuses it is the error of this request",
        {202: ReplayAnswer}, (400, 404, 409, 413, 422, 501),
    ),
)  # fmt: skip

_READY: Final = {200: health.ActuatorHealth, 503: health.ActuatorHealth}

HEALTH: Final = (
    Route("GET", "/api/health", health.health, _H, "The process and its parts; 200 while it lives", {200: health.Health}),
    Route("GET", "/actuator/health", health.readiness, _H, "503 without database or while draining", _READY, enveloped=False),
    Route(
        "GET", "/actuator/health/readiness", health.readiness, _H, "503 without database or while draining", _READY,
        enveloped=False,
    ),
    Route(
        "GET", "/actuator/health/liveness", health.liveness, _H, "The process answers", {200: health.ActuatorHealth},
        enveloped=False,
    ),
    Route("GET", "/actuator/info", health.info, _H, "Version", {200: health.Info}, enveloped=False),
)  # fmt: skip

METRICS: Final = Route(
    "GET", "/actuator/prometheus", health.metrics, _H, "Metrics", {200: str}, enveloped=False, media_type="text/plain"
)

DOCUMENTATION: Final = (
    Route("GET", "/v3/api-docs", swagger_ui.api_docs),
    Route("GET", "/swagger-ui.html", swagger_ui.page),
    Route("GET", "/swagger-ui/{asset:str}", swagger_ui.asset),
)


def routes(config: Config) -> Iterator[Route]:
    """What this process serves."""
    if not config.operating:
        yield from (*MESSAGES, *PROVIDERS, *CALLBACKS, *DEAD_LETTERS)
    yield from HEALTH
    if config.metrics is not None:
        yield METRICS
    if config.documentation and not config.operating:
        yield from DOCUMENTATION
