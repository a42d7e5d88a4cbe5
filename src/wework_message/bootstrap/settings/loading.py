"""`load`: from all sources to one checked tree."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import msgspec

from wework_message.bootstrap.settings.effective import Origin, Sources, nested
from wework_message.bootstrap.settings.environment import setting_variables
from wework_message.bootstrap.settings.errors import SettingsError
from wework_message.bootstrap.settings.foreign import judged
from wework_message.bootstrap.settings.ignored import Ignored
from wework_message.bootstrap.settings.layers import Layers, read_layers
from wework_message.bootstrap.settings.links import link_warnings
from wework_message.bootstrap.settings.media_check import public_url_warnings
from wework_message.bootstrap.settings.merging import merge
from wework_message.bootstrap.settings.model import EMBEDDED_DATABASE, Settings
from wework_message.bootstrap.settings.nacos import WAY_OUT, NacosSettings, imports_of, nacos_warnings
from wework_message.bootstrap.settings.refusal import refusal
from wework_message.bootstrap.settings.relations import relation_problems
from wework_message.bootstrap.settings.rocketmq import queue_warnings
from wework_message.bootstrap.settings.schema import as_secret
from wework_message.bootstrap.settings.service_links import service_link_warnings
from wework_message.bootstrap.settings.shared_start import SharedRead, SharedStart
from wework_message.bootstrap.settings.spring import ignored_section
from wework_message.bootstrap.settings.validation import (
    drain_delay_s,
    is_embedded,
    listen_host,
    listens_openly,
    simulated_providers,
    start_problems,
)
from wework_message.domain.ports.shared_configuration import Document


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
    command_line: Sequence[str] = (),
) -> Loaded:
    """Read the settings files, Nacos, `environ` and the properties of the command line; raise `SettingsError` at the first fault.

    Files are looked up in `config_dir`; else `config_file` is read, with its profiles' files in its folder; else as Spring does
    (`layers`, ADR 83). Only `config_file` has to exist. Each of `command_line` is ``key=value``. Without `nacos` no settings come from there, whatever the files say. The demands of a
    profile are checked by `require_startable`, so that ``config check`` can show the settings of a start that is refused.
    """
    notes = service_link_warnings(environ, setting_variables())
    layers = read_layers(environ, config_dir=config_dir, config_file=config_file, command_line=command_line)
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
    known = {problem.path for problem in problems}
    problems += [problem for problem in relation_problems(settings) if problem.path not in known]
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
    for problem in relation_problems(settings):
        raise problem
    return settings


def _tree(values: Mapping[str, object]) -> Settings:
    settings = msgspec.convert(nested(values), type=Settings, dec_hook=as_secret)
    wework = settings.app.wework
    frozen = msgspec.structs.replace(wework, providers=MappingProxyType(dict(wework.providers)))
    return msgspec.structs.replace(settings, app=msgspec.structs.replace(settings.app, wework=frozen))


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
        warnings.append(f"spring.config.import: files and nacos: have a meaning here, not {', '.join(others)}")
    warnings += nacos_warnings(settings.nacos)
    return (*warnings, *queue_warnings(settings.rocketmq), *link_warnings(settings))
