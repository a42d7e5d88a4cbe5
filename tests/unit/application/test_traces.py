"""Which span leads to which, whoever does the next step and whenever."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import A_TRACE, a_draft, a_receipt, a_stream_record, an_outcome
from tests.support.builders.webhooks import an_endpoint
from tests.support.traces import CLIENT, LONG_S, Recorder, Seen, connected

from wework_message.application.accept.accept import AcceptMessage
from wework_message.application.tracing import CURRENT, ended
from wework_message.domain.conversation import PEERS_AND_ROOMS
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, MessageId, ProviderMessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outbound_answer import OutboundAnswer
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.trace import TraceContext, call_context, parts_of

PROVIDER_MESSAGE_ID = ProviderMessageId("4711")
ACCEPTED = an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(PROVIDER_MESSAGE_ID))
TIMED_OUT = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)
OF_PROVIDER = TraceContext("00-11111111111111111111111111111111-2222222222222222-01")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder(0.0, {})
    yield recorder
    recorder.tracing.close(LONG_S)


@contextmanager
def requested(recorder: Recorder, route: str, caller: TraceContext) -> Iterator[None]:
    """A recorded request."""
    request = recorder.tracer.serving("POST", caller)
    assert request is not None
    try:
        yield
    finally:
        request.answered(route, 200)
    CURRENT.set(None)  # a call that this task has made


def named(spans: list[Seen]) -> dict[str, Seen]:
    assert len({span.name for span in spans}) == len(spans)
    return {span.name: span for span in spans}


async def sent(app: InMemoryApp, recorder: Recorder, outcome: AttemptOutcome) -> MessageId:
    with requested(recorder, "/send", A_TRACE):
        app.gateway.script(outcome)
        message_id = await app.accept_text()
    await app.dispatch()
    return message_id


async def echoed(app: InMemoryApp) -> None:
    record = a_stream_record(provider_message_id=PROVIDER_MESSAGE_ID)
    await app.ingesting(app.callbacks.body(stream_record=record))
    await app.projector.project_pending()


@pytest.mark.parametrize("restarts", [False, True])
async def test_an_echo_leads_from_its_request_to_the_call(restarts: bool, recorder: Recorder) -> None:
    async with InMemoryApp(tracer=recorder.tracer) as app:
        message_id = await sent(app, recorder, ACCEPTED)
        if restarts:
            await app.restart()
        with requested(recorder, "/hook", OF_PROVIDER):
            await echoed(app)
        message = await app.message(message_id)
        assert message.status is MessageStatus.DELIVERED
    assert message.trace is not None
    spans = named(recorder.spans())
    call = parts_of(call_context(message.trace, message_id, 1))
    assert spans["call"].id == (call.trace_id, call.span_id)
    assert spans["callback"].parent == spans["accept"].id
    assert spans["callback"].near == {spans["accept"].id, spans["call"].id, spans["POST /hook"].id}
    assert {span.name for span in connected([*spans.values()])} == {
        "POST /send", "accept", "claim", "call", "settle", "callback", "POST /hook",
    }  # fmt: skip


async def test_an_echo_that_waits_for_the_projector_leads_to_the_call_too(recorder: Recorder) -> None:
    async with InMemoryApp(tracer=recorder.tracer) as app:
        message_id = await sent(app, recorder, TIMED_OUT)
        with requested(recorder, "/hook", OF_PROVIDER):
            await echoed(app)
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED
    spans = named(recorder.spans())
    assert spans["callback"].near == {spans["accept"].id, spans["call"].id}
    assert spans["call"].attributes["wework_message.outcome"] == "UNCERTAIN"


async def test_what_a_killed_process_began_is_named_by_the_next_one(recorder: Recorder) -> None:
    async with InMemoryApp(tracer=recorder.tracer) as app:
        with requested(recorder, "/send", A_TRACE):
            message_id = await app.accept_text()
        await app.restart()
        await app.dispatch()
        assert (await app.message(message_id)).status is MessageStatus.SENT
    spans = recorder.spans()
    assert connected(spans) == spans
    claim = named(spans)["claim"]
    assert claim.near == {named(spans)["accept"].id}
    assert claim.attributes["messaging.batch.message_count"] == 1


async def test_an_event_goes_to_its_endpoint_in_the_trace_of_its_message(recorder: Recorder) -> None:
    async with InMemoryApp(tracer=recorder.tracer) as app:
        endpoint = an_endpoint()
        async with app.units() as unit:
            await unit.webhooks.put(endpoint)
            await unit.commit()
        await app.use_cases.endpoints().current()
        app.use_cases.endpoints().expire()
        await sent(app, recorder, ACCEPTED)
        await app.accept_text("not recorded", "S:2")
        await app.dispatch()
        deliver = app.use_cases.deliver_events()
        while await deliver.round():
            await deliver.settled()
    spans = recorder.spans()
    hooks = {span.id: span for span in spans if span.name == "webhook"}
    assert hooks
    assert {span.parent for span in hooks.values()} == {next(span.id for span in spans if span.name == "accept")}
    carried = [request.headers.get("traceparent") for request in app.outbound.received]
    assert {text for text in carried if text is not None} == {f"00-{'-'.join(span_id)}-01" for span_id in hooks}
    assert None in carried


async def test_a_webhook_that_the_end_of_the_process_cuts_off_has_ended(recorder: Recorder) -> None:
    async with InMemoryApp(tracer=recorder.tracer) as app:
        endpoint, begun = an_endpoint(), asyncio.Event()

        async def hangs() -> OutboundAnswer:
            never: asyncio.Future[OutboundAnswer] = asyncio.get_running_loop().create_future()
            begun.set()
            return await never

        app.outbound.answers[endpoint.url] = hangs
        async with app.units() as unit:
            await unit.webhooks.put(endpoint)
            await unit.commit()
        await app.use_cases.endpoints().current()
        app.use_cases.endpoints().expire()
        await sent(app, recorder, ACCEPTED)
        deliver = app.use_cases.deliver_events()
        await deliver.round()
        await begun.wait()
        await deliver.stop(0.0)
    hooks = [span for span in recorder.spans() if span.name == "webhook"]
    assert hooks
    assert {span.attributes["error.type"] for span in hooks} == {"LOST"}


async def test_the_messages_of_a_batch_are_one_trace(recorder: Recorder) -> None:
    async with InMemoryApp(tracer=recorder.tracer) as app:
        with requested(recorder, "/batch", A_TRACE):
            items = [
                AcceptMessage(DEFAULT_TENANT, (a_draft(conversation=PEERS_AND_ROOMS.parse(f"S:{number}")),))
                for number in range(2)
            ]
            await app.accept_batch(*items)
        await app.dispatch()
    spans = recorder.spans()
    assert connected(spans) == spans
    assert sorted(span.name for span in spans) == ["POST /batch", "accept", "call", "call", "claim", "settle", "settle"]


def test_a_span_around_what_raises_ends_with_the_name_of_the_error(recorder: Recorder) -> None:
    refused = pytest.raises(UnavailableError)
    with refused, requested(recorder, "/send", A_TRACE), ended(recorder.tracer.accepting("SYNC")):
        raise UnavailableError("database")
    assert named(recorder.spans())["accept"].attributes["error.type"] == "UnavailableError"


def test_the_client_s_own_span_is_where_it_begins(recorder: Recorder) -> None:
    with requested(recorder, "/send", A_TRACE):
        pass
    assert named(recorder.spans())["POST /send"].parent == CLIENT
