"""Asking checks as the doctor does."""

from collections.abc import Iterable

from wework_message.application.queries.diagnosis import Examined, diagnose
from wework_message.domain.ports.checks import Check


async def examined(checks: Iterable[Check], *, deadline_s: float = 20) -> dict[str, Examined]:
    return {one.name: one for one in (await diagnose(tuple(checks), deadline_s=deadline_s)).examined}


def verdicts(found: dict[str, Examined]) -> dict[str, str]:
    return {name: one.finding.verdict.value for name, one in found.items()}
