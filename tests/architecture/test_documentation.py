"""Pages and code agree: pages describe everything that exists, and everything they name exists."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import pytest
import rich_click as click
from tests.support.apps.rest import empty_metrics

import wework_message
from wework_message.adapters.observability.end_outcomes import OUTCOMES
from wework_message.adapters.observability.metric_names import TEXTS
from wework_message.adapters.sql.core.database_kind import SEARCHES
from wework_message.adapters.sql.mysql.store import READERS, WRITERS
from wework_message.bootstrap.command_line import cli
from wework_message.bootstrap.settings.environment import variable_of
from wework_message.bootstrap.settings.schema import known_leaves
from wework_message.bootstrap.settings.spring import ALIASES
from wework_message.domain.content import CONTENTS, MERGED_ITEMS, OBJECTS, ContentBase, MessageType, WithFile
from wework_message.domain.content.files import json_names
from wework_message.domain.errors import WeworkMessageError
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.media.kinds import KINDS
from wework_message.domain.message_filter import FILTERS
from wework_message.domain.outcomes import OutcomeClass
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.lazy_command import LazyCommand
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.http import problems
from wework_message.entrypoints.rest.openapi import camel
from wework_message.entrypoints.rest.routes import route_templates
from wework_message.entrypoints.wire.problems import ProblemCode
from wework_message.entrypoints.wire.requests.fields import COMMON_NAMES
from wework_message.simulator import Action, Match, Rule
from wework_message.simulator.assumptions import ASSUMED
from wework_message.simulator.faults.actions import PARAMETERS, Kind
from wework_message.simulator.faults.script import read_script
from wework_message.simulator.http import control

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("examples/**/*.md")])
RECORDS: Final = sorted(DOCS.glob("adr/0*.md"))
READMES: Final = (ROOT / "README.md", ROOT / "README.zh-CN.md")

ROUTES: Final = {(method, camel(path)) for path, method in route_templates(Config(version="0", metrics=empty_metrics))}

FENCE: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
ANCHOR: Final = re.compile(r'<a id="([^"]+)"></a>')


@cache
def text_of(page: Path) -> str:
    return page.read_text("utf-8")


@cache
def prose_of(page: Path) -> str:
    return FENCE.sub("", text_of(page))


def headings(page: Path) -> list[str]:
    return HEADING.findall(prose_of(page))


def slugs(page: Path) -> set[str]:
    """Anchors as code hosts make them of headings, and those that a page sets itself."""
    made = {re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-") for heading in headings(page)}
    return made | set(ANCHOR.findall(prose_of(page)))


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands(page: Path) -> Iterator[str]:
    """Commands for readers to type: shell blocks, and the lines after a prompt in console blocks."""
    for language, body in FENCE.findall(text_of(page)):
        lines = body.replace("\\\n", " ").splitlines()
        if language == "sh":
            yield from (line.strip() for line in lines if line.strip())
        elif language == "console":
            yield from (line.strip()[2:] for line in lines if line.strip().startswith("$ "))


# -- links ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_has_a_target(page: Path) -> None:
    lost = []
    for target in LINK.findall(prose_of(page)):
        if re.match(r"[a-z]+://", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in slugs(there)):
            lost.append(target)
    assert lost == []


# -- settings ------------------------------------------------------------------------------------------------------


def _shown(value: object) -> str:
    if value is msgspec.NODEFAULT:
        return "-"
    return f"`{value}`" if isinstance(value, str) else f"`{msgspec.json.encode(value).decode()}`"


def test_every_setting_is_in_its_page_with_default_and_variable() -> None:
    page = text_of(DOCS / "configuration.md")
    rows = [
        f"| `{key}` | {_shown(leaf.default)} | `{variable_of(key)}` | "
        for key, leaf in known_leaves(["<name>"]).items()
    ]
    assert len(rows) > 40
    assert [row for row in rows if row not in page] == []


def test_the_page_of_settings_names_no_setting_that_does_not_exist() -> None:
    known = {*known_leaves(["<name>"]), *ALIASES}
    section = text_of(DOCS / "configuration.md").partition("## Keys")[2]
    named = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    assert len(named) > 40
    assert [key for key in named if key not in known] == []


def test_every_alias_is_named() -> None:
    page = text_of(DOCS / "configuration.md")
    assert [alias for alias in ALIASES if f"`{alias}`" not in page] == []


# -- errors --------------------------------------------------------------------------------------------------------


def _error_classes(kind: type[WeworkMessageError]) -> Iterator[type[WeworkMessageError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _error_classes(child)


def _error_codes() -> set[str]:
    for module in pkgutil.walk_packages(wework_message.__path__, "wework_message."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    codes = {kind.code for kind in _error_classes(WeworkMessageError) if problems.status_of(kind) is not None}
    codes |= {problems.INTERNAL.error, *problems._CODES.values()}
    brought = re.compile(r"\b(?:RequestRejected|Refusal)\(\s*\d+,\s*\"([A-Z_]+)\"")
    for source in (ROOT / "src/wework_message/entrypoints").rglob("*.py"):
        codes |= set(brought.findall(source.read_text("utf-8")))
    refusals = (ROOT / "src/wework_message/entrypoints/rest/resources/refusals.py").read_text("utf-8")
    assert "Refusal(422, message.status.value" in refusals
    assert "frozenset({RefusalKind.NO_BINDING, RefusalKind.NO_CAPABILITY})" in refusals
    return codes | {"EXPIRED", "CANCELLED", "NO_BINDING", "NO_CAPABILITY"}


def test_every_error_code_has_a_heading_and_every_heading_is_a_code() -> None:
    assert sorted(_error_codes()) == sorted(headings(DOCS / "problems.md")[1:])


def test_every_code_of_a_field_is_explained() -> None:
    page = text_of(DOCS / "problems.md")
    assert [code for code in ProblemCode if f"| `{code}` |" not in page] == []


# -- the API -------------------------------------------------------------------------------------------------------


def test_every_route_is_in_the_api_page_and_no_other() -> None:
    named = re.findall(r"^\| `([A-Z]+) ([^`]+)` \|", text_of(DOCS / "api.md"), re.MULTILINE)
    assert sorted(ROUTES) == sorted(named)


AUTHOR: Final = set(MERGED_ITEMS["TEXT"].__struct_encode_fields__) - set(CONTENTS["TEXT"].__struct_encode_fields__)


@pytest.mark.parametrize("kind", CONTENTS)
def test_the_row_of_a_type_names_its_fields_and_no_other_and_the_required_ones_are_bold(kind: str) -> None:
    of_file = _of_file(CONTENTS[kind])
    expected = {
        field.encode_name: field.required or field.name in of_file for field in msgspec.structs.fields(CONTENTS[kind])
    }
    row = (
        f"| `{kind}` | " + ", ".join(f"**`{name}`**" if bold else f"`{name}`" for name, bold in expected.items()) + " |"
    )
    rows = re.findall(rf"^\| `{kind}` \| .*$", text_of(DOCS / "api.md"), re.MULTILINE)
    assert len(rows) == 1, f"the table of fields needs a row such as {row}"
    named = dict.fromkeys(re.findall(r"`([a-z]\w+)`", rows[0]), False)
    named |= dict.fromkeys(re.findall(r"\*\*`(\w+)`\*\*", rows[0]), True)
    if "as CHANNEL_FEED" in rows[0]:
        named |= {field.encode_name: field.required for field in msgspec.structs.fields(CONTENTS["CHANNEL_FEED"])}
    if kind == "MERGED":
        assert set(named) >= AUTHOR
        named = {name: bold for name, bold in named.items() if name not in AUTHOR}
    assert named == expected


def _of_file(kind: type[ContentBase]) -> set[str]:
    """Attributes that a file needs where it is named by its handle."""
    return {*kind.HANDLE, *kind.READ, *kind.PREVIEW} if issubclass(kind, WithFile) else set()


@pytest.mark.parametrize("kind", [name for name, kind in CONTENTS.items() if issubclass(kind, WithFile)])
def test_the_page_says_what_the_file_of_a_type_can_be_and_which_fields_it_gives(kind: str) -> None:
    content: Any = CONTENTS[kind]
    row, names = KINDS[content], json_names(content)
    least = "" if row.min_bytes == 1 else f"at least {row.min_bytes:,} bytes"
    most = "" if row.max_bytes is None else f"at most {row.max_bytes:,} bytes"
    lines = re.findall(rf"^\| {kind} \|(.*)\|$", text_of(DOCS / "api.md"), re.MULTILINE)
    assert len(lines) == 1, f"the table of files needs a row | {kind} | ..."
    bytes_of, read, handle = (cell.strip() for cell in lines[0].split("|"))
    assert bytes_of.removeprefix("its cover: ") == "; ".join(
        filter(None, [", ".join(row.mime_types) or "any", least, most])
    )
    assert re.findall(r"`(\w+)`", read) == [names[field] for field in (*content.READ, *content.PREVIEW)]
    assert re.findall(r"`(\w+)`", handle) == [names[field] for field in (*content.HANDLE, *content.KEY)]


def test_fields_of_nested_objects_are_named() -> None:
    page = text_of(DOCS / "api.md")
    nested = {name for struct in OBJECTS.values() for name in struct.__struct_encode_fields__}
    assert [field for field in nested if not re.search(rf"\b{field}\b", page)] == []


@pytest.mark.parametrize("page", ["api.md", "design/wire.md"])
def test_every_common_field_has_a_row_and_no_other_has(page: str) -> None:
    (section,) = re.findall(
        r"^#+ (?:W-1 )?Common [^\n]*fields.*?(?=^#)", text_of(DOCS / page), re.MULTILINE | re.DOTALL
    )
    cells = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    assert sorted(name for cell in cells for name in re.findall(r"`(\w+)`", cell)) == sorted(
        {*COMMON_NAMES, "messageType"}
    )


def test_every_filter_of_the_list_is_named_and_no_other() -> None:
    names = [filter_.query_name for filter_ in FILTERS.values()]
    (named,) = re.findall(r"^`GET /api/messages` takes `([^`]+)`", text_of(DOCS / "api.md"), re.MULTILINE)
    assert named.split() == [*names, "limit", "cursor"]
    (named,) = re.findall(r"The filters of a list are `([^`]+)`", text_of(DOCS / "design/wire.md"))
    assert named.split() == names


def test_every_status_and_type_has_a_row() -> None:
    page = text_of(DOCS / "api.md")
    assert [value for value in (*MessageStatus, *MessageType) if f"\n| `{value}` |" not in page] == []


def test_every_outcome_class_is_explained() -> None:
    page = text_of(DOCS / "architecture.md")
    assert [kind for kind in OutcomeClass if f"\n| `{kind}` |" not in page] == []


# -- the command line ----------------------------------------------------------------------------------------------


def _leaf_commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    for word, entry in group.commands.items():
        command = entry.load() if isinstance(entry, LazyCommand) else entry
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield f"{prefix}{word}", command
            yield from _leaf_commands(command, f"{prefix}{word} ")
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{prefix}{word}", command


COMMANDS: Final = dict(_leaf_commands(cli))


def test_every_command_is_in_the_table_of_commands() -> None:
    named = re.findall(r"^\| \[`([^`]+)`\]", text_of(DOCS / "cli.md"), re.MULTILINE)
    assert sorted(named) == sorted(COMMANDS)


def test_the_clients_of_a_running_service_are_named() -> None:
    """Those that take its `--url`."""
    sentence = re.search(r"^(.*) are clients of a running service:$", text_of(DOCS / "cli.md"), re.MULTILINE)
    assert sentence is not None
    clients = {
        name.split()[0]
        for name, command in COMMANDS.items()
        if any(isinstance(option, click.Option) and option.envvar == "WEWORK_MESSAGE_URL" for option in command.params)
    }
    named = set(re.findall(r"`([a-z-]+)`", sentence[1]))
    assert named == clients


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_option_of_a_command_is_named(command: str) -> None:
    page = text_of(DOCS / ("simulator.md" if command == "simulate" else "cli.md"))
    flags = [
        flag
        for option in COMMANDS[command].params
        if isinstance(option, click.Option)
        for flag in (*option.opts, *option.secondary_opts)
        if flag.startswith("--")
    ]
    assert [flag for flag in flags if not re.search(rf"{re.escape(flag)}(?![\w-])", page)] == []


def test_every_exit_code_is_in_its_table() -> None:
    page = text_of(DOCS / "cli.md")
    assert [code for code in ExitCode if f"| {code.value} | `{code.name}` |" not in page] == []


# -- the simulator and the metrics -----------------------------------------------------------------------------------


def test_every_fault_is_explained() -> None:
    page = text_of(DOCS / "simulator.md")
    kinds = get_args(Kind)
    assert len(kinds) > 10
    assert [kind for kind in kinds if f"\n| `{kind}` |" not in page] == []
    parts = (Rule, Match, Action)
    fields = {field.encode_name for part in parts for field in msgspec.structs.fields(part)}
    assert [field for field in fields if not re.search(rf"\b{field}\b", page)] == []


def test_the_fault_script_of_the_page_is_one() -> None:
    (script,) = re.findall(r"```yaml\n(.*?)```", text_of(DOCS / "simulator.md"), re.DOTALL)
    assert len(read_script(script.encode())) > 2


def test_the_page_says_the_defaults_of_every_fault() -> None:
    page = text_of(DOCS / "simulator.md")
    for kind, parameters in PARAMETERS.items():
        (row,) = re.findall(rf"^\| `{kind}` \| ([^|]+ \| [^|]+) \|$", page, re.MULTILINE)
        numbers = [str(value) for value in parameters.values() if type(value) is int]
        assert [number for number in numbers if f"({number})" not in row] == [], kind
        executed = "`executed` (no)" if "executed" in parameters else "yes" if Action(kind).executes else "no"
        assert row.startswith(f"{executed} |"), kind


def test_every_assumption_of_the_simulator_is_in_its_table() -> None:
    named = re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \|$", text_of(DOCS / "simulator.md"), re.MULTILINE)
    assert len(ASSUMED) > 10
    assert [row for row in ASSUMED.items() if row not in named] == []


def test_every_call_of_the_simulators_control_is_named() -> None:
    page = text_of(DOCS / "simulator.md")
    source = Path(control.__file__).read_text("utf-8")
    paths = {
        match[0]: match[1] for match in re.findall(r"^            \"([a-z/]+)\": (\{.*\}),$", source, re.MULTILINE)
    }
    calls = {(method, path) for path, handlers in paths.items() for method in re.findall(r"\"([A-Z]+)\"", handlers)}
    calls |= {("GET", "ledger"), ("POST", "guids/{guid}")}
    named = re.findall(r"^\| `([A-Z]+) /_sim/([^`?]+)[^`]*` \|", page, re.MULTILINE)
    assert len(calls) > 10
    assert sorted(calls) == sorted(named)


@pytest.mark.parametrize("language", ["", ".zh"])
def test_every_metric_and_outcome_is_explained(language: str) -> None:
    page = text_of(DOCS / f"monitoring{language}.md")
    assert [metric for metric in TEXTS if f"\n| `{metric}` |" not in page] == []
    assert [outcome for outcome in OUTCOMES if f"`{outcome}`" not in page] == []


# -- commands for readers --------------------------------------------------------------------------------------------


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))


def _words_after(command: str, program: str) -> list[list[str]]:
    return [arguments.split() for arguments in re.findall(rf"(?<![\w/-]){program} ([^|;&#]+)", f" {command}")]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_targets_exist(page: Path) -> None:
    shown = [*commands(page), *re.findall(r"`(make [a-z]+)`", prose_of(page))]
    named = {words[0] for command in shown for words in _words_after(command, "make")}
    assert named - _targets() == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_and_their_options_exist(page: Path) -> None:
    wrong = []
    for command in [*commands(page), *re.findall(r"`(wework-message [^`]+)`", prose_of(page))]:
        for words in _words_after(command.replace(".venv/bin/", ""), "wework-message"):
            known = next((name for name in (" ".join(words[:n]) for n in (3, 2, 1)) if name in COMMANDS), None)
            options = {flag for param in COMMANDS[known].params for flag in (*param.opts, *param.secondary_opts)} if known else set()  # fmt: skip
            unknown = {word for word in words if re.fullmatch(r"--[a-z-]+", word)} - options
            if known is None or unknown:
                wrong.append(command)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_addresses_of_the_service_exist(page: Path) -> None:
    patterns = [re.compile(re.sub(r"\{\w+\}", "[^/]+", path)) for _, path in ROUTES]
    requested = re.findall(r"(?:localhost|127\.0\.0\.1|this-host|HOST):80\d\d(/[\w./{}-]*)", text_of(page))
    paths = [path.removeprefix("/message") for path in requested]
    assert [path for path in paths if path and not any(pattern.fullmatch(path) for pattern in patterns)] == []


def test_the_first_request_is_in_both_readmes_as_it_is_typed() -> None:
    first = (
        'curl -X POST http://localhost:8082/message/api/messages/send -H "Content-Type: application/json" '
        '-d \'{"guid":"test-guid","conversationId":"S:12345","messageType":"TEXT","content":"测试消息"}\''
    )
    for readme in READMES:
        assert first in list(commands(readme))


def test_both_readmes_show_the_same() -> None:
    english, chinese = READMES
    assert list(commands(english)) == list(commands(chinese))
    assert len(headings(english)) == len(headings(chinese))
    pages = [
        {_english(link) for link in LINK.findall(prose_of(readme))} - {"README.md", "README.zh-CN.md"}
        for readme in READMES
    ]
    assert pages[0] == pages[1]


def _english(link: str) -> str:
    """A page that is translated has headings of its own in each language: the page alone, in English."""
    path = link.partition("#")[0].replace(".zh.md", ".md")
    return path if (ROOT / path.replace(".md", ".zh.md")).is_file() else link


def test_the_connections_of_a_process_are_counted_as_the_store_opens_them() -> None:
    connections = WRITERS + READERS + SEARCHES + 1  # a migration has one of its own
    run, scale = [text_of(DOCS / f"operations/{page}.md") for page in ("run", "scale")]
    assert f"at most {WRITERS} for units of work, {READERS} for queries and {SEARCHES} for lists" in run
    assert f"must allow {connections} times the number of processes" in run
    assert f"at most {connections} each: `max_connections` of the server must allow N x {connections}" in scale


# -- decision records ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_has_its_four_parts_and_its_line_in_the_index(record: Path) -> None:
    parts = headings(record)
    number = int(record.stem[:4])
    assert parts[0].startswith(f"{number}. ")
    assert parts[1:4] == ["Context", "Decision", "What we give up"]
    assert parts[4].startswith("How we would notice that ")
    assert f"[{record.stem[:4]}]({record.name})" in text_of(DOCS / "adr/README.md")


def test_records_name_modules_that_exist() -> None:
    package = ROOT / "src/wework_message"
    lost = [
        (record.name, path)
        for record in RECORDS
        for path in re.findall(r"`((?:domain|application|adapters|entrypoints|bootstrap)/[\w/.]+)`", text_of(record))
        if not (package / path).exists()
    ]
    assert lost == []
