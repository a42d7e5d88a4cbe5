"""What every DeadLetters and DeadLetterReader do. Subclasses provide `units`, `other_units` and `dead_letters`."""

import asyncio
import dataclasses

from tests.support.builders.messages import NOW

from wework_message.domain.ids import DEFAULT_TENANT, TenantId
from wework_message.domain.ports.dead_letters import DeadLetter, DeadLetterReader, DeadLetterSource, Fault
from wework_message.domain.ports.repositories import UnitOfWorkFactory

INTAKE = DeadLetterSource.INTAKE
TARGET = "0198b6a0-0000-7000-8000-000000000001"


def a_letter(source_id: str = "0", **changes: object) -> DeadLetter:
    letter = DeadLetter(
        source=INTAKE,
        source_id=source_id,
        message_id="AC11-消息",
        tenant_id=DEFAULT_TENANT,
        reason="VALIDATION_FAILED",
        faults=(Fault("content", "REQUIRED", "must be given"), Fault("parts[1].消息", "UNKNOWN_FIELD", "is not known")),
        key="order-42",
        body=b'{"content":""}',
        deliveries=1,
        received_at=NOW,
    )
    return dataclasses.replace(letter, **changes)  # type: ignore[arg-type]  # the names are checked by `replace`


class DeadLettersContract:
    async def keep(self, units: UnitOfWorkFactory, *letters: DeadLetter) -> int:
        async with units() as unit:
            new = await unit.dead_letters.keep(letters)
            await unit.commit()
        return new

    async def test_a_letter_is_read_as_it_was_kept(
        self, units: UnitOfWorkFactory, dead_letters: DeadLetterReader
    ) -> None:
        letter = a_letter("topic/broker-a/0/7/AC11-消息")
        assert await self.keep(units, letter) == 1
        (view,) = await dead_letters.dead_letters(DEFAULT_TENANT, INTAKE, limit=10, before=None)
        assert (view.source, view.source_id, view.message_id, view.reason, view.faults, view.key) == (
            letter.source, letter.source_id, letter.message_id, letter.reason, letter.faults, letter.key,
        )  # fmt: skip
        assert (view.size, view.deliveries, view.received_at) == (len(letter.body), 1, NOW)
        assert (view.replayed_at, view.target) == (None, None)
        assert await dead_letters.dead_letter(DEFAULT_TENANT, view.id) == (view, letter.body)

    async def test_any_bytes_are_kept_whole(self, units: UnitOfWorkFactory, dead_letters: DeadLetterReader) -> None:
        bodies = [b"", bytes(range(256)), b"'\\\"%s\x00\xff", "好🙂".encode(), b"\xff" * 4_194_304]
        for number, body in enumerate(bodies):
            assert await self.keep(units, a_letter(str(number), body=body, faults=(), key=None)) == 1
        views = await dead_letters.dead_letters(DEFAULT_TENANT, INTAKE, limit=10, before=None)
        assert [view.key for view in views] == [None] * len(bodies)
        letters = [await dead_letters.dead_letter(DEFAULT_TENANT, view.id) for view in reversed(views)]
        assert [letter[1] for letter in letters if letter is not None] == bodies

    async def test_large_letters_of_one_commit_are_all_kept(
        self, units: UnitOfWorkFactory, dead_letters: DeadLetterReader
    ) -> None:
        assert await self.keep(units, *[a_letter(str(number), body=b"\x00" * 1_000_000) for number in range(20)]) == 20
        assert len(await dead_letters.dead_letters(DEFAULT_TENANT, INTAKE, limit=100, before=None)) == 20

    async def test_a_letter_that_is_known_is_left_alone(
        self, units: UnitOfWorkFactory, dead_letters: DeadLetterReader
    ) -> None:
        assert await self.keep(units, a_letter("a"), a_letter("a", reason="POISON")) == 1
        assert await self.keep(units, a_letter("a", reason="POISON"), a_letter("A")) == 1
        views = await dead_letters.dead_letters(DEFAULT_TENANT, INTAKE, limit=10, before=None)
        assert [(view.source_id, view.reason) for view in views] == [
            ("A", "VALIDATION_FAILED"), ("a", "VALIDATION_FAILED"),
        ]  # fmt: skip

    async def test_processes_that_keep_the_same_letter_keep_one(
        self, units: UnitOfWorkFactory, other_units: UnitOfWorkFactory, dead_letters: DeadLetterReader
    ) -> None:
        kept = await asyncio.gather(self.keep(units, a_letter()), self.keep(other_units, a_letter()))
        assert sorted(kept) == [0, 1]
        assert len(await dead_letters.dead_letters(DEFAULT_TENANT, INTAKE, limit=10, before=None)) == 1

    async def test_pages_go_from_new_to_old(self, units: UnitOfWorkFactory, dead_letters: DeadLetterReader) -> None:
        await self.keep(units, *[a_letter(str(number)) for number in range(5)])
        pages, before = [], None
        while page := await dead_letters.dead_letters(DEFAULT_TENANT, INTAKE, limit=2, before=before):
            pages.append([view.source_id for view in page])
            before = page[-1].id
        assert pages == [["4", "3"], ["2", "1"], ["0"]]

    async def test_what_is_not_committed_was_not_kept(
        self, units: UnitOfWorkFactory, dead_letters: DeadLetterReader
    ) -> None:
        async with units() as unit:
            assert await unit.dead_letters.keep([a_letter()]) == 1
        assert list(await dead_letters.dead_letters(DEFAULT_TENANT, INTAKE, limit=10, before=None)) == []

    async def test_a_replay_is_remembered(self, units: UnitOfWorkFactory, dead_letters: DeadLetterReader) -> None:
        await self.keep(units, a_letter("a"), a_letter("b"))
        second, first = await dead_letters.dead_letters(DEFAULT_TENANT, INTAKE, limit=10, before=None)
        async with units() as unit:
            await unit.dead_letters.replayed(first.id, TARGET, NOW + 5)
            await unit.commit()
        views = await dead_letters.dead_letters(DEFAULT_TENANT, INTAKE, limit=10, before=None)
        assert list(views) == [second, dataclasses.replace(first, target=TARGET, replayed_at=NOW + 5)]

    async def test_letters_of_another_tenant_do_not_exist(
        self, units: UnitOfWorkFactory, dead_letters: DeadLetterReader
    ) -> None:
        await self.keep(units, a_letter())
        (view,) = await dead_letters.dead_letters(DEFAULT_TENANT, INTAKE, limit=10, before=None)
        other = TenantId("other")
        assert list(await dead_letters.dead_letters(other, INTAKE, limit=10, before=None)) == []
        assert await dead_letters.dead_letter(other, view.id) is None
        assert await dead_letters.dead_letter(DEFAULT_TENANT, view.id + 1) is None
