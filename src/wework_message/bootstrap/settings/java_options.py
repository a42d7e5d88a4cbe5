"""Properties in the options of a JVM, which scripts and images of a Java service have in variables."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wework_message.bootstrap.settings.effective import Origin, OriginKind
from wework_message.bootstrap.settings.flattening import Pairs
from wework_message.bootstrap.settings.property_source import PropertySource, source_of
from wework_message.bootstrap.settings.relaxed import name_of

VARIABLES: Final = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS")
"""Weakest first: the JVM reads the first two itself and puts them before its command line, on which scripts put the last one."""

_OURS: Final = ("app.", "spring.", "server.", "management.", "logging.", "datasource.", "redis.", "security.")
"""Sections in which a name without meaning here is a mistake, or is worth a warning; elsewhere it may be a property of any library."""


def system_properties(environ: Mapping[str, str]) -> list[PropertySource]:
    """The ``-Dkey=value`` of each variable, weakest first; other options have no meaning here.

    Spring Boot 3.2, "Externalized Configuration": Java system properties are stronger than the environment. Raises
    `SettingsFileError` where two names of one variable mean one key.
    """
    return [_of_jvm(environ), *(_of_variable(name, environ[name]) for name in VARIABLES if environ.get(name))]


def _of_variable(variable: str, text: str) -> PropertySource:
    try:
        words = shlex.split(text)
    except ValueError:  # a quotation mark without its other half
        words = text.split()
    pairs: dict[str, str] = {}
    for word in words:
        name, _, value = word.removeprefix("-D").partition("=")
        if word.startswith("-D") and name and (name.startswith(_OURS) or name_of(name).known):
            pairs[name] = value
    return source_of(list(pairs.items()), Origin(OriginKind.SYSTEM_PROPERTY, variable))


def _of_jvm(environ: Mapping[str, str]) -> PropertySource:
    """What every JVM has, for placeholders such as ``${user.home}``."""
    pairs: Pairs = [("user.dir", str(Path.cwd())), ("java.io.tmpdir", "/tmp")]  # noqa: S108 - what Java's is on Linux
    pairs += [("user.home", environ["HOME"])] if environ.get("HOME") else []
    return PropertySource({}, dict(pairs), Origin(OriginKind.SYSTEM_PROPERTY))
