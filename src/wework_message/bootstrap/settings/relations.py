"""Whether values go together that are allowed each for itself."""

from collections.abc import Callable, Iterator
from functools import partial

from wework_message.bootstrap.protocols import find_protocol
from wework_message.bootstrap.settings.database import check_database
from wework_message.bootstrap.settings.effective import collected
from wework_message.bootstrap.settings.encryption import cipher_of
from wework_message.bootstrap.settings.errors import InvalidSettingError, SettingsError
from wework_message.bootstrap.settings.http import OutboundSettings, ServerSettings
from wework_message.bootstrap.settings.model import Settings
from wework_message.bootstrap.settings.providers import ProviderSettings
from wework_message.bootstrap.settings.schema import PROVIDER_PREFIX
from wework_message.bootstrap.settings.section import comma_separated
from wework_message.bootstrap.settings.time_check import time_problems
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.outbound import networks_of
from wework_message.domain.outcomes import OutcomeClass
from wework_message.entrypoints.rest.webhook_paths import webhook_spellings


def relation_problems(settings: Settings) -> Iterator[SettingsError]:
    """A problem for each value that contradicts another one, or cannot be used whatever the others are."""
    problems: list[SettingsError] = []
    providers = settings.app.wework.providers.items()
    checks: tuple[Callable[[], object], ...] = (
        partial(cipher_of, settings.security.secrets),
        partial(_check_webhook, settings.server),
        partial(check_database, settings.datasource),
        partial(_check_outbound, settings.app.outbound),
        *(partial(_check_options, f"{PROVIDER_PREFIX}{name}.options", provider) for name, provider in providers),
    )
    for check in checks:
        with collected(problems):
            check()
    yield from problems
    yield from time_problems(settings)
    for name, provider in providers:
        if OutcomeClass.ACCEPTED in provider.outcome_codes.values():
            text = f"no code means {OutcomeClass.ACCEPTED}: that needs an answer with an id"
            yield InvalidSettingError(f"{PROVIDER_PREFIX}{name}.outcome-codes", text)


def _check_webhook(server: ServerSettings) -> None:
    spellings = list(webhook_spellings(server.context_path))
    if server.webhook_path is not None and server.webhook_path not in spellings:
        raise InvalidSettingError("server.webhook-path", f"must be one of {', '.join(spellings)}")


def _check_outbound(outbound: OutboundSettings) -> None:
    try:
        networks_of(comma_separated(outbound.allow_networks))
    except ValueError as error:
        raise InvalidSettingError("app.outbound.allow-networks", str(error)) from None


def _check_options(key: str, provider: ProviderSettings) -> None:
    """Let the protocol check its options; a protocol that is not installed stops the start anyway."""
    protocol = find_protocol(provider.protocol)
    if protocol is None:
        return
    try:
        protocol.check_options({name: option.reveal() for name, option in provider.options.items()})
    except InvalidValueError as problem:
        raise InvalidSettingError(f"{key}.{problem.path}", problem.message) from None
    except Exception as error:  # of a package that is not ours; its text may have a secret
        text = f"the protocol {provider.protocol} cannot check them ({type(error).__name__})"
        raise InvalidSettingError(key, text) from error
