"""The own user ids of accounts, and whose they are, as one batch of callbacks needs them."""

from collections.abc import Mapping

from wework_message.domain.account import Account
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid, TenantId
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.ports.accounts import AccountRepository


class OwnUserIds:
    """Reads an account at most once, and only where nothing nearer has the id."""

    def __init__(self, accounts: AccountRepository, configured: Mapping[str, str]) -> None:
        """`configured` are ids by guid; `accounts` those of the open unit of work."""
        self._accounts = accounts
        self._configured = configured
        self._read: dict[AccountId, Account | None] = {}

    async def of(self, account_id: AccountId, guid: Guid) -> str | None:
        """The own user id of this account at this instance; None while it is not known."""
        if (configured := self._configured.get(guid)) is not None:
            return configured
        account = await self._account(account_id)
        return account.wecom_user_id if account is not None else None

    async def tenant_of(self, account_id: AccountId) -> TenantId:
        """Whose account this is; the operator's where nobody knows."""
        account = await self._account(account_id)
        return account.tenant_id if account is not None else DEFAULT_TENANT

    async def _account(self, account_id: AccountId) -> Account | None:
        if account_id not in self._read:
            stored = (await self._accounts.accounts([account_id])).get(account_id)
            self._read[account_id] = stored[0] if stored is not None else None
        return self._read[account_id]

    async def of_attempt(self, attempt: Attempt) -> str | None:
        """The sender that the provider's answer to this attempt named, else the own user id of its account."""
        receipt = attempt.outcome.receipt if attempt.outcome is not None else None
        if receipt is not None and receipt.sender_id is not None:
            return receipt.sender_id
        return await self.of(attempt.account_id, attempt.guid)
