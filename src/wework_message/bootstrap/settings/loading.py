"""`load`: from the environment and the files to one checked tree."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import msgspec

from wework_message.bootstrap.protocols import find_protocol
from wework_message.bootstrap.settings.database import check_database
from wework_message.bootstrap.settings.effective import Origin, Sources, merge, nested
from wework_message.bootstrap.settings.encryption import cipher_of
from wework_message.bootstrap.settings.environment import setting_variables
from wework_message.bootstrap.settings.errors import InvalidSettingError, SettingsError
from wework_message.bootstrap.settings.foreign import Ignored, judged
from wework_message.bootstrap.settings.http import OutboundSettings, ServerSettings
from wework_message.bootstrap.settings.layers import Layers, read_layers
from wework_message.bootstrap.settings.links import link_warnings
from wework_message.bootstrap.settings.media_check import public_url_warnings
from wework_message.bootstrap.settings.model import EMBEDDED_DATABASE, Settings
from wework_message.bootstrap.settings.nacos import WAY_OUT, NacosSettings, imports_of, nacos_warnings
from wework_message.bootstrap.settings.providers import ProviderSettings
from wework_message.bootstrap.settings.refusal import refusal
from wework_message.bootstrap.settings.rocketmq import queue_warnings
from wework_message.bootstrap.settings.schema import PROVIDER_PREFIX, as_secret
from wework_message.bootstrap.settings.section import comma_separated
from wework_message.bootstrap.settings.service_links import service_link_warnings
from wework_message.bootstrap.settings.shared_start import SharedRead, SharedStart
from wework_message.bootstrap.settings.spring import ignored_section
from wework_message.bootstrap.settings.time_check import check_times
from wework_message.bootstrap.settings.validation import (
    drain_delay_s,
    is_embedded,
    listen_host,
    listens_openly,
    simulated_providers,
    start_problems,
)
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.outbound import networks_of
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.shared_configuration import Document
from wework_message.entrypoints.rest.webhook_paths import webhook_spellings


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force and their origins."""

    settings: Settings
    origins: Mapping[str, Origin]
    """Where each key's value comes from."""
    warnings: tuple[str, ...]
    """What the operator should know; none of them stops the start."""
    profile: str
    """Active profiles, comma-separated, the last one strongest; empty = none."""
    files: tuple[str, ...]
    """The files that were read, weakest first."""
    layers: Layers = field(repr=False, compare=False)
    """Where these settings come from, but for Nacos."""
    values: Mapping[str, object] = field(repr=False)
    """Every key with its checked value."""
    documents: Sequence[Document] = ()
    """The configurations of Nacos in these settings, weakest first."""
    ignored: Sequence[Ignored] = ()
    """Keys and variables of other services, with what to do about each."""

    @property
    def listen_host(self) -> str:
        """The address to listen on (D-38)."""
        return listen_host(self.settings, self.profile)

    @property
    def drain_delay_s(self) -> int:
        """For how long requests are taken after SIGTERM (ADR 80)."""
        return drain_delay_s(self.settings, self.profile)


def load(
    environ: Mapping[str, str],
    *,
    config_dir: Path | None = None,
    config_file: Path | None = None,
    nacos: SharedStart | None = None,
) -> Loaded:
    """Read `application.yml`, the active profiles' files, Nacos and `environ`; raise `SettingsError` at the first fault.

    Files are looked up in `config_dir`, else in the folder of `config_file`, else in ``./config`` and ``.``; only
    `config_file` has to exist. Without `nacos` no settings come from there, whatever the files say. The demands of a
    profile are checked by `require_startable`, so that ``config check`` can show the settings of a start that is refused.
    """
    notes = service_link_warnings(environ, setting_variables())
    layers = read_layers(environ, config_dir=config_dir, config_file=config_file)
    try:
        settings = layers.nacos()
    except SettingsError:
        loaded_of(layers)  # raises with everything that is wrong
        raise
    if nacos is None or not settings.reads:
        return loaded_of(layers, (), notes)
    loaded = _with_nacos(layers, settings, nacos(settings, layers.profiles))
    return replace(loaded, warnings=(*notes, *loaded.warnings))


def loaded_of(layers: Layers, documents: Sequence[Document] = (), notes: Sequence[str] = ()) -> Loaded:
    """The settings with these configurations of Nacos, and `notes` among the warnings. Raises `SettingsError`."""
    sources = layers.with_documents(documents)
    sources.notes += notes
    profile = layers.profile
    effective = merge(sources, {"datasource.url": EMBEDDED_DATABASE} if is_embedded(profile) else {})
    settings = _tree(effective.values)
    refused, ignored = judged(sources.strays, settings)
    problems = [*sources.problems, *effective.problems, *refused]
    try:
        _check_relations(settings)
    except SettingsError as error:
        if error.path not in {problem.path for problem in problems}:
            problems.append(error)
    if problems:
        raise refusal(problems, settings, profile, ignored)
    warnings = _warnings(settings, profile, sources)
    return Loaded(
        settings,
        effective.origins,
        warnings,
        profile,
        layers.files,
        layers,
        effective.values,
        tuple(documents),
        ignored,
    )


