"""The outcomes of calls to a provider that misbehaves, compared with what it executed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from wework_message.domain.ids import Guid, ProviderMessageId
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState, MessageGateway
from wework_message.domain.ports.protocols import ProviderProtocol
from wework_message.domain.ports.system import Clock
from wework_message.testing.provider_contract.faults import SCRIPTS, Fault
from wework_message.testing.provider_contract.fixtures import AMPLE_MS, SOON_MS, ProviderFixtures
from wework_message.testing.provider_contract.gateway import GatewayContract, texts_of
from wework_message.testing.provider_contract.http_provider import LIMIT_S, HttpProvider

CODE: Final = 4711
"""A code that no provider has."""
RETRY_AFTER_MS: Final = 2_000
"""What `Fault.THROTTLED` says."""

PROVEN_UNSENT: Final = frozenset(OutcomeClass) - {OutcomeClass.ACCEPTED, OutcomeClass.UNCERTAIN}
ODD: Final = ("\ud83d", "g\r\nx-header: 1", "", "\0", "g" * 10_000)
"""Ids that no provider has, and that some client may send."""


class CallContract(GatewayContract, ProviderFixtures):
    """One call at a time, each with one fault; then many calls, cancelled calls, and the end of the gateway."""

    @pytest.mark.parametrize("fault", Fault)
    async def test_a_fault_is_told_as_what_it_proves_and_costs_one_request(
        self, protocol: ProviderProtocol, running: HttpProvider, clock: Clock, guid: Guid, fault: Fault
    ) -> None:
        script = SCRIPTS[fault]
        async with self.opened(protocol, running.url, timeout_ms=SOON_MS if script.hangs else AMPLE_MS) as gateway:
            assert (await gateway.send(self.to_send(clock, guid))).kind is OutcomeClass.ACCEPTED
            running.misbehave(fault)
            outcome = await within_limit(gateway.send(self.to_send(clock, guid)))
            assert outcome.kind in script.outcomes
            assert isinstance(outcome.reason, Reason)
            assert (running.arrived, running.executed) == (2, 1 + script.executes)
            assert not running.poured_out, "it reads an answer without an end"
            assert (await gateway.send(self.to_send(clock, guid))).kind is OutcomeClass.ACCEPTED
            assert (running.arrived, running.executed) == (3, 2 + script.executes)
            assert running.most_connections <= running.arrived
        if outcome.kind is OutcomeClass.THROTTLED:
            assert outcome.retry_after_ms in {None, RETRY_AFTER_MS}

    async def test_a_connection_that_the_provider_closed_between_two_calls_loses_no_call(
        self, gateway: MessageGateway, running: HttpProvider, clock: Clock, guid: Guid
    ) -> None:
        assert (await gateway.send(self.to_send(clock, guid))).kind is OutcomeClass.ACCEPTED
        running.drop_connections()
        await running.until(lambda provider: not provider.open_connections)
        outcome = await gateway.send(self.to_send(clock, guid))
        assert outcome.kind is OutcomeClass.ACCEPTED
        assert running.executed == 2

    @pytest.mark.parametrize("fault", [Fault.CLOSED_AFTER_BODY, Fault.HTML, Fault.HTTP_500, Fault.DEEP_JSON])
    async def test_no_fault_makes_a_recall_raise_or_certain(
        self, protocol: ProviderProtocol, provider: HttpProvider, guid: Guid, fault: Fault
    ) -> None:
        provider.misbehave_anywhere()
        async with provider, self.opened(protocol, provider.url) as gateway:
            provider.misbehave(fault)
            outcome = await gateway.recall(self.to_recall(guid, ProviderMessageId("1")))
        assert outcome.kind is (OutcomeClass.UNCERTAIN if self.recalls else OutcomeClass.REFUSED_CAPABILITY)

    @pytest.mark.parametrize("fault", [Fault.CLOSED_UNREAD, Fault.HTTP_500, Fault.HTML, Fault.ENDLESS_ANSWER])
    async def test_no_fault_is_an_answer_to_a_probe(
        self, protocol: ProviderProtocol, provider: HttpProvider, guid: Guid, fault: Fault
    ) -> None:
        provider.misbehave_anywhere()
        async with provider, self.opened(protocol, provider.url) as gateway:
            provider.misbehave(fault)
            assert await gateway.probe() is False
            provider.misbehave(fault)
            assert await gateway.client_state(guid) is ClientState.UNKNOWN

    async def test_a_code_that_no_table_knows_refuses_and_proves_nothing(
        self, gateway: MessageGateway, running: HttpProvider, clock: Clock, guid: Guid
    ) -> None:
        if not running.refuse(CODE):
            pytest.skip("the provider has no codes")
        outcome = await gateway.send(self.to_send(clock, guid))
        assert (outcome.kind, outcome.reason) == (OutcomeClass.REFUSED_PERMANENT, Reason.UNKNOWN_CODE)
        assert (outcome.error_code, outcome.confirmed) == (CODE, False)

    @pytest.mark.parametrize("kind", [OutcomeClass.REFUSED_BINDING, OutcomeClass.THROTTLED, OutcomeClass.UNCERTAIN])
    async def test_a_configured_code_means_what_the_settings_say(
        self, protocol: ProviderProtocol, running: HttpProvider, clock: Clock, guid: Guid, kind: OutcomeClass
    ) -> None:
        if not running.refuse(CODE):
            pytest.skip("the provider has no codes")
        async with self.opened(protocol, running.url, outcome_codes={str(CODE): kind}) as gateway:
            outcome = await gateway.send(self.to_send(clock, guid))
        assert (outcome.kind, outcome.error_code, outcome.confirmed) == (kind, CODE, True)

    @pytest.mark.parametrize("odd", ODD, ids=ascii)
    async def test_an_id_that_nobody_has_makes_no_method_raise(
        self, gateway: MessageGateway, running: HttpProvider, clock: Clock, odd: str
    ) -> None:
        outcome = await gateway.send(self.to_send(clock, Guid(odd), conversation_id=odd))
        assert isinstance(outcome, AttemptOutcome)
        assert not (outcome.kind in PROVEN_UNSENT and running.executed)
        assert isinstance(await gateway.recall(self.to_recall(Guid(odd), ProviderMessageId(odd))), AttemptOutcome)
        assert isinstance(await gateway.client_state(Guid(odd)), ClientState)

    async def test_a_cancelled_send_is_raised_is_not_repeated_and_spoils_no_later_one(
        self, gateway: MessageGateway, running: HttpProvider, clock: Clock, guid: Guid
    ) -> None:
        running.misbehave(Fault.STALLED_AFTER_BODY)
        sending = asyncio.ensure_future(gateway.send(self.to_send(clock, guid)))
        await running.until(lambda provider: provider.executed == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert (await gateway.send(self.to_send(clock, guid))).kind is OutcomeClass.ACCEPTED
        assert (running.arrived, running.executed) == (2, 2)

    async def test_calls_share_the_connections_that_they_are_given(
        self, protocol: ProviderProtocol, running: HttpProvider, clock: Clock, guid: Guid
    ) -> None:
        calls, sends = 2, 6
        running.hold()
        async with self.opened(protocol, running.url, calls=calls) as gateway:
            sending = [asyncio.ensure_future(gateway.send(self.to_send(clock, guid))) for _ in range(sends)]
            for number in range(sends):
                await running.until(reached(min(number + calls, sends)))
                running.release()
            outcomes = await asyncio.gather(*sending)
        assert {outcome.kind for outcome in outcomes} == {OutcomeClass.ACCEPTED}
        assert running.executed == sends
        assert running.most_connections <= calls

    async def test_the_end_of_the_gateway_closes_its_connections_and_ends_its_calls(
        self, protocol: ProviderProtocol, running: HttpProvider, clock: Clock, guid: Guid
    ) -> None:
        async with self.opened(protocol, running.url) as gateway:
            assert (await gateway.send(self.to_send(clock, guid))).kind is OutcomeClass.ACCEPTED
            running.misbehave(Fault.STALLED_AFTER_BODY)
            open_call = asyncio.ensure_future(gateway.send(self.to_send(clock, guid)))
            await running.until(reached(2))
        assert (await within_limit(open_call)).kind is OutcomeClass.UNCERTAIN
        await running.until(lambda provider: not provider.open_connections)
        late = await gateway.send(self.to_send(clock, guid))
        assert late.kind is OutcomeClass.NOT_SENT
        assert running.arrived == 2

    async def test_no_secret_and_no_content_is_shown(
        self,
        protocol: ProviderProtocol,
        running: HttpProvider,
        clock: Clock,
        guid: Guid,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.WARNING)  # what the service writes of packages that it does not know
        shown = [repr(protocol)]
        async with self.opened(protocol, running.url) as gateway:
            for fault in (Fault.REPEATED_REQUEST, Fault.HTTP_500, Fault.NOT_HTTP, Fault.RESET_AFTER_BODY):
                running.misbehave(fault)
                shown.append(repr(await gateway.send(self.to_send(clock, guid))))
            shown += [repr(gateway), caplog.text]
        secrets = [self.options[name] for name in protocol.secret_options if name in self.options]
        for hidden in (running.secret, *secrets, *texts_of(self.content)):
            assert not [text for text in shown if hidden in text], "a secret or a content"


def reached(count: int) -> Callable[[HttpProvider], bool]:
    """Whether so many sends have arrived."""
    return lambda provider: provider.arrived >= count


async def within_limit(sending: Awaitable[AttemptOutcome]) -> AttemptOutcome:
    """The outcome; TimeoutError where the call ignores its deadline."""
    async with asyncio.timeout(LIMIT_S):
        return await sending
