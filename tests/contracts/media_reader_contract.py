"""What every reader of media assets shows. Subclasses provide `units`, `media_reader`."""

from tests.support.builders.media import HOLDER, a_handle, an_asset, an_asset_of_url, an_upload, some_facts
from tests.support.builders.messages import BACKUP, NOW, PROVIDER

from wework_message.domain.ids import DEFAULT_TENANT, MediaId, TenantId
from wework_message.domain.media.asset import MediaAsset, MediaFailure
from wework_message.domain.media.handles import Handle, UploadKind
from wework_message.domain.ports.media_reader import MadeHandle, MediaReader, MediaView
from wework_message.domain.ports.repositories import UnitOfWorkFactory

OTHER_TENANT = TenantId("other")


class MediaReaderContract:
    async def store(self, units: UnitOfWorkFactory, *assets: MediaAsset) -> None:
        async with units() as unit:
            await unit.media.add(assets)
            await unit.commit()

    async def upload(
        self, units: UnitOfWorkFactory, asset: MediaAsset, answer: Handle | MediaFailure, **changes: object
    ) -> None:
        async with units() as unit:
            await unit.media.request([an_upload(asset, **changes)])
            await unit.commit()
        async with units() as unit:
            (job,) = await unit.media.claim(1, lease_ms=1_000, holder=HOLDER)
            await unit.media.uploaded(job, answer, holder=HOLDER, now=NOW)
            await unit.commit()

    async def test_an_asset_is_shown_to_its_tenant(self, units: UnitOfWorkFactory, media_reader: MediaReader) -> None:
        asset, foreign = an_asset(), an_asset(tenant_id=OTHER_TENANT)
        await self.store(units, asset, foreign)
        assert await media_reader.asset(DEFAULT_TENANT, asset.media_id) == MediaView(asset)
        assert await media_reader.asset(DEFAULT_TENANT, foreign.media_id) is None
        assert await media_reader.asset(DEFAULT_TENANT, MediaId("none")) is None
        assert [view.asset for view in await media_reader.assets(DEFAULT_TENANT, limit=9, before=None)] == [asset]

    async def test_handles_of_its_bytes_are_shown_and_refusals_are_not(
        self, units: UnitOfWorkFactory, media_reader: MediaReader
    ) -> None:
        asset, same, other = an_asset(), an_asset(), an_asset(facts=some_facts("other"))
        await self.store(units, asset, same, other)
        await self.upload(units, asset, a_handle(file_id="f-2"), kind=UploadKind.VIDEO)
        await self.upload(units, asset, a_handle(file_id="f-1"))
        await self.upload(units, asset, a_handle(file_id="f-3"), provider_code=BACKUP)
        await self.upload(units, asset, MediaFailure.REFUSED, kind=UploadKind.COVER)
        made = [
            MadeHandle(BACKUP, UploadKind.IMAGE, "f-3"),
            MadeHandle(PROVIDER, UploadKind.IMAGE, "f-1"),
            MadeHandle(PROVIDER, UploadKind.VIDEO, "f-2"),
        ]
        made.sort(key=lambda handle: (handle.provider_code, handle.kind))
        for of_these_bytes in (asset, same):
            view = await media_reader.asset(DEFAULT_TENANT, of_these_bytes.media_id)
            assert view is not None
            assert list(view.handles) == made
        views = await media_reader.assets(DEFAULT_TENANT, limit=9, before=None)
        assert [len(view.handles) for view in views] == [0, 3, 3]

    async def test_pages_go_from_the_newest_to_the_oldest(
        self, units: UnitOfWorkFactory, media_reader: MediaReader
    ) -> None:
        assets = [an_asset(), an_asset_of_url(), an_asset()]
        await self.store(units, *assets)
        first = await media_reader.assets(DEFAULT_TENANT, limit=2, before=None)
        assert [view.asset for view in first] == assets[:0:-1]
        last = await media_reader.assets(DEFAULT_TENANT, limit=2, before=first[-1].asset.media_id)
        assert [view.asset for view in last] == assets[:1]
