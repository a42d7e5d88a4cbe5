"""Run every check at once, each within its deadline, and collect the findings."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.checks import Check, Fault, Finding, Verdict

_PASSED: frozenset[Verdict] = frozenset({Verdict.OK, Verdict.WARNING})


@dataclass(frozen=True, slots=True)
class Examined:
    """The result of one check."""

    name: str
    finding: Finding
    duration_ms: float
    """Of the check itself, without the wait for the check before it."""
    fault: Fault | None
    """Set exactly where the check failed."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The results of all checks, in the order of their registration."""

    examined: tuple[Examined, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all: failed, else warning, else ok."""
        counts = self.counts
        return next((verdict for verdict in (Verdict.FAILED, Verdict.WARNING) if counts[verdict]), Verdict.OK)

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """How many checks ended with each verdict."""
        counter = Counter(examined.finding.verdict for examined in self.examined)
        return {verdict: counter[verdict] for verdict in Verdict}

    @property
    def fault(self) -> Fault | None:
        """The fault to mend first: settings, then a dependency that is away, then broken data; None = nothing failed."""
        faults = {examined.fault for examined in self.examined}
        return next((fault for fault in Fault if fault in faults), None)


async def diagnose(checks: Sequence[Check], *, deadline_s: float) -> Diagnosis:
    """Run all of `checks` concurrently; `deadline_s` is the deadline of each of them, in seconds.

    Never raises for an error of a check. Raises `ValueError` where two checks have one name, or one comes after a check that
    was not registered before it.
    """
    _check_order(checks)
    tasks: dict[str, asyncio.Task[Examined]] = {}
    async with asyncio.TaskGroup() as group:
        for check in checks:
            before = tasks[check.after] if check.after is not None else None
            tasks[check.name] = group.create_task(_examine(check, before, deadline_s), name=check.name)
    return Diagnosis(tuple(task.result() for task in tasks.values()))


def _check_order(checks: Sequence[Check]) -> None:
    registered: set[str] = set()
    for check in checks:
        if check.name in registered or (check.after is not None and check.after not in registered):
            raise ValueError(f"the check {check.name} is registered twice, or before {check.after}")
        registered.add(check.name)


async def _examine(check: Check, before: "asyncio.Task[Examined] | None", deadline_s: float) -> Examined:
    if before is not None and (earlier := await before).finding.verdict not in _PASSED:
        return Examined(
            check.name, Finding.skipped(f"{earlier.name} comes first: {earlier.finding.verdict}"), 0.0, None
        )
    began = time.monotonic()
    finding, fault = await _ask(check, deadline_s)
    return Examined(check.name, finding, (time.monotonic() - began) * 1000, fault)


async def _ask(check: Check, deadline_s: float) -> tuple[Finding, Fault | None]:
    try:
        async with asyncio.timeout(deadline_s):
            finding = await check.ask()
    except TimeoutError:
        return Finding.failed(f"no answer within {deadline_s:g} s", check.advice), Fault.UNAVAILABLE
    except UnavailableError as error:
        return Finding.failed(str(error), check.advice), Fault.UNAVAILABLE
    except Exception as error:  # noqa: BLE001 -- one check's defect must not hide what the others found; its text may hold a secret
        return Finding.failed(f"the check itself broke: {type(error).__name__}", "report it"), check.fault
    return finding, check.fault if finding.verdict is Verdict.FAILED else None
