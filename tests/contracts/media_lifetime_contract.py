"""When assets go: after a while without use, and with an erased person. Subclasses provide `units` and `clock`."""

import dataclasses
from collections.abc import Sequence

import pytest
from tests.contracts.erasures_contract import PERSON, an_erasure
from tests.contracts.media_contract import add, claim, delete, end, handle_of, request, stored, unowned, uploaded
from tests.support.builders.media import (
    a_handle,
    a_handle_key,
    a_message_with,
    an_asset,
    an_asset_of_url,
    an_upload,
    some_facts,
)
from tests.support.builders.messages import DAY_MS, NOW, a_message_id

from wework_message.adapters.memory.system import SettableClock
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.media.asset import MediaAsset
from wework_message.domain.ports.maintenance import START
from wework_message.domain.ports.media import MediaDeletion
from wework_message.domain.ports.media_store import BlobKey
from wework_message.domain.ports.repositories import UnitOfWorkFactory

AGE = 7 * DAY_MS
KEY = BlobKey(DEFAULT_TENANT, some_facts().sha256)


async def prune(units: UnitOfWorkFactory, limit: int = 10) -> tuple[int, int]:
    """How many went, and in how many steps."""
    deleted, steps, after = 0, 0, START
    while True:
        async with units() as unit:
            pruned = await unit.pruning.media(older_than_ms=AGE, limit=limit, after=after)
            await unit.commit()
        deleted, steps = deleted + pruned.deleted, steps + 1
        if pruned.after is None:
            return deleted, steps
        assert pruned.after != after
        after = pruned.after


async def erase(units: UnitOfWorkFactory, *, dry_run: bool = False) -> int:
    async with units() as unit:
        erased = await unit.erasures.erase(an_erasure(dry_run=dry_run).step(now=NOW), limit=10)
        await unit.commit()
    return erased.erased


async def left(units: UnitOfWorkFactory, assets: Sequence[MediaAsset]) -> list[bool]:
    return [await stored(units, asset.media_id) is not None for asset in assets]


