"""The issuer of tokens: whether its settings fit each other, and its verifier (ADR 69)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wework_message.bootstrap.settings.environment import variables_of
from wework_message.bootstrap.settings.errors import InvalidSettingError, MissingSettingError, SettingsError
from wework_message.bootstrap.settings.http import JwtSettings, SecuritySettings
from wework_message.bootstrap.settings.section import comma_separated
from wework_message.domain.access.claims import ClaimNames
from wework_message.domain.ports.issued_tokens import TokenVerifier
from wework_message.domain.ports.system import Clock

PREFIX: Final = "security.jwt."


def jwt_problems(security: SecuritySettings) -> Iterator[SettingsError]:
    """Why the service cannot start with these."""
    settings = security.jwt
    if settings.issuer is None:
        for name, key in zip(JwtSettings.__struct_fields__, JwtSettings.__struct_encode_fields__, strict=True):
            if getattr(settings, name) != getattr(JwtSettings(), name):
                path = f"{PREFIX}{key}"
                yield InvalidSettingError(path, f"needs {PREFIX}issuer; it is set by {variables_of(path)}")
        return
    if security.mode != "keys":
        path = f"{PREFIX}issuer"
        yield InvalidSettingError(path, f"needs security.mode: keys; it is set by {variables_of(path)}")
    for key, value in (("audience", settings.audience), ("key-set", settings.key_set)):
        if value is None:
            path = f"{PREFIX}{key}"
            yield MissingSettingError(path, variables_of(path), f"{PREFIX}issuer is set")
    yield from _unusable(settings)


def _unusable(settings: JwtSettings) -> Iterator[SettingsError]:
    # Here, since the library takes its time, and most have no issuer.
    from wework_message.adapters.tokens.key_set import (  # noqa: PLC0415 -- as above
        ALGORITHMS,
        KeySetError,
        read_key_set,
    )

    algorithms = comma_separated(settings.algorithms)
    if unknown := [name for name in algorithms if name not in ALGORITHMS]:
        path = f"{PREFIX}algorithms"
        yield InvalidSettingError(
            path, f"{', '.join(unknown)}: must be of {', '.join(ALGORITHMS)} ({variables_of(path)})"
        )
    elif settings.key_set is not None:
        try:
            read_key_set(Path(settings.key_set), algorithms)
        except KeySetError as error:
            path = f"{PREFIX}key-set"
            yield InvalidSettingError(path, f"the file {error} ({variables_of(path)})")


def token_verifier(settings: JwtSettings, clock: Clock) -> TokenVerifier | None:
    """Of the settings, which are checked; None without an issuer. Raises `SettingsError` where the keys are gone since."""
    if settings.issuer is None or settings.audience is None or settings.key_set is None:
        return None
    from wework_message.adapters.tokens.jwt_verifier import Issuer, JwtVerifier  # noqa: PLC0415 -- as above
    from wework_message.adapters.tokens.key_set import KeySetError  # noqa: PLC0415 -- as above

    issuer = Issuer(
        settings.issuer,
        settings.audience,
        comma_separated(settings.algorithms),
        Path(settings.key_set),
        ClaimNames(settings.tenant_claim, settings.scope_claim),
    )
    try:
        return JwtVerifier(issuer, clock)
    except KeySetError as error:
        raise InvalidSettingError(f"{PREFIX}key-set", f"the file {error}") from None
