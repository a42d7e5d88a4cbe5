"""A process that is stopped beyond its lease, and one with a wrong clock: nothing is sent early, late or twice."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from tests.support.load.clients import Load
from tests.support.load.judgement import judged
from tests.support.mysql import settings_of, target_of
from tests.support.polling import until
from tests.support.processes.cluster import CONSUME, Member, cluster, extra_member
from tests.support.processes.running_service import LONG_S, Json, text
from tests.support.servers.mariadb import Database

pytestmark = pytest.mark.e2e

TEN_MINUTES_MS: Final = 600_000
SLOTS: Final = 4

_PATIENT: Final = {
    "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_TIMEOUT_MS": "20000",
    "APP_MESSAGE_UNKNOWN_HORIZON_SECONDS": "20",
    "APP_MESSAGE_ASYNC_MAX_POOL_SIZE": str(SLOTS),
    "APP_MESSAGE_SYNC_WAIT_MS": "300",
}


async def test_a_process_stopped_beyond_its_lease_sends_nothing_when_it_goes_on(
    tmp_path: Path, mariadb_database: Database
) -> None:
    members = [Member("serve-1"), Member("consume-1", CONSUME, "tests.support.processes.process_stops")]
    async with cluster(tmp_path, members, settings_of(target_of(mariadb_database))) as pair:
        api, sleeper = pair.running.api, pair.members["consume-1"]
        message_id = await api.accept(text())

        async def stopped() -> bool:
            return sleeper.is_stopped()

        await until(stopped)
        assert (await api.status(message_id))["status"] == "SENDING"  # its intent is committed, nothing was sent
        assert await pair.running.simulator.ledger() == []
        async with extra_member(pair, Member("consume-2", CONSUME)):
            assert (await api.reaches(message_id, "UNKNOWN"))["reason"] == "LEASE_EXPIRED"
            sleeper.resume()
            attempts: list[Json] = []

            async def not_sent() -> bool:
                """The process records that it did not send, since more than W has passed by the boot clock."""
                attempts[:] = (await api.message(message_id))["attempts"]
                return bool(attempts[0]["outcome"] == "NOT_SENT")

            await until(not_sent, LONG_S)
            await api.reaches(message_id, "DELIVERED")  # a provably unsent message may be sent again
        markers = [entry["marker"] for entry in await pair.running.simulator.ledger() if entry["executed"]]
        assert markers == [f"{message_id}.2"]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("shift_ms", [TEN_MINUTES_MS, -TEN_MINUTES_MS], ids=["ahead", "behind"])
async def test_a_clock_that_is_wrong_takes_no_lease_away_and_doubles_nothing(
    shift_ms: int, tmp_path: Path, mariadb_database: Database
) -> None:
    members = [
        Member("serve-1"),
        _wrong("serve-2", ("serve", "--no-dispatch"), shift_ms),
        Member("consume-1", CONSUME),
        _wrong("consume-2", CONSUME, shift_ms),
    ]
    simulator = ("--latency-ms", "400", "--echo-delay-ms", "150", "--callback-retries", "100")
    async with cluster(tmp_path, members, settings_of(target_of(mariadb_database)) | _PATIENT, *simulator) as four:
        load = Load(four.urls[0], 1, *four.urls[1:])
        load.begin()
        load.up.set()
        load.request(60)
        await load.finish()
        assert await judged(four.running, load, cut_off=0) == []
        assert all(member.has_written("sendMessage") for member in four.members.values())  # each of them sent
        assert not [name for name, program in four.members.items() if program.has_written("LEASE_EXPIRED")]


@pytest.mark.parametrize("shift_ms", [TEN_MINUTES_MS, -TEN_MINUTES_MS], ids=["ahead", "behind"])
async def test_due_times_are_the_databases(shift_ms: int, tmp_path: Path, mariadb_database: Database) -> None:
    members = [Member("serve-1"), _wrong("consume-1", CONSUME, shift_ms)]
    async with cluster(tmp_path, members, settings_of(target_of(mariadb_database))) as two:
        later = datetime.fromtimestamp(time.time() + TEN_MINUTES_MS / 2000, UTC).isoformat()
        scheduled = await two.running.api.accept(text("später", conversationId="S:1", scheduledAt=later))
        now = await two.running.api.accept(text("jetzt", conversationId="S:2"))
        await two.running.api.reaches(now, "DELIVERED")  # claimed after the other one was stored
        assert (await two.running.api.status(scheduled))["status"] == "SCHEDULED"
        assert len(await two.running.simulator.ledger()) == 1


def _wrong(name: str, command: tuple[str, ...], shift_ms: int) -> Member:
    return Member(name, command, "tests.support.processes.shifted_clock", {"TEST_CLOCK_SHIFT_MS": str(shift_ms)})