class MediaLifetimeContract:
    async def test_an_asset_that_nobody_used_goes_when_it_is_old(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        asset, pending = an_asset(), an_asset_of_url()
        await add(units, asset, pending)
        await request(units, an_upload(asset))
        clock.advance(AGE)
        assert await prune(units) == (0, 1)
        clock.advance(1)
        assert await prune(units) == (2, 1)
        assert await left(units, [asset, pending]) == [False, False]
        assert await claim(units) == []
        assert await unowned(units) == [KEY]

    async def test_an_asset_stays_while_a_message_is_open_and_for_a_while_after_it_has_changed(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        opened, ended, unused = (an_asset() for _ in range(3))
        await add(units, opened, ended, unused)
        await a_message_with(units, opened.media_id, held=False)
        message = await a_message_with(units, ended.media_id, held=False, conversation_id="S:2")
        await a_message_with(
            units, ended.media_id, held=False, status=MessageStatus.SENT, id=a_message_id(NOW + 1), due=None
        )
        clock.advance(AGE + 1)
        async with units() as unit:
            changed = (await unit.messages.get([message.id]))[message.id]
            changed.cancel(now=clock.now())
            await unit.messages.save([changed])
            await unit.commit()
        assert await prune(units) == (1, 1)
        assert await left(units, [opened, ended, unused]) == [True, True, False]
        clock.advance(AGE + 1)
        assert await prune(units) == (1, 1)
        assert await left(units, [opened, ended]) == [True, False]

    async def test_the_bytes_stay_while_another_asset_has_them(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        used, unused = an_asset(), an_asset()
        await add(units, used, unused)
        await a_message_with(units, used.media_id)
        await request(units, an_upload(used))
        (job,) = await claim(units)
        await uploaded(units, job, a_handle())
        clock.advance(AGE + 1)
        assert await prune(units) == (1, 1)
        assert await unowned(units) == []
        assert await handle_of(units, a_handle_key()) == a_handle()

    async def test_a_preview_goes_with_its_video_and_not_before(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        preview = an_asset(facts=some_facts("preview"))
        video = an_asset(facts=some_facts("video"), preview_id=preview.media_id)
        await add(units, preview, video)
        message = await a_message_with(units, video.media_id)
        clock.advance(AGE + 1)
        assert await prune(units) == (0, 1)
        await end(units, message)
        assert await prune(units) == (2, 1)

    async def test_assets_and_their_uses_are_looked_at_in_steps(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        assets = [an_asset() for _ in range(5)]
        await add(units, *assets)
        for number in range(6):
            await end(units, await a_message_with(units, assets[1].media_id, conversation_id=f"S:{number}"))
        clock.advance(AGE + 1)
        deleted, steps = await prune(units, limit=2)
        assert deleted == 5
        assert steps >= 3

    async def test_an_open_message_far_behind_newer_ones_keeps_its_asset(
        self, units: UnitOfWorkFactory, clock: SettableClock
    ) -> None:
        asset, behind = an_asset(), an_asset()
        await add(units, asset, behind)
        await a_message_with(units, asset.media_id, id=a_message_id(NOW - 1), held=False)
        for number in range(5):
            await end(units, await a_message_with(units, asset.media_id, conversation_id=f"S:{number}"))
        clock.advance(AGE + 1)
        assert (await prune(units, limit=2))[0] == 1
        assert await left(units, [asset, behind]) == [True, False]

    async def test_uses_go_with_their_messages(self, units: UnitOfWorkFactory, clock: SettableClock) -> None:
        preview = an_asset(facts=some_facts("preview"))
        video = an_asset(facts=some_facts("video"), preview_id=preview.media_id)
        await add(units, preview, video)
        message = await a_message_with(units, preview.media_id, status=MessageStatus.SENT, due=None, held=False)
        clock.advance(AGE + 1)
        async with units() as unit:
            gone = await unit.pruning.messages(MessageStatus.SENT, older_than_ms=AGE, limit=10)
            await unit.commit()
        assert gone.deleted == 1
        assert await delete(units, video.media_id) is MediaDeletion.DELETED
        assert await left(units, [preview]) == [False], f"no use by {message.id} keeps it"

    @pytest.mark.parametrize("dry_run", [True, False])
    async def test_assets_that_only_erased_messages_use_go_with_them(
        self, units: UnitOfWorkFactory, dry_run: bool
    ) -> None:
        preview = an_asset(facts=some_facts("preview"))
        own = an_asset(facts=some_facts("video"), preview_id=preview.media_id)
        shared = an_asset()
        pending = an_asset_of_url()
        unused = an_asset()
        assets = [own, preview, shared, pending, unused]
        await add(units, *assets)
        await request(units, an_upload(own))
        (job,) = [job for job in await claim(units) if job.kind is not None]
        await uploaded(units, job, a_handle())
        message = await a_message_with(
            units, own.media_id, shared.media_id, pending.media_id, conversation_id=PERSON, held=False
        )
        await end(units, message)
        other = await a_message_with(units, shared.media_id, conversation_id="S:7881300000000009", held=False)
        assert await erase(units, dry_run=dry_run) == 1
        assert await left(units, assets) == ([True] * 5 if dry_run else [False, False, True, False, True])
        key = dataclasses.replace(a_handle_key(), sha256=some_facts("video").sha256)
        assert await handle_of(units, key) == (a_handle() if dry_run else None)
        freed = [BlobKey(DEFAULT_TENANT, some_facts(name).sha256) for name in ("preview", "video")]
        assert set(await unowned(units)) == (set() if dry_run else set(freed))
        assert await delete(units, shared.media_id) is MediaDeletion.IN_USE, other.id

    async def test_an_erased_message_that_does_not_rest_keeps_its_assets(self, units: UnitOfWorkFactory) -> None:
        asset = an_asset()
        await add(units, asset)
        message = await a_message_with(units, asset.media_id, conversation_id=PERSON)
        assert await erase(units) == 0
        assert await left(units, [asset]) == [True]
        await end(units, message)
        assert await erase(units) == 1
        assert await left(units, [asset]) == [False]
