"""Every source of settings in its rank: files, Nacos, the environment, and what is stronger."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from wework_message.bootstrap.settings.config_data import ConfigData, read_config_data
from wework_message.bootstrap.settings.config_files import PROPERTIES, documents_in
from wework_message.bootstrap.settings.documents import REFUSED_CONDITION, is_active
from wework_message.bootstrap.settings.effective import Entry, Origin, OriginKind, Sources, join_imports, nested
from wework_message.bootstrap.settings.encryption import decrypt_values
from wework_message.bootstrap.settings.environment import shadowed_variables
from wework_message.bootstrap.settings.errors import InvalidSettingError, SettingsFileError
from wework_message.bootstrap.settings.java_options import client_notes
from wework_message.bootstrap.settings.locations import DEFAULT_PLACES, Location, locations_of
from wework_message.bootstrap.settings.nacos import NacosSettings
from wework_message.bootstrap.settings.outer import outer_sources
from wework_message.bootstrap.settings.placeholders import replaced
from wework_message.bootstrap.settings.property_source import PropertySource, lookup_in, strongest_with
from wework_message.bootstrap.settings.relaxed import (
    ACTIVATION,
    ADDITIONAL_LOCATION,
    CONFIG_NAME,
    IMPORT,
    LOCATION,
    OLD_PROFILES,
    ON_NOT_FOUND,
    STEERING,
)
from wework_message.bootstrap.settings.schema import Value, as_secret, known_leaves
from wework_message.bootstrap.settings.section import comma_separated
from wework_message.bootstrap.settings.spring import PROFILES_KEY, setting_of
from wework_message.domain.ports.shared_configuration import Document

NACOS: Final = "nacos."
_SECRETS: Final = "security.secrets."
_NAME: Final = "application"
_FORMS: Final = {"yml": ".yaml", "yaml": ".yaml", "properties": PROPERTIES}
_NO_SETTINGS: Final = frozenset({*STEERING, IMPORT, OLD_PROFILES})
"""They are obeyed before the settings are put together."""


@dataclass(frozen=True, slots=True)
class Layers:
    """What files and the environment say."""

    below: Sequence[PropertySource] = field(repr=False)
    """The files' documents, weakest first."""
    environ: Mapping[str, str] = field(repr=False)
    command_line: Sequence[str] = field(repr=False)
    """``key=value`` of each argument."""
    profiles: Sequence[str]
    accepted: Sequence[str]
    """The profiles whose documents count: `profiles`, or `default`."""
    files: tuple[str, ...]
    """The files that were read, weakest first."""
    imports: Sequence[str]
    """Imports that are none of files."""
    notes: Sequence[str]

    @property
    def profile(self) -> str:
        """The active profiles with commas, the last one strongest; empty = none."""
        return ",".join(self.profiles)

    def nacos(self) -> NacosSettings:
        """Which Nacos there is, which is decided without it. Raises `SettingsError`."""
        sources = self._sources((), (NACOS, _SECRETS))
        decrypt_values(sources, NACOS)
        for problem in sources.problems:
            if problem.path.startswith(NACOS):
                raise problem
        join_imports(sources.entries)
        values: dict[str, object] = {}
        for key, leaf in known_leaves(()).items():
            if key.startswith(NACOS):
                values[key] = _converted(key, leaf.convert, sources.entries.get(key), leaf.default)
        return msgspec.convert(nested(values)["nacos"], type=NacosSettings, dec_hook=as_secret)

    def with_documents(self, documents: Sequence[Document]) -> Sources:
        """All sources, merged and decrypted. Raises `SettingsError`."""
        sources = self._sources(self._shared(documents) if documents else ())
        decrypt_values(sources)
        return sources

    def _sources(self, shared: Sequence[PropertySource], filled: tuple[str, ...] = ("",)) -> Sources:
        """The sources on each other; only keys that begin with one of `filled` have their placeholders replaced."""
        sources = Sources(notes=list(self.notes))
        if self.imports:
            sources.add([(IMPORT, list(self.imports), Origin(OriginKind.FILE, ", ".join(self.files)))])
        for source in self.below:
            sources.add(_settings(source))
        for source in shared:
            sources.notes += [
                f"{key} has no effect in Nacos ({source.origin})"
                for key in source.settings
                if _is_known(key) and key not in ACTIVATION
            ]
            sources.add(setting for setting in _settings(source) if not _is_known(setting[0]))
        outer = outer_sources(self.environ, sources.providers(), self.command_line, sources)
        for source in outer:
            sources.add(_settings(source))
        sources.fill(lookup_in([*self.below, *shared, *outer]), filled)
        return sources

    def _shared(self, documents: Sequence[Document]) -> list[PropertySource]:
        """The parts of these configurations of Nacos that count with the active profiles."""
        form = self.nacos().config.file_extension
        look = lookup_in([*self.below, *outer_sources(self.environ, (), self.command_line)])
        return [
            source
            for document in documents
            for source in _parts_of(document, form)
            if is_active(source, self.accepted, look, self.environ)
        ]


