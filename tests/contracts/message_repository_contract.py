"""What every MessageRepository does. Subclasses provide `units`, `clock` and `reader`, and can provide `other_units`."""

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.builders.messages import (
    A_LONG_TRACE,
    BACKUP,
    DAY_MS,
    GUID,
    HORIZON_MS,
    LEASE_MS,
    NOW,
    PROVIDER,
    a_batch_id,
    a_due_message,
    a_message,
    a_message_id,
    a_receipt,
    an_attempt,
    an_outcome,
    begin_call,
    settle,
)

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.content import Content, ImageContent
from wework_message.domain.errors import ConflictError
from wework_message.domain.ids import (
    DEFAULT_TENANT,
    AccountId,
    Guid,
    HolderToken,
    MessageId,
    ProviderCode,
    ProviderMessageId,
    TenantId,
)
from wework_message.domain.lifecycle import HoldReason, Lifecycle, MessageStatus
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.handling import count_handling_failure
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.message import Message
from wework_message.domain.message.options import OnUnknown, Pin, SendOptions, resolved
from wework_message.domain.message.recall import Recall, RecallState
from wework_message.domain.message.scheduling import LANE_RECHECK_MS
from wework_message.domain.outcomes import FailureReason, OutcomeClass, Reason
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.repositories import DueMessage, IdempotencyKey, LaneBlock, UnitOfWorkFactory
from wework_message.domain.retry import GiveUp, HoldFor, RetryAt
from wework_message.testing.strategies import contents, drafts

EACH_ADAPTER = settings(
    max_examples=30,
    deadline=None,
    # Examples share one store (ids never repeat), and one suite is inherited by a class per adapter.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


def defaults_of(part: Any) -> dict[str, Any]:
    """By the fields of `part`."""
    if isinstance(part, SendOptions):
        return part._field_defaults
    return {
        field.name: field.default_factory() if callable(field.default_factory) else field.default
        for field in dataclasses.fields(part)
    }


class RepositorySteps:
    """Steps of the tests, each in a unit of work of its own."""

    @pytest.fixture
    def other_units(self, units: UnitOfWorkFactory) -> UnitOfWorkFactory:
        """A second process on the same store, where the adapter can have one."""
        return units

    async def add(self, units: UnitOfWorkFactory, *messages: Message) -> None:
        async with units() as unit:
            await unit.messages.add(messages)
            await unit.commit()
        for message in messages:
            message.written()

    async def save(self, units: UnitOfWorkFactory, *messages: Message) -> frozenset[MessageId]:
        async with units() as unit:
            lost = await unit.messages.save(messages)
            await unit.commit()
        for message in messages:
            message.written()
        return lost

    async def load(self, units: UnitOfWorkFactory, message: Message) -> Message:
        async with units() as unit:
            return (await unit.messages.get([message.id]))[message.id]

    async def due(self, units: UnitOfWorkFactory, limit: int = 100) -> Sequence[DueMessage]:
        async with units() as unit:
            return await unit.messages.due(limit)

    async def due_ids(self, units: UnitOfWorkFactory) -> list[MessageId]:
        return [due.message.id for due in await self.due(units)]

    async def blocks(self, units: UnitOfWorkFactory) -> dict[MessageId, LaneBlock | None]:
        return {due.message.id: due.blocked for due in await self.due(units)}

    async def call_started(self, units: UnitOfWorkFactory, clock: SettableClock, **changes: Any) -> Message:
        """A message whose call is in flight."""
        message = a_due_message(**changes)
        await self.add(units, message)
        begin_call(message, now=clock.now())
        assert await self.save(units, message) == frozenset()
        return message

    async def unknown(self, units: UnitOfWorkFactory, clock: SettableClock, **changes: Any) -> Message:
        message = await self.call_started(units, clock, **changes)
        settle(message, an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE), now=clock.now())
        await self.save(units, message)
        return message


class KeyContract(RepositorySteps):
    async def test_the_first_to_claim_a_key_owns_it(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        async with units() as unit:
            (first,) = await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "k", b"1" * 32, "first")])
            await unit.commit()
        async with other_units() as unit:
            (second,) = await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "k", b"2" * 32, "second")])
        assert (first.target, first.fresh) == ("first", True)
        assert (second.target, second.fingerprint, second.fresh) == ("first", b"1" * 32, False)

    async def test_of_equal_keys_in_one_call_the_first_gets_it(self, units: UnitOfWorkFactory) -> None:
        keys = [
            IdempotencyKey(DEFAULT_TENANT, key, b"f" * 32, target)
            for key, target in (("k", "a"), ("l", "b"), ("k", "c"), ("l", "d"))
        ]
        async with units() as unit:
            owners = await unit.messages.claim_keys(keys)
        assert [(owner.target, owner.fresh) for owner in owners] == [
            ("a", True), ("b", True), ("a", False), ("b", False),
        ]  # fmt: skip

    async def test_tenants_may_have_equal_keys(self, units: UnitOfWorkFactory) -> None:
        own = IdempotencyKey(DEFAULT_TENANT, "k", b"f" * 32, "a")
        async with units() as unit:
            owners = await unit.messages.claim_keys(
                [own, dataclasses.replace(own, tenant_id=TenantId("other"), target="b")]
            )
        assert [owner.fresh for owner in owners] == [True, True]

    async def test_keys_that_differ_in_case_are_different(self, units: UnitOfWorkFactory) -> None:
        keys = [IdempotencyKey(DEFAULT_TENANT, key, b"f" * 32, key) for key in ("k", "K")]
        async with units() as unit:
            owners = await unit.messages.claim_keys(keys)
        assert [owner.fresh for owner in owners] == [True, True]

    async def test_a_rolled_back_claim_frees_the_key(self, units: UnitOfWorkFactory) -> None:
        async with units() as unit:
            await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "k", b"f" * 32, "a")])
        async with units() as unit:
            (owner,) = await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "k", b"f" * 32, "b")])
        assert (owner.target, owner.fresh) == ("b", True)


