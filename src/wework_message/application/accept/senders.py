"""Sender and content of a request: its names become an account and a complete content (D-19)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias, TypeVar

import msgspec

from wework_message.application.accept.quoting import Quoting
from wework_message.application.accounts.directory import AccountDirectory, account_of_guid
from wework_message.application.accounts.pools import Pools
from wework_message.application.dispatch.route_requests import size_of
from wework_message.application.errors import AccountDisabledError, UnknownNameError
from wework_message.application.policy import Policy
from wework_message.domain.access.ownership import uses_unregistered
from wework_message.domain.account import Account, implicit_account
from wework_message.domain.content import Content, MergedContent, QuoteContent
from wework_message.domain.ids import AccountId, Guid, ProviderCode, TenantId
from wework_message.domain.message.draft import Draft
from wework_message.domain.pools import PoolChoice
from wework_message.domain.ports.accounts import AccountReader
from wework_message.domain.routing.filters import RouteRequest

Sender: TypeAlias = tuple[Account, PoolChoice | None]
"""The account, and what its pool chose."""
Names: TypeAlias = tuple[Guid | None, AccountId | None, ProviderCode | None]


@dataclass(frozen=True, slots=True)
class Senders:
    """Resolves the sender of a draft and completes its content."""

    policy: Policy
    directory: AccountDirectory
    reader: AccountReader
    quoting: Quoting
    pools: Pools

    async def resolve(self, tenant_id: TenantId, draft: Draft, group: Sequence[Draft] = ()) -> Sender:
        """An unregistered guid has an account of its own, where its tenant may use such guids (`uses_unregistered`).

        `group`: what is sent with it. Raises `UnknownNameError`, `AccountDisabledError`, `NoCapabilityError`.
        """
        requested = draft.options.provider_code
        if requested is not None and requested not in self.policy.providers:
            raise UnknownNameError("providerCode", "provider")
        if draft.pool is not None:
            conversation_id = str(draft.conversation)
            requests = [
                _route_request(other)
                for other in group or (draft,)
                if (other.pool, str(other.conversation)) == (draft.pool, conversation_id)
            ]
            return await self.pools.sender(tenant_id, draft.pool, conversation_id, requests)
        return await self._named(tenant_id, draft), None

    async def _named(self, tenant_id: TenantId, draft: Draft) -> Account:
        requested = draft.options.provider_code
        registered = self.directory.known() or await self.directory.read()
        if draft.guid is not None:
            # The default provider costs more than this look-up.
            default = self.policy.default_code if draft.guid in registered.guids else None
            account = account_of_guid(registered, draft.guid, requested=requested, default=default)
            if account is None and uses_unregistered(tenant_id):
                return implicit_account(draft.guid, tenant_id)
            if account is None or account.tenant_id != tenant_id:  # nobody's, or another's: one answer
                raise UnknownNameError("guid", "account")
        else:
            account_id = draft.account_id or AccountId("")
            account = registered.accounts.get(account_id)
            if account is None or account.tenant_id != tenant_id:  # another's is looked for like one that is not there
                account = await self._unregistered(tenant_id, account_id)
        if not account.enabled:
            raise AccountDisabledError("accountId" if draft.guid is None else "guid")
        return account

    async def _unregistered(self, tenant_id: TenantId, account_id: AccountId) -> Account:
        """An implicit account by its id, or one that another process registered a moment ago."""
        stored = await self.reader.account(tenant_id, account_id)
        if stored is None:
            raise UnknownNameError("accountId", "account")
        return stored[0]

    async def complete(self, tenant_id: TenantId, draft: Draft, sender: Account, *, now: int) -> Content:
        """The content as it will be sent: quotes of our messages and authors of merged records are filled in."""
        content = draft.content
        if isinstance(content, QuoteContent) and content.quote_message_id is not None:
            return await self.quoting.fill(tenant_id, content)
        if isinstance(content, MergedContent):
            wecom_user_id = self.policy.wecom_user_ids.get(draft.guid or "") or await self._learnt(tenant_id, sender)
            return signed(content, sent_at=datetime.fromtimestamp(now // 1000, UTC), wecom_user_id=wecom_user_id)
        return content

    async def _learnt(self, tenant_id: TenantId, sender: Account) -> str:
        """Its own user id, as stored: it is learnt from answers, of which the directory hears nothing. Empty while it is not known."""
        stored = await self.reader.account(tenant_id, sender.account_id)
        account = sender if stored is None else stored[0]
        return account.wecom_user_id or ""


@dataclass(slots=True)
class RequestSenders:
    """The senders of one request, whose messages may name the same: each that no pool chooses is resolved once."""

    senders: Senders
    tenant_id: TenantId
    _resolved: dict[Names, Sender] = field(default_factory=dict)

    def known(self, draft: Draft) -> Sender | None:
        """What another message with the same names was resolved to; None where `resolve` must be called."""
        return self._resolved.get(_names(draft)) if draft.pool is None else None

    async def resolve(self, draft: Draft, group: Sequence[Draft] = ()) -> Sender:
        """See `Senders.resolve`."""
        sender = await self.senders.resolve(self.tenant_id, draft, group)
        if draft.pool is None:
            self._resolved[_names(draft)] = sender
        return sender


def _names(draft: Draft) -> Names:
    """What the sender of a draft depends on that names no pool."""
    return draft.guid, draft.account_id, draft.options.provider_code


def _route_request(draft: Draft) -> RouteRequest:
    content = draft.content
    return RouteRequest(content.message_type.value, size=size_of(content), provider_code=draft.options.provider_code)


Record = TypeVar("Record", bound=MergedContent)


def signed(record: Record, *, sent_at: datetime, wecom_user_id: str) -> Record:
    """A merged record whose items all have a time (default: acceptance) and an author (default: the account itself)."""
    items = []
    for item in record.messages:
        complete = (
            signed(item, sent_at=sent_at, wecom_user_id=wecom_user_id) if isinstance(item, MergedContent) else item
        )
        author = {"send_time": item.send_time or sent_at, "sender_user_id": item.sender_user_id or wecom_user_id}
        items.append(msgspec.structs.replace(complete, **author))
    return msgspec.structs.replace(record, messages=tuple(items))
