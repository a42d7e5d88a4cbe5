"""The sources above files and Nacos: environment, options of the JVM, JSON, command line."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from wework_message.bootstrap.settings.effective import Origin, OriginKind, Sources
from wework_message.bootstrap.settings.environment import read_environment
from wework_message.bootstrap.settings.errors import SettingsError
from wework_message.bootstrap.settings.flattening import flattened
from wework_message.bootstrap.settings.java_options import system_properties
from wework_message.bootstrap.settings.property_source import PropertySource, source_of, strongest_with
from wework_message.bootstrap.settings.relaxed import JSON
from wework_message.bootstrap.settings.schema import Value

_WORDS: Final = {True: "true", False: "false"}


def outer_sources(
    environ: Mapping[str, str],
    configured: Collection[str],
    command_line: Sequence[str],
    findings: Sources | None = None,
) -> list[PropertySource]:
    """The sources above the files, weakest first; `configured` are the providers of weaker sources.

    `findings` learns of what is wrong with the environment, and of variables without meaning here.

    Spring Boot 3.2, "Externalized Configuration": environment variables, Java system properties, `SPRING_APPLICATION_JSON`,
    command line arguments. Raises `SettingsError`.
    """
    environment = _environment(environ, configured, findings or Sources())
    jvm = system_properties(environ)
    options = source_of(_arguments(command_line), Origin(OriginKind.COMMAND_LINE))
    sources = [environment, *jvm, options]
    holder = strongest_with(JSON, sources)
    return [environment, *jvm, *([] if holder is None else [_json(holder)]), options]


def _environment(environ: Mapping[str, str], configured: Collection[str], findings: Sources) -> PropertySource:
    settings = {
        key: (value, Origin(OriginKind.ENVIRONMENT, variable))
        for key, (variable, value) in read_environment(environ, configured, findings).items()
    }
    return PropertySource(settings, dict(environ), Origin(OriginKind.ENVIRONMENT), by_variable=True)


def _arguments(command_line: Sequence[str]) -> list[tuple[str, Value]]:
    """``key=value`` of each argument; of a key that occurs twice the last one counts."""
    pairs: dict[str, Value] = {}
    for argument in command_line:
        name, _, value = argument.partition("=")
        pairs[name] = value
    return list(pairs.items())


def _json(holder: PropertySource) -> PropertySource:
    """The properties of a JSON object; null is no value (Spring Boot 3.2, "JSON Application Properties")."""
    text, origin = holder.settings[JSON]
    where = f"{JSON} ({origin})"
    try:
        document = json.loads(str(text), parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise SettingsError(where, "is no JSON") from None
    if not isinstance(document, dict):
        raise SettingsError(where, "must be a JSON object")
    pairs = [
        (name, _WORDS[value] if isinstance(value, bool) else value)
        for name, value in flattened(document, where)
        if value is not None
    ]
    return source_of(pairs, Origin(OriginKind.JSON, JSON if not origin.name else origin.name))
