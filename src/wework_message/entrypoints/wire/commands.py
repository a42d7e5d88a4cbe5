"""What a request for a message asks the application for: REST, queue and explanation alike."""

from wework_message.application.accept.accept import AcceptMessage
from wework_message.domain.ids import TenantId
from wework_message.entrypoints.wire.requests.send import SendRequest


def accept_command(
    requested: SendRequest, tenant_id: TenantId, mode: str, request_id: str | None = None
) -> AcceptMessage:
    """`mode` is SYNC or ASYNC; `request_id` is for the log."""
    key = requested.client_message_id
    return AcceptMessage(tenant_id, requested.drafts, mode, requested.is_group, key, request_id=request_id)
