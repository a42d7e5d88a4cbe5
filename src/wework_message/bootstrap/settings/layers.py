"""Every source of settings in its rank: files, Nacos, the environment."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from wework_message.bootstrap.settings.effective import Entry, Origin, OriginKind, Sources, join_imports, nested
from wework_message.bootstrap.settings.encryption import decrypt_values
from wework_message.bootstrap.settings.environment import read_environment, variable_of
from wework_message.bootstrap.settings.errors import InvalidSettingError, SettingsError, SettingsFileError
from wework_message.bootstrap.settings.nacos import NacosSettings
from wework_message.bootstrap.settings.properties import parse_properties
from wework_message.bootstrap.settings.schema import Value, as_secret, known_leaves
from wework_message.bootstrap.settings.sources import DEFAULT_FOLDERS, find, parse_yaml, read_file, settings_in
from wework_message.bootstrap.settings.spring import PROFILES_KEY, setting_of
from wework_message.domain.ports.shared_configuration import Document

NACOS: Final = "nacos."
_PROFILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_FORMS: Final = {"yml": "yaml", "yaml": "yaml", "properties": "properties"}

Source: TypeAlias = Sequence[tuple[str, Value, Origin]]


@dataclass(frozen=True, slots=True)
class Layers:
    """What files and the environment say."""

    below: Sequence[Source] = field(repr=False)
    """The files, weakest first."""
    environ: Mapping[str, str] = field(repr=False)
    profiles: Sequence[str]
    files: tuple[str, ...]
    """The files that were read, weakest first."""

    @property
    def profile(self) -> str:
        """The active profiles with commas, the last one strongest; empty = none."""
        return ",".join(self.profiles)

    def nacos(self) -> NacosSettings:
        """Which Nacos there is, which is decided without it. Raises `SettingsError`."""
        sources = self._sources(())
        decrypt_values(sources, NACOS)
        join_imports(sources.entries)
        values: dict[str, object] = {}
        for key, leaf in known_leaves(()).items():
            if key.startswith(NACOS):
                values[key] = _converted(key, leaf.convert, sources.entries.get(key), leaf.default)
        return msgspec.convert(nested(values)["nacos"], type=NacosSettings, dec_hook=as_secret)

    def with_documents(self, documents: Sequence[Document]) -> Sources:
        """All sources, merged and decrypted. Raises `SettingsError`."""
        form = self.nacos().config.file_extension if documents else ""
        sources = self._sources([self._settings_of(document, form) for document in documents])
        decrypt_values(sources)
        return sources

    def _sources(self, shared: Sequence[Source]) -> Sources:
        sources = Sources()
        for source in self.below:
            sources.add(source)
        for source in shared:
            sources.notes += [f"{key} has no effect in Nacos ({origin})" for key, _, origin in source if _is_known(key)]
            sources.add(setting for setting in source if not _is_known(setting[0]))
        variables = read_environment(self.environ, sources.providers(), sources.problems)
        sources.add(
            (key, value, Origin(OriginKind.ENVIRONMENT, variable)) for key, (variable, value) in variables.items()
        )
        sources.add_variables(self.environ, [variable for variable, _ in variables.values()])
        return sources

    def _settings_of(self, document: Document, form: str) -> Source:
        origin = Origin(OriginKind.NACOS, str(document.name))
        label = str(origin)
        ending = document.name.data_id.rpartition(".")[2]
        parse = parse_properties if _FORMS.get(ending, _FORMS[form]) == "properties" else parse_yaml
        values = settings_in(parse(document.text, label), label, self.environ)
        return [(key, value, origin) for key, value in values.items()]


def read_layers(environ: Mapping[str, str], *, config_dir: Path | None, config_file: Path | None) -> Layers:
    """Read `application.yml` and the active profiles' files. Raises `SettingsError` at the first fault."""
    base, folders = _places(config_dir, config_file)
    below: list[Source] = []
    files: list[str] = []
    if base:
        below.append(list(_from_file(base, OriginKind.FILE, environ)))
        files.append(str(base))
    profiles = _profiles(environ, below)
    for name in profiles:
        if path := find(f"application-{name}", folders):
            below.append(list(_from_file(path, OriginKind.PROFILE_FILE, environ)))
            files.append(str(path))
    return Layers(below, environ, profiles, tuple(files))


def _is_known(key: str) -> bool:
    """Whether a setting is known before Nacos is read."""
    return key == PROFILES_KEY or setting_of(key).startswith(f"{NACOS}config.")


def _converted(key: str, convert: Callable[[Value], object], entry: Entry | None, default: object) -> object:
    if entry is None:
        return default
    try:
        return convert(entry.value)
    except ValueError as error:
        raise InvalidSettingError(key, f"{error} ({entry.origin})") from None


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


def _profiles(environ: Mapping[str, str], below: Sequence[Source]) -> list[str]:
    """The environment's profiles, else the file's (`spring.profiles.active`): a deployment must not be taken for embedded."""
    variable = variable_of(PROFILES_KEY)
    in_file = next((value for source in below for key, value, _ in source if key == PROFILES_KEY), "")
    where, text = (variable, environ[variable]) if environ.get(variable) else (PROFILES_KEY, in_file)
    names = text if isinstance(text, list) else str(text or "").split(",")
    profiles = list(dict.fromkeys(name for item in names if (name := str(item).strip())))
    for name in profiles:
        if not _PROFILE_NAME.fullmatch(name):
            raise SettingsError(where, "a profile is named with letters, digits, - and _")
    return profiles
