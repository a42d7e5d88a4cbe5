import asyncio
from pathlib import Path

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.media import HOLDER, OTHER_HOLDER, an_asset, some_facts
from tests.support.builders.messages import NOW

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.media_fetcher import MemoryMediaFetcher
from wework_message.adapters.memory.media_store import MemoryMediaStore
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.media.delete_bytes import DELETING_MS, KEYS_PER_ROUND, LEASE_MS, DeleteBytes
from wework_message.bootstrap.media_work import MediaWork
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, HolderToken
from wework_message.domain.ports.media import LONGEST_WAIT_MS
from wework_message.domain.ports.media_store import BlobKey


def key(name: str = "picture") -> BlobKey:
    return BlobKey(DEFAULT_TENANT, some_facts(name).sha256)


class Watched(MemoryMediaStore):
    """Does something before each deletion."""

    def __init__(self, clock: SettableClock) -> None:
        super().__init__()
        self.clock = clock
        self.fails = False
        self.takes_ms = 0
        self.deleted: list[BlobKey] = []
        self.loop: DeleteBytes | None = None

    async def delete(self, key: BlobKey) -> None:
        if self.fails:
            raise UnavailableError("media store")
        self.clock.advance(self.takes_ms)
        await super().delete(key)
        self.deleted.append(key)
        if self.loop is not None:
            await self.loop.stop()


class Stage:
    def __init__(self, path: Path) -> None:
        self.clock = SettableClock(NOW)
        self.database = MemoryDatabase()
        self.units = MemoryUnitOfWorkFactory(self.database, self.clock)
        self.store = Watched(self.clock)
        self.holders = [HOLDER, OTHER_HOLDER]
        self.path = path
        self.loop = DeleteBytes(self.units, self.store, self.holder, self.clock)

    def holder(self) -> HolderToken:
        return self.holders[len(self.store.deleted) % 2]

    async def put(self, *names: str, deleted: bool = True) -> None:
        for name in names:
            self.path.write_bytes(name.encode())
            await self.store.put(key(name), self.path)
            asset = an_asset(facts=some_facts(name))
            async with self.units() as unit:
                await unit.media.add([asset])
                if deleted:
                    await unit.media.delete(DEFAULT_TENANT, asset.media_id)
                await unit.commit()

    async def left(self, *names: str) -> list[bool]:
        return [await self.store.size(key(name)) is not None for name in names]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "file")


async def test_bytes_of_deleted_assets_go_and_others_stay(stage: Stage) -> None:
    await stage.put("a", "b")
    await stage.put("b", "c", deleted=False)
    assert not await stage.loop.round()
    assert await stage.left("a", "b", "c") == [False, True, True]
    assert list(stage.database.media_bytes.rows()) == []


async def test_many_go_in_rounds(stage: Stage) -> None:
    names = [str(number) for number in range(KEYS_PER_ROUND + 1)]
    await stage.put(*names)
    assert await stage.loop.round()
    assert not await stage.loop.round()
    assert not any(await stage.left(*names))


async def test_bytes_that_the_store_does_not_delete_are_deleted_later(stage: Stage) -> None:
    await stage.put("a")
    stage.store.fails = True
    with pytest.raises(UnavailableError):
        await stage.loop.round()
    stage.store.fails = False
    await stage.loop.round()
    assert await stage.left("a") == [True], "somebody may be deleting it still"
    stage.clock.advance(LEASE_MS)
    await stage.loop.round()
    assert await stage.left("a") == [False]


async def test_what_was_deleted_is_forgotten_although_the_next_one_fails(stage: Stage) -> None:
    await stage.put("a", "b")

    class Half(Watched):
        async def delete(self, key: BlobKey) -> None:
            self.fails = bool(self.deleted)
            await super().delete(key)

    stage.store = Half(stage.clock)
    with pytest.raises(UnavailableError):
        await DeleteBytes(stage.units, stage.store, stage.holder, stage.clock).round()
    assert len(list(stage.database.media_bytes.rows())) == 1


async def test_a_process_that_was_stopped_for_long_deletes_nothing_more(stage: Stage) -> None:
    await stage.put("a", "b")
    stage.store.takes_ms = DELETING_MS + 1
    assert not await stage.loop.round()
    assert len(stage.store.deleted) == 1
    assert len(list(stage.database.media_bytes.rows())) == 1, "the other one waits for the end of the lease"


async def test_nothing_is_put_while_it_is_being_deleted(stage: Stage) -> None:
    await stage.put("a")
    kept = []

    class Putting(Watched):
        async def delete(self, key: BlobKey) -> None:
            async with stage.units() as unit:
                kept.append(await unit.media.keep(key))
                await unit.commit()
            await super().delete(key)

    await DeleteBytes(stage.units, Putting(stage.clock), stage.holder, stage.clock).round()
    async with stage.units() as unit:
        kept.append(await unit.media.keep(key("a")))
    assert kept == [False, True]


async def test_the_loop_ends_after_the_deletion_at_hand(stage: Stage) -> None:
    await stage.put("a", "b")
    stage.store.loop = stage.loop
    await asyncio.wait_for(stage.loop.run(), 10)
    assert len(stage.store.deleted) == 1


@pytest.mark.parametrize("error", [UnavailableError("database"), ValueError("defect")])
async def test_an_error_only_pauses_the_loop(stage: Stage, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    def fail() -> HolderToken:
        stopping.append(asyncio.ensure_future(loop.stop()))
        raise error

    stopping: list[asyncio.Future[None]] = []
    loop = DeleteBytes(stage.units, stage.store, fail, stage.clock)
    await asyncio.wait_for(loop.run(), 10)
    assert "bytes of media that nobody needs" in caplog.text
    await asyncio.gather(*stopping)


async def test_a_process_deletes_what_its_store_has_for_nobody(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"picture")
    async with InMemoryApp() as app:
        await app.media_store.put(key(), path)
        asset = an_asset()
        async with app.units() as unit:
            await unit.media.add([asset])
            await unit.commit()
        await app.use_cases.delete_bytes().round()
        assert await app.media_store.size(key()) is not None
        async with app.units() as unit:
            await unit.media.delete(DEFAULT_TENANT, asset.media_id)
            await unit.commit()
        await app.use_cases.delete_bytes().round()
        assert await app.media_store.size(key()) is None


def test_the_lease_of_a_job_is_no_longer_than_a_job_can_wait() -> None:
    """Else it would be taken for one that a clock wrote which was set back since, and done twice."""
    longest = MediaWork(MemoryMediaFetcher(), fetch_timeout_ms=600_000, upload_timeout_ms=600_000)
    assert longest.lease_ms < LONGEST_WAIT_MS
