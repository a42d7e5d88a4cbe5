import asyncio

import pytest

from wework_message.adapters.observability.repeated_lines import PAUSE_S, RepeatedLines


class Log:
    """Lines of two kinds, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.repeated = RepeatedLines(lambda: self.now)
        self.lines: list[tuple[str, int]] = []

    def put(self, text: str, count: int = 1) -> None:
        self.repeated.put(text[0], lambda *, count: self.lines.append((text, count)), count)


def test_the_first_has_its_line_at_once_and_the_others_of_its_second_share_the_next() -> None:
    log = Log()
    for text in ("a1", "b1", "a2", "a3"):
        log.put(text, 2)
    assert log.lines == [("a1", 2), ("b1", 2)]
    log.now += PAUSE_S
    log.put("a4", 2)
    assert log.lines[2:] == [("a4", 6)]


def test_what_waits_has_its_line_once_the_second_is_over_and_is_not_counted_again() -> None:
    log = Log()
    for text in ("a1", "a2", "a3"):
        log.put(text)
    log.repeated.write_due()
    assert log.lines == [("a1", 1)]
    log.now += PAUSE_S
    log.repeated.write_due()
    log.put("a4")
    assert log.lines[1:] == [("a3", 2)]
    log.now += PAUSE_S
    log.repeated.write_due()
    log.now += PAUSE_S
    log.repeated.write_due()
    log.put("a5")
    assert log.lines[2:] == [("a4", 1), ("a5", 1)]


async def test_it_looks_every_second_until_it_is_stopped_and_leaves_nothing_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, waits = Log(), list[float]()

    async def passes(event: asyncio.Event, seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 3:
            log.put("a3")
            log.repeated.stop()
        else:
            log.now += seconds
        return event.is_set()

    monkeypatch.setattr("wework_message.adapters.observability.repeated_lines.set_within", passes)
    log.put("a1")
    log.put("a2")
    await log.repeated.run()
    assert waits == [PAUSE_S] * 3
    assert log.lines == [("a1", 1), ("a2", 1), ("a3", 1)]
