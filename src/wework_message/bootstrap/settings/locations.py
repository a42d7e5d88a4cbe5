"""Where settings files are: what `spring.config.location` and `spring.config.import` say (Spring Boot 3.2, "External Application Properties")."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wework_message.bootstrap.settings.config_files import PROPERTIES, YAML, ConfigFile, files_in
from wework_message.bootstrap.settings.errors import SettingsError
from wework_message.bootstrap.settings.section import texts_in

OPTIONAL: Final = "optional:"
FILE: Final = "file:"
TREE: Final = "configtree:"
CLASSPATH: Final = "classpath:"
RESOURCE: Final = "resource:"
NACOS: Final = "nacos:"
DEFAULT_PLACES: Final = "optional:file:./;optional:file:./config/;optional:file:./config/*/"
"""Weakest first, and on one level: what a profile's file says is stronger, wherever it is.

Spring Boot 3.2, "External Application Properties"; of a jar's own files we have none.
"""
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9*]*:")
_WEAKEST_FIRST: Final = (*reversed(YAML), PROPERTIES)
_HINT: Final = re.compile(r"(?P<file>.*)\[(?P<ending>\.\w+)\]")


@dataclass(frozen=True, slots=True)
class Location:
    """One place, or several of one level with ``;`` between."""

    text: str
    where: str
    """Who names it: a key with its source, for errors."""
    base: Path = Path()
    """The folder for relative names without ``file:``."""
    ignore_missing: bool = False
    """Whether every place is optional."""
    is_one: bool = False
    """Whether a ``;`` is a part of the name."""
    names: tuple[str, ...] = ()
    """Only for `--config`: names of its profiles' files, in its folder."""

    @property
    def parts(self) -> list["Place"]:
        """Each place."""
        if self.is_one:
            return [place_of(self.text, self)]
        return [place_of(part.strip(), self) for part in self.text.split(";") if part.strip()]


@dataclass(frozen=True, slots=True)
class Place:
    """A file, a folder, or a place that is of another kind."""

    written: str
    scheme: str
    """``file:`` for files and folders; else as it is written."""
    path: str
    optional: bool

    @property
    def is_folder(self) -> bool:
        """Whether files are looked for in it."""
        return self.path.endswith("/")

    @property
    def folders(self) -> list[Path]:
        """The folder, or those that ``*/`` stands for, in the order of their names."""
        above, star, _ = self.path.partition("*/")
        if not star:
            return [Path(self.path if self.is_folder else Path(self.path).parent)]
        try:
            inside = sorted(Path(above or ".").iterdir())
        except OSError:
            return []
        return [folder for folder in inside if folder.is_dir() and not folder.name.startswith("..")]


def locations_of(value: object, where: str, base: Path = Path(), *, ignore_missing: bool = False) -> list[Location]:
    """The places that a value names, as a list or with commas, weakest first."""
    return [Location(text, where, base, ignore_missing) for text in texts_in(value)]


def place_of(written: str, location: Location) -> Place:
    """The place; raises `SettingsError` where the pattern in it is none."""
    text = written.removeprefix(OPTIONAL)
    optional = text != written or location.ignore_missing
    text = text.removeprefix(RESOURCE)
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[0] != FILE:
        return Place(written, scheme[0], text.removeprefix(scheme[0]), optional)
    path = re.sub(r"^//(?=/)", "", text.removeprefix(FILE))
    if scheme is None and not path.startswith("/"):
        base = location.base.as_posix()
        path = path if base == "." else f"{base}/{path}"
    if "*" in path and (path.count("*") > 1 or not re.search(r"(^|/)\*/[^/]*$", path)):
        raise SettingsError(location.where, f"{written} may have one * only, as */ at its end or before a file's name")
    return Place(written, FILE, path, optional)


def plain_files(place: Place, location: Location, names: Sequence[str]) -> list[ConfigFile]:
    """The files of `place` that are for every profile, weakest first.

    Raises `SettingsError` where it does not exist and is not optional (Spring Boot 3.2, "Optional Locations").
    """
    if place.is_folder:
        folders = place.folders
        if not place.optional and not any(folder.is_dir() for folder in folders):
            raise _missing(place, location)
        return [file for name in names for file in _in_folders(folders, name, None)]
    files = _named(place, location, None)
    if not files and not place.optional:
        raise _missing(place, location)
    return files


def files_of_profiles(
    places: Sequence[Place], location: Location, names: Sequence[str], profiles: Sequence[str]
) -> list[ConfigFile]:
    """The files of `places` that are for one of `profiles`, weakest first: the last profile wins, wherever its file is.

    Spring Boot 3.2, "Profile Specific Files".
    """
    files: list[ConfigFile] = []
    for profile in profiles:
        for place in places:
            if location.names:
                folders = place.folders
                files += [file for name in location.names for file in _in_folders(folders, name, profile)]
            elif place.is_folder:
                files += [file for name in names for file in _in_folders(place.folders, name, profile)]
            else:
                files += _named(place, location, profile)
    return files


def _in_folders(folders: Sequence[Path], name: str, profile: str | None) -> list[ConfigFile]:
    """Each ending in all folders, before the next one: so Spring goes through a pattern."""
    files = [file for folder in folders for file in files_in(folder, name, profile)]
    return sorted(files, key=lambda file: _WEAKEST_FIRST.index(file.form))


def _named(place: Place, location: Location, profile: str | None) -> list[ConfigFile]:
    """The file that `place` names, or its variant for `profile`, in every folder of its pattern."""
    name = place.path.rpartition("/")[2]
    hint = _HINT.fullmatch(name)
    if hint is not None:
        stem, ending, form = hint["file"], "", hint["ending"]
    else:
        stem, dot, last = name.rpartition(".")
        ending = form = f"{dot}{last}"
    if form.lower() not in (*YAML, PROPERTIES) and location.names:
        form = YAML[0]
    if form.lower() not in (*YAML, PROPERTIES):
        text = f"{place.written} is no .yml, .yaml or .properties; a folder ends with /, and a file without an ending needs one in brackets: name[.yml]"
        raise SettingsError(location.where, text)
    full = f"{stem}{'' if profile is None else f'-{profile}'}{ending}"
    paths = [folder / full for folder in place.folders]
    return [ConfigFile(path, form.lower(), profile) for path in paths if path.is_file()]


def _missing(place: Place, location: Location) -> SettingsError:
    return SettingsError(
        location.where, f"{place.written} does not exist; with {OPTIONAL} before it, the service starts without it"
    )
