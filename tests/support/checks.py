"""Checks, run as the doctor runs them."""

from collections.abc import Iterable

from wework_message.application.queries.diagnosis import Examined, diagnose
from wework_message.domain.ports.checks import Check


async def examined(checks: Iterable[Check], *, deadline_s: float = 20) -> dict[str, Examined]:
    return {check.name: check for check in (await diagnose(tuple(checks), deadline_s=deadline_s)).examined}


def verdicts(checks: dict[str, Examined]) -> dict[str, str]:
    return {name: check.finding.verdict.value for name, check in checks.items()}
