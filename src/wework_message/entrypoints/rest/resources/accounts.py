"""Accounts and their bindings (W-5)."""

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias
from urllib.parse import quote

from litestar import Request
from litestar.params import QueryParameter

from wework_message.application.errors import NotFoundError
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.domain.ids import AccountId, BindingId, Guid, ProviderCode
from wework_message.domain.ports.accounts import AccountFilter, AccountWithBindings
from wework_message.entrypoints.rest.api import Api, ApiDependency, link
from wework_message.entrypoints.rest.http.auditing import note_target
from wework_message.entrypoints.rest.http.envelope import NO_STORE, Enveloped
from wework_message.entrypoints.rest.http.query_parameters import (
    TEXT_SCHEMA,
    Cursor,
    Limit,
    Name,
    checked_text,
    cursor_name,
    next_cursor,
)
from wework_message.entrypoints.rest.http.routing import delete, errors, get, post, put, reading
from wework_message.entrypoints.rest.request_schemas import (
    ACCOUNT,
    BINDING,
    CHANGED_ACCOUNT,
    LOGIN_VERIFICATION,
    NEW_BINDING,
)
from wework_message.entrypoints.rest.resources.settings_body import read_settings_body
from wework_message.entrypoints.wire.answers.accounts import (
    AccountAnswer,
    AccountPage,
    LoginCodeAnswer,
    account_answer,
    login_code_answer,
)
from wework_message.entrypoints.wire.requests.accounts import (
    BindingRequest,
    ChangedAccountRequest,
    LoginVerificationRequest,
    NewAccountRequest,
    NewBindingRequest,
)


@cache
def account_examples() -> Mapping[str, Any]:
    """An account at two providers, and the least that can be said."""
    binding = {"providerCode": "MAIN_PROVIDER", "guid": "d8a3-main"}
    spare = {"providerCode": "SECOND_PROVIDER", "guid": "spare-7", "priority": 2}
    whole = {
        "accountId": "sales-1",
        "name": "Sales desk 1",
        "pools": ["sales"],
        "budgets": [{"per": "MINUTE", "limit": 20}],
        "quietHours": {"from": "22:00", "to": "08:00", "zone": "Asia/Shanghai"},
        "bindings": [binding, spare],
    }
    placed = {"accountId": "sales-2", "name": "Sales desk 2", "place": True}
    return {"two providers": whole, "of a guid": {"bindings": [binding]}, "placed": placed}


@post(
    "/api/accounts",
    scope=Scope.ACCOUNTS_ADMIN,
    audit=AuditAction.ACCOUNT_CREATE,
    status_code=HTTPStatus.CREATED,
    summary="Register an account, with bindings, or with an instance that is made for it",
    operation_class=reading(ACCOUNT, account_examples),
    responses=errors(400, 409, 413, 415, 422),
)
async def create_account(api: ApiDependency, request: Request[Any, Any, Any]) -> Enveloped[AccountAnswer]:
    """Register a new account, or take the implicit one of a guid over. With `place` a repeat gets what the first one made."""
    requested = await read_settings_body(api, request, NewAccountRequest)
    if (place := requested.placement()) is not None:
        placed = await api.take_work().place(api.tenant_id, place)
        return _created(api, request, placed.entry, replayed=placed.replayed)
    bindings = [binding.requested() for binding in requested.bindings]
    registry = api.take_work().accounts
    entry = await registry.register(api.tenant_id, requested.id, requested.settings(), bindings)
    return _created(api, request, entry)


OfGuid: TypeAlias = Annotated[
    str | None,
    QueryParameter(name="guid", description="Only the account with this guid.", schema_extra=TEXT_SCHEMA),
]
AtProvider: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        name="providerCode", description="Only accounts with a binding at this provider.", schema_extra=TEXT_SCHEMA
    ),
]
OfPool: TypeAlias = Annotated[
    str | None, QueryParameter(name="pool", description="Only accounts of this pool.", schema_extra=TEXT_SCHEMA)
]
Enabled: TypeAlias = Annotated[
    bool | None, QueryParameter(name="enabled", description="Only accounts that are switched on, or off.")
]
IncludeImplicit: TypeAlias = Annotated[
    bool, QueryParameter(name="includeImplicit", description="With the accounts of guids that nobody registered.")
]


