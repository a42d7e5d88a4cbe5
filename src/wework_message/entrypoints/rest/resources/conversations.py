"""POST conversations/{conversationId}/read: what a person does by opening a conversation."""

from typing import Annotated, TypeAlias

from litestar.params import QueryParameter

from wework_message.application.instances.clients import MarkRead
from wework_message.domain.access.scopes import Scope
from wework_message.domain.ids import AccountId, Guid
from wework_message.entrypoints.rest.api import ApiDependency
from wework_message.entrypoints.rest.http.query_parameters import (
    TEXT_SCHEMA,
    Name,
    bad_parameter,
    checked_text,
    missing_parameter,
)
from wework_message.entrypoints.rest.http.routing import NOT_AUDITED, errors, post
from wework_message.entrypoints.wire.answers.conversations import ReadAnswer, read_answer

OfGuid: TypeAlias = Annotated[
    str | None,
    QueryParameter(name="guid", description="The account, by one of its instances.", schema_extra=TEXT_SCHEMA),
]
OfAccount: TypeAlias = Annotated[
    str | None, QueryParameter(name="accountId", description="The account; one of the two.", schema_extra=TEXT_SCHEMA)
]


@post(
    "/api/conversations/{conversation_id:str}/read",
    scope=Scope.MESSAGES_SEND,
    audit=NOT_AUDITED,
    summary="Mark a conversation as read",
    responses=errors(422, 501),
)
async def mark_conversation_read(
    api: ApiDependency, conversation_id: Name, guid: OfGuid = None, account_id: OfAccount = None
) -> ReadAnswer:
    """Mark it as read in the account, through an instance whose provider the settings allow to be asked (`mark-read`)."""
    guid, account_id = checked_text("guid", guid), checked_text("accountId", account_id)
    if guid is None and account_id is None:
        raise missing_parameter("guid", "or accountId is required")
    if guid is not None and account_id is not None:
        raise bad_parameter("accountId", "must not be given beside guid")
    command = MarkRead(
        api.tenant_id,
        str(api.config.limits.conversations.parse(conversation_id)),
        None if guid is None else Guid(guid),
        None if account_id is None else AccountId(account_id),
    )
    return read_answer(await api.take_work().mark_read(command))
