"""What every MassGateway does. Subclasses provide `massing`: a gateway, what its provider did, and ways to spoil it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from wework_message.adapters.http import boot_ms
from wework_message.domain.content.mass import MassContent
from wework_message.domain.ids import BatchId, Guid
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.mass_gateway import MassCall, MassGateway, MassResult

PEOPLE: Final = ("S:7881300000000001", "S:7881300000000002", "S:7881300000000003")
ROOMS: Final = ("R:10810965948920358",)
BLOCKED: Final = PEOPLE[1]
"""A person who cannot get a mass send."""
GUID: Final = Guid("g-1")
UNCERTAIN: Final = ("answer_lost", "reset", "http_500", "svr_fail", "html", "slow")
"""Faults of a call that the provider executes all the same."""


@dataclass(frozen=True, slots=True)
class Massing:
    """A gateway and what is around it."""

    gateway: MassGateway
    hasty: MassGateway
    """The same, with a deadline that a slow provider misses."""
    spoil: Callable[[str], Awaitable[None]]
    """Let one of `UNCERTAIN`, or ``refuse``, happen to the next call."""
    executed: Callable[[], Awaitable[list[str]]]
    """The conversations that got something, as the provider says itself, each as often as it got it."""
    calls: Callable[[], Awaitable[int]]
    """How many calls it got."""


def a_call(recipients: tuple[str, ...] = PEOPLE, **changes: Any) -> MassCall:
    fields: dict[str, Any] = {
        "batch_id": BatchId("b-1"), "chunk": 0, "attempt": 1, "guid": GUID, "recipients": recipients,
        "are_rooms": recipients == ROOMS, "content": MassContent(content="tomorrow at ten"),
        "write_before_boot_ms": boot_ms() + 60_000,
    }  # fmt: skip
    return MassCall(**fields | changes)


class MassGatewayContract:
    async def test_everybody_gets_it_but_those_that_the_answer_names(self, massing: Massing) -> None:
        end = await massing.gateway.send_mass(a_call())
        assert (end.outcome.kind, end.outcome.receipt) == (OutcomeClass.ACCEPTED, None)
        assert list(end.refused) == [BLOCKED]
        assert await massing.executed() == [PEOPLE[0], PEOPLE[2]]
        assert end.task_id is not None
        assert await massing.gateway.mass_results(GUID, end.task_id) == {
            name: MassResult(sent=name != BLOCKED) for name in PEOPLE
        }

    async def test_rooms_get_it_too(self, massing: Massing) -> None:
        end = await massing.gateway.send_mass(a_call(ROOMS))
        assert (end.outcome.kind, dict(end.refused)) == (OutcomeClass.ACCEPTED, {})
        assert await massing.executed() == list(ROOMS)
        assert end.task_id is not None
        assert await massing.gateway.mass_results(GUID, end.task_id) == {ROOMS[0]: MassResult(sent=True)}

    @pytest.mark.parametrize("fault", UNCERTAIN)
    async def test_what_was_perhaps_sent_is_uncertain_and_costs_one_call(self, massing: Massing, fault: str) -> None:
        await massing.spoil(fault)
        gateway = massing.hasty if fault == "slow" else massing.gateway
        end = await gateway.send_mass(a_call(PEOPLE[:1]))
        assert (end.outcome.kind, end.outcome.proves_unsent) == (OutcomeClass.UNCERTAIN, False)
        assert await massing.executed() == [PEOPLE[0]]
        assert await massing.calls() == 1

    async def test_a_refused_call_sends_nothing(self, massing: Massing) -> None:
        await massing.spoil("refuse")
        end = await massing.gateway.send_mass(a_call(PEOPLE[:1]))
        assert (end.outcome.kind, end.outcome.error_code) == (OutcomeClass.REFUSED_PERMANENT, -4017)
        assert (await massing.executed(), await massing.calls()) == ([], 1)

    async def test_a_call_that_would_begin_too_late_is_not_made(self, massing: Massing) -> None:
        end = await massing.gateway.send_mass(a_call(write_before_boot_ms=0.0))
        assert (end.outcome.kind, end.outcome.reason) == (OutcomeClass.NOT_SENT, Reason.TOO_LATE)
        assert (await massing.executed(), await massing.calls()) == ([], 0)

    async def test_who_cannot_get_one_is_known_beforehand(self, massing: Massing) -> None:
        assert await massing.gateway.ineligible(GUID, PEOPLE, are_rooms=False) == frozenset({BLOCKED})
        assert await massing.gateway.ineligible(GUID, ROOMS, are_rooms=True) == frozenset()
        assert await massing.executed() == []

    async def test_nothing_is_known_of_a_task_that_is_not_there(self, massing: Massing) -> None:
        assert not await massing.gateway.mass_results(GUID, "no-such-task")

    async def test_tasks_of_an_administrator_are_passed_on(self, massing: Massing) -> None:
        assert "90001" in repr(await massing.gateway.tasks(GUID, ""))
        assert "90001" in repr(await massing.gateway.task(GUID, "90001"))