class StoringContract(RepositorySteps):
    async def test_every_field_comes_back(self, units: UnitOfWorkFactory) -> None:
        message = a_due_message(
            content=ImageContent(file_id="f", file_size=1, aes_key="a" * 32, md5="b" * 32, image_width=2, image_height=3),
            message_type="IMAGE", mode="BATCH", priority=8, provider_code=BACKUP, pin=Pin.BINDING,
            on_unknown=OnUnknown.RESEND, duplicate_safe=True, retry_count=0, extra={"a": [1, {"ä": None}], "b": True},
            client_message_id="k" * 255, campaign_id="c" * 64, status_callback_url="https://h.example/" + "u" * 2_000, scheduled_at=NOW - 1, batch_id=a_batch_id(), group_id=a_batch_id(), index=3,
            trace=A_LONG_TRACE,
        )  # fmt: skip
        await self.add(units, message)
        assert await self.load(units, message) == message
        begin_call(message)
        message.lifecycle = Lifecycle(MessageStatus.FAILED, "REASON", confirmed=False, updated_at=NOW + 7)
        message.recall = Recall(RecallState.LOST, confirmed=True)
        message.possible_duplicate = True
        message.round, message.tries, message.handling_failures = 2, 3, 1
        message.expires_at += 5
        await self.save(units, message)
        stored = await self.load(units, message)
        for before, after, not_stored in (
            (message, stored, {"due", "lane_released", "notes", "request_id"}),
            (message.options, stored.options, {"expires_at"}),
            (message.lifecycle, stored.lifecycle, {"moves"}),
            (message.recall, stored.recall, set()),
        ):
            for name, default in defaults_of(before).items():
                if name not in not_stored:
                    assert getattr(before, name) != default, f"{name} is not set by this test"
                    assert getattr(after, name) == getattr(before, name), name

    async def test_the_token_of_a_claim_comes_back_and_an_answer_leaves_it(self, units: UnitOfWorkFactory) -> None:
        accepted, claimed = a_due_message(), a_due_message(conversation_id="S:2")
        begin_call(accepted, holder=HolderToken("0123456789abcdef"))
        await self.add(units, accepted, claimed)
        begin_call(claimed, holder=HolderToken("fedcba9876543210"))
        await self.save(units, claimed)
        for message in (accepted, claimed):
            token = message.attempts[0].holder
            assert (await self.load(units, message)).attempts[0].holder == token
            settle(message, an_outcome(OutcomeClass.NOT_SENT))
            begin_call(message)
            await self.save(units, message)
            assert [attempt.holder for attempt in (await self.load(units, message)).attempts] == [token, None]

    async def test_whoever_reads_a_message_waits_for_the_claim_that_is_under_way(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory
    ) -> None:
        """So a process that reads after a lost COMMIT learns its end (ADR 64)."""
        message = a_due_message()
        await self.add(units, message)
        async with units() as unit:
            (due,) = await unit.messages.due(1)
            begin_call(due.message, holder=HolderToken("0123456789abcdef"))
            await unit.messages.save([due.message])
            reading = asyncio.create_task(self.load(other_units, message))
            await asyncio.wait([reading], timeout=0.05)
            assert not reading.done()
            await unit.commit()
        assert [attempt.holder for attempt in (await reading).attempts] == ["0123456789abcdef"]

    @EACH_ADAPTER
    @given(draft=drafts(), on_unknown=st.sampled_from(OnUnknown))
    async def test_every_option_comes_back(self, units: UnitOfWorkFactory, draft: Draft, on_unknown: OnUnknown) -> None:
        options = resolved(draft.options, account=None, configured=on_unknown)
        message = dataclasses.replace(a_due_message(), options=options)
        await self.add(units, message)
        stored = await self.load(units, message)
        for name in SendOptions._fields:
            assert getattr(stored.options, name) == getattr(options, name), name

    @EACH_ADAPTER
    @given(content=contents())
    async def test_every_content_comes_back(self, units: UnitOfWorkFactory, content: Content) -> None:
        message = a_due_message(content=content, message_type=content.message_type)
        await self.add(units, message)
        assert (await self.load(units, message)).content == content

    async def test_a_message_without_options_comes_back(self, units: UnitOfWorkFactory) -> None:
        message = a_due_message(guid=None, account_id="acc")
        await self.add(units, message)
        assert await self.load(units, message) == message

    async def test_what_happened_to_a_message_comes_back(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        message = await self.call_started(units, clock)
        receipt = a_receipt(
            seq="9", app_info="YQ==", sender_id="1", receiver_id="2", room_id="0", message_type=0, content_type=2,
            content="hello", sender_name="我", dev_info="d", extra_content="e", is_svr_fail=False,
        )  # fmt: skip
        settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=receipt))
        await self.save(units, message)
        stored = await self.load(units, message)
        message.lifecycle.moves = []
        assert stored == message
        assert stored.attempts[0].outcome is not None
        assert stored.attempts[0].outcome.receipt == receipt
        assert stored.version == 2

    async def test_a_refusal_comes_back(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        message = await self.call_started(units, clock)
        refused = an_outcome(
            OutcomeClass.REFUSED_PERMANENT,
            reason=Reason.CODE,
            error_code=-4017,
            error_message="无权限",
            confirmed=False,
        )
        settle(message, refused, verdict=GiveUp(FailureReason.REFUSED_PERMANENT))
        await self.save(units, message)
        stored = await self.load(units, message)
        assert (stored.status, stored.reason, stored.confirmed) == (MessageStatus.FAILED, "REFUSED_PERMANENT", False)
        assert stored.attempts[0].outcome == refused
        assert (stored.attempts[0].unsettled, stored.attempts[0].lane_open) == (False, False)

    async def test_recall_states_come_back(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        message = await self.call_started(units, clock)
        settle(message, an_outcome(OutcomeClass.ACCEPTED))
        message.ask_recall(now=clock.now())
        await self.save(units, message)
        assert (await self.load(units, message)).recall.state is RecallState.ASKED
        assert message.id in await self.due_ids(units)
        message.call_recall(lease_ms=LEASE_MS)
        message.settle_recall(an_outcome(OutcomeClass.ACCEPTED), retry_ms=1, horizon_ms=HORIZON_MS, now=clock.now())
        await self.save(units, message)
        assert (await self.load(units, message)).recall.state is RecallState.ANSWERED
        assert await self.due_ids(units) == []
        clock.advance(2 * HORIZON_MS)
        assert await self.due_ids(units) == [message.id]
        message.time_out_recall(horizon_ms=HORIZON_MS, now=clock.now())
        await self.save(units, message)
        stored = await self.load(units, message)
        assert (stored.status, stored.recall.confirmed) == (MessageStatus.RECALLED, False)
        assert stored.attempts[0].facts == message.attempts[0].facts != frozenset()

    async def test_rounds_tries_and_handling_failures_come_back(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = a_due_message()
        await self.add(units, message)
        count_handling_failure(message, wait_ms=1_000, now=clock.now())
        await self.save(units, message)
        assert (await self.load(units, message)).handling_failures == 1
        message.fail("NO_BINDING", now=clock.now())
        await self.save(units, message)
        message.replay(force=False, by="api", now=clock.now() + 5)
        await self.save(units, message)
        stored = await self.load(units, message)
        assert (stored.round, stored.handling_failures, stored.expires_at) == (2, 0, clock.now() + 5 + DAY_MS)

    async def test_a_call_that_begins_and_ends_in_one_unit_of_work_comes_back_once(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = a_due_message()
        await self.add(units, message)
        async with units() as unit:
            begin_call(message, now=clock.now())
            await unit.messages.save([message])
            message.written()
            settle(message, an_outcome(OutcomeClass.ACCEPTED))
            assert await unit.messages.save([message]) == frozenset()
            await unit.commit()
        stored = await self.load(units, message)
        assert (stored.status, stored.attempts) == (MessageStatus.SENT, message.attempts)

    async def test_get_returns_the_messages_that_exist(self, units: UnitOfWorkFactory) -> None:
        message = a_due_message()
        await self.add(units, message)
        async with units() as unit:
            assert set(await unit.messages.get([message.id, MessageId("none")])) == {message.id}

    async def test_what_the_caller_does_to_its_copy_stays_with_the_caller(self, units: UnitOfWorkFactory) -> None:
        message = a_due_message(extra={"a": [1]})
        await self.add(units, message)
        loaded = await self.load(units, message)
        loaded.cancel(now=loaded.accepted_at)
        loaded.attempts.append(an_attempt())
        loaded.recall.wait()
        assert loaded.options.extra is not None
        loaded.options.extra["a"].append(2)
        again = await self.load(units, message)
        assert (again.status, again.attempts) == (MessageStatus.QUEUED, [])
        assert (again.recall, again.options.extra) == (Recall(), {"a": [1]})

    async def test_the_parts_of_a_group_come_in_order(self, units: UnitOfWorkFactory) -> None:
        group = a_batch_id()
        parts = [a_due_message(group_id=group, index=index) for index in (2, 0, 1)]
        await self.add(units, a_due_message(), *parts)
        async with units() as unit:
            assert [part.index for part in await unit.messages.group(group)] == [0, 1, 2]
            assert await unit.messages.group(a_batch_id()) == []

    async def test_counters_add_up(self, units: UnitOfWorkFactory, reader: MessageReader) -> None:
        for sent in ({(PROVIDER, "TEXT", "ACCEPTED"): 2}, {(PROVIDER, "TEXT", "ACCEPTED"): 3, (BACKUP, "GIF", "X"): 1}):
            async with units() as unit:
                await unit.messages.count(sent)
                await unit.commit()
        assert dict(await reader.counts()) == {(PROVIDER, "TEXT", "ACCEPTED"): 5, (BACKUP, "GIF", "X"): 1}


class SavingContract(RepositorySteps):
    async def test_saving_raises_the_version_of_the_copy_too(self, units: UnitOfWorkFactory) -> None:
        message = a_due_message()
        await self.add(units, message)
        message.hold(HoldReason.THROTTLED, 5, now=message.accepted_at)
        await self.save(units, message)
        message.cancel(now=message.accepted_at)
        assert await self.save(units, message) == frozenset()
        assert message.version == (await self.load(units, message)).version == 2

    async def test_a_message_that_another_process_changed_meanwhile_is_lost(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory, reader: MessageReader
    ) -> None:
        message, neighbour = a_due_message(), a_due_message(conversation_id="R:2")
        await self.add(units, message, neighbour)
        stale = await self.load(units, message)
        message.hold(HoldReason.THROTTLED, 60_000, now=message.accepted_at)
        await self.save(other_units, message)
        stale.cancel(now=message.accepted_at)
        neighbour.cancel(now=message.accepted_at)
        assert await self.save(units, stale, neighbour) == {message.id}
        stored = await self.load(units, message)
        assert (stored.status, stored.version) == (MessageStatus.HELD, 1)
        assert [note.kind for note in await reader.timeline(None, message.id)] == ["HELD"]
        view = (await reader.messages(DEFAULT_TENANT, [message.id]))[message.id]
        assert view.next_attempt_at == message.accepted_at + 60_000
        assert (await self.load(units, neighbour)).status is MessageStatus.CANCELLED

    async def test_a_message_that_this_unit_of_work_has_changed_already_is_lost(self, units: UnitOfWorkFactory) -> None:
        message = a_due_message()
        await self.add(units, message)
        claimed = await self.load(units, message)
        claimed.cancel(now=message.accepted_at)
        async with units() as unit:
            held = (await unit.messages.get([message.id]))[message.id]
            held.hold(HoldReason.THROTTLED, 60_000, now=message.accepted_at)
            assert await unit.messages.save([held]) == frozenset()
            assert await unit.messages.save([claimed]) == {message.id}
            await unit.commit()
        assert (await self.load(units, message)).status is MessageStatus.HELD

    async def test_a_message_that_was_never_stored_is_lost(self, units: UnitOfWorkFactory) -> None:
        unknown = a_due_message()
        assert await self.save(units, unknown) == {unknown.id}

    async def test_one_attempt_of_a_message_is_unsettled_at_most(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = await self.call_started(units, clock)
        message.attempts.append(an_attempt(number=2, lane_open=False))
        with pytest.raises(ConflictError):
            await self.save(units, message)
        assert len((await self.load(units, message)).attempts) == 1

    async def test_one_attempt_of_a_lane_is_open_at_most(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        await self.call_started(units, clock)
        second, elsewhere = a_due_message(), a_due_message(conversation_id="R:2")
        await self.add(units, second, elsewhere)
        begin_call(elsewhere)
        begin_call(second)
        with pytest.raises(ConflictError):
            await self.save(units, elsewhere, second)
        assert (await self.load(units, second)).status is MessageStatus.QUEUED
        assert (await self.load(units, elsewhere)).status is MessageStatus.QUEUED

    async def test_a_provider_id_has_one_owner_per_guid(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        receipt = a_receipt("4711")
        for guid, provider in ((GUID, PROVIDER), (Guid("guid-b"), PROVIDER), (Guid("guid-c"), BACKUP)):
            message = a_due_message(guid=guid)
            await self.add(units, message)
            begin_call(message, guid=guid, provider_code=provider)
            settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=receipt))
            await self.save(units, message)
        thief = await self.call_started(units, clock)
        settle(thief, an_outcome(OutcomeClass.ACCEPTED, receipt=receipt))
        with pytest.raises(ConflictError):
            await self.save(units, thief)
        assert (await self.load(units, thief)).status is MessageStatus.SENDING

    async def test_the_owner_of_a_provider_id_is_found(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        message = await self.call_started(units, clock)
        settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("4711")))
        await self.save(units, message)
        owned = (PROVIDER, GUID, ProviderMessageId("4711"))
        others = [(BACKUP, *owned[1:]), (PROVIDER, Guid("x"), owned[2]), (*owned[:2], ProviderMessageId("4712"))]
        async with units() as unit:
            assert await unit.messages.sent_as([*others, owned]) == {owned: (message.id, 1)}

    async def test_the_newest_accepted_answer_that_names_its_sender_proves_who_an_instance_is(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        async def accepted(sender_id: str | None) -> None:
            clock.advance(1)
            message = await self.call_started(units, clock, conversation_id=f"R:{clock.now()}")
            receipt = a_receipt(sender_id=sender_id)
            settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=receipt), now=clock.now())
            await self.save(units, message)

        async def proven(guid: Guid = GUID, provider: ProviderCode = PROVIDER) -> str | None:
            async with units() as unit:
                return await unit.messages.accepted_sender(provider, guid)

        await self.unknown(units, clock)
        assert await proven() is None
        for sender_id in ("1687", "1688", None):
            await accepted(sender_id)
        assert await proven() == "1688"
        assert await proven(guid=Guid("guid-b")) is None
        assert await proven(provider=BACKUP) is None

    async def test_uncertain_attempts_without_an_id_are_offered_to_echoes(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = await self.unknown(units, clock)
        await self.unknown(units, clock, guid=Guid("guid-b"))
        accepted = await self.call_started(units, clock, conversation_id="R:9")
        settle(accepted, an_outcome(OutcomeClass.ACCEPTED))
        await self.save(units, accepted)
        async with units() as unit:
            await unit.accounts.open(DEFAULT_TENANT, [(GUID, PROVIDER)])
            (binding,) = await unit.accounts.binding_of(GUID)
            await unit.accounts.learn(binding.binding_id, "1688")
            await unit.commit()
        async with units() as unit:
            (offered,) = await unit.messages.uncertain(PROVIDER, [GUID])
            assert await unit.messages.uncertain(BACKUP, [GUID]) == []
        assert (offered.message_id, offered.number, offered.guid, offered.unsettled) == (message.id, 1, GUID, True)
        assert (offered.conversation_id, offered.own_user_id) == (message.conversation_id, "1688")
        assert (offered.started_at, offered.ended_at) == (message.attempts[0].started_at, message.attempts[0].ended_at)

    async def test_an_attempt_that_was_given_up_is_still_offered_to_echoes(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = await self.unknown(units, clock)
        message.replay(force=True, by="api", now=clock.now())
        await self.save(units, message)
        async with units() as unit:
            offered = await unit.messages.uncertain(PROVIDER, [GUID])
        assert [(attempt.number, attempt.unsettled) for attempt in offered] == [(1, False)]

    async def test_a_refusal_that_no_table_knows_is_still_offered_to_echoes(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        known = await self.call_started(units, clock, conversation_id="R:1")
        unknown = await self.call_started(units, clock, conversation_id="R:2")
        for message in (known, unknown):
            outcome = an_outcome(OutcomeClass.REFUSED_PERMANENT, confirmed=message is known)
            settle(message, outcome, verdict=GiveUp(FailureReason.REFUSED_PERMANENT), now=clock.now())
        await self.save(units, known, unknown)
        async with units() as unit:
            offered = await unit.messages.uncertain(PROVIDER, [GUID])
        assert [(attempt.message_id, attempt.unsettled) for attempt in offered] == [(unknown.id, False)]

    async def test_an_absence_is_still_offered_to_echoes_and_what_is_surely_not_sent_is_not(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        """A stream that is said to be complete may not have been: then its echo shows that the message was sent."""
        sure = await self.call_started(units, clock, conversation_id="R:1")
        absent = await self.call_started(units, clock, conversation_id="R:2")
        for message in (sure, absent):
            outcome = an_outcome(OutcomeClass.NOT_SENT, reason=Reason.ABSENT, confirmed=message is sure)
            settle(message, outcome, verdict=GiveUp(FailureReason.REFUSED_PERMANENT), now=clock.now())
        await self.save(units, sure, absent)
        async with units() as unit:
            offered = await unit.messages.uncertain(PROVIDER, [GUID])
        assert [(attempt.message_id, attempt.unsettled) for attempt in offered] == [(absent.id, False)]

    async def test_after_a_day_an_uncertain_attempt_is_not_offered_to_echoes(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        await self.unknown(units, clock)
        clock.advance(DAY_MS + 1)
        async with units() as unit:
            assert await unit.messages.uncertain(PROVIDER, [GUID]) == []

    async def test_calls_that_have_not_ended_are_found_until_they_do(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        async def unanswered(guid: Guid = GUID, provider: ProviderCode = PROVIDER) -> list[OpenAttempt]:
            async with units() as unit:
                return [*await unit.messages.unanswered(provider, guid)]

        message = await self.call_started(units, clock)
        async with units() as unit:
            await unit.accounts.open(DEFAULT_TENANT, [(GUID, PROVIDER)])
            (binding,) = await unit.accounts.binding_of(GUID)
            await unit.accounts.learn(binding.binding_id, wecom_user_id="1688")
            await unit.commit()
        clock.advance(7)
        (call,) = await unanswered()
        assert (call.message_id, call.number, call.guid, call.own_user_id) == (message.id, 1, GUID, "1688")
        assert (call.conversation_id, call.started_at, call.ended_at) == (
            message.conversation_id, message.attempts[0].started_at, clock.now(),
        )  # fmt: skip
        assert await unanswered(guid=Guid("guid-b")) == await unanswered(provider=BACKUP) == []
        clock.advance(DAY_MS)
        assert await unanswered() == []
        clock.advance(-DAY_MS - 60_000)  # this process is behind the one that makes the call
        assert [call.ended_at for call in await unanswered()] == [message.attempts[0].started_at]
        settle(message, an_outcome(OutcomeClass.UNCERTAIN), now=clock.now())
        await self.save(units, message)
        assert await unanswered() == []

    async def test_of_a_large_set_every_message_is_saved(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        messages = [a_due_message(conversation_id=f"R:{number}") for number in range(450)]
        await self.add(units, *messages)
        for status in (MessageStatus.SENDING, MessageStatus.SENT):
            for message in messages:
                if status is MessageStatus.SENDING:
                    begin_call(message, now=clock.now())
                else:
                    settle(message, an_outcome(OutcomeClass.ACCEPTED), now=clock.now())
            assert await self.save(units, *messages) == frozenset()
            async with units() as unit:
                stored = await unit.messages.get([message.id for message in messages])
            assert [stored[message.id].status for message in messages] == [status] * len(messages)
            assert [len(stored[message.id].attempts) for message in messages] == [1] * len(messages)


class DueContract(RepositorySteps):
    async def test_urgent_goes_before_normal_before_bulk_and_then_the_oldest(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        names: dict[MessageId, str] = {}
        for name, priority in (("bulk", 0), ("normal", 5), ("late normal", 3), ("urgent", 9), ("late urgent", 7)):
            message = a_due_message(conversation_id=f"R:{len(names)}", priority=priority)
            await self.add(units, message)
            names[message.id] = name
            clock.advance(10)
        assert [names[message_id] for message_id in await self.due_ids(units)] == [
            "urgent", "late urgent", "normal", "late normal", "bulk",
        ]  # fmt: skip
        assert [names[due.message.id] for due in await self.due(units, 2)] == ["urgent", "late urgent"]

    async def test_the_due_messages_of_a_set_come_most_urgent_first_and_within_the_limit(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        bulk, normal, urgent, other = [
            a_due_message(conversation_id=f"R:{number}", priority=priority)
            for number, priority in enumerate((0, 5, 9, 9))
        ]
        await self.add(units, bulk, normal, urgent, other)
        leased = await self.call_started(units, clock, conversation_id="R:leased", priority=9)
        among = {bulk.id, normal.id, urgent.id, leased.id, a_due_message().id}

        async def claimed(limit: int) -> list[MessageId]:
            async with units() as unit:
                return [due.message.id for due in await unit.messages.due(limit, among=among)]

        assert await claimed(100) == [urgent.id, normal.id, bulk.id]
        assert await claimed(2) == [urgent.id, normal.id]
        assert await claimed(0) == []
        async with units() as unit:
            assert list(await unit.messages.due(10, among=())) == []

    async def test_a_message_of_a_set_is_blocked_behind_another_of_its_lane(self, units: UnitOfWorkFactory) -> None:
        first, second = a_due_message(), a_due_message()
        await self.add(units, first, second)
        async with units() as unit:
            (due,) = await unit.messages.due(10, among={second.id})
        assert (due.message.id, due.blocked) == (second.id, LaneBlock.BEHIND)

    async def test_a_message_of_a_set_goes_to_one_of_two_claims_at_the_same_time(
        self, units: UnitOfWorkFactory
    ) -> None:
        messages = [a_due_message(conversation_id=f"R:{number}") for number in range(20)]
        await self.add(units, *messages)
        among = [message.id for message in messages]

        async def claim() -> list[MessageId]:
            async with units() as unit:
                messages = [due.message for due in await unit.messages.due(12, among=among)]
                for message in messages:
                    begin_call(message)
                await unit.messages.save(messages)
                await unit.commit()
            return [message.id for message in messages]

        claimed = [message_id for claims in await asyncio.gather(claim(), claim(), claim()) for message_id in claims]
        assert len(claimed) == len(set(claimed))
        claimed += await claim()
        claimed += await claim()
        assert sorted(claimed) == sorted(among)

    async def test_a_message_is_due_once_its_time_has_passed(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = a_due_message()
        await self.add(units, message)
        message.hold(HoldReason.BUDGET, 1_000, now=clock.now())
        await self.save(units, message)
        clock.advance(999)
        assert await self.due_ids(units) == []
        clock.advance(1)
        assert await self.due_ids(units) == [message.id]

    async def shorten(self, units: UnitOfWorkFactory, limit: int = 100) -> int:
        async with units() as unit:
            shortened = await unit.due_times.shorten(limit)
            await unit.commit()
        return shortened

    async def test_a_wait_is_no_longer_than_it_was_told_when_the_clock_is_set_back(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        held, fresh, scheduled = a_due_message(), a_due_message(), a_due_message(scheduled_at=clock.now() + 5_000)
        await self.add(units, held, fresh, scheduled)
        calling = await self.call_started(units, clock, conversation_id="R:2")
        held.hold(HoldReason.BUDGET, 1_000, now=clock.now())
        await self.save(units, held)
        assert await self.shorten(units) == 0
        clock.jump(-10_000)
        assert await self.due_ids(units) == []
        assert [await self.shorten(units, limit=2) for _ in range(3)] == [2, 1, 0]
        assert await self.due_ids(units) == [fresh.id]
        clock.advance(999)
        assert await self.due_ids(units) == [fresh.id]
        clock.advance(1)
        assert set(await self.due_ids(units)) == {fresh.id, held.id}
        clock.advance(13_999)
        assert scheduled.id not in await self.due_ids(units)
        clock.advance(1)
        assert scheduled.id in await self.due_ids(units)
        clock.advance(LEASE_MS - 15_001)
        assert calling.id not in await self.due_ids(units)
        clock.advance(1)
        assert calling.id in await self.due_ids(units)

    async def test_a_message_that_was_woken_stays_due_when_waits_are_shortened(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        calling = await self.call_started(units, clock)
        parked = a_due_message()
        await self.add(units, parked)
        parked.wait_in_lane(now=clock.now())
        await self.save(units, parked)
        settle(calling, an_outcome(OutcomeClass.ACCEPTED), now=clock.now())
        await self.save(units, calling)
        assert (await self.shorten(units), await self.due_ids(units)) == (0, [parked.id])

    @EACH_ADAPTER
    @given(wait_ms=st.integers(1, 3_600_000), passed_ms=st.integers(0, 3_600_000), jump_ms=st.integers(0, 10 * DAY_MS))
    async def test_after_any_step_back_nothing_waits_longer_than_its_own_length(
        self, units: UnitOfWorkFactory, clock: SettableClock, wait_ms: int, passed_ms: int, jump_ms: int
    ) -> None:
        message = a_due_message()
        await self.add(units, message)
        message.hold(HoldReason.BUDGET, wait_ms, now=clock.now())
        await self.save(units, message)
        clock.advance(passed_ms)
        clock.jump(-jump_ms)
        await self.shorten(units)
        clock.advance(wait_ms)
        assert message.id in [due.message.id for due in await self.due(units, limit=10_000)]

    async def test_what_waits_beyond_its_end_is_found_in_the_order_of_insertion(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        end = clock.now() + 1_000
        waiting, later = a_due_message(expires_at=end), a_due_message(expires_at=end + 1, conversation_id="R:2")
        held, called = (a_due_message(expires_at=end, conversation_id=f"R:{room}") for room in (3, 4))
        await self.add(units, waiting, later, held, called)
        held.hold(HoldReason.BUDGET, 900, now=clock.now())
        begin_call(called, now=clock.now())
        await self.save(units, held, called)

        async def overdue(limit: int) -> list[list[MessageId]]:
            parts, after = list[list[MessageId]](), 0
            while True:
                async with units() as unit:
                    part = await unit.due_times.overdue(after, limit)
                parts.append([*part.message_ids])
                if part.following is None:
                    return parts
                after = part.following

        assert await overdue(10) == [[]]
        clock.advance(1_000)
        assert await overdue(10) == [[waiting.id, held.id]]
        assert await overdue(2) == [[waiting.id], [held.id], []]

    async def test_the_newest_due_row_ends_what_is_behind_the_others(self, units: UnitOfWorkFactory) -> None:
        async with units() as unit:
            assert await unit.due_times.newest() == 0
        newest = list[int]()
        for room in (1, 2):
            await self.add(units, a_due_message(conversation_id=f"R:{room}"))
            async with units() as unit:
                newest.append(await unit.due_times.newest())
                assert (await unit.due_times.overdue(0, room)).following == newest[-1]
        assert newest[0] < newest[1]

    async def test_when_limits_change_their_messages_are_due_and_no_others(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        limited = [a_due_message(conversation_id=f"S:{number}") for number in range(3)]
        down, other = a_due_message(conversation_id="S:4"), a_due_message(guid=Guid("other"))
        waits = zip(limited, (HoldReason.BUDGET, HoldReason.QUIET_HOURS, HoldReason.INTERVAL), strict=True)
        await self.add(units, *limited, down, other)
        for message, reason in (*waits, (down, HoldReason.PROVIDER_DOWN), (other, HoldReason.BUDGET)):
            message.hold(reason, 60_000, now=clock.now())
        await self.save(units, *limited, down, other)
        async with units() as unit:
            await unit.messages.pace({message.id: PROVIDER for message in limited})
            await unit.commit()
        async with units() as unit:
            rechecked = [await unit.due_times.recheck_limited(down.account_id, limit) for limit in (2, 100, 100)]
            await unit.commit()
        assert rechecked == [2, 1, 0]
        due = await self.due(units, limit=10)
        assert {item.message.id for item in due} == {message.id for message in limited}
        assert not any(item.paced for item in due)

    async def test_what_is_not_saved_stays_due(self, units: UnitOfWorkFactory) -> None:
        message = a_due_message()
        await self.add(units, message)
        async with units() as unit:
            await unit.messages.due(10)
            await unit.commit()
        assert await self.due_ids(units) == [message.id]

    async def test_a_message_saved_without_a_due_keeps_its_time(
        self, units: UnitOfWorkFactory, clock: SettableClock, reader: MessageReader
    ) -> None:
        message = await self.unknown(units, clock)
        before = (await reader.messages(DEFAULT_TENANT, [message.id]))[message.id].next_attempt_at
        clock.advance(1_000)
        message.ask_recall(now=clock.now())
        assert message.due is None
        await self.save(units, message)
        after = (await reader.messages(DEFAULT_TENANT, [message.id]))[message.id].next_attempt_at
        assert before == after is not None

    async def test_a_call_in_flight_is_due_when_its_lease_ends(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = await self.call_started(units, clock)
        clock.advance(LEASE_MS - 1)
        assert await self.due_ids(units) == []
        clock.advance(1)
        (due,) = await self.due(units)
        assert (due.message.id, due.message.status, due.blocked) == (message.id, MessageStatus.SENDING, None)

    async def test_a_resting_message_is_not_due_until_it_is_replayed(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message, later = a_due_message(), a_due_message()
        await self.add(units, message, later)
        message.fail("NO_BINDING", now=clock.now())
        await self.save(units, message)
        assert await self.due_ids(units) == [later.id]
        message.replay(force=False, by="api", now=clock.now())
        await self.save(units, message)
        assert await self.blocks(units) == {later.id: None, message.id: LaneBlock.BEHIND}

    async def test_a_place_in_the_budget_is_remembered_until_a_call_uses_it(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message, other = a_due_message(), a_due_message(conversation_id="R:2")
        await self.add(units, message, other)
        async with units() as unit:
            await unit.messages.pace({message.id: PROVIDER})
            message.hold(HoldReason.BUDGET, 10, now=clock.now())
            await unit.messages.save([message])
            await unit.commit()
        message.written()
        clock.advance(10)
        assert {due.message.id: due.paced for due in await self.due(units)} == {message.id: True, other.id: False}
        assert {due.message.id: due.paced_for for due in await self.due(units)} == {
            message.id: PROVIDER,
            other.id: None,
        }
        message.hold(HoldReason.PROVIDER_DOWN, 10, now=clock.now())
        await self.save(units, message)
        clock.advance(10)
        assert {due.message.id: due.paced for due in await self.due(units)} == {message.id: True, other.id: False}
        begin_call(message, now=clock.now())
        await self.save(units, message)
        settle(message, an_outcome(OutcomeClass.NOT_SENT), verdict=RetryAt(10), now=clock.now())
        await self.save(units, message)
        clock.advance(10)
        assert {due.message.id: (due.paced, due.paced_for) for due in await self.due(units)} == {
            message.id: (False, None),
            other.id: (False, None),
        }


class LaneContract(RepositorySteps):
    async def test_a_lane_goes_one_by_one_in_order(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        messages = [a_due_message() for _ in range(10)]
        await self.add(units, *messages)
        sent = []
        for _ in messages:
            lane = await self.due(units)
            (first,) = [due.message for due in lane if due.blocked is None]
            sent.append(first.id)
            for due in lane:
                if due.blocked is not None:
                    assert due.blocked is LaneBlock.BEHIND
                    due.message.wait_in_lane(now=clock.now())
            begin_call(first, now=clock.now())
            await self.save(units, *(due.message for due in lane))
            assert await self.due_ids(units) == []
            settle(first, an_outcome(OutcomeClass.ACCEPTED), now=clock.now())
            await self.save(units, first)
        assert sent == [message.id for message in messages]
        assert await self.due_ids(units) == []

    async def test_of_a_lane_the_urgent_one_goes_first(self, units: UnitOfWorkFactory) -> None:
        normal, urgent = a_due_message(), a_due_message(priority=9)
        await self.add(units, normal)
        await self.add(units, urgent)
        assert await self.blocks(units) == {urgent.id: None, normal.id: LaneBlock.BEHIND}

    async def test_lanes_do_not_block_each_other(self, units: UnitOfWorkFactory) -> None:
        messages = [a_due_message(guid=Guid(guid), conversation_id=where) for guid in "ab" for where in ("S:1", "R:1")]
        await self.add(units, *messages)
        assert set((await self.blocks(units)).values()) == {None}

    async def test_nothing_of_a_lane_goes_while_a_call_is_open(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = await self.call_started(units, clock)
        urgent = a_due_message(priority=9)
        await self.add(units, urgent)
        assert await self.blocks(units) == {urgent.id: LaneBlock.BEHIND}
        settle(message, an_outcome(OutcomeClass.ACCEPTED))
        await self.save(units, message)
        assert await self.blocks(units) == {urgent.id: None}

    async def test_a_message_that_waits_for_its_retry_keeps_its_place(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = await self.call_started(units, clock)
        later = a_due_message()
        await self.add(units, later)
        settle(message, an_outcome(OutcomeClass.NOT_SENT), verdict=RetryAt(5_000), now=clock.now())
        await self.save(units, message)
        assert await self.blocks(units) == {later.id: LaneBlock.BEHIND}
        clock.advance(5_000)
        assert await self.blocks(units) == {later.id: LaneBlock.BEHIND, message.id: None}

    async def test_a_held_message_keeps_its_place(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        message, later = a_due_message(), a_due_message()
        await self.add(units, message, later)
        message.hold(HoldReason.ALL_OFFLINE, 5_000, now=clock.now())
        await self.save(units, message)
        assert await self.blocks(units) == {later.id: LaneBlock.BEHIND}

    async def test_a_scheduled_message_blocks_no_other_before_its_time_and_keeps_its_place_then(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        scheduled = a_due_message(scheduled_at=clock.now() + 1_000)
        later = a_due_message()
        await self.add(units, scheduled)
        await self.add(units, later)
        assert await self.blocks(units) == {later.id: None}
        clock.advance(1_000)
        assert await self.blocks(units) == {later.id: LaneBlock.BEHIND, scheduled.id: None}

    async def test_a_message_that_stepped_aside_blocks_no_other_before_its_time_and_keeps_its_place_then(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        aside, later = a_due_message(), a_due_message()
        await self.add(units, aside)
        await self.add(units, later)
        aside.hold(HoldReason.PAUSED, 1_000, now=clock.now(), aside=True)
        await self.save(units, aside)
        assert await self.blocks(units) == {later.id: None}
        clock.advance(1_000)
        assert await self.blocks(units) == {later.id: LaneBlock.BEHIND, aside.id: None}

    async def test_a_message_that_is_resumed_is_due_at_once_and_keeps_its_place(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        aside, later = a_due_message(), a_due_message()
        await self.add(units, aside)
        await self.add(units, later)
        aside.hold(HoldReason.PAUSED, 60_000, now=clock.now(), aside=True)
        await self.save(units, aside)
        aside.resume(now=clock.now())
        await self.save(units, aside)
        assert await self.blocks(units) == {aside.id: None, later.id: LaneBlock.BEHIND}

    async def test_a_lane_that_is_released_wakes_its_next_parked_message(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = await self.call_started(units, clock)
        parked = [a_due_message() for _ in range(3)]
        await self.add(units, *parked)
        for waiting in parked:
            waiting.wait_in_lane(now=clock.now())
        await self.save(units, *parked)
        assert await self.due_ids(units) == []
        settle(message, an_outcome(OutcomeClass.ACCEPTED), now=clock.now())
        await self.save(units, message)
        assert await self.blocks(units) == {parked[0].id: None}

    async def test_a_parked_message_comes_back_by_itself(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        message = a_due_message()
        await self.add(units, message)
        message.wait_in_lane(now=clock.now())
        await self.save(units, message)
        clock.advance(LANE_RECHECK_MS)
        assert await self.blocks(units) == {message.id: None}

    @pytest.mark.parametrize("parked", [True, False])
    async def test_a_save_says_whether_a_lane_that_it_released_woke_a_message(
        self, units: UnitOfWorkFactory, clock: SettableClock, *, parked: bool
    ) -> None:
        first, second = await self.call_started(units, clock), a_due_message()
        await self.add(units, second)
        if parked:
            second.wait_in_lane(now=clock.now())
            await self.save(units, second)
        settle(first, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt()), now=clock.now())
        assert first.lane_released
        async with units() as unit:
            await unit.messages.save([first])
            assert first.lane_released is parked
            await unit.commit()
        assert await self.blocks(units) == {second.id: None}

    async def test_a_message_that_leaves_its_lane_wakes_the_next_one(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        first, second = a_due_message(), a_due_message()
        await self.add(units, first, second)
        first.hold(HoldReason.ALL_OFFLINE, 60_000, now=clock.now())
        second.wait_in_lane(now=clock.now())
        await self.save(units, first, second)
        first.cancel(now=clock.now())
        await self.save(units, first)
        assert await self.blocks(units) == {second.id: None}

    async def test_a_released_lane_does_not_cut_the_wait_of_a_retry_short(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = await self.call_started(units, clock)
        parked = a_due_message()
        await self.add(units, parked)
        parked.wait_in_lane(now=clock.now())
        await self.save(units, parked)
        outage = HoldFor(HoldReason.PROVIDER_DOWN, 5_000)
        settle(message, an_outcome(OutcomeClass.NOT_SENT), verdict=outage, now=clock.now())
        await self.save(units, message)
        assert await self.due_ids(units) == []
        urgent = a_due_message(priority=9)
        await self.add(units, urgent)
        begin_call(urgent, now=clock.now())
        await self.save(units, urgent)
        settle(urgent, an_outcome(OutcomeClass.ACCEPTED), now=clock.now())
        await self.save(units, urgent)
        assert await self.due_ids(units) == []

    async def test_an_uncertain_call_wakes_its_lane_and_holds_it(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = await self.call_started(units, clock)
        parked = [a_due_message() for _ in range(2)]
        await self.add(units, *parked)
        for waiting in parked:
            waiting.wait_in_lane(now=clock.now())
        await self.save(units, *parked)
        settle(message, an_outcome(OutcomeClass.UNCERTAIN), now=clock.now())
        await self.save(units, message)
        assert await self.blocks(units) == dict.fromkeys((waiting.id for waiting in parked), LaneBlock.BEHIND_UNKNOWN)

    async def test_after_the_horizon_an_uncertain_call_lets_the_lane_go_on(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = await self.unknown(units, clock)
        blocked = [a_due_message() for _ in range(2)]
        await self.add(units, *blocked)
        for held in blocked:
            held.hold(HoldReason.LANE_BLOCKED, 4 * HORIZON_MS, now=clock.now())
        await self.save(units, *blocked)
        clock.advance(2 * HORIZON_MS)
        (overdue,) = await self.due(units)
        assert (overdue.message.id, overdue.blocked) == (message.id, None)
        message.open_lane(next_ms=DAY_MS, now=clock.now())
        await self.save(units, message)
        assert await self.blocks(units) == {blocked[0].id: None}
        stored = await self.load(units, message)
        assert (stored.attempts[0].unsettled, stored.attempts[0].lane_open) == (True, False)
        begin_call(blocked[0], now=clock.now())
        assert await self.save(units, blocked[0]) == frozenset()

    async def test_a_recall_neither_waits_in_the_lane_nor_blocks_it(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = await self.call_started(units, clock)
        settle(message, an_outcome(OutcomeClass.ACCEPTED), now=clock.now())
        await self.save(units, message)
        other = await self.call_started(units, clock)
        message.ask_recall(now=clock.now())
        await self.save(units, message)
        assert await self.blocks(units) == {message.id: None}
        settle(other, an_outcome(OutcomeClass.ACCEPTED), now=clock.now())
        later = a_message()
        later.make_due(now=clock.now())
        await self.save(units, other)
        await self.add(units, later)
        assert await self.blocks(units) == {message.id: None, later.id: None}


class CallAtOnceContract(RepositorySteps):
    async def test_a_message_is_added_with_its_open_call(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        message = a_due_message()
        begin_call(message, now=clock.now())
        await self.add(units, message)
        message.lifecycle.moves = []
        assert await self.load(units, message) == message
        assert await self.due_ids(units) == []
        settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt()), now=clock.now())
        assert await self.save(units, message) == frozenset()
        assert (await self.load(units, message)).status is MessageStatus.SENT

    async def test_a_call_that_is_added_ends_with_its_lease(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = a_due_message()
        begin_call(message, now=clock.now())
        await self.add(units, message)
        clock.advance(LEASE_MS)
        assert await self.due_ids(units) == [message.id]

    async def test_a_place_at_another_provider_takes_the_place_of_the_first_one(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        message = a_due_message()
        await self.add(units, message)
        for code in (PROVIDER, BACKUP):
            async with units() as unit:
                await unit.messages.pace({message.id: code})
                message.hold(HoldReason.BUDGET, 10, now=clock.now())
                await unit.messages.save([message])
                await unit.commit()
            message.written()
            clock.advance(10)
            assert [(due.paced, due.paced_for) for due in await self.due(units)] == [(True, code)]

    async def test_a_message_is_added_as_held_with_its_place(
        self, units: UnitOfWorkFactory, clock: SettableClock, reader: MessageReader
    ) -> None:
        message = a_due_message()
        message.hold(HoldReason.BUDGET, 1_000, now=clock.now())
        async with units() as unit:
            await unit.messages.add([message])
            await unit.messages.pace({message.id: PROVIDER})
            await unit.commit()
        assert [note.kind for note in await reader.timeline(None, message.id)] == ["HELD"]
        assert await self.due_ids(units) == []
        clock.advance(1_000)
        assert [(due.message.status, due.paced) for due in await self.due(units)] == [(MessageStatus.HELD, True)]

    async def test_a_message_whose_call_would_be_the_second_of_its_lane_is_not_added(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        await self.call_started(units, clock)
        second, other = a_due_message(), a_due_message(conversation_id="R:7")
        for message in (second, other):
            begin_call(message, now=clock.now())
        with pytest.raises(ConflictError):
            await self.add(units, other, second)
        async with units() as unit:
            assert await unit.messages.get([second.id, other.id]) == {}

    async def test_a_lane_is_busy_while_anything_of_it_is_due_now_or_later(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        calling = await self.call_started(units, clock)
        waiting, scheduled = a_due_message(conversation_id="S:2"), a_message(conversation_id="S:3")
        scheduled.options = scheduled.options._replace(scheduled_at=NOW + DAY_MS)
        scheduled.make_due(now=NOW)
        uncertain = await self.unknown(units, clock, conversation_id="S:4")
        await self.add(units, waiting, scheduled)
        busy = {(message.account_id, message.conversation_id) for message in (calling, waiting, scheduled, uncertain)}
        free = {(calling.account_id, "S:8"), (AccountId("acc"), calling.conversation_id)}
        ahead = a_due_message(conversation_id="S:5")
        async with units() as unit:
            assert await unit.messages.busy_lanes(busy | free) == busy
            await unit.messages.add([ahead])
            assert await unit.messages.busy_lanes([(ahead.account_id, "S:5")]) == {(ahead.account_id, "S:5")}
        settle(calling, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt()), now=clock.now())
        await self.save(units, calling)
        async with units() as unit:
            assert await unit.messages.busy_lanes([(calling.account_id, calling.conversation_id)]) == frozenset()

    async def test_the_last_call_of_a_lane_is_the_newest_one_of_any_of_its_messages(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        messages = [a_due_message(id=a_message_id(NOW + number)) for number in range(3)]
        lane = (messages[0].account_id, messages[0].conversation_id)
        free = (messages[0].account_id, "S:2002")
        await self.add(units, *messages)
        for message, started_at in zip(messages, (NOW + 10, NOW + 900, NOW + 500), strict=True):
            begin_call(message, now=started_at)
            await self.save(units, message)
            settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt()), now=clock.now())
            await self.save(units, message)
        await self.add(units, a_due_message(conversation_id="S:2002"))
        async with units() as unit:
            assert await unit.messages.last_starts([lane, free]) == {lane: NOW + 900}
            assert await unit.messages.last_starts([]) == {}


class MessageRepositoryContract(
    KeyContract, StoringContract, SavingContract, DueContract, LaneContract, CallAtOnceContract
):
    """The whole contract."""
