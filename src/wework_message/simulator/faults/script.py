"""Fault scripts: YAML or JSON documents of rules, and the script that repeats the faults of a ledger."""

from collections.abc import Iterable

import msgspec
import yaml

from wework_message.simulator.faults.actions import Action
from wework_message.simulator.faults.rules import Match, Rule
from wework_message.simulator.ledger import Entry


class ScriptError(ValueError):
    """A script is refused; the text names the place, such as ``$.rules[2].do.kind``."""


class _Script(msgspec.Struct, forbid_unknown_fields=True):
    rules: list[Rule]
    seed: int | None = None


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key that stands twice: the second one would hide the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys: set[object] = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                raise yaml.constructor.ConstructorError(None, None, "a key must be a text", key_node.start_mark)
            if key in keys:
                raise yaml.constructor.ConstructorError(None, None, f"key {key} stands twice", key_node.start_mark)
            keys.add(key)
        return super().construct_mapping(node, deep=deep)


def read_script(content: bytes) -> tuple[Rule, ...]:
    """The rules of a YAML or JSON document.

    It is an object with `rules` and perhaps `seed`, or a list of rules, or the short form of one rule: an object with the
    fields of `match` and of `do` beside each other (`path` is read as `endpoint`).

    Raises:
        ScriptError: it is no YAML, no JSON, or no such document.
    """
    document = _parsed(content)
    if isinstance(document, list):
        document = {"rules": document}
    if isinstance(document, dict) and "kind" in document:
        return (_short(document),)
    try:
        script = msgspec.convert(document, _Script)
    except msgspec.ValidationError as error:
        raise ScriptError(str(error)) from None
    if script.seed is None:
        return tuple(script.rules)
    return tuple(
        rule if rule.seed is not None else msgspec.structs.replace(rule, seed=script.seed) for rule in script.rules
    )


def _parsed(content: bytes) -> object:
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        pass
    try:
        # A subclass of SafeLoader: no tag builds anything but maps, lists and plain values.
        return yaml.load(content, Loader=_Loader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f" in line {mark.line + 1}"
        raise ScriptError(f"{error.problem or 'cannot be read as YAML'}{line}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise ScriptError("cannot be read as YAML or JSON") from None


def _short(document: dict[object, object]) -> Rule:
    names = {"path": "endpoint"}
    fields = {names.get(str(name), name): value for name, value in document.items()}
    of_match = {field.encode_name for field in msgspec.structs.fields(Match)}
    match = {name: value for name, value in fields.items() if name in of_match}
    do = {name: value for name, value in fields.items() if name not in of_match}
    try:
        return Rule(msgspec.convert(do, Action), msgspec.convert(match, Match))
    except msgspec.ValidationError as error:
        raise ScriptError(str(error)) from None


def script_of(entries: Iterable[Entry]) -> dict[str, object]:
    """The script that hits the same calls with the same faults again: by endpoint, guid, conversation and place in it.

    Calls of one conversation come one after the other, so a run whose conversations hold the same calls in the same
    order gets the same faults, whatever ran beside them. Calls outside `/msg/` are in no ledger and so in no script.
    """
    counts: dict[tuple[str, str | None, str | None], int] = {}
    hit: dict[tuple[str, str | None, str | None, bytes], list[int]] = {}
    for entry in entries:
        if not entry.was_tried:
            continue
        call = (entry.path, entry.guid, entry.conversationId)
        counts[call] = counts.get(call, 0) + 1
        if entry.action is not None:
            hit.setdefault((*call, msgspec.json.encode(entry.action)), []).append(counts[call])
    return {
        "rules": [
            {"match": _match(path, guid, conversation_id, numbers), "do": msgspec.json.decode(action)}
            for (path, guid, conversation_id, action), numbers in hit.items()
        ]
    }


def _match(path: str, guid: str | None, conversation_id: str | None, numbers: list[int]) -> object:
    return msgspec.to_builtins(Match(guid=guid, conversation_id=conversation_id, endpoint=path, nth=numbers))
