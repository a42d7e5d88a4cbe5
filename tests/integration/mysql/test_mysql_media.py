"""Media on MariaDB: claims of several processes, and the ends of fetches and uploads that their messages wait for, at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from tests.support.builders.media import a_handle, an_asset_of_url, an_upload, some_facts
from tests.support.builders.messages import NOW, PROVIDER, a_due_message
from tests.support.mysql import EmptyDatabase, opened_store

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.application.commit.scope import CommitScope
from wework_message.application.media.release import ReleaseMessages
from wework_message.application.tries import tried
from wework_message.domain.errors import ConflictError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, HolderToken, MediaId, MessageId
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.media.asset import MediaAsset, MediaState
from wework_message.domain.media.handles import HandleKey, UploadKind
from wework_message.domain.message.message import Message
from wework_message.domain.ports.media import MediaJob, MediaUse
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory

MESSAGES = 120
ASSETS = 6
TRIES = 20
"""Transactions that were in each other's way are repeated, as the committer does it."""


class Stage:
    """The clock stands: a message that nobody makes due waits for ever, and the test ends with its name."""

    def __init__(self, processes: Sequence[UnitOfWorkFactory], media: dict[MessageId, MediaId]) -> None:
        self.processes = processes
        self.media = media
        self.sent: set[MessageId] = set()
        self.uploads: list[MediaJob] = []
        self.idle = 0

    async def transact(self, units: UnitOfWorkFactory, work: Callable[[UnitOfWork], Awaitable[None]]) -> None:
        async def once() -> None:
            async with units() as unit:
                await work(unit)
                await unit.commit()

        await tried(TRIES, once, UnavailableError, ConflictError)

    async def send(self, units: UnitOfWorkFactory) -> None:
        """As a dispatcher: what has its handle goes, and the others wait for it."""
        while self.idle < 50 and len(self.sent) < MESSAGES:
            claimed: list[MessageId] = []
            await self.transact(units, partial(self._claim, claimed))
            self.sent |= set(claimed)
            self.idle = 0 if claimed else self.idle + 1
            await asyncio.sleep(0)

    async def _claim(self, gone: list[MessageId], unit: UnitOfWork) -> None:
        gone.clear()
        messages = [item.message for item in await unit.messages.due(10)]
        named = {message.id: self.media[message.id] for message in messages}
        assets = await unit.media.assets(DEFAULT_TENANT, set(named.values())) if named else {}
        keys = {asset.media_id: key for asset in assets.values() if (key := _key(asset)) is not None}
        handles = await unit.media.handles(set(keys.values()), now=NOW) if keys else {}
        missing: dict[HandleKey, MediaJob] = {}
        for message in messages:
            key = keys.get(named[message.id])
            if key is not None and key in handles:
                message.cancel(now=NOW)
                gone.append(message.id)
                continue
            if key is not None:
                missing[key] = an_upload(assets[named[message.id]])
            message.hold(HoldReason.MEDIA, 60_000, now=NOW)
        await unit.media.request(list(missing.values()))
        assert not await unit.messages.save(messages)

    async def make(self, units: UnitOfWorkFactory, holder: HolderToken) -> None:
        """As a worker."""
        while self.idle < 50 and len(self.sent) < MESSAGES:
            jobs: list[MediaJob] = []
            await self.transact(units, partial(self._jobs, holder, jobs))
            for job in jobs:
                waiting: list[MessageId] = []
                await self.transact(units, partial(self._end, job, holder, waiting))
                await self.transact(units, partial(self._release, waiting))
            await asyncio.sleep(0)

    async def _jobs(self, holder: HolderToken, jobs: list[MediaJob], unit: UnitOfWork) -> None:
        jobs[:] = await unit.media.claim(2, lease_ms=60_000, holder=holder)

    async def _end(self, job: MediaJob, holder: HolderToken, waiting: list[MessageId], unit: UnitOfWork) -> None:
        if job.kind is None:
            facts = some_facts(str(job.media_id))
            waiting[:] = await unit.media.fetched(job, facts, holder=holder, now=NOW)
        else:
            waiting[:] = await unit.media.uploaded(job, a_handle(), holder=holder, now=NOW)
            self.uploads.append(job)

    async def _release(self, waiting: list[MessageId], unit: UnitOfWork) -> None:
        await ReleaseMessages(SettableClock(NOW))(CommitScope(unit), [waiting])


def _key(asset: MediaAsset) -> HandleKey | None:
    if asset.state is not MediaState.READY or asset.facts is None:
        return None
    return HandleKey(DEFAULT_TENANT, asset.facts.sha256, PROVIDER, UploadKind.IMAGE)


async def accepted(units: UnitOfWorkFactory) -> dict[MessageId, MediaId]:
    messages = [a_due_message(conversation_id=f"S:{number}") for number in range(MESSAGES)]
    assets = [an_asset_of_url(f"https://files.example.com/{number}") for number in range(ASSETS)]
    used = {message.id: assets[number % ASSETS].media_id for number, message in enumerate(messages)}
    async with units() as unit:
        await unit.media.for_urls(assets, fresh_ms=1)
        await unit.messages.add(messages)
        await unit.media.use([MediaUse(message_id, media_id) for message_id, media_id in used.items()])
        await unit.commit()
    return dict(used)


async def stored(units: UnitOfWorkFactory, ids: Sequence[MessageId]) -> list[Message]:
    async with units() as unit:
        return list((await unit.messages.get(ids)).values())


async def test_no_message_misses_the_end_of_what_it_waits_for_and_each_file_is_uploaded_once(
    migrated: EmptyDatabase,
) -> None:
    clock = SettableClock(NOW)
    async with (
        opened_store(migrated.target, server_clock=False) as own,
        opened_store(migrated.target, server_clock=False) as other,
    ):
        first, second = (SqlUnitOfWorkFactory(store, store.dialect, clock, store.turn) for store in (own, other))
        stage = Stage([first, second], await accepted(first))
        await asyncio.gather(
            stage.send(first),
            stage.send(second),
            stage.make(first, HolderToken("first-holder")),
            stage.make(second, HolderToken("second-holder")),
        )
        left = [
            message.id for message in await stored(first, list(stage.media)) if message.status is MessageStatus.HELD
        ]
        assert left == []
        assert len(stage.sent) == MESSAGES
        assert len(stage.uploads) == ASSETS
