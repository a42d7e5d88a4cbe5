"""What the oracle says of a running service, once nothing is under way."""

from typing import Final

from tests.support.load.clients import Load, executions_of, rows_of
from tests.support.load.oracle import CLOSED, Rule, Violation, judge
from tests.support.polling import until
from tests.support.processes.running_service import Json, RunningService

SETTLE_LIMIT_S: Final = 120
"""After the last kill: a lease of 14.5 s, twice the 6 s until a lane is given up, and the messages queued behind."""


async def judged(
    running: RunningService, load: Load, *, cut_off: int, limit_s: float = SETTLE_LIMIT_S
) -> list[Violation]:
    """The oracle's violations, once nothing is under way, or after a time in which everything must have ended."""
    violations: list[Violation] = []

    async def quiet() -> bool:
        rows = await running.api.rows()
        if not {row["status"] for row in rows} <= CLOSED or (await running.simulator.state())["echoes_pending"]:
            return False
        violations[:] = await _judge(running, load, rows, cut_off)
        return all(
            violation.rule is not Rule.EVIDENCE_IGNORED for violation in violations
        )  # accepted, not yet projected

    try:
        await until(quiet, limit_s, every_s=0.5)
    except TimeoutError:
        return await _judge(running, load, await running.api.rows(), cut_off)
    return violations


async def _judge(running: RunningService, load: Load, rows: list[Json], cut_off: int) -> list[Violation]:
    attempts = {row["messageId"]: (await running.api.message(row["messageId"]))["attempts"] for row in rows}
    executions = executions_of(await running.simulator.ledger())
    _print_summary(rows, attempts, len(executions), load)
    return judge(load.log, rows_of(rows, attempts), executions, cut_off=cut_off, withdrawn=load.withdrawn)


def _print_summary(rows: list[Json], attempts: dict[str, list[Json]], executed: int, load: Load) -> None:
    """Print counts: pytest shows them where the test fails, or with -s."""
    statuses = sorted(row["status"] for row in rows)
    uncertain = sum(attempt["outcome"] == "UNCERTAIN" for of_message in attempts.values() for attempt in of_message)
    verdicts = sorted(call.verdict for call in load.log)
    by_status = {status: statuses.count(status) for status in sorted(set(statuses))}
    answers = {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))}
    print(f"rows {by_status}, uncertain {uncertain}, executed {executed}, answers {answers}")  # noqa: T201 - pytest shows it
