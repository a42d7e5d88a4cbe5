"""Answers are written after the commit: whatever a stored row holds, what writes them does not raise."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from inspect import getmembers, isfunction
from typing import Any, Final, get_type_hints

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from tests.support.builders.api_keys import a_tenant, an_api_key
from tests.support.builders.audit import an_entry
from tests.support.builders.media import an_asset, some_facts
from tests.support.builders.messages import (
    GUID,
    NOW,
    PROVIDER,
    a_batch_id,
    a_message,
    a_message_id,
    a_receipt,
    an_attempt,
    an_outcome,
)
from tests.support.builders.webhooks import GONE, a_delivery, a_secret, an_endpoint

from wework_message.application.access.keys import IssuedKey
from wework_message.application.actions.resolve import Resolved
from wework_message.application.callbacks.tokens import IssuedToken
from wework_message.application.control.cancel_batch import CancelledBatch
from wework_message.application.instances.clients import Marked
from wework_message.application.queries.providers import ProviderStats, ProviderView
from wework_message.application.queries.statuses import never
from wework_message.domain.account import Account, Binding, implicit_binding
from wework_message.domain.callback_tokens import CallbackToken
from wework_message.domain.content import MergedContent, MergedText, TextContent
from wework_message.domain.control import Pause, PauseScope
from wework_message.domain.erasure import Erasure, ErasureState, Subject
from wework_message.domain.failed_messages import FailureFilter, FailureGroup
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, ErasureId, ReplayId
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.media.asset import MediaFailure, Seen
from wework_message.domain.media.handles import UploadKind
from wework_message.domain.message.attempts import Attempts
from wework_message.domain.message.decision import Considered, Decision
from wework_message.domain.message.message import Message
from wework_message.domain.message.resolution import Resolution
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.dead_letters import DeadLetterSource, DeadLetterView, Fault
from wework_message.domain.ports.health import ProviderHealth
from wework_message.domain.ports.instances import LoginCode
from wework_message.domain.ports.media_reader import MadeHandle, MediaView
from wework_message.domain.ports.queries import (
    BatchView,
    CallbackCounts,
    CallbackKind,
    CallbackView,
    MessageView,
    StatusView,
)
from wework_message.domain.replay import ItemState, Replay, ReplayItem, ReplayState, Selection
from wework_message.domain.routing.filters import BindingHealth
from wework_message.domain.routing.provider import Capabilities, Provider
from wework_message.domain.signatures import SigningSecret
from wework_message.domain.webhooks.endpoint import DisabledReason
from wework_message.entrypoints.rest.http.envelope import encode
from wework_message.entrypoints.wire import answers
from wework_message.entrypoints.wire.answers import (
    accounts,
    audit,
    batches,
    callback_tokens,
    callbacks,
    control,
    conversations,
    dead_letters,
    erasures,
    keys,
    media,
    messages,
    providers,
    replays,
    resolutions,
    statuses,
    webhooks,
)

INTEGERS: Final = st.sampled_from([-(2**63), -(2**53), -62_135_596_800_001, -1, 0, 1, NOW * 1_000, 253_402_300_800_000, 2**63 - 1]) | st.integers()  # fmt: skip
FLOATS: Final = st.sampled_from([float("nan"), float("inf"), float("-inf"), 1e308, -0.0])
TEXTS: Final = st.text(st.characters(), max_size=3) | st.sampled_from(
    ["\ud800", "\0", "x" * 4_000, '{"data":' + "[" * 5_000]
)
EDGES: Final = [
    edge.replace(tzinfo=timezone(timedelta(hours=hours)))
    for edge in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    for hours in (-23, 23)
]


def extreme(draw: st.DrawFn, value: Any) -> Any:
    """`value` with other numbers and texts everywhere in it."""
    if value is None or isinstance(value, bool | bytes | Enum | Struct | frozenset | SigningSecret):
        return value
    for kind, drawn in ((int, INTEGERS), (float, FLOATS), (str, TEXTS)):
        if isinstance(value, kind):
            return draw(drawn)
    if isinstance(value, Attempts):
        return Attempts([extreme(draw, attempt) for attempt in value])
    if isinstance(value, tuple | list):
        return type(value)([extreme(draw, entry) for entry in value])
    if isinstance(value, Mapping):
        return {key: extreme(draw, entry) for key, entry in value.items()}
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
    return dataclasses.replace(value, **{name: extreme(draw, entry) for name, entry in fields.items()})


def the_message(status: MessageStatus) -> Message:
    texts = [MergedText(content="x", sender_name="n", send_time=edge) for edge in EDGES]
    receipt = a_receipt(
        seq="7", app_info="a", sender_id="s", sent_at=NOW, message_type=2, content="c", is_svr_fail=False
    )
    decision = Decision((Considered(BindingId("b"), GUID, PROVIDER, score=0.5, excluded="x"),), BindingId("b"), "r")
    attempts = [an_attempt(number=number, decision=decision) for number in (1, 2)]
    for attempt, kind in zip(attempts, (OutcomeClass.ACCEPTED, OutcomeClass.REFUSED_PERMANENT), strict=True):
        attempt.close(an_outcome(kind, receipt=receipt, error_code=1, error_message="e"), at=NOW)
    return a_message(
        attempts=attempts, status=status, content=MergedContent(messages=tuple(texts)), scheduled_at=NOW, index=1,
        client_message_id="k", campaign_id="c", extra={"n": 1, "t": "x", "f": 0.5}, retry_count=1,
    )  # fmt: skip


@st.composite
def message_views(draw: st.DrawFn) -> MessageView:
    return MessageView(extreme(draw, the_message(draw(st.sampled_from(MessageStatus)))), draw(INTEGERS))


@st.composite
def rows(draw: st.DrawFn, row: Any) -> Any:
    return extreme(draw, row)


def all_of(*strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*strategies)


NOTES: Final = rows([Note("ECHO", NOW, attempt=1, detail="d", event_key="e", source="s"), Note("HELD", NOW)])
BATCHES: Final = rows(BatchView(a_batch_id(), "FANOUT", 2, {MessageStatus.SENT: 1}, NOW, NOW))
CALLBACKS: Final = rows(CallbackView(7, PROVIDER, GUID, 11010, '{"data":{"id":1}}', NOW, "APPLIED", a_message_id()))
KINDS: Final = rows(CallbackKind(PROVIDER, 11010, InboxState.PARKED))
COUNTS: Final = rows(CallbackCounts(dict.fromkeys(InboxState, 9), {}, NOW))
LETTERS: Final = rows(
    DeadLetterView(1, DeadLetterSource.INTAKE, "s", "m", "r", (Fault("p", "c", "m"),), "k", 1, 1, NOW, NOW, "t")
)
TOKENS: Final = rows(CallbackToken("t", "d", DEFAULT_TENANT, PROVIDER, GUID, NOW, NOW))
API_KEYS: Final = rows(an_api_key(expires_at=NOW, ends_at=NOW, rotated_from="k", last_used_at=NOW))
TENANTS: Final = rows(a_tenant(disabled_at=NOW))
TRAIL: Final = rows(an_entry(request_id="r", address="10.0.0.1", status=409, fields=("name",)))
PAUSES: Final = rows(Pause(PauseScope.ACCOUNT, "a", NOW, "r", "by"))
CANCELLED: Final = rows(CancelledBatch(a_batch_id(), 5, 1, 1, 1, 1, 1, 1))
RESOLVED: Final = rows(Resolved(2, 1, (a_message_id(),), a_message_id()))
HEALTH: Final = rows(ProviderHealth(PROVIDER, True, NOW, "CLOSED", 0.5, 0.5))
GROUPS: Final = rows(FailureGroup("POISON", PROVIDER, -1, 3, 1, NOW, NOW, (a_message_id(),)))
REPLAYS: Final = rows(
    Replay(
        ReplayId("r"), DEFAULT_TENANT, Selection(FailureFilter("POISON", PROVIDER, -1, "a", NOW, NOW)), 100, dry_run=False,
        created_at=NOW, state=ReplayState.DONE, finished_at=NOW,
    )
)  # fmt: skip
ERASURES: Final = rows(
    Erasure(
        ErasureId("e"), DEFAULT_TENANT, Subject("S:7881300000000001"), dry_run=False, note="n", created_at=NOW,
        state=ErasureState.WAITING, finished_at=NOW,
    )
)  # fmt: skip
MEDIA: Final = rows(an_asset(failure=MediaFailure.GONE, facts=some_facts(seen=Seen("image/png", 1, 2, 3))))
MADE: Final = rows(MadeHandle(PROVIDER, UploadKind.IMAGE, "f"))
ENDPOINTS: Final = rows(
    an_endpoint(
        previous=a_secret("p"), previous_until=NOW + 1, disabled=DisabledReason.GONE, failing_since=NOW, failed_at=NOW
    )
)
DELIVERIES: Final = rows(a_delivery().claimed(NOW).answered(GONE, now=NOW, fraction=0.0))
ITEMS: Final = rows(ReplayItem(a_message_id(), ItemState.SKIPPED, "NOT_FOUND"))
STATS: Final = rows(ProviderStats(PROVIDER, 4, 3, {"TEXT": 4}, {"ACCEPTED": 3}))
KNOWN: Final = Provider(PROVIDER, "n", Capabilities(frozenset({"TEXT"})), "guxing")
PROVIDERS: Final = {PROVIDER: KNOWN}


REFUSED: Final = an_outcome(OutcomeClass.REFUSED_PERMANENT, error_code=1, error_message="e")
CODES: Final = st.builds(LoginCode, rows(REFUSED), st.none() | st.text(), st.none() | st.text())
MARKED: Final = st.builds(Marked, st.just(implicit_binding(GUID, PROVIDER)), rows(REFUSED))


def shown(health: ProviderHealth) -> ProviderView:
    return ProviderView(KNOWN, "http://x", health)


DECISIONS: Final = rows(
    Decision((Considered(BindingId("b"), GUID, PROVIDER, score=0.5, excluded="x"),), BindingId("b"), "r")
)
ACCOUNTS: Final = rows(
    Account(
        AccountId("a"),
        name="n",
        corp_id="c",
        wecom_user_id="1",
        pools=("p",),
        version=1,
        created_at=NOW,
        updated_at=NOW,
    )
)
BINDINGS: Final = rows(Binding(BindingId("b"), AccountId("a"), PROVIDER, GUID, device_slot="s"))


WRITERS: Final[dict[str, tuple[st.SearchStrategy[tuple[Any, ...]], Callable[..., Any]]]] = {
    "send_answer": (
        all_of(message_views()),
        lambda view: statuses.send_answer(view.message, request_id="r", duplicate=False, simulated=False),
    ),
    "status_answer": (all_of(message_views()), lambda view: statuses.status_answer(view, simulated=False)),
    "polled_answer": (
        all_of(message_views()),
        lambda view: statuses.polled_answer(StatusView.of(view), simulated=False),
    ),
    "listed_message": (all_of(message_views()), lambda view: statuses.listed_message(view, simulated=False)),
    "group_answer": (all_of(message_views()), lambda view: statuses.group_answer("g", [view])),
    "message_answer": (
        all_of(message_views(), NOTES),
        lambda view, notes: messages.message_answer(view, notes, simulated=False),
    ),
    "decision_answer": (all_of(DECISIONS), messages.decision_answer),
    "batch_progress": (
        all_of(BATCHES, message_views()),
        lambda batch, view: batches.batch_progress(batch, [view], providers=PROVIDERS, paused=never, next_cursor=None),
    ),
    "callback_answer": (all_of(CALLBACKS), callbacks.callback_answer),
    "callback_stats": (
        all_of(COUNTS, KINDS, KINDS),
        lambda counts, *kinds: callbacks.callback_stats(replace(counts, newest=dict.fromkeys(kinds, 1)), 5),
    ),
    "pause_answer": (all_of(PAUSES), control.pause_answer),
    "pause_list": (all_of(PAUSES), lambda pause: control.pause_list([pause])),
    "issued_answer": (
        all_of(TOKENS),
        lambda token: callback_tokens.issued_answer(IssuedToken(token, "cb_text"), "/path"),
    ),
    "token_list": (all_of(TOKENS), lambda token: callback_tokens.token_list([token], 0)),
    "issued_key_answer": (all_of(API_KEYS), lambda key: keys.issued_key_answer(IssuedKey(key, "wmk_text"))),
    "key_list": (all_of(API_KEYS), lambda key: keys.key_list([key], 0)),
    "tenant_answer": (all_of(TENANTS), keys.tenant_answer),
    "tenant_list": (all_of(TENANTS), lambda tenant: keys.tenant_list([tenant])),
    "audit_item": (all_of(TRAIL), audit.audit_item),
    "cancelled_batch": (all_of(CANCELLED), control.cancelled_batch),
    "bulk_resolution": (
        all_of(RESOLVED),
        lambda resolved: resolutions.bulk_resolution(
            resolved, Resolution.SENT, dry_run=False, as_of=NOW, next_cursor=None
        ),
    ),
    "dead_letter_item": (all_of(LETTERS), dead_letters.dead_letter_item),
    "dead_letter_answer": (all_of(LETTERS, st.binary()), dead_letters.dead_letter_answer),
    "account_answer": (
        all_of(ACCOUNTS, BINDINGS),
        lambda account, binding: accounts.account_answer(
            (account, [binding]), lambda bound: BindingHealth(bound.state, healthy=None)
        ),
    ),
    "login_code_answer": (
        all_of(st.just(implicit_binding(GUID, PROVIDER)), CODES),
        accounts.login_code_answer,
    ),
    "failure_group": (all_of(GROUPS), replays.failure_group),
    "replay_progress": (all_of(REPLAYS, ITEMS), lambda replay, item: replays.replay_progress(replay, [item])),
    "erasure_progress": (all_of(ERASURES), erasures.erasure_progress),
    "media_answer": (
        all_of(MEDIA, MADE),
        lambda asset, handle: media.media_answer(MediaView(asset, [handle]), media.content_path(asset)),
    ),
    "provider_answer": (all_of(HEALTH), lambda health: providers.provider_answer(shown(health))),
    "provider_health": (all_of(HEALTH), lambda health: providers.provider_health(shown(health))),
    "totals": (all_of(HEALTH), lambda health: providers.totals([shown(health)])),
    "providers_stats": (
        all_of(HEALTH, STATS),
        lambda health, stats: providers.providers_stats([shown(health)], {PROVIDER: stats}),
    ),
    "lone_account": (all_of(st.just(implicit_binding(GUID, PROVIDER))), providers.lone_account),
    "webhook_answer": (
        all_of(ENDPOINTS, st.booleans()),
        lambda endpoint, shown_once: webhooks.webhook_answer(endpoint, now=NOW, with_secret=shown_once),
    ),
    "delivery_answer": (all_of(DELIVERIES), webhooks.delivery_answer),
    "read_answer": (all_of(MARKED), conversations.read_answer),
}


def test_every_writer_of_answers_is_here() -> None:
    writers = set()
    for module in pkgutil.iter_modules(answers.__path__, f"{answers.__name__}."):
        for name, function in getmembers(importlib.import_module(module.name), isfunction):
            answer = get_type_hints(function).get("return")
            if function.__module__ == module.name and not name.startswith("_") and isinstance(answer, type):
                writers |= {name} if issubclass(answer, Struct) else set()
    assert writers == WRITERS.keys()


@settings(max_examples=settings().max_examples * 3)
@given(data=st.data(), name=st.sampled_from(sorted(WRITERS)))
def test_no_row_makes_an_answer_fail(data: st.DataObject, name: str) -> None:
    given_rows, write = WRITERS[name]
    assert isinstance(msgspec.json.decode(encode(write(*data.draw(given_rows)))), dict)


def test_a_provider_s_impossible_send_time_is_left_out() -> None:
    for sent_at in (NOW * 1_000, -NOW, 2**63 - 1):
        attempt = an_attempt()
        attempt.close(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(sent_at=sent_at)), at=NOW)
        message = a_message(attempts=[attempt], status=MessageStatus.SENT, content=TextContent(content="x"))
        answer = statuses.send_answer(message, request_id="r", duplicate=False, simulated=False)
        assert (answer.status, answer.send_time) == ("SENT", None)


def test_a_value_without_json_is_left_out_and_the_rest_is_told() -> None:
    assert msgspec.json.decode(encode({"bad": "\ud800", "good": 1, "deep": [{"x": object()}]})) == {
        "bad": None,
        "good": 1,
        "deep": [{"x": None}],
    }
