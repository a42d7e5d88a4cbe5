"""Tokens of callback URLs: make, list, rotate and revoke (ADR 57)."""

from http import HTTPStatus
from typing import Any

from litestar import Request

from wework_message.application.callbacks.tokens import CreateToken, IssuedToken, RevokeToken, RotateToken
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.domain.ids import Guid, ProviderCode
from wework_message.entrypoints.rest.api import ApiDependency, link
from wework_message.entrypoints.rest.http.auditing import note_target
from wework_message.entrypoints.rest.http.envelope import NO_STORE, Enveloped
from wework_message.entrypoints.rest.http.query_parameters import NO_PARAMETERS, Name
from wework_message.entrypoints.rest.http.routing import delete, errors, get, post, reading
from wework_message.entrypoints.rest.request_schemas import ROTATION, TOKEN
from wework_message.entrypoints.rest.resources.settings_body import read_settings_body
from wework_message.entrypoints.rest.webhook_paths import WEBHOOK
from wework_message.entrypoints.wire.answers.callback_tokens import (
    IssuedTokenAnswer,
    RevokedAnswer,
    TokenList,
    issued_answer,
    token_list,
)
from wework_message.entrypoints.wire.requests.callback_tokens import RotationRequest, TokenRequest


@post(
    "/api/callbacks/tokens",
    scope=Scope.CALLBACKS_ADMIN,
    audit=AuditAction.CALLBACK_TOKEN_CREATE,
    status_code=HTTPStatus.CREATED,
    summary="Make a token for the callbacks of a provider, or of one instance; it is shown once",
    operation_class=reading(TOKEN, lambda: {"provider": {"providerCode": "MAIN_PROVIDER"}}),
    opt=NO_PARAMETERS,
    responses=errors(400, 409, 413, 415, 422),
)
async def create_callback_token(api: ApiDependency, request: Request[Any, Any, Any]) -> Enveloped[IssuedTokenAnswer]:
    """Valid in this process at once, in all within 5 s."""
    requested = await read_settings_body(api, request, TokenRequest)
    guid = None if requested.guid is None else Guid(requested.guid)
    issued = await api.application.issue_token(CreateToken(api.tenant_id, ProviderCode(requested.provider_code), guid))
    return _issued(request, issued)


@get(
    "/api/callbacks/tokens",
    scope=Scope.CALLBACKS_ADMIN,
    summary="The callback tokens that are valid, the oldest first; without their texts, which are kept nowhere",
    opt=NO_PARAMETERS,
    responses=errors(422),
)
async def list_callback_tokens(api: ApiDependency) -> TokenList:
    """As they are stored now."""
    return token_list(await api.application.read_tokens.callback_tokens(api.tenant_id), api.config.now())


@post(
    "/api/callbacks/tokens/{token_id:str}/rotate",
    scope=Scope.CALLBACKS_ADMIN,
    audit=AuditAction.CALLBACK_TOKEN_ROTATE,
    status_code=HTTPStatus.CREATED,
    summary="Make a token in the place of another, which stays valid for a while",
    operation_class=reading(ROTATION, lambda: {"a week": {"overlapSeconds": 604_800}}),
    opt=NO_PARAMETERS,
    responses=errors(400, 404, 409, 413, 415, 422),
)
async def rotate_callback_token(
    api: ApiDependency, token_id: Name, request: Request[Any, Any, Any]
) -> Enveloped[IssuedTokenAnswer]:
    """For the same provider and instance; the old one ends after `overlapSeconds`, or when it would have ended before."""
    requested = await read_settings_body(api, request, RotationRequest)
    return _issued(
        request, await api.application.issue_token(RotateToken(api.tenant_id, token_id, requested.overlap_seconds))
    )


@delete(
    "/api/callbacks/tokens/{token_id:str}",
    scope=Scope.CALLBACKS_ADMIN,
    audit=AuditAction.CALLBACK_TOKEN_REVOKE,
    summary="Revoke a callback token",
    opt=NO_PARAMETERS,
    responses=errors(404, 422),
)
async def revoke_callback_token(api: ApiDependency, token_id: Name) -> RevokedAnswer:
    """Refused in this process at once, in all within 5 s."""
    await api.application.revoke_token(RevokeToken(api.tenant_id, token_id))
    return RevokedAnswer(token_id=token_id)


def _issued(request: Request[Any, Any, Any], issued: IssuedToken) -> Enveloped[IssuedTokenAnswer]:
    note_target(request, issued.token.token_id)
    answer = issued_answer(issued, link(request, f"{WEBHOOK}/{issued.text}"))
    return Enveloped(answer, headers=NO_STORE)
