"""The gateways and callback readers of the configured providers, each by its protocol (D-20)."""

import dataclasses
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from wework_message.bootstrap.protocols import UnusableProtocolError, require_protocol
from wework_message.bootstrap.settings import ProviderSettings, SettingsError
from wework_message.domain.ids import ProviderCode
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import CallbackReader, MessageGateway
from wework_message.domain.ports.instances import InstanceAdmin, InstanceMaker, LoginVerifier, SessionRestorer
from wework_message.domain.ports.mass_gateway import MassGateway
from wework_message.domain.ports.media_gateway import MediaGateway
from wework_message.domain.ports.protocols import MassConnection, MediaConnection, ProviderConnection, ProviderProtocol
from wework_message.domain.ports.streams import StreamPuller


@dataclass(frozen=True, slots=True)
class Gateways:
    """Every enabled provider's gateway, and every provider's callback reader."""

    send: Mapping[ProviderCode, MessageGateway]
    readers: Mapping[ProviderCode, CallbackReader]
    """Without the providers whose protocol has no callbacks."""
    outcome_codes: Mapping[ProviderCode, dict[str, OutcomeClass]] = field(default_factory=dict, kw_only=True)
    """Those that the gateways look at."""

    def take_outcome_codes(self, providers: Iterable[ProviderSettings]) -> None:
        """The configured codes have changed."""
        for settings in providers:
            if (
                codes := self.outcome_codes.get(ProviderCode(settings.code))
            ) is not None and codes != settings.outcome_codes:
                codes.clear()
                codes.update(settings.outcome_codes)

    @property
    def admins(self) -> Mapping[ProviderCode, InstanceAdmin]:
        """The gateways that can list and set up instances."""
        return {code: gateway for code, gateway in self.send.items() if isinstance(gateway, InstanceAdmin)}

    @property
    def pullers(self) -> Mapping[ProviderCode, StreamPuller]:
        """The gateways that let message streams be pulled."""
        return {code: gateway for code, gateway in self.send.items() if isinstance(gateway, StreamPuller)}

    @property
    def uploaders(self) -> Mapping[ProviderCode, MediaGateway]:
        """The gateways that take files."""
        return {code: gateway for code, gateway in self.send.items() if isinstance(gateway, MediaGateway)}

    @property
    def mass(self) -> Mapping[ProviderCode, MassGateway]:
        """The gateways that make mass sends."""
        return {code: gateway for code, gateway in self.send.items() if isinstance(gateway, MassGateway)}

    @property
    def restorers(self) -> Mapping[ProviderCode, SessionRestorer]:
        """The gateways that can log instances in."""
        return {code: gateway for code, gateway in self.send.items() if isinstance(gateway, SessionRestorer)}

    @property
    def makers(self) -> Mapping[ProviderCode, InstanceMaker]:
        """The gateways that can make instances."""
        return {code: gateway for code, gateway in self.send.items() if isinstance(gateway, InstanceMaker)}

    @property
    def verifiers(self) -> Mapping[ProviderCode, LoginVerifier]:
        """The gateways that pass on the codes of logins."""
        return {code: gateway for code, gateway in self.send.items() if isinstance(gateway, LoginVerifier)}


def protocol(name: str) -> ProviderProtocol:
    """The protocol of this name, ours or an installed one; raises `SettingsError`."""
    try:
        return require_protocol(name)
    except UnusableProtocolError as error:
        raise SettingsError("app.wework.providers.*.protocol", str(error)) from None


def connection_of(
    settings: ProviderSettings, url: str, calls: int, uploads: MediaConnection | None = None
) -> ProviderConnection:
    """What the protocol needs to open this provider, with `calls` sends and recalls at once; of `uploads` number and deadline count."""
    return ProviderConnection(
        url, settings.timeout_ms, calls, settings.outcome_codes,
        {name: option.reveal() for name, option in settings.options.items()},
        dataclasses.replace(
            uploads or MediaConnection(), file_types=dict(settings.media.file_types.items()), answer=dict(settings.media.answer.items()),
            expired_codes=settings.media.expired,
        ),
        MassConnection(dict(settings.mass.answer.items()), settings.mass.statuses, settings.mass.prefixed_ids),
    )  # fmt: skip


def callback_readers(providers: Mapping[str, ProviderSettings]) -> Mapping[ProviderCode, CallbackReader]:
    """The reader of every provider whose protocol has callbacks, enabled or not. Raises `SettingsError` as `protocol` does."""
    readers = {ProviderCode(settings.code): protocol(settings.protocol).reader() for settings in providers.values()}
    return {code: reader for code, reader in readers.items() if reader is not None}


@asynccontextmanager
async def open_gateways(
    providers: Mapping[str, ProviderSettings],
    urls: Mapping[str, str],
    calls: int,
    uploads: MediaConnection | None = None,
) -> AsyncIterator[Gateways]:
    """Gateways for the enabled providers; `urls` by settings key, `uploads` as in `connection_of`. Raises `SettingsError` where one cannot be opened."""
    async with AsyncExitStack() as stack:
        send: dict[ProviderCode, MessageGateway] = {}
        codes: dict[ProviderCode, dict[str, OutcomeClass]] = {}
        readers = callback_readers(providers)
        for key, settings in providers.items():
            if settings.enabled:
                provider_protocol = protocol(settings.protocol)
                codes[ProviderCode(settings.code)] = dict(settings.outcome_codes)
                connection = dataclasses.replace(
                    connection_of(settings, urls[key], calls, uploads),
                    outcome_codes=codes[ProviderCode(settings.code)],
                )
                try:
                    gateway = await stack.enter_async_context(provider_protocol.open(connection))
                except Exception as error:  # its text may have a secret
                    text = f"the protocol {settings.protocol} cannot open it ({type(error).__name__})"
                    raise SettingsError(f"app.wework.providers.{key}", text) from error
                if settings.settle.pulls and not isinstance(gateway, StreamPuller):
                    text = f"the protocol {settings.protocol} cannot pull message streams"
                    raise SettingsError(f"app.wework.providers.{key}.settle.sync", text)
                send[ProviderCode(settings.code)] = gateway
        yield Gateways(send, readers, outcome_codes=codes)
