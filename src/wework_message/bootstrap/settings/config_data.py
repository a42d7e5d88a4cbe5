"""Settings files with what they import, in Spring's order (Spring Boot 3.2, "External Application Properties").

A start looks twice: what is for every profile says which profiles are active; then comes what is for those.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from wework_message.bootstrap.settings.config_files import ConfigFile, read_documents, read_tree
from wework_message.bootstrap.settings.documents import (
    check_document,
    included_profiles,
    is_active,
    profile_groups,
    profiles_said,
)
from wework_message.bootstrap.settings.effective import Origin, OriginKind
from wework_message.bootstrap.settings.errors import SettingsError, SettingsFileError
from wework_message.bootstrap.settings.locations import (
    CLASSPATH,
    FILE,
    NACOS,
    TREE,
    Location,
    Place,
    files_of_profiles,
    locations_of,
    plain_files,
)
from wework_message.bootstrap.settings.placeholders import Property, replaced
from wework_message.bootstrap.settings.profiles import Profiles, profiles_of
from wework_message.bootstrap.settings.property_source import PropertySource, lookup_in
from wework_message.bootstrap.settings.relaxed import IMPORT, PROFILES_DEFAULT
from wework_message.bootstrap.settings.spring import PROFILES_KEY

MAX_FILES: Final = 1_000
BOOTSTRAP: Final = "bootstrap"


class _Phase(Enum):
    PLAIN = 0
    """What is for every profile."""
    PROFILES = 1
    """What is for the active ones."""


@dataclass(eq=False, slots=True)
class _Node:
    """One document, or a place to begin with, and what it imports."""

    source: PropertySource | None
    imports: Sequence[Location]
    for_profile: bool = False
    """Whether its file is one of a profile, which has not been moved yet."""
    below: dict[_Phase, list["_Node"]] = field(default_factory=dict)
    """Imported documents, weakest first."""


@dataclass(slots=True)
class ConfigData:
    """What the files say."""

    documents: Sequence[PropertySource]
    """Those that are active, weakest first."""
    profiles: Profiles
    files: tuple[str, ...]
    """The files that were read, weakest first."""
    foreign_imports: Sequence[str]
    """Imports that are none of files, in the order of their documents."""
    notes: Sequence[str]


def read_config_data(
    above: Sequence[PropertySource], beginning: Sequence[Location], names: Sequence[str], environ: Mapping[str, str]
) -> ConfigData:
    """Read every file that `beginning`, weakest first, or an import leads to; `above` are the stronger sources, weakest first.

    Raises `SettingsError` at the first fault.
    """
    return _Reading(above, [_Node(None, [location]) for location in beginning], names, environ).read()


class _Reading:
    def __init__(
        self, above: Sequence[PropertySource], roots: list[_Node], names: Sequence[str], environ: Mapping[str, str]
    ) -> None:
        self._above = above
        self._roots = roots
        self._names = names
        self._environ = environ
        self._profiles: Profiles | None = None
        self._read: set[Path] = set()
        self._foreign: dict[str, None] = {}
        self._notes: dict[str, None] = {}

    def read(self) -> ConfigData:
        self._go_through(_Phase.PLAIN)
        profiles = self._profiles = self._active_profiles()
        self._go_through(_Phase.PROFILES)
        nodes = [node for node in self._nodes() if self._is_active(node)]
        documents = [node.source for node in nodes if node.source is not None]
        for node in nodes:
            self._foreign |= dict.fromkeys(self._foreign_imports(node.imports))
        files = dict.fromkeys(source.origin.name for source in documents)
        return ConfigData(documents, profiles, tuple(files), tuple(self._foreign), tuple(self._notes))

    def _go_through(self, phase: _Phase) -> None:
        """Follow the imports of every active document, those of imported documents as well, strongest first."""
        while node := next((node for node in reversed(list(self._nodes())) if self._is_due(node, phase)), None):
            node.below[phase] = self._imported(node)
            if phase is _Phase.PROFILES:
                _raise_those_of_profiles(node)

    def _is_due(self, node: _Node, phase: _Phase) -> bool:
        return bool(node.imports) and phase not in node.below and self._is_active(node)

    def _is_active(self, node: _Node) -> bool:
        accepted = None if self._profiles is None else self._profiles.accepted
        return node.source is None or is_active(node.source, accepted, self._look, self._environ)

    def _look(self, name: str) -> Property | None:
        """What the sources so far have under `name`."""
        return lookup_in(self._known())(name)

    def _nodes(self) -> Iterator[_Node]:
        """Weakest first: a document is weaker than what it imports (Spring Boot 3.2, "Importing Additional Data")."""

        def through(nodes: Sequence[_Node]) -> Iterator[_Node]:
            for node in nodes:
                yield node
                for phase in _Phase:
                    yield from through(node.below.get(phase, ()))

        return through(self._roots)

    def _known(self) -> list[PropertySource]:
        """Every source so far whose document has no condition, or `above` the files, weakest first."""
        documents = [node.source for node in self._nodes() if node.source is not None]
        accepted = None if self._profiles is None else self._profiles.accepted
        alone = lookup_in(self._above)
        return [*(s for s in documents if is_active(s, accepted, alone, self._environ)), *self._above]

    def _imported(self, node: _Node) -> list[_Node]:
        """Documents that the imports of `node` lead to and that were not read before, weakest first."""
        candidates: list[tuple[ConfigFile, Location]] = []
        for location in node.imports:
            places = [place for place in location.parts if self._is_ours(place, location)]
            candidates += [(file, location) for place in places for file in self._files(place, location)]
            if self._profiles is not None:
                files = [place for place in places if place.scheme == FILE]
                variants = files_of_profiles(files, location, self._names, self._profiles.accepted)
                candidates += [(file, location) for file in variants]
        nodes: list[_Node] = []
        for file, location in reversed(candidates):
            path = file.path.absolute()
            if path not in self._read:
                self._read.add(path)
                nodes[:0] = self._documents(file, location)
        if len(self._read) > MAX_FILES:
            raise SettingsError(IMPORT, f"leads to more than {MAX_FILES} files")
        return nodes

    def _files(self, place: Place, location: Location) -> list[ConfigFile]:
        if place.scheme == TREE:
            return [ConfigFile(folder, TREE) for folder in self._trees(place, location)]
        if place.is_folder:
            for folder in place.folders:
                _refuse_bootstrap(folder)
        return plain_files(place, location, self._names)

    def _trees(self, place: Place, location: Location) -> list[Path]:
        folders = Place(place.written, FILE, f"{place.path.rstrip('/')}/", place.optional).folders
        there = [folder for folder in folders if folder.is_dir()]
        if not there and not place.optional:
            raise SettingsError(
                location.where, f"{place.written} is no folder; with optional: before it, it may be missing"
            )
        return there

    def _documents(self, file: ConfigFile, location: Location) -> list[_Node]:
        kind = OriginKind.FILE if file.profile is None else OriginKind.PROFILE_FILE
        origin = Origin(kind, str(file.path))
        if file.form == TREE:
            return [_Node(read_tree(file.path, Origin(OriginKind.CONFIG_TREE, str(file.path))), ())]
        nodes: list[_Node] = []
        for source in read_documents(file, origin):
            self._notes |= dict.fromkeys(check_document(source, str(file.path), for_profile=file.profile is not None))
            value = replaced(source.value(IMPORT), self._look, f"{IMPORT} ({origin})", strict=True)
            imports = locations_of(
                value, f"{IMPORT} ({origin})", file.path.parent, ignore_missing=location.ignore_missing
            )
            nodes.append(_Node(source, imports, for_profile=file.profile is not None))
        return nodes

    def _is_ours(self, place: Place, location: Location) -> bool:
        """Whether `place` is one of files; other kinds are known elsewhere, have nothing here, or stop the start."""
        if place.scheme in (FILE, TREE):
            return True
        if place.scheme == CLASSPATH and (place.optional or place.is_folder):
            self._notes[f"{place.written} has no meaning here: there is no jar ({location.where})"] = None
        elif place.scheme != NACOS and not place.optional:
            way_out = "write file: before its path" if place.scheme == CLASSPATH else "write optional: before it"
            raise SettingsError(location.where, f"{place.written} cannot be read here; {way_out}, or remove it")
        return False

    def _foreign_imports(self, imports: Sequence[Location]) -> Iterator[str]:
        for location in imports:
            for place in location.parts:
                if place.scheme not in (FILE, TREE, CLASSPATH):
                    yield place.written

    def _active_profiles(self) -> Profiles:
        known = self._known()
        look = lookup_in(known)
        active, default = (profiles_said(known, key, look) for key in (PROFILES_KEY, PROFILES_DEFAULT))
        return profiles_of(active, included_profiles(known, look), default, profile_groups(known, look))


def _raise_those_of_profiles(node: _Node) -> None:
    """What a document below `node` imported for a profile is as strong as what `node` has for profiles, and stronger than that.

    Spring Boot 3.2, "Profile Specific Files": they always override what is for every profile.
    """
    plain, moved = node.below.get(_Phase.PLAIN, []), list[_Node]()
    for document in plain:
        for phase in _Phase:
            inside = document.below.get(phase, [])
            moved += [child for child in inside if child.for_profile]
            if phase in document.below:
                document.below[phase] = [child for child in inside if not child.for_profile]
    for child in moved:
        child.for_profile = False
    node.below[_Phase.PROFILES] = [*node.below.get(_Phase.PROFILES, []), *moved]


def _refuse_bootstrap(folder: Path) -> None:
    """Spring Cloud reads it where its starter for it is there, and not otherwise: only its owner knows which."""
    for ending in (".yml", ".yaml", ".properties"):
        if (path := folder / f"{BOOTSTRAP}{ending}").is_file():
            raise SettingsFileError(
                str(path), "is not read here: move what it has to application.yml, and remove it (docs/migration.md)"
            )
