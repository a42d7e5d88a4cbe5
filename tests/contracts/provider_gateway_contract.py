"""The outcomes of a gateway to a provider that misbehaves, compared with the provider's own ledger.

Subclasses provide `site`: a provider that makes the faults of a test, and gateways to it.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, get_args

import httpx
import msgspec
import pytest
from tests.support.builders.guxing_contents import CONTENTS
from tests.support.builders.messages import CONVERSATION, a_message_id
from tests.support.polling import until

from wework_message.adapters.http import boot_ms
from wework_message.domain.content import CONTENTS as TYPES
from wework_message.domain.content import Content, TextContent, decode_content
from wework_message.domain.ids import Guid, ProviderMessageId
from wework_message.domain.outcomes import REFUSALS, OutcomeClass
from wework_message.domain.ports.gateway import ClientState, Dispatch, MessageGateway, Recall
from wework_message.entrypoints.wire.requests.examples import content_example
from wework_message.simulator.faults.actions import Kind

GUID = Guid("g-1")
AMPLE_MS = 20_000
"""A deadline that a passing test never reaches."""
SOON_MS = 400
"""A deadline for providers that answer a minute later."""
NEVER_MS = 60_000

U, P, T = OutcomeClass.UNCERTAIN, OutcomeClass.REFUSED_PERMANENT, OutcomeClass.THROTTLED

FAULTS: list[tuple[dict[str, Any], OutcomeClass, str | None, bool]] = [
    ({"kind": "http_500_before"}, U, "HTTP_500", False),
    ({"kind": "http_500_after"}, U, "HTTP_500", True),
    ({"kind": "closed_before"}, U, None, False),
    ({"kind": "answer_lost"}, U, None, True),
    ({"kind": "svr_fail"}, U, "SVR_FAIL", False),
    ({"kind": "svr_fail", "executed": True}, U, "SVR_FAIL", True),
    ({"kind": "no_id"}, U, "NO_ID", True),
    ({"kind": "http_502"}, U, "HTTP_502", False),
    ({"kind": "http_502", "executed": True}, U, "HTTP_502", True),
    ({"kind": "html"}, U, "UNREADABLE", False),
    ({"kind": "html", "executed": True}, U, "UNREADABLE", True),
    ({"kind": "garbage"}, U, "UNREADABLE", False),
    ({"kind": "garbage", "executed": True}, U, "UNREADABLE", True),
    ({"kind": "nan"}, U, "UNREADABLE", True),
    ({"kind": "deep"}, U, "UNREADABLE", True),
    ({"kind": "reset", "when": "before"}, U, None, True),
    ({"kind": "reset"}, U, None, True),
    ({"kind": "truncated"}, U, None, True),
    ({"kind": "stall", "when": "before", "delay_ms": 1}, OutcomeClass.ACCEPTED, None, True),
    ({"kind": "stall", "when": "while", "delay_ms": 1}, OutcomeClass.ACCEPTED, None, True),
    ({"kind": "stall", "when": "after", "delay_ms": 1}, OutcomeClass.ACCEPTED, None, True),
    ({"kind": "slow", "delay_ms": 1}, OutcomeClass.ACCEPTED, None, True),
    ({"kind": "drip", "delay_ms": 0}, OutcomeClass.ACCEPTED, None, True),
    ({"kind": "oversize"}, U, "OVERSIZE", True),
    ({"kind": "json_string"}, OutcomeClass.ACCEPTED, None, True),
    ({"kind": "send_fail_later"}, OutcomeClass.ACCEPTED, None, True),
    ({"kind": "refuse", "error_code": -2003}, P, "CODE", False),
    ({"kind": "refuse", "error_code": -4017}, P, "CODE", False),
    ({"kind": "refuse", "error_code": -4046}, OutcomeClass.REFUSED_CAPABILITY, "CODE", False),
    ({"kind": "refuse", "error_code": -5103011}, P, "UNKNOWN_CODE", False),
    ({"kind": "throttle", "retry_after_s": 2}, T, "HTTP_429", False),
]
"""Fault, outcome, reason (None: any), and whether the provider executed the call."""

LATE: list[tuple[dict[str, Any], bool]] = [
    ({"kind": "slow", "delay_ms": NEVER_MS, "when": "after"}, True),
    ({"kind": "drip", "delay_ms": NEVER_MS}, True),
    ({"kind": "stall", "when": "before", "delay_ms": NEVER_MS}, True),
    ({"kind": "stall", "when": "while", "delay_ms": NEVER_MS}, True),
    ({"kind": "stall", "when": "after", "delay_ms": NEVER_MS}, True),
]
"""Answers that do not come in time, and whether the call was executed."""


class Site(ABC):
    """A provider under the test's control."""

    @abstractmethod
    async def gateway(self, timeout_ms: int = AMPLE_MS) -> MessageGateway:
        """A gateway to it that has a connection open already."""

    @abstractmethod
    async def inject(self, fault: Mapping[str, Any]) -> None:
        """Apply the fault to the next send."""

    @abstractmethod
    async def calls(self) -> list[dict[str, Any]]:
        """Every request that asked to send or recall something, oldest first."""

    @abstractmethod
    async def switch(self, guid: Guid, status: int) -> None:
        """Stop an instance (0), run it (1), or put it online (2)."""


