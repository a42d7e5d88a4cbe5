"""Finding and reading the YAML files: plain values stay text, so that a password such as 0123 is not read as a number."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wework_message.bootstrap.settings.errors import SettingsError, SettingsFileError
from wework_message.bootstrap.settings.schema import Value, leaf_of
from wework_message.bootstrap.settings.spring import is_setting, setting_of
from wework_message.entrypoints.wire.yaml_text import YamlTextError, load_texts

DEFAULT_FOLDERS: Final = (Path("config"), Path())
_SUFFIXES: Final = (".yml", ".yaml")

MAX_VALUES: Final = 10_000
"""Of one file or configuration, what anchors repeat counted: there are some hundred settings, and names in foreign sections."""

MAX_DEPTH: Final = 10
"""Of placeholders in each other."""


def find(name: str, folders: tuple[Path, ...]) -> Path | None:
    """`name`.yml or .yaml in the first folder that has it, or None; both in one folder are refused."""
    for folder in folders:
        files = [path for suffix in _SUFFIXES if (path := folder / f"{name}{suffix}").is_file()]
        if len(files) > 1:
            raise SettingsFileError(str(files[1]), f"stands beside {files[0].name}; keep one of them")
        if files:
            return files[0]
    return None


def parse_yaml(text: str, label: str) -> object:
    """The document in `text`, scalars as text; errors name `label` and the line."""
    try:
        return load_texts(text)
    except YamlTextError as error:
        raise SettingsFileError(label, error.problem, error.line) from None


def read_file(path: Path, environ: Mapping[str, str]) -> dict[str, Value]:
    """The file as dotted key -> text, None or map; raises `SettingsFileError`.

    Placeholders are replaced only in settings that have a meaning here, not in those of foreign sections.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsFileError(str(path), error.strerror or "cannot be read") from None
    except UnicodeDecodeError:
        raise SettingsFileError(str(path), "is not UTF-8") from None
    return settings_in(parse_yaml(text, str(path)), str(path), environ)


def settings_in(document: object, label: str, environ: Mapping[str, str]) -> dict[str, Value]:
    """The settings of a parsed file, or of what else has its form; errors name `label`. Raises `SettingsFileError`."""
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsFileError(label, "must be a map of settings", 1)
    flat: dict[str, Value] = {}
    try:
        if _values(document, {}) > MAX_VALUES:
            raise SettingsFileError(label, f"has more than {MAX_VALUES} values")
        _flatten(document, "", flat, label)
    except RecursionError:
        raise SettingsFileError(label, "an anchor refers to itself") from None
    return {key: _replaced(value, environ, key) if is_setting(key) else value for key, value in flat.items()}


def _values(item: object, known: dict[int, int]) -> int:
    """How many there are. Each object is looked at once, however often anchors repeat it."""
    if not isinstance(item, dict | list):
        return 1
    if id(item) not in known:
        parts = item.values() if isinstance(item, dict) else item
        known[id(item)] = 1 + sum(_values(part, known) for part in parts)
    return known[id(item)]


def _flatten(section: Mapping[str, object], prefix: str, into: dict[str, Value], file: str) -> None:
    for name, value in section.items():
        key = f"{prefix}{name}"
        leaf = leaf_of(setting_of(key))
        if isinstance(value, dict) and value and not (leaf and leaf.mapping):
            _flatten(value, f"{key}.", into, file)
            continue
        if key in into:
            raise SettingsFileError(file, f"key {key} stands twice")
        into[key] = None if value == {} and not leaf else value


def _replaced(value: Value, environ: Mapping[str, str], key: str) -> Value:
    if isinstance(value, str):
        return expand(value, environ, key)
    if isinstance(value, dict):
        return {name: _replaced(item, environ, key) for name, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, environ, key) for item in value]
    return value


def expand(text: str, environ: Mapping[str, str], key: str, depth: int = 0) -> str:
    """`text` with every ``${VAR}`` and ``${VAR:default}`` replaced from `environ`; a default may hold placeholders, `MAX_DEPTH` deep.

    The value of a variable is taken literally. Raises `SettingsError` for `key` where a variable without default is
    missing or a placeholder is not closed.
    """
    if depth > MAX_DEPTH:
        raise SettingsError(key, f"has placeholders more than {MAX_DEPTH} deep")
    parts: list[str] = []
    position = 0
    while (start := text.find("${", position)) >= 0:
        end = _closing(text, start, key)
        name, colon, default = text[start + 2 : end].partition(":")
        if name in environ:
            value = environ[name]
        elif colon:
            value = expand(default, environ, key, depth + 1)
        else:
            raise SettingsError(key, f"environment variable {name} is not set and ${{{name}}} has no default")
        parts += (text[position:start], value)
        position = end + 1
    return "".join(parts) + text[position:]


def _closing(text: str, start: int, key: str) -> int:
    depth = 0
    index = start
    while index < len(text):
        if text.startswith("${", index):
            depth += 1
            index += 2
            continue
        if text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
        index += 1
    raise SettingsError(key, "a placeholder ${... is not closed by }")
