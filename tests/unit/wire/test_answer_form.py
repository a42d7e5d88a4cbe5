"""Answers as clients of the Java service read them: local times without a zone, and a `success` that is never null (ADR 84)."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.builders.messages import NOW
from tests.unit.wire.test_answers import BATCH, HELD, QUEUED, SENT, as_json, the_message, view

from wework_message.application.big_work import BIG_BYTES, computed
from wework_message.domain.instants import utc_text
from wework_message.domain.lifecycle import MessageStatus
from wework_message.entrypoints.rest.http.problems import INTERNAL
from wework_message.entrypoints.rest.server.own_answers import OwnAnswers
from wework_message.entrypoints.wire.answer_form import AnswerForm, answer_form, answering_in
from wework_message.entrypoints.wire.answers.statuses import (
    accepted_success,
    group_answer,
    send_answer,
    shown_success,
    status_answer,
)
from wework_message.entrypoints.wire.instants import iso, local_text, with_zone

GOLDEN: Final = Path(__file__).parents[2] / "golden" / "java-answers"
SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
JAVA: Final = AnswerForm(SHANGHAI, boolean_success=True)
LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}")
DOCUMENTED: Final = {
    MessageStatus.SENT: True, MessageStatus.DELIVERED: True, MessageStatus.FAILED: False, MessageStatus.EXPIRED: False,
    MessageStatus.CANCELLED: False,
}  # fmt: skip

ANSWERS: Final[dict[str, Callable[[], Any]]] = {
    "send": lambda: send_answer(SENT, request_id="r-1", duplicate=False, simulated=True),
    "send-open": lambda: send_answer(QUEUED, request_id="r-1", duplicate=False, simulated=False),
    "send-group": lambda: group_answer(BATCH, [view(the_message(index=0)), view(the_message(index=1))]),
    "status-held": lambda: status_answer(view(HELD, NOW + 60_000), simulated=False),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_keeps_its_form(name: str) -> None:
    with answering_in(JAVA):
        shown = ANSWERS[name]()
    assert as_json(shown) == (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("status", MessageStatus)
def test_false_is_only_what_is_refused_for_good(status: MessageStatus) -> None:
    assert shown_success(status) is DOCUMENTED.get(status)
    assert accepted_success([status]) is msgspec.UNSET
    with answering_in(JAVA):
        assert shown_success(status) is DOCUMENTED.get(status, True)
        assert accepted_success([MessageStatus.SENT, status]) is DOCUMENTED.get(status, True)
        assert accepted_success() is True
    with answering_in(AnswerForm(SHANGHAI)):
        assert shown_success(status) is DOCUMENTED.get(status)


@given(ms=st.integers())
@example(ms=-(2**63))
@example(ms=2**63 - 1)
def test_every_number_can_be_shown_as_a_local_time(ms: int) -> None:
    for zone in (SHANGHAI, ZoneInfo("America/New_York"), UTC):
        assert LOCAL.fullmatch(local_text(ms, zone))


@given(ms=st.integers(0, 4_000_000_000_000))
def test_a_local_time_is_the_instant_that_it_was(ms: int) -> None:
    text = local_text(ms, SHANGHAI)
    assert datetime.fromisoformat(text).replace(tzinfo=SHANGHAI) == datetime.fromisoformat(utc_text(ms))
    assert ms < 700_000_000_000 or datetime.fromisoformat(with_zone(text, SHANGHAI)) == datetime.fromisoformat(
        utc_text(ms)
    )


def test_the_form_is_that_of_one_request() -> None:
    utc, local = "2025-08-08T10:15:30.123Z", "2025-08-08T18:15:30.123"
    ms = 1_754_648_130_123
    assert iso(ms) == utc
    with answering_in(JAVA):
        assert (iso(ms), iso(None)) == (local, None)
        with answering_in(AnswerForm()):
            assert iso(ms) == utc
        assert iso(ms) == local
    assert iso(ms) == utc
    assert answer_form() == AnswerForm()


async def test_a_big_answer_has_it_in_its_thread_and_others_keep_theirs() -> None:
    async def shown(form: AnswerForm) -> str | None:
        with answering_in(form):
            await asyncio.sleep(0)
            return await computed(BIG_BYTES + 1, lambda: iso(NOW))

    texts = await asyncio.gather(shown(JAVA), shown(AnswerForm()), shown(JAVA))
    assert [*texts] == [local_text(NOW, SHANGHAI), utc_text(NOW), local_text(NOW, SHANGHAI)]


@pytest.mark.parametrize(("form", "shown"), [(None, utc_text(NOW)), (JAVA, local_text(NOW, SHANGHAI))])
def test_the_servers_own_answers_have_it(form: AnswerForm | None, shown: str) -> None:
    answer = OwnAnswers(lambda: NOW, None, form).to(INTERNAL, [])
    assert msgspec.json.decode(answer.body)["timestamp"] == shown
