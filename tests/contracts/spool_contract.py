"""What a process sees of its spool, and the next one of what it left, in any adapter."""

import dataclasses
from collections.abc import Callable

from tests.support.builders.messages import NOW, a_message_id, a_receipt, an_attempt, an_outcome

from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.spooled import SpooledAnswer
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.spool import AnswerSpool


def an_answer(outcome: AttemptOutcome | None = None) -> SpooledAnswer:
    outcome = outcome or an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("4711"))
    return SpooledAnswer.of(a_message_id(), an_attempt(), outcome, at=NOW)


REFUSED = an_outcome(
    OutcomeClass.REFUSED_PERMANENT, reason=Reason.CODE, error_code=-77, confirmed=False, retry_after_ms=5
)


class AnswerSpoolContract:
    """Subclasses have the fixture `open_spool`: it opens the spool of another process at the same place."""

    async def test_what_a_process_kept_is_taken_over_once_it_has_ended(
        self, open_spool: Callable[[], AnswerSpool]
    ) -> None:
        first, second, third = open_spool(), open_spool(), open_spool()
        answers = [an_answer(), an_answer(REFUSED)]
        assert [await first.keep(answer) for answer in answers] == [True, True]
        assert (first.waiting, list(await second.take_over())) == (2, [])
        await first.close()
        assert (list(await second.take_over()), second.waiting) == (answers, 2)
        assert (list(await second.take_over()), list(await third.take_over())) == ([], [])

    async def test_what_is_forgotten_does_not_come_back(self, open_spool: Callable[[], AnswerSpool]) -> None:
        first, second = open_spool(), open_spool()
        answer = an_answer()
        assert await first.keep(answer)
        await first.forget(answer)
        await first.forget(an_answer())
        assert first.waiting == 0
        await first.close()
        assert list(await second.take_over()) == []

    async def test_it_is_kept_once_however_often_it_is_asked(self, open_spool: Callable[[], AnswerSpool]) -> None:
        first, second = open_spool(), open_spool()
        answer = an_answer()
        assert [await first.keep(answer), await first.keep(dataclasses.replace(answer))] == [True, True]
        assert first.waiting == 1
        await first.close()
        assert list(await second.take_over()) == [answer]

    async def test_what_was_taken_over_and_not_forgotten_is_left_again(
        self, open_spool: Callable[[], AnswerSpool]
    ) -> None:
        first, second, third = open_spool(), open_spool(), open_spool()
        recorded, waiting = an_answer(), an_answer()
        for answer in (recorded, waiting):
            await first.keep(answer)
        await first.close()
        await second.take_over()
        await second.forget(recorded)
        assert second.waiting == 1
        await second.close()
        assert waiting in await third.take_over()

    async def test_without_room_nothing_is_kept_and_room_comes_back(
        self, open_spool: Callable[[], AnswerSpool]
    ) -> None:
        spool = open_spool()
        kept = []
        while await spool.keep(answer := an_answer()):
            kept.append(answer)
        assert spool.waiting == len(kept) > 0
        for forgotten in kept:
            await spool.forget(forgotten)
        assert await spool.keep(answer)
        await spool.close()

    async def test_one_answer_that_waits_for_long_keeps_no_room_from_the_others(
        self, open_spool: Callable[[], AnswerSpool]
    ) -> None:
        first, second = open_spool(), open_spool()
        waiting = [an_answer()]
        assert await first.keep(waiting[0])
        for _ in range(30):
            recorded = an_answer()
            assert await first.keep(recorded)
            await first.forget(recorded)
        waiting.append(an_answer())
        assert await first.keep(waiting[1])
        assert first.waiting == 2
        await first.close()
        left = await second.take_over()
        assert [answer for answer in left if answer in waiting] == waiting
        await second.close()
