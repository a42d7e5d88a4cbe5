"""Properties in the options of a JVM, which scripts and images of a Java service have in variables."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from wework_message.bootstrap.settings.effective import Origin, OriginKind
from wework_message.bootstrap.settings.environment import is_ours, variable_of
from wework_message.bootstrap.settings.flattening import Pairs
from wework_message.bootstrap.settings.foreign import foreign_key
from wework_message.bootstrap.settings.property_source import PropertySource, source_of
from wework_message.bootstrap.settings.relaxed import name_of
from wework_message.bootstrap.settings.schema import is_section

VARIABLES: Final = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS")
"""Weakest first: the JVM reads the first two itself and puts them before its command line, on which scripts put the last one."""

_OF_LIBRARIES: Final = ("rocketmq.", "nacos.")
"""Properties of Java's clients, which no client here reads."""


def system_properties(environ: Mapping[str, str]) -> list[PropertySource]:
    """The ``-Dkey=value`` of each variable, weakest first; other options have no meaning here.

    Spring Boot 3.2, "Externalized Configuration": Java system properties are stronger than the environment. Raises
    `SettingsFileError` where two names of one variable mean one key.
    """
    return [_of_jvm(environ), *(_of_variable(name, environ[name]) for name in VARIABLES if environ.get(name))]


def client_notes(environ: Mapping[str, str]) -> Iterator[str]:
    """Properties of Java's clients, such as the address of a name server, that set nothing here."""
    for variable in VARIABLES:
        for name, _ in _properties(environ.get(variable, "")):
            if name.startswith(_OF_LIBRARIES) and not name_of(name).known and foreign_key(name) is None:
                yield f"-D{name} has no meaning here ({variable})"


def _of_variable(variable: str, text: str) -> PropertySource:
    pairs = {name: value for name, value in _properties(text) if _concerns_us(name)}
    return source_of(list(pairs.items()), Origin(OriginKind.SYSTEM_PROPERTY, variable))


def _concerns_us(name: str) -> bool:
    """A name without meaning here may be a property of any library, but for those of Spring and those that look like ours."""
    is_others = foreign_key(name) is not None and not is_section(name)
    return name_of(name).known or is_others or is_ours(variable_of(name))


def _properties(text: str) -> Iterator[tuple[str, str]]:
    try:
        words = shlex.split(text)
    except ValueError:  # a quotation mark without its other half
        words = text.split()
    for word in words:
        name, _, value = word.removeprefix("-D").partition("=")
        if word.startswith("-D") and name:
            yield name, value


def _of_jvm(environ: Mapping[str, str]) -> PropertySource:
    """What every JVM has, for placeholders such as ``${user.home}``."""
    pairs: Pairs = [("user.dir", str(Path.cwd())), ("java.io.tmpdir", "/tmp")]  # noqa: S108 - what Java's is on Linux
    pairs += [("user.home", environ["HOME"])] if environ.get("HOME") else []
    return PropertySource({}, dict(pairs), Origin(OriginKind.SYSTEM_PROPERTY))
