"""The bodies of requests that set something up: accounts, bindings, callback tokens, webhooks."""

from typing import Any

from litestar import Request

from wework_message.entrypoints.rest.api import Api
from wework_message.entrypoints.rest.http.auditing import note_fields
from wework_message.entrypoints.rest.http.request_body import read_body
from wework_message.entrypoints.wire.requests.accounts import Body, read_settings


async def read_settings_body(api: Api, request: Request[Any, Any, Any], kind: type[Body]) -> Body:
    """Read and check the body; raises `RequestRejected` with every problem."""
    limits = api.config.limits
    body = await read_body(request, max_bytes=limits.max_message_bytes)
    settings = read_settings(body, kind, limits=limits)
    note_fields(request, body)
    return settings
