"""The invariant of the intake as a check of the doctor: received = accepted + duplicates + dead letters.

What was received is read from the brokers, which know how far the consumer group is: each part before that must be a
message, a repetition of one, or a dead letter.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from wework_message.adapters.rocketmq.admin import Admin, RefusedError
from wework_message.adapters.rocketmq.consumed_parts import ConsumedPart, consumed
from wework_message.adapters.rocketmq.transport.client_faults import decompressed
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.doctor.intake_records import IntakeRecords, intake_records
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.checks import Check, Fault, Finding
from wework_message.entrypoints.intake.translating import stored_name, stored_under
from wework_message.entrypoints.wire.requests.body import Limits

NAME: Final = "invariant.intake"
WINDOW_MS: Final = 24 * 3_600_000
"""Older parts are left out: idempotency keys are not kept for ever."""

ACCEPTED: Final = "accepted"
DEAD: Final = "dead"

_MAX_SHOWN: Final = 3


def intake_check(
    run: Run,
    admin: Admin,
    topic: str,
    group: str,
    *,
    namespace: str,
    limits: Limits,
    tenant_id: TenantId,
    unique_keys: bool,
) -> Check:
    """``invariant.intake``: nothing that was acknowledged is neither stored nor a dead letter."""

    async def ask() -> Finding:
        try:
            received = await consumed(admin, topic, group, namespace)
        except (OSError, ValueError, LookupError, RefusedError) as error:
            raise UnavailableError("rocketmq", type(error).__name__) from None
        newest = [part for part in received.parts if part.part.stored_at >= time.time() * 1000 - WINDOW_MS]
        keys = {part.part_id: key_of(part, limits, unique_keys=unique_keys) for part in newest}
        letters = {part.part_id: stored_name(part.part_id) for part in newest}
        records = await run(
            intake_records,
            tenant_id,
            set(keys.values()),
            set(letters.values()),
            {part.part.message_id for part in newest},
        )
        if records is None:
            return Finding.skipped("the tables are not those of this version yet")
        return finding_of(results_of(newest, keys, letters, records), received.waiting)

    return Check(NAME, ask, after="database.schema", fault=Fault.BROKEN)


def results_of(
    parts: Sequence[ConsumedPart], keys: Mapping[str, str], letters: Mapping[str, str], records: IntakeRecords
) -> Mapping[str, str | None]:
    """By part id what became of it; None = nothing. Parts before the first known one of a queue may be another consumer's."""
    copies = Counter(records.copies)
    known_queues: set[str] = set()
    results: dict[str, str | None] = {}
    for part in parts:
        queue, result = part.part_id.rsplit("/", 2)[0], None
        if keys[part.part_id] in records.keys:
            result = ACCEPTED
        elif letters[part.part_id] in records.source_ids:
            result = DEAD
        elif copies[part.part.message_id] > 0:
            copies[part.part.message_id] -= 1
            result = DEAD
        if result is not None:
            known_queues.add(queue)
        if queue in known_queues:
            results[part.part_id] = result
    return results


def finding_of(results: Mapping[str, str | None], waiting: int) -> Finding:
    """The verdict; `waiting` parts are to be delivered again, so as many may be without a result."""
    lost = [part_id for part_id, result in results.items() if result is None]
    if len(lost) > waiting:
        more = f" and {len(lost) - _MAX_SHOWN} more" if len(lost) > _MAX_SHOWN else ""
        return Finding.failed(
            f"{len(lost)} acknowledged and neither stored nor dead letters: {', '.join(lost[:_MAX_SHOWN])}{more}",
            "a defect of ours: keep the topic and the log, and report it",
        )
    if not results:
        return Finding.skipped("nothing of the last 24 h was read from the topic")
    counts = Counter(results.values())
    return Finding.ok(
        f"{len(results)} received = {counts[ACCEPTED]} accepted or repeated + {counts[DEAD]} dead letters"
        + (f" + {len(lost)} to be delivered again" if lost else "")
    )


def key_of(part: ConsumedPart, limits: Limits, *, unique_keys: bool) -> str:
    """The idempotency key under which the intake stores the part, if it does. Its body is read as the client reads it."""
    body = decompressed(part.part.body)[0] if part.part.compressed else part.part.body
    key = min(part.part.keys, default=None) if unique_keys else None
    return stored_under(body, part.part_id, key, limits=limits, now=part.part.stored_at)
