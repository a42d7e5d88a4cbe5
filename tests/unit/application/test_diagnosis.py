import asyncio
import time

import pytest
from tests.support.checks import examined, verdicts

from wework_message.application.queries.diagnosis import diagnose
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.checks import Check, Fault, Finding, Verdict

GOOD = Finding.ok("fine")
BAD = Finding.failed("broken", "mend it")


def a_check(name: str, finding: Finding = GOOD, *, after: str | None = None, fault: Fault = Fault.UNAVAILABLE) -> Check:
    async def ask() -> Finding:
        return finding

    return Check(name, ask, after=after, fault=fault)


async def test_all_checks_are_asked_at_once() -> None:
    both = asyncio.Barrier(2)

    async def ask() -> Finding:
        await both.wait()
        return GOOD

    results = await examined([Check("a", ask), Check("b", ask)])
    assert verdicts(results) == {"a": "ok", "b": "ok"}


async def test_a_check_that_hangs_fails_at_its_deadline_and_says_what_to_do() -> None:
    async def hang() -> Finding:
        await asyncio.Event().wait()
        return GOOD

    results = await examined([Check("slow", hang, advice="look there"), a_check("quick")], deadline_s=0.05)
    assert verdicts(results) == {"slow": "failed", "quick": "ok"}
    assert results["slow"].finding.text == "no answer within 0.05 s"
    assert results["slow"].finding.advice == "look there"
    assert results["slow"].fault is Fault.UNAVAILABLE


async def test_the_duration_of_a_check_is_its_own_and_no_more_than_has_passed() -> None:
    began = time.monotonic()
    begun, go = asyncio.Event(), asyncio.Event()

    async def first() -> Finding:
        begun.set()
        await go.wait()
        return GOOD

    diagnosing = asyncio.create_task(examined([Check("first", first), a_check("then", after="first")]))
    await begun.wait()
    held_since = time.monotonic()
    await asyncio.sleep(0)
    held_ms = (time.monotonic() - held_since) * 1000
    go.set()
    results = await diagnosing
    passed_ms = (time.monotonic() - began) * 1000
    assert held_ms <= results["first"].duration_ms
    assert results["then"].duration_ms >= 0
    assert results["first"].duration_ms + results["then"].duration_ms <= passed_ms


@pytest.mark.parametrize("before", [BAD, Finding.skipped("not checked")])
async def test_what_comes_after_a_check_that_did_not_succeed_is_skipped_and_names_it(before: Finding) -> None:
    results = await examined([a_check("first", before), a_check("then", after="first"), a_check("last", after="then")])
    assert verdicts(results) == {"first": before.verdict.value, "then": "skipped", "last": "skipped"}
    assert results["then"].finding.text == f"first comes first: {before.verdict}"
    assert results["then"].fault is None


async def test_a_warning_stops_nothing() -> None:
    results = await examined([a_check("first", Finding.warning("hm", "look")), a_check("then", after="first")])
    assert verdicts(results) == {"first": "warning", "then": "ok"}


async def test_a_dependency_that_is_away_is_reported_in_its_own_words() -> None:
    async def ask() -> Finding:
        raise UnavailableError("database", "gone (2013)")

    results = await examined([Check("db", ask, fault=Fault.SETTINGS)])
    assert results["db"].finding.text == "database: gone (2013)"
    assert results["db"].fault is Fault.UNAVAILABLE


async def test_a_check_that_breaks_reports_its_kind_and_not_its_text_and_hides_nothing_else() -> None:
    async def ask() -> Finding:
        raise LookupError("password=secret")

    results = await examined([Check("odd", ask), a_check("other")])
    assert results["odd"].finding.text == "the check itself broke: LookupError"
    assert verdicts(results) == {"odd": "failed", "other": "ok"}


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ([], None),
        ([Fault.BROKEN], Fault.BROKEN),
        ([Fault.BROKEN, Fault.UNAVAILABLE], Fault.UNAVAILABLE),
        ([Fault.BROKEN, Fault.UNAVAILABLE, Fault.SETTINGS], Fault.SETTINGS),
    ],
)
async def test_the_fault_of_all_is_the_one_to_mend_first(faults: list[Fault], expected: Fault | None) -> None:
    failed = [a_check(f"bad.{fault}", BAD, fault=fault) for fault in faults]
    diagnosis = await diagnose([a_check("good"), *failed], deadline_s=5)
    assert diagnosis.fault is expected
    assert diagnosis.verdict is (Verdict.FAILED if faults else Verdict.OK)
    assert diagnosis.counts[Verdict.FAILED] == len(faults)


@pytest.mark.parametrize("checks", [[a_check("a"), a_check("a")], [a_check("b", after="a"), a_check("a")]])
async def test_a_registration_that_cannot_be_run_is_refused(checks: list[Check]) -> None:
    with pytest.raises(ValueError, match="registered twice, or before"):
        await diagnose(checks, deadline_s=5)
