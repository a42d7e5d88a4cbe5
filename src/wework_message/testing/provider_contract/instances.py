"""Making instances and logging them in, where a protocol can do it: what was perhaps made is not said to be unmade, no code is shown."""

from typing import Final

import pytest

from wework_message.domain.ids import Guid
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import MessageGateway
from wework_message.domain.ports.instances import InstanceMaker, LoginVerifier
from wework_message.domain.ports.protocols import ProviderProtocol
from wework_message.testing.provider_contract.faults import Fault
from wework_message.testing.provider_contract.fixtures import ProviderFixtures
from wework_message.testing.provider_contract.gateway import GatewayContract
from wework_message.testing.provider_contract.http_provider import HttpProvider

UNREADABLE: Final = (
    Fault.CLOSED_AFTER_BODY, Fault.HALF_ANSWER, Fault.HTTP_500, Fault.HTML, Fault.EMPTY, Fault.EMPTY_OBJECT, Fault.DEEP_JSON,
)  # fmt: skip
"""Faults after which the provider has perhaps done what it was asked for."""


CODE: Final = "73Q915"
"""What a login asks for."""


class InstanceContract(GatewayContract, ProviderFixtures):
    """For gateways that are `InstanceMaker` or `LoginVerifier`; with another one the tests about it are skipped."""

    async def test_every_instance_that_it_makes_has_a_guid_of_its_own(self, gateway: MessageGateway) -> None:
        maker = _maker(gateway)
        made = [await maker.make_instance() for _ in range(2)]
        assert [instance.outcome.kind for instance in made] == [OutcomeClass.ACCEPTED] * 2
        assert all(instance.guid for instance in made)
        assert made[0].guid != made[1].guid

    @pytest.mark.parametrize("fault", UNREADABLE)
    async def test_an_instance_whose_answer_is_lost_was_perhaps_made_and_costs_one_request(
        self, protocol: ProviderProtocol, provider: HttpProvider, fault: Fault
    ) -> None:
        provider.misbehave_anywhere()
        async with provider, self.opened(protocol, provider.url) as gateway:
            maker = _maker(gateway)
            provider.misbehave(fault)
            made = await maker.make_instance()
            assert (made.outcome.kind, made.guid) == (OutcomeClass.UNCERTAIN, None)
            assert provider.arrived == 1

    async def test_a_login_code_has_a_content_and_is_never_shown(self, gateway: MessageGateway, guid: Guid) -> None:
        code = await _maker(gateway).login_code(guid)
        assert code.outcome.kind is OutcomeClass.ACCEPTED
        assert code.content
        assert code.content not in repr(code)
        assert code.content not in repr(code.outcome)

    @pytest.mark.parametrize("fault", [Fault.CLOSED_AFTER_BODY, Fault.HTTP_500, Fault.HTML, Fault.EMPTY_OBJECT])
    async def test_no_fault_is_a_login_code(
        self, protocol: ProviderProtocol, provider: HttpProvider, guid: Guid, fault: Fault
    ) -> None:
        provider.misbehave_anywhere()
        async with provider, self.opened(protocol, provider.url) as gateway:
            maker = _maker(gateway)
            provider.misbehave(fault)
            code = await maker.login_code(guid)
            assert code.outcome.kind is not OutcomeClass.ACCEPTED
            assert (code.content, code.image) == (None, None)

    async def test_an_unreachable_provider_has_made_nothing(self, unreachable: MessageGateway, guid: Guid) -> None:
        maker = _maker(unreachable)
        made, code = await maker.make_instance(), await maker.login_code(guid)
        assert (made.outcome.kind, made.guid) == (OutcomeClass.NOT_SENT, None)
        assert (code.outcome.kind, code.content) == (OutcomeClass.NOT_SENT, None)

    async def test_the_code_of_a_login_is_taken_or_refused_and_never_shown(
        self, protocol: ProviderProtocol, provider: HttpProvider, guid: Guid, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        provider.misbehave_anywhere()
        async with provider, self.opened(protocol, provider.url) as gateway:
            verifier = _verifier(gateway)
            taken = await verifier.verify_login(guid, CODE)
            assert taken.kind is OutcomeClass.ACCEPTED
            refused = await verifier.verify_login(guid, CODE) if provider.refuse(-7) else taken
            assert (refused.kind is OutcomeClass.ACCEPTED) is (refused is taken)
        assert CODE not in f"{taken!r} {refused!r} {caplog.text}"

    @pytest.mark.parametrize("fault", UNREADABLE)
    async def test_a_fault_takes_no_code_of_a_login_and_costs_one_request(
        self, protocol: ProviderProtocol, provider: HttpProvider, guid: Guid, fault: Fault
    ) -> None:
        provider.misbehave_anywhere()
        async with provider, self.opened(protocol, provider.url) as gateway:
            verifier = _verifier(gateway)
            provider.misbehave(fault)
            outcome = await verifier.verify_login(guid, CODE)
            assert (outcome.kind, CODE in repr(outcome)) == (OutcomeClass.UNCERTAIN, False)
            assert provider.arrived == 1

    async def test_an_unreachable_provider_has_taken_no_code_of_a_login(
        self, unreachable: MessageGateway, guid: Guid
    ) -> None:
        assert (await _verifier(unreachable).verify_login(guid, CODE)).kind is OutcomeClass.NOT_SENT


def _verifier(gateway: MessageGateway) -> LoginVerifier:
    if not isinstance(gateway, LoginVerifier):
        pytest.skip("the protocol takes no codes of logins")
    return gateway


def _maker(gateway: MessageGateway) -> InstanceMaker:
    if not isinstance(gateway, InstanceMaker):
        pytest.skip("the protocol makes no instances")
    return gateway
