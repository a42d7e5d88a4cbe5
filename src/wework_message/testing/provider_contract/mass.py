"""Native mass sends, where a protocol makes them: what was perhaps sent is uncertain, and nothing is repeated."""

from typing import ClassVar, Final

import pytest

from wework_message.domain.content.mass import MassContent
from wework_message.domain.ids import BatchId, Guid
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import MessageGateway
from wework_message.domain.ports.mass_gateway import MassCall, MassGateway
from wework_message.domain.ports.protocols import ProviderProtocol
from wework_message.domain.ports.system import Clock
from wework_message.testing.provider_contract.faults import Fault
from wework_message.testing.provider_contract.fixtures import ProviderFixtures
from wework_message.testing.provider_contract.gateway import GatewayContract, a_dispatch
from wework_message.testing.provider_contract.http_provider import HttpProvider

TEXT: Final = "geheim-4712"
"""What is sent; it must not appear elsewhere."""


class MassContract(GatewayContract, ProviderFixtures):
    """Skipped for a protocol whose gateway is no `MassGateway`."""

    mass_recipients: ClassVar[tuple[str, ...]] = ("S:1001", "S:1002")
    """People, as clients spell their conversations."""

    def to_mass(self, clock: Clock, guid: Guid, *, late: bool = False) -> MassCall:
        """A call to make now, or one that is too late."""
        before = clock.boot() - 1 if late else a_dispatch(clock, guid).write_before_boot_ms
        return MassCall(
            BatchId("b-1"), 0, 1, guid, self.mass_recipients, are_rooms=False, content=MassContent(content=TEXT),
            write_before_boot_ms=before,
        )  # fmt: skip

    async def test_a_mass_send_is_one_call_for_everybody(
        self, gateway: MessageGateway, running: HttpProvider, clock: Clock, guid: Guid
    ) -> None:
        end = await _mass(gateway).send_mass(self.to_mass(clock, guid))
        assert (end.outcome.kind, end.outcome.receipt) == (OutcomeClass.ACCEPTED, None)
        assert set(end.refused) <= set(self.mass_recipients)
        assert running.executed == 1

    @pytest.mark.parametrize(
        "fault",
        [
            Fault.CLOSED_AFTER_BODY, Fault.RESET_AFTER_BODY, Fault.HALF_ANSWER, Fault.HTTP_500, Fault.HTML, Fault.EMPTY_OBJECT,
            Fault.DEEP_JSON,
        ],
    )  # fmt: skip
    async def test_a_mass_send_whose_answer_is_lost_is_uncertain_and_costs_one_request(
        self, protocol: ProviderProtocol, provider: HttpProvider, clock: Clock, guid: Guid, fault: Fault
    ) -> None:
        provider.misbehave_anywhere()
        async with provider, self.opened(protocol, provider.url) as gateway:
            mass = _mass(gateway)
            provider.misbehave(fault)
            end = await mass.send_mass(self.to_mass(clock, guid))
            assert (end.outcome.kind, dict(end.refused)) == (OutcomeClass.UNCERTAIN, {})
            assert provider.arrived == 1

    async def test_a_mass_send_that_did_not_begin_was_not_sent(
        self, gateway: MessageGateway, unreachable: MessageGateway, running: HttpProvider, clock: Clock, guid: Guid
    ) -> None:
        late = await _mass(gateway).send_mass(self.to_mass(clock, guid, late=True))
        lost = await _mass(unreachable).send_mass(self.to_mass(clock, guid))
        assert [end.outcome.kind for end in (late, lost)] == [OutcomeClass.NOT_SENT] * 2
        assert running.arrived == 0

    async def test_the_text_of_a_mass_send_is_never_shown(
        self,
        protocol: ProviderProtocol,
        running: HttpProvider,
        clock: Clock,
        guid: Guid,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level("WARNING")
        shown = []
        async with self.opened(protocol, running.url) as gateway:
            for fault in (Fault.REPEATED_REQUEST, Fault.HTTP_500, Fault.NOT_HTTP):
                running.misbehave(fault)
                shown.append(repr(await _mass(gateway).send_mass(self.to_mass(clock, guid))))
        assert TEXT not in f"{shown} {caplog.text}"

    @pytest.mark.parametrize("fault", [Fault.CLOSED_UNREAD, Fault.HTTP_500, Fault.HTML, Fault.DEEP_JSON])
    async def test_no_fault_is_an_answer_about_a_mass_send(
        self, protocol: ProviderProtocol, provider: HttpProvider, guid: Guid, fault: Fault
    ) -> None:
        provider.misbehave_anywhere()
        async with provider, self.opened(protocol, provider.url) as gateway:
            mass = _mass(gateway)
            for ask in (
                lambda: mass.mass_results(guid, "1"),
                lambda: mass.ineligible(guid, self.mass_recipients, are_rooms=False),
                lambda: mass.tasks(guid, ""),
                lambda: mass.task(guid, "1"),
            ):
                provider.misbehave(fault)
                assert await ask() is None


def _mass(gateway: MessageGateway) -> MassGateway:
    if not isinstance(gateway, MassGateway):
        pytest.skip("the protocol makes no mass sends")
    return gateway
