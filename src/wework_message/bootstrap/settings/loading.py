"""`load`: from the environment and the files to one checked tree."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from wework_message.bootstrap.protocols import find_protocol
from wework_message.bootstrap.settings.database import check_database
from wework_message.bootstrap.settings.effective import (
    Effective,
    Origin,
    OriginKind,
    Sources,
    merge,
    nested,
)
from wework_message.bootstrap.settings.encryption import cipher_of, decrypt_values
from wework_message.bootstrap.settings.environment import read_environment, variable_of
from wework_message.bootstrap.settings.errors import InvalidSettingError, SettingsError, SettingsFileError
from wework_message.bootstrap.settings.horizon import horizon_of
from wework_message.bootstrap.settings.http import OutboundSettings, ServerSettings
from wework_message.bootstrap.settings.links import link_warnings
from wework_message.bootstrap.settings.media_check import public_url_warnings
from wework_message.bootstrap.settings.model import EMBEDDED_DATABASE, Settings
from wework_message.bootstrap.settings.providers import ProviderSettings
from wework_message.bootstrap.settings.rocketmq import queue_warnings
from wework_message.bootstrap.settings.schema import PROVIDER_PREFIX, Value, as_secret
from wework_message.bootstrap.settings.section import comma_separated
from wework_message.bootstrap.settings.sources import DEFAULT_FOLDERS, find, read_file
from wework_message.bootstrap.settings.spring import PROFILES_KEY
from wework_message.bootstrap.settings.validation import (
    drain_delay_s,
    is_embedded,
    listen_host,
    listens_openly,
    simulated_providers,
)
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.horizon import lane_block_ms
from wework_message.domain.outbound import networks_of
from wework_message.entrypoints.rest.webhook_paths import webhook_spellings

_PROFILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_REDIS_SCHEMES: Final = frozenset({"redis", "rediss"})


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

    @property
    def listen_host(self) -> str:
        """The address to listen on (D-38)."""
        return listen_host(self.settings, self.profile)

    @property
    def drain_delay_s(self) -> int:
        """For how long requests are taken after SIGTERM (ADR 80)."""
        return drain_delay_s(self.settings, self.profile)


def load(environ: Mapping[str, str], *, config_dir: Path | None = None, config_file: Path | None = None) -> Loaded:
    """Read `application.yml`, the active profiles' files and `environ`; raise `SettingsError` at the first fault.

    Files are looked up in `config_dir`, else in the folder of `config_file`, else in ``./config`` and ``.``; only
    `config_file` has to exist. The demands of a profile are checked by `require_startable`,
    so that ``config check`` can show the settings of a start that is refused.
    """
    base, folders = _places(config_dir, config_file)
    sources = Sources()
    files: list[str] = []
    if base:
        sources.add(_from_file(base, OriginKind.FILE, environ))
        files.append(str(base))
    profiles = _profiles(environ, sources)
    for name in profiles:
        if path := find(f"application-{name}", folders):
            sources.add(_from_file(path, OriginKind.PROFILE_FILE, environ))
            files.append(str(path))
    variables = read_environment(environ, sources.providers())
    sources.add((key, value, Origin(OriginKind.ENVIRONMENT, variable)) for key, (variable, value) in variables.items())
    profile = ",".join(profiles)
    decrypt_values(sources)
    effective = merge(sources, {"datasource.url": EMBEDDED_DATABASE} if is_embedded(profile) else {})
    settings = _tree(effective)
    _check_relations(settings)
    return Loaded(settings, effective.origins, _warnings(settings, profile, sources), profile, tuple(files))


def _places(config_dir: Path | None, config_file: Path | None) -> tuple[Path | None, tuple[Path, ...]]:
    if config_dir:
        folders: tuple[Path, ...] = (config_dir,)
    elif config_file:
        folders = (config_file.parent,)
    else:
        folders = DEFAULT_FOLDERS
    if config_file is None:
        return find("application", folders), folders
    if not config_file.is_file():
        raise SettingsFileError(str(config_file), "does not exist or is no file")
    return config_file, folders


def _from_file(path: Path, kind: OriginKind, environ: Mapping[str, str]) -> Iterator[tuple[str, Value, Origin]]:
    origin = Origin(kind, str(path))
    return ((key, value, origin) for key, value in read_file(path, environ).items())


def _profiles(environ: Mapping[str, str], sources: Sources) -> list[str]:
    """The environment's profiles, else the file's (`spring.profiles.active`): a deployment must not be taken for embedded."""
    variable = variable_of(PROFILES_KEY)
    entry = sources.entries.get(PROFILES_KEY)
    where, text = (
        (variable, environ[variable]) if environ.get(variable) else (PROFILES_KEY, entry.value if entry else "")
    )
    names = text if isinstance(text, list) else str(text or "").split(",")
    profiles = list(dict.fromkeys(name for item in names if (name := str(item).strip())))
    for name in profiles:
        if not _PROFILE_NAME.fullmatch(name):
            raise SettingsError(where, "a profile is named with letters, digits, - and _")
    return profiles


def _tree(effective: Effective) -> Settings:
    settings = msgspec.convert(nested(effective.values), type=Settings, dec_hook=as_secret)
    wework = settings.app.wework
    frozen = msgspec.structs.replace(wework, providers=MappingProxyType(dict(wework.providers)))
    return msgspec.structs.replace(settings, app=msgspec.structs.replace(settings.app, wework=frozen))


def _check_relations(settings: Settings) -> None:
    """Check values against each other; raises `InvalidSettingError`."""
    cipher_of(settings.security.secrets)
    _check_webhook(settings.server)
    check_database(settings.datasource)
    if settings.redis.url and settings.redis.url.scheme not in _REDIS_SCHEMES:
        raise InvalidSettingError("redis.url", "must begin with redis:// or rediss://")
    unknown = settings.app.message.unknown
    for name, provider in settings.app.wework.providers.items():
        if provider.enabled and provider.timeout_ms > unknown.horizon_seconds * 1000:
            raise InvalidSettingError(
                f"{PROVIDER_PREFIX}{name}.timeout-ms",
                "must not be longer than app.message.unknown.horizon-seconds: no echo proves nothing before the call's end",
            )
    _check_outbound(settings.app.outbound)
    for name, provider in settings.app.wework.providers.items():
        _check_options(f"{PROVIDER_PREFIX}{name}.options", provider)
    if unknown.fail_after_hours * 3_600_000 < lane_block_ms(horizon_of(settings)):
        text = "must be at least 2 x horizon-seconds, and 6 x sync-interval-seconds where settle.sync is used"
        raise InvalidSettingError("app.message.unknown.fail-after-hours", text)


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
    if sources.ignored:
        warnings.insert(0, f"ignored, no meaning here: {', '.join(sorted(sources.ignored))}")
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
    return (*warnings, *queue_warnings(settings.rocketmq), *link_warnings(settings))
