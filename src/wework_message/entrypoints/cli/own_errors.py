"""The exit codes of our own errors, for commands that work in their own process."""

from types import MappingProxyType
from typing import Final

from wework_message.application.errors import (
    AccountDisabledError,
    ApplicationError,
    BatchConflictError,
    BatchRefusedError,
    CallbackRefusedError,
    ConfirmationRequiredError,
    DrainingError,
    ForbiddenError,
    IdempotencyConflictError,
    InstanceOnlineError,
    MediaInUseError,
    NoCapabilityError,
    NotFoundError,
    NotImplementedYetError,
    OverloadedError,
    PoolTakenError,
    ProviderRefusedError,
    RateLimitedError,
    TooManyWaitersError,
    UnauthenticatedError,
    UnfitMediaError,
    UnknownNameError,
    UnquotableError,
)
from wework_message.domain.access.api_keys import KeyRotatedError, TooManyKeysError
from wework_message.domain.access.tenants import OperatorTenantError, TenantExistsError, TooManyTenantsError
from wework_message.domain.account import NotActivatableError, SlotOccupiedError
from wework_message.domain.callback_tokens import TooManyTokensError
from wework_message.domain.errors import (
    ConflictError,
    ContentErasedError,
    DomainError,
    IllegalTransitionError,
    InvalidValueError,
    TryAgainError,
    UnavailableError,
    WeworkMessageError,
)
from wework_message.domain.placement import FullError, OpenPlacementError, UnplaceableError
from wework_message.domain.ports.media_inspector import MediaDefectError
from wework_message.domain.ports.media_store import BlobMissingError
from wework_message.domain.registration import StaleVersionError, TakenError
from wework_message.entrypoints.cli.exit_codes import ExitCode

OF_ERROR: Final[MappingProxyType[type[WeworkMessageError], ExitCode]] = MappingProxyType(
    {
        WeworkMessageError: ExitCode.BUG,
        DomainError: ExitCode.REFUSED,
        InvalidValueError: ExitCode.REFUSED,
        IllegalTransitionError: ExitCode.REFUSED,
        ContentErasedError: ExitCode.REFUSED,
        NotActivatableError: ExitCode.REFUSED,
        SlotOccupiedError: ExitCode.REFUSED,
        TakenError: ExitCode.REFUSED,
        StaleVersionError: ExitCode.REFUSED,
        UnplaceableError: ExitCode.REFUSED,
        FullError: ExitCode.REFUSED,
        OpenPlacementError: ExitCode.REFUSED,
        ConflictError: ExitCode.TRY_AGAIN,
        TooManyTokensError: ExitCode.REFUSED,
        UnavailableError: ExitCode.TRY_AGAIN,
        TryAgainError: ExitCode.TRY_AGAIN,
        ApplicationError: ExitCode.REFUSED,
        NotFoundError: ExitCode.NOT_FOUND,
        CallbackRefusedError: ExitCode.NOT_FOUND,
        IdempotencyConflictError: ExitCode.REFUSED,
        UnknownNameError: ExitCode.REFUSED,
        AccountDisabledError: ExitCode.REFUSED,
        NoCapabilityError: ExitCode.REFUSED,
        BatchRefusedError: ExitCode.REFUSED,
        ConfirmationRequiredError: ExitCode.REFUSED,
        BatchConflictError: ExitCode.REFUSED,
        NotImplementedYetError: ExitCode.UNAVAILABLE,
        DrainingError: ExitCode.TRY_AGAIN,
        PoolTakenError: ExitCode.TRY_AGAIN,
        TooManyWaitersError: ExitCode.TRY_AGAIN,
        OverloadedError: ExitCode.TRY_AGAIN,
        RateLimitedError: ExitCode.TRY_AGAIN,
        UnquotableError: ExitCode.REFUSED,
        UnfitMediaError: ExitCode.REFUSED,
        InstanceOnlineError: ExitCode.REFUSED,
        MediaInUseError: ExitCode.REFUSED,
        UnauthenticatedError: ExitCode.FORBIDDEN,
        ForbiddenError: ExitCode.FORBIDDEN,
        TooManyKeysError: ExitCode.REFUSED,
        KeyRotatedError: ExitCode.REFUSED,
        TooManyTenantsError: ExitCode.REFUSED,
        TenantExistsError: ExitCode.REFUSED,
        OperatorTenantError: ExitCode.REFUSED,
        ProviderRefusedError: ExitCode.REFUSED,
        BlobMissingError: ExitCode.NOT_FOUND,
        MediaDefectError: ExitCode.REFUSED,
    }
)
"""By class; a class that is missing has its parent's code."""


def of_error(error: WeworkMessageError) -> ExitCode:
    """The code for one of our own errors."""
    return next(OF_ERROR[kind] for kind in type(error).__mro__ if kind in OF_ERROR)
