"""All that the vendor's API can do for one provider, as one gateway."""

from collections.abc import Mapping
from typing import Any

from wework_message.adapters.guxing.mass import GuxingMassSends
from wework_message.adapters.guxing.streams import GuxingStreamGateway
from wework_message.adapters.guxing.uploads import GuxingUploads
from wework_message.adapters.http import Transport
from wework_message.domain.ids import Guid
from wework_message.domain.ports.mass_gateway import MassCall, MassGateway, MassOutcome, MassResult
from wework_message.domain.ports.media_gateway import MediaGateway, Upload, Uploaded
from wework_message.domain.ports.protocols import ProviderConnection


class GuxingProviderGateway(GuxingStreamGateway):
    """Also a `MediaGateway` and a `MassGateway`."""

    def __init__(
        self,
        transport: Transport,
        *,
        probe_transport: Transport,
        upload_transport: Transport,
        connection: ProviderConnection,
    ) -> None:
        """The transports connect to `connection.url`, and belong to the caller.

        Raises `ValueError` as `GuxingGateway` does.
        """
        super().__init__(
            transport,
            probe_transport=probe_transport,
            timeout_ms=connection.timeout_ms,
            outcome_codes=connection.outcome_codes,
            expired_codes=connection.media.expired_codes,
        )
        self._uploads = GuxingUploads(upload_transport, connection.media, self._codes, self.client_state)
        self._mass = GuxingMassSends(
            transport=transport,
            probe_transport=probe_transport,
            timeout_ms=connection.timeout_ms,
            codes=self._codes,
            or_expired=self._or_expired,
            connection=connection.mass,
        )

    async def upload(self, upload: Upload) -> Uploaded:
        return await self._uploads.upload(upload)

    async def send_mass(self, call: MassCall) -> MassOutcome:
        return await self._mass.send_mass(call)

    async def mass_results(self, guid: Guid, task_id: str) -> Mapping[str, MassResult] | None:
        return await self._mass.mass_results(guid, task_id)

    async def ineligible(self, guid: Guid, recipients: tuple[str, ...], *, are_rooms: bool) -> frozenset[str] | None:
        return await self._mass.ineligible(guid, recipients, are_rooms=are_rooms)

    async def tasks(self, guid: Guid, next_page: str) -> Any:
        return await self._mass.tasks(guid, next_page)

    async def task(self, guid: Guid, task_id: str) -> Any:
        return await self._mass.task(guid, task_id)


def _conforms(gateway: GuxingProviderGateway) -> tuple[MediaGateway, MassGateway]:
    return gateway, gateway
