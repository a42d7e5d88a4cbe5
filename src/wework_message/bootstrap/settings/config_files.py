"""Settings files: finding them in a folder, and reading their documents. Plain values stay text: a password such as 0123 is no number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wework_message.bootstrap.settings.effective import Origin
from wework_message.bootstrap.settings.errors import SettingsFileError
from wework_message.bootstrap.settings.flattening import flattened
from wework_message.bootstrap.settings.properties import parse_properties
from wework_message.bootstrap.settings.property_source import PropertySource, source_of
from wework_message.entrypoints.wire.yaml_text import YamlTextError, load_documents, load_texts

YAML: Final = (".yml", ".yaml")
PROPERTIES: Final = ".properties"
XML: Final = ".xml"
MAX_BYTES: Final = 8_388_608
"""Size of the largest file."""
MAX_TREE_FILES: Final = 10_000
"""Of one configuration tree."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One file to read."""

    path: Path
    form: str
    """Its ending, or the one that stands for it."""
    profile: str | None = None
    """The profile that it is for."""


def files_in(folder: Path, name: str, profile: str | None) -> list[ConfigFile]:
    """`name` with each ending, or `name`-`profile`, weakest first: of one folder, properties win over YAML.

    Spring Boot 3.2, "Externalized Configuration". Raises `SettingsFileError` for two YAML files and for XML, which Spring reads and we do not.
    """
    stem = name if profile is None else f"{name}-{profile}"
    yaml = [path for ending in YAML if (path := folder / f"{stem}{ending}").is_file()]
    if len(yaml) > 1:
        raise SettingsFileError(str(yaml[1]), f"stands beside {yaml[0].name}; keep one of them")
    if (xml := folder / f"{stem}{XML}").is_file():
        raise SettingsFileError(str(xml), f"is not read: write it as {stem}.yml")
    properties = [path] if (path := folder / f"{stem}{PROPERTIES}").is_file() else []
    return [ConfigFile(path, path.suffix, profile) for path in (*yaml, *properties)]


def documents_in(text: str, form: str, label: str, origin: Origin) -> list[PropertySource]:
    """The documents of a text in YAML or, with the `form` ``.properties``, of properties, weakest first.

    Spring Boot 3.2, "Working With Multi-Document Files". Raises `SettingsFileError` for `label`.
    """
    parsed: Sequence[object] = parse_properties(text) if form == PROPERTIES else parse_yaml_documents(text, label)
    return [source_of(flattened(document, label), origin) for document in parsed or [None]]


def read_documents(file: ConfigFile, origin: Origin) -> list[PropertySource]:
    """The documents of `file`, weakest first; raises `SettingsFileError`."""
    label = str(file.path)
    content = _content(file.path, label)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if file.form != PROPERTIES:
            raise SettingsFileError(label, "is not UTF-8") from None
        text = content.decode("iso-8859-1")
    return documents_in(text, file.form, label, origin)


def read_tree(folder: Path, origin: Origin) -> PropertySource:
    """Every file below `folder` as one property: its path is the name, its content the value.

    Spring Boot 3.2, "Using Configuration Trees": the line break at the end of a single line is no part of the value, and what
    begins with two dots is Kubernetes' own. Raises `SettingsFileError`.
    """
    pairs: list[tuple[str, object]] = []
    for path in _tree_files(folder):
        try:
            text = _content(path, str(path)).decode()
        except UnicodeDecodeError:
            raise SettingsFileError(str(path), "is not UTF-8") from None
        pairs.append((".".join(path.relative_to(folder).parts), _without_line_break(text)))
        if len(pairs) > MAX_TREE_FILES:
            raise SettingsFileError(str(folder), f"has more than {MAX_TREE_FILES} files")
    return source_of(pairs, origin)


def _tree_files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise SettingsFileError(str(folder), error.strerror or "cannot be read") from None
    for path in entries:
        if path.name.startswith(".."):
            continue
        if path.is_dir():
            yield from _tree_files(path)
        elif path.is_file():
            yield path


def _without_line_break(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") and text.count("\n") == 1 else text


def _content(path: Path, label: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsFileError(label, error.strerror or "cannot be read") from None
    if len(content) > MAX_BYTES:
        raise SettingsFileError(label, f"has more than {MAX_BYTES} bytes")
    return content


def parse_yaml(text: str, label: str) -> object:
    """The document in `text`, scalars as text; errors name `label` and the line."""
    try:
        return load_texts(text)
    except YamlTextError as error:
        raise SettingsFileError(label, error.problem, error.line) from None


def parse_yaml_documents(text: str, label: str) -> list[object]:
    """Every document in `text`, as `parse_yaml` does one."""
    try:
        return load_documents(text)
    except YamlTextError as error:
        raise SettingsFileError(label, error.problem, error.line) from None
