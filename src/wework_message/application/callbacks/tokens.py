"""Make, rotate and revoke callback tokens."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.callbacks.token_directory import TokenDirectory
from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.errors import NotFoundError, UnknownNameError
from wework_message.application.guid_owners import has_guid
from wework_message.application.policy import Policy
from wework_message.domain.access.ownership import is_operator
from wework_message.domain.callback_tokens import (
    MAX_TOKENS,
    RANDOM_BYTES,
    CallbackToken,
    TooManyTokensError,
    new_token,
)
from wework_message.domain.errors import InvalidValueError, UnavailableError
from wework_message.domain.ids import Guid, ProviderCode, TenantId
from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.ports.system import Clock

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CreateToken:
    """A new token for the callbacks of a provider, or of one instance there."""

    tenant_id: TenantId
    provider_code: ProviderCode
    guid: Guid | None = None


@dataclass(frozen=True, slots=True)
class RotateToken:
    """A new token in the place of another, which stays valid for `overlap_s` seconds more."""

    tenant_id: TenantId
    token_id: str
    overlap_s: int


@dataclass(frozen=True, slots=True)
class RevokeToken:
    """End a token now."""

    tenant_id: TenantId
    token_id: str


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token."""

    token: CallbackToken
    text: str = field(repr=False)
    """Shown once, and kept nowhere."""


@dataclass(frozen=True, slots=True)
class IssueTokens:
    """The transaction's part of making and rotating. What has ended goes with it, so the table does not grow."""

    clock: Clock
    unguessable: Callable[[int], bytes]
    """Makes so many bytes that nobody can guess."""

    async def __call__(
        self, scope: CommitScope, items: Sequence[CreateToken | RotateToken], /
    ) -> Sequence[IssuedToken | Exception]:
        """The new token, or `NotFoundError`, `TooManyTokensError`."""
        now = self.clock.now()
        return [await self._issue(scope.unit, item, now) for item in items]

    async def _issue(self, unit: UnitOfWork, item: CreateToken | RotateToken, now: int) -> IssuedToken | Exception:
        known = await unit.callback_tokens.all()
        valid = [token for token in known if token.is_valid(now)]
        if len(valid) < len(known):
            await unit.callback_tokens.delete([token.token_id for token in known if token not in valid])
        if len(valid) >= MAX_TOKENS:
            return TooManyTokensError()
        if isinstance(item, CreateToken):
            if item.guid is not None and not await has_guid(unit.accounts, item.tenant_id, item.guid):
                return UnknownNameError("guid", "account")
            return await self._add(unit, item.tenant_id, item.provider_code, item.guid, now)
        old = _own(valid, item.tenant_id, item.token_id)
        if old is None:
            return NotFoundError("callback token")
        await unit.callback_tokens.end(old.token_id, old.end_by(now + item.overlap_s * 1000))
        return await self._add(unit, old.tenant_id, old.provider_code, old.guid, now)

    async def _add(
        self, unit: UnitOfWork, tenant_id: TenantId, code: ProviderCode, guid: Guid | None, now: int
    ) -> IssuedToken:
        text, token = new_token(
            self.unguessable(RANDOM_BYTES), tenant_id=tenant_id, provider_code=code, guid=guid, now=now
        )
        await unit.callback_tokens.add(token)
        return IssuedToken(token, text)


class DeleteTokens:
    """The transaction's part of revoking."""

    async def __call__(self, scope: CommitScope, items: Sequence[RevokeToken], /) -> Sequence[bool]:
        """Whether there was one."""
        return [await self._revoke(scope.unit, item) for item in items]

    async def _revoke(self, unit: UnitOfWork, item: RevokeToken) -> bool:
        token = _own(await unit.callback_tokens.all(), item.tenant_id, item.token_id)
        return token is not None and await unit.callback_tokens.delete([token.token_id]) > 0


@dataclass(frozen=True, slots=True)
class IssueTokenHandler:
    """Make or rotate. In this process the new token is good once the call returns, in the others within 5 s."""

    commits: Commits
    operation: IssueTokens
    directory: TokenDirectory
    policy: Policy

    async def __call__(self, command: CreateToken | RotateToken) -> IssuedToken:
        """Raises `UnknownNameError`, `InvalidValueError`, `NotFoundError`, `TooManyTokensError`."""
        if isinstance(command, CreateToken):
            provider = self.policy.providers.get(command.provider_code)
            if provider is None or not provider.has_callbacks:
                raise UnknownNameError("providerCode", "provider with callbacks")
            if command.guid is None and not is_operator(command.tenant_id):
                raise InvalidValueError("guid", "is required: a token without one is for the callbacks of every tenant")
        issued = await self.commits.submit(self.operation, command)
        rotated = command.token_id if isinstance(command, RotateToken) else None
        _log.warning("callback token is made", extra={"made": issued.token.token_id, "rotated": rotated})
        await _read(self.directory)
        return issued


@dataclass(frozen=True, slots=True)
class RevokeTokenHandler:
    """Revoke. In this process the token is refused once the call returns, in the others within 5 s."""

    commits: Commits
    operation: DeleteTokens
    directory: TokenDirectory

    async def __call__(self, command: RevokeToken) -> None:
        """Raises `NotFoundError`."""
        if not await self.commits.submit(self.operation, command):
            raise NotFoundError("callback token")
        _log.warning("callback token is revoked", extra={"revoked": command.token_id})
        await _read(self.directory)


def _own(tokens: Sequence[CallbackToken], tenant_id: TenantId, token_id: str) -> CallbackToken | None:
    return next((token for token in tokens if token.token_id == token_id and token.tenant_id == tenant_id), None)


async def _read(directory: TokenDirectory) -> None:
    """The change is stored: that it cannot be read now is no error of the request."""
    try:
        await directory.read()
    except UnavailableError as error:
        _log.warning("callback tokens could not be read: %s", error)