def combined(former: Loaded, newer: Loaded, keys: Collection[str]) -> Loaded:
    """`former` with the values that `newer` has for `keys`. Raises `InvalidSettingError` where they do not go together."""
    values = dict(former.values) | {key: newer.values[key] for key in keys}
    origins = dict(former.origins) | {key: newer.origins[key] for key in keys}
    settings = settings_of(values)
    return replace(former, settings=settings, values=values, origins=origins, documents=newer.documents)


def _with_nacos(layers: Layers, settings: NacosSettings, start: SharedRead) -> Loaded:
    """The settings with what Nacos says or, where it says nothing or nothing usable, said last (ADR 78)."""
    candidates: list[tuple[Sequence[Document], Sequence[str]]] = []
    if start.documents is not None:
        candidates.append((start.documents, start.notes))
    if start.copy is not None:
        candidates.append((start.copy.documents, start.copied_notes))
    first: Loaded | SettingsError | None = None
    for documents, notes in candidates:
        try:
            loaded = loaded_of(layers, documents, [*notes, *([] if first is None else [_refused(first, layers)])])
        except SettingsError as error:
            first = first or error
            continue
        if not start_problems(loaded.settings, loaded.profile):
            if documents is start.documents:
                start.keep(documents)
            return loaded
        first = first or loaded
    if isinstance(first, SettingsError):
        raise first
    if first is not None:
        return first
    if settings.config.required or imports_of(settings.config)[1]:
        text = f"{start.problem}, there is no copy of what it said, and the start needs it: nacos.config.required is true, or spring.config.import has an entry without optional:; {WAY_OUT}"
        raise SettingsError("nacos.config", text)
    text = f"{start.problem}, and there is no copy of what it said: started from files alone; {WAY_OUT}"
    return loaded_of(layers, (), [text])


def _refused(first: Loaded | SettingsError, layers: Layers) -> str:
    reason = first if isinstance(first, SettingsError) else start_problems(first.settings, layers.profile)[0]
    return f"what Nacos says is refused ({reason})"


def settings_of(values: Mapping[str, object]) -> Settings:
    """The tree of the values by key, checked against each other. Raises `InvalidSettingError`."""
    settings = _tree(values)
    _check_relations(settings)
    return settings


def _tree(values: Mapping[str, object]) -> Settings:
    settings = msgspec.convert(nested(values), type=Settings, dec_hook=as_secret)
    wework = settings.app.wework
    frozen = msgspec.structs.replace(wework, providers=MappingProxyType(dict(wework.providers)))
    return msgspec.structs.replace(settings, app=msgspec.structs.replace(settings.app, wework=frozen))


def _check_relations(settings: Settings) -> None:
    """Check values against each other; raises `InvalidSettingError`."""
    cipher_of(settings.security.secrets)
    _check_webhook(settings.server)
    check_database(settings.datasource)
    check_times(settings)
    _check_outbound(settings.app.outbound)
    for name, provider in settings.app.wework.providers.items():
        _check_options(f"{PROVIDER_PREFIX}{name}.options", provider)
        if OutcomeClass.ACCEPTED in provider.outcome_codes.values():
            text = f"no code means {OutcomeClass.ACCEPTED}: that needs an answer with an id"
            raise InvalidSettingError(f"{PROVIDER_PREFIX}{name}.outcome-codes", text)


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


def _warnings(settings: Settings, profile: str, sources: Sources) -> tuple[str, ...]:
    warnings = list(sources.notes)
    if sections := {ignored_section(stray.key or stray.name) for stray in sources.strays} - {None}:
        names = ", ".join(sorted(map(str, sections)))
        warnings.insert(0, f"ignored, no meaning here (config check says what to do): {names}")
    warnings += [
        f"provider {name} is the built-in simulator: nothing reaches WeCom"
        for name in simulated_providers(settings, profile)
    ]
    if listens_openly(settings, profile):
        warnings.append(
            f"security.mode is open and the service listens on {listen_host(settings, profile)}: "
            "whoever reaches it can send messages; security.mode: keys asks for an API key (docs/security.md)"
        )
    workers = settings.server.workers
    if workers > 1 and settings.redis.url is None:
        warnings.append(
            f"server.workers is {workers} without redis.url: each worker paces an account at a part of 1/{workers} of its "
            "budget, and knows the health of providers from its own calls"
        )
    enabled = [name for name, provider in settings.app.wework.providers.items() if provider.enabled]
    reached_here = is_embedded(profile) or len(simulated_providers(settings, profile)) == len(enabled)
    warnings += public_url_warnings(settings.app.media, reached_here=reached_here)
    if others := imports_of(settings.nacos.config)[2]:
        warnings.append(f"spring.config.import: only nacos: has a meaning here, not {', '.join(others)}")
    warnings += nacos_warnings(settings.nacos)
    return (*warnings, *queue_warnings(settings.rocketmq), *link_warnings(settings))