def dispatch(content: Content | None = None, **changes: Any) -> Dispatch:
    fields: dict[str, Any] = {
        "message_id": a_message_id(), "attempt": 2, "guid": GUID, "conversation_id": CONVERSATION,
        "content": content or TextContent(content="hello"), "write_before_boot_ms": boot_ms() + AMPLE_MS,
    }  # fmt: skip
    return Dispatch(**fields | changes)


PROVABLY_UNSENT = REFUSALS | {OutcomeClass.THROTTLED, OutcomeClass.NOT_SENT}


class ProviderGatewayContract:
    def test_every_kind_of_fault_has_an_outcome_and_no_executed_call_is_taken_for_unsent(self) -> None:
        kinds = {row[0]["kind"] for row in FAULTS} | {row[0]["kind"] for row in LATE}
        kinds.add("reused_id")  # has a test of its own
        assert set(get_args(Kind)) == kinds
        assert [fault for fault, outcome, _, executed in FAULTS if executed and outcome in PROVABLY_UNSENT] == []

    @pytest.mark.parametrize(("fault", "kind", "reason", "executed"), FAULTS, ids=str)
    async def test_fault_has_its_outcome_and_costs_one_request(
        self, site: Site, fault: dict[str, Any], kind: OutcomeClass, reason: str | None, executed: bool
    ) -> None:
        gateway = await site.gateway()
        await site.inject(fault)
        sent = dispatch()
        outcome = await gateway.send(sent)
        assert outcome.kind is kind
        assert reason in {None, outcome.reason}
        (call,) = await site.calls()
        assert (call["marker"], call["executed"]) == (f"{sent.message_id}.2", executed)
        if kind is OutcomeClass.ACCEPTED:
            assert outcome.receipt is not None
            assert outcome.receipt.provider_message_id == call["id"]
        assert outcome.confirmed is (reason != "UNKNOWN_CODE")
        assert outcome.retry_after_ms == (2_000 if kind is T else None)

    @pytest.mark.parametrize(("fault", "executed"), LATE, ids=str)
    async def test_answer_that_does_not_come_in_time_is_uncertain(
        self, site: Site, fault: dict[str, Any], executed: bool
    ) -> None:
        gateway = await site.gateway(SOON_MS)
        await site.inject(fault)
        outcome = await gateway.send(dispatch())
        assert (outcome.kind, outcome.reason) == (U, "DEADLINE")
        assert [call["executed"] for call in await site.calls()] == [executed]

    async def test_send_that_the_provider_has_not_begun_in_time_is_uncertain_too(self, site: Site) -> None:
        gateway = await site.gateway(SOON_MS)
        await site.inject({"kind": "slow", "delay_ms": NEVER_MS, "when": "before"})
        outcome = await gateway.send(dispatch())
        assert (outcome.kind, outcome.reason) == (U, "DEADLINE")

    async def test_cancelled_send_is_raised_and_may_have_been_executed(self, site: Site) -> None:
        gateway = await site.gateway()
        await site.inject({"kind": "slow", "delay_ms": NEVER_MS, "when": "after"})
        sending = asyncio.create_task(gateway.send(dispatch()))

        async def executed() -> bool:
            return [call["executed"] for call in await site.calls()] == [True]

        await until(executed)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert (await gateway.send(dispatch())).kind is OutcomeClass.ACCEPTED
        assert len(await site.calls()) == 2

    async def test_too_late_leaves_no_trace_at_the_provider(self, site: Site) -> None:
        gateway = await site.gateway()
        outcome = await gateway.send(dispatch(write_before_boot_ms=boot_ms() - 1))
        assert (outcome.kind, outcome.reason) == (OutcomeClass.NOT_SENT, "TOO_LATE")
        assert await site.calls() == []

    async def test_reused_id_is_reported_as_it_came(self, site: Site) -> None:
        gateway = await site.gateway()
        first = await gateway.send(dispatch())
        await site.inject({"kind": "reused_id"})
        second = await gateway.send(dispatch())
        assert first.receipt is not None
        assert second.receipt is not None
        assert second.receipt.provider_message_id == first.receipt.provider_message_id
        assert [call["executed"] for call in await site.calls()] == [True, True]

    async def test_offline_instance_refuses_with_a_code_that_no_table_knows(self, site: Site) -> None:
        gateway = await site.gateway()
        for status, state in ((0, ClientState.OFFLINE), (1, ClientState.OFFLINE), (2, ClientState.ONLINE)):
            await site.switch(GUID, status)
            assert await gateway.client_state(GUID) is state
        await site.switch(GUID, 1)
        outcome = await gateway.send(dispatch())
        assert (outcome.kind, outcome.reason, outcome.confirmed) == (P, "UNKNOWN_CODE", False)
        assert [call["executed"] for call in await site.calls()] == [False]

    async def test_conversation_without_its_prefix_is_refused(self, site: Site) -> None:
        outcome = await (await site.gateway()).send(dispatch(conversation_id="7881300000000001"))
        assert (outcome.kind, outcome.error_code, outcome.confirmed) == (P, -2003, True)

    async def test_every_type_is_accepted_by_a_strict_provider(self, site: Site) -> None:
        gateway = await site.gateway()
        examples = {name: decode_content(msgspec.json.encode(content_example(name))) for name in TYPES}
        for name, content in (examples | CONTENTS).items():
            outcome = await gateway.send(dispatch(content, conversation_id="R:10810965948920358"))
            assert outcome.kind is OutcomeClass.ACCEPTED, name
        assert [call["executed"] for call in await site.calls()] == [True] * len(examples | CONTENTS)

    async def test_recall_of_what_the_provider_does_not_know_is_refused(self, site: Site) -> None:
        gateway = await site.gateway()
        outcome = await gateway.recall(Recall(a_message_id(), GUID, CONVERSATION, ProviderMessageId("404")))
        assert (outcome.kind, outcome.confirmed) == (P, False)

    async def test_recall_whose_answer_is_lost_is_uncertain(self, site: Site) -> None:
        gateway = await site.gateway()
        sent = await gateway.send(dispatch())
        assert sent.receipt is not None
        await site.inject({"kind": "answer_lost", "path": "/msg/revoke_msg"})
        outcome = await gateway.recall(Recall(a_message_id(), GUID, CONVERSATION, sent.receipt.provider_message_id))
        assert outcome.kind is U
        assert [call["executed"] for call in await site.calls()] == [True, True]

    @pytest.mark.parametrize("kind", ["http_500_before", "closed_before", "html", "oversize", "throttle"])
    async def test_probe_of_a_provider_that_misbehaves_is_no_answer(self, site: Site, kind: str) -> None:
        gateway = await site.gateway()
        await site.inject({"kind": kind, "path": "/client/*"})
        assert await gateway.probe() is False
        await site.inject({"kind": kind, "path": "/client/*"})
        assert await gateway.client_state(GUID) is ClientState.UNKNOWN


class SimulatorSite(Site):
    """Control of a simulator over its own HTTP routes."""

    def __init__(self, control: httpx.AsyncClient) -> None:
        self._control = control

    async def inject(self, fault: Mapping[str, Any]) -> None:
        (await self._control.post("/_sim/faults", json={"times": 1, **fault})).raise_for_status()

    async def calls(self) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = (await self._control.get("/_sim/ledger")).json()
        return calls

    async def switch(self, guid: Guid, status: int) -> None:
        (await self._control.post(f"/_sim/guids/{guid}", json={"status": status})).raise_for_status()
