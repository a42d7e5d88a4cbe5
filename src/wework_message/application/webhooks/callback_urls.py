"""The callback URL of a message: only an origin that the client has registered (ADR 56)."""

from wework_message.application.errors import UnknownNameError
from wework_message.application.webhooks.directory import EndpointDirectory
from wework_message.domain.ids import TenantId
from wework_message.domain.webhooks.endpoint import of_origin


class CallbackUrls:
    """Checks callback URLs of requests."""

    def __init__(self, directory: EndpointDirectory) -> None:
        """Where an origin is not known, the endpoints are read: another process may have registered it a moment ago."""
        self._directory = directory

    async def check(self, tenant_id: TenantId, url: str) -> None:
        """Raises `UnknownNameError` unless an enabled endpoint of the tenant has the origin of `url`."""
        for read in (self._directory.current, self._directory.read):
            own = [endpoint for endpoint in await read() if endpoint.tenant_id == tenant_id]
            if of_origin(own, url) is not None:
                return
        raise UnknownNameError("statusCallbackUrl", "webhook of this origin")