def _parts_of(document: Document, form: str) -> list[PropertySource]:
    origin = Origin(OriginKind.NACOS, str(document.name))
    ending = document.name.data_id.rpartition(".")[2]
    sources = documents_in(document.text, _FORMS.get(ending, _FORMS[form]), str(origin), origin)
    if any(OLD_PROFILES in source.settings for source in sources):
        raise SettingsFileError(str(origin), REFUSED_CONDITION)
    return sources


def read_layers(
    environ: Mapping[str, str],
    *,
    config_dir: Path | None,
    config_file: Path | None,
    command_line: Sequence[str] = (),
) -> Layers:
    """Read the settings files and those of the active profiles. Raises `SettingsError` at the first fault."""
    outer = outer_sources(environ, (), command_line)
    data = _config_data(outer, environ, config_dir, config_file)
    profiles = data.profiles
    old = [source.settings[OLD_PROFILES][1] for source in outer if OLD_PROFILES in source.settings]
    notes = [f"{OLD_PROFILES} has no effect, {PROFILES_KEY} has ({origin})" for origin in old]
    notes += [*data.notes, *client_notes(environ), *shadowed_variables(environ)]
    return Layers(
        data.documents,
        environ,
        command_line,
        profiles.named,
        profiles.accepted,
        data.files,
        data.foreign_imports,
        notes,
    )


def _config_data(
    outer: Sequence[PropertySource], environ: Mapping[str, str], config_dir: Path | None, config_file: Path | None
) -> ConfigData:
    """Spring Boot 3.2, "External Application Properties": `spring.config.location`, then what is added to it, then what is imported."""
    look = lookup_in(outer)

    def said(key: str) -> tuple[Value, str]:
        holder = strongest_with(key, outer)
        if holder is None:
            return None, key
        value, origin = holder.settings[key]
        where = f"{key} ({origin})"
        return replaced(value, look, where, strict=False), where

    ignores = str(said(ON_NOT_FOUND)[0] or "").strip().lower() == "ignore"
    names = [name for item in _texts(said(CONFIG_NAME)[0]) for name in comma_separated(item)] or [_NAME]
    beginning = [Location(DEFAULT_PLACES, LOCATION, ignore_missing=ignores)]
    if config_file is not None:
        beginning = [_named_file(config_file, ignore_missing=ignores)]
    elif config_dir is not None:
        beginning = [Location(f"optional:file:{config_dir}/", LOCATION, ignore_missing=ignores, is_one=True)]
    elif said(LOCATION)[0]:
        beginning = locations_of(*said(LOCATION), ignore_missing=ignores)
    beginning += locations_of(*said(ADDITIONAL_LOCATION), ignore_missing=ignores)
    beginning += locations_of(*said(IMPORT), ignore_missing=ignores)
    return read_config_data(outer, beginning, names, environ)


def _named_file(path: Path, *, ignore_missing: bool) -> Location:
    """`--config`: its profiles' files are `application-<profile>` or, as in Spring, of its own name."""
    if not path.is_file():
        raise SettingsFileError(str(path), "does not exist or is no file")
    return Location(
        f"file:{path}",
        "--config",
        ignore_missing=ignore_missing,
        is_one=True,
        names=tuple(dict.fromkeys((_NAME, path.stem))),
    )


def _texts(value: Value) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value or "")]


def _settings(source: PropertySource) -> list[tuple[str, Value, Origin]]:
    return [(key, value, origin) for key, (value, origin) in source.settings.items() if key not in _NO_SETTINGS]


def _is_known(key: str) -> bool:
    """Whether a setting is known before Nacos is read."""
    return key in _NO_SETTINGS or setting_of(key).startswith(f"{NACOS}config.")


def _converted(key: str, convert: Callable[[Value], object], entry: Entry | None, default: object) -> object:
    if entry is None:
        return default
    try:
        return convert(entry.value)
    except ValueError as error:
        raise InvalidSettingError(key, f"{error} ({entry.origin})") from None