@get("/api/accounts", scope=Scope.ACCOUNTS_READ, summary="Accounts by id", responses=errors(422))
async def list_accounts(
    api: ApiDependency,
    guid: OfGuid = None,
    provider_code: AtProvider = None,
    pool: OfPool = None,
    enabled: Enabled = None,
    include_implicit: IncludeImplicit = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AccountPage:
    """A page of accounts, by id."""
    filters = AccountFilter(
        guid=None if (text := checked_text("guid", guid)) is None else Guid(text),
        provider_code=None if (code := checked_text("providerCode", provider_code)) is None else ProviderCode(code),
        pool=checked_text("pool", pool),
        enabled=enabled,
        include_implicit=include_implicit,
    )
    after = None if (last := cursor_name(cursor)) is None else AccountId(last)
    page = await api.application.read_accounts.page(api.tenant_id, filters, limit=limit, after=after)
    following = None if page.following is None else next_cursor(page.following)
    return AccountPage(tuple(_answer(api, entry) for entry in page.accounts), following)


@get("/api/accounts/{account_id:str}", scope=Scope.ACCOUNTS_READ, summary="One account", responses=errors(404))
async def get_account(api: ApiDependency, account_id: Name) -> AccountAnswer:
    """One account, with its bindings."""
    entry = await api.application.read_accounts.account(api.tenant_id, AccountId(account_id))
    if entry is None:
        raise NotFoundError("account")
    return _answer(api, entry)


@put(
    "/api/accounts/{account_id:str}",
    scope=Scope.ACCOUNTS_ADMIN,
    audit=AuditAction.ACCOUNT_CHANGE,
    summary="Replace what is set of an account: what is absent gets its default",
    operation_class=reading(CHANGED_ACCOUNT),
    responses=errors(400, 404, 409, 413, 415, 422),
)
async def change_account(api: ApiDependency, account_id: Name, request: Request[Any, Any, Any]) -> AccountAnswer:
    """Replace the settings; bindings have routes of their own."""
    requested = await read_settings_body(api, request, ChangedAccountRequest)
    registry = api.take_work().accounts
    entry = await registry.change(api.tenant_id, AccountId(account_id), requested.settings(), version=requested.version)
    return _answer(api, entry)


@post(
    "/api/accounts/{account_id:str}/bindings",
    scope=Scope.ACCOUNTS_ADMIN,
    audit=AuditAction.BINDING_CREATE,
    status_code=HTTPStatus.CREATED,
    summary="Bind one more instance to an account",
    operation_class=reading(NEW_BINDING),
    responses=errors(400, 404, 409, 413, 415, 422),
)
async def create_binding(
    api: ApiDependency, account_id: Name, request: Request[Any, Any, Any]
) -> Enveloped[AccountAnswer]:
    """Bind an instance; the answer is the account."""
    requested = await read_settings_body(api, request, NewBindingRequest)
    registry = api.take_work().accounts
    return _created(api, request, await registry.bind(api.tenant_id, AccountId(account_id), requested.requested()))


@put(
    "/api/accounts/{account_id:str}/bindings/{binding_id:str}",
    scope=Scope.ACCOUNTS_ADMIN,
    audit=AuditAction.BINDING_CHANGE,
    summary="Replace what is set of a binding: what is absent gets its default",
    operation_class=reading(BINDING),
    responses=errors(400, 404, 409, 413, 415, 422),
)
async def change_binding(
    api: ApiDependency, account_id: Name, binding_id: Name, request: Request[Any, Any, Any]
) -> AccountAnswer:
    """Replace the settings of a binding; the answer is the account."""
    requested = await read_settings_body(api, request, BindingRequest)
    registry = api.take_work().accounts
    entry = await registry.change_binding(
        api.tenant_id, AccountId(account_id), BindingId(binding_id), requested.settings()
    )
    return _answer(api, entry)


@delete(
    "/api/accounts/{account_id:str}/bindings/{binding_id:str}",
    scope=Scope.ACCOUNTS_ADMIN,
    audit=AuditAction.BINDING_DELETE,
    summary="Remove a binding; its open calls settle, and their echoes are found",
    responses=errors(404, 409),
)
async def delete_binding(api: ApiDependency, account_id: Name, binding_id: Name) -> AccountAnswer:
    """Remove a binding; the answer is the account."""
    registry = api.take_work().accounts
    return _answer(api, await registry.unbind(api.tenant_id, AccountId(account_id), BindingId(binding_id)))


Demote: TypeAlias = Annotated[
    bool,
    QueryParameter(
        name="demote", description="Also where an instance that may be online holds the slot: it becomes WARM."
    ),
]


@post(
    "/api/accounts/{account_id:str}/bindings/{binding_id:str}/activate",
    scope=Scope.ACCOUNTS_ADMIN,
    audit=AuditAction.BINDING_ACTIVATE,
    status_code=HTTPStatus.OK,
    summary="Log the instance of a WARM binding in, and send through it",
    responses=errors(404, 409, 422, 501),
)
async def activate_binding(
    api: ApiDependency, account_id: Name, binding_id: Name, demote: Demote = False
) -> AccountAnswer:
    """Takes up to 25 s; the answer is the account."""
    activate = api.take_work().activate
    return _answer(api, await activate(api.tenant_id, AccountId(account_id), BindingId(binding_id), demote=demote))


@post(
    "/api/accounts/{account_id:str}/bindings/{binding_id:str}/login-code",
    scope=Scope.ACCOUNTS_ADMIN,
    audit=AuditAction.LOGIN_CODE,
    summary="A QR code with which a person logs the instance of a binding in",
    responses=errors(404, 409, 422, 501),
)
async def create_login_code(api: ApiDependency, account_id: Name, binding_id: Name) -> Enveloped[LoginCodeAnswer]:
    """The provider gives a new one each time. Whoever scans it puts an account of theirs there: it is not stored and not logged."""
    show = api.take_work().show_login_code
    binding, code = await show(api.tenant_id, AccountId(account_id), BindingId(binding_id))
    return Enveloped(login_code_answer(binding, code), headers=NO_STORE)


@post(
    "/api/accounts/{account_id:str}/bindings/{binding_id:str}/login-code/verify",
    scope=Scope.ACCOUNTS_ADMIN,
    audit=AuditAction.LOGIN_VERIFY,
    status_code=HTTPStatus.OK,
    summary="Pass on the code that WeCom asks for after the scan",
    operation_class=reading(LOGIN_VERIFICATION),
    responses=errors(400, 404, 409, 413, 415, 422, 501),
)
async def verify_login_code(
    api: ApiDependency, account_id: Name, binding_id: Name, request: Request[Any, Any, Any]
) -> AccountAnswer:
    """It is neither stored nor logged, and passed on once; the answer is the account, which a callback says to be online."""
    requested = await read_settings_body(api, request, LoginVerificationRequest)
    verify = api.take_work().verify_login
    return _answer(api, await verify(api.tenant_id, AccountId(account_id), BindingId(binding_id), requested.code))


def _answer(api: Api, entry: AccountWithBindings) -> AccountAnswer:
    now = api.config.now()
    return account_answer(entry, lambda binding: api.application.providers.of_binding(binding, now=now))


def _created(
    api: Api, request: Request[Any, Any, Any], entry: AccountWithBindings, *, replayed: bool = False
) -> Enveloped[AccountAnswer]:
    note_target(request, entry[0].account_id)
    headers = {"location": link(request, f"/api/accounts/{quote(entry[0].account_id, safe=':@')}")}
    if replayed:
        headers["idempotent-replayed"] = "true"
    return Enveloped(_answer(api, entry), headers=headers)
