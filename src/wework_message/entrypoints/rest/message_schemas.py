"""JSON schemas of sends: one per message type, made from the Structs that read them, and the two shapes of a batch."""

from collections.abc import Mapping
from typing import Final

import msgspec

from wework_message.domain.batch import BatchMode
from wework_message.domain.content import (
    CONTENTS,
    MERGED_ITEMS,
    OBJECTS,
    QUOTABLE,
    QUOTED_FIELDS,
    ContentBase,
    MessageType,
)
from wework_message.entrypoints.rest.file_schemas import ABSENT, ways
from wework_message.entrypoints.rest.http.routing import REF
from wework_message.entrypoints.rest.rule_schemas import Schema, add_rules
from wework_message.entrypoints.rest.schema_forms import NULL, merged, one_of, or_null, present, ruled, type_of
from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.fields import Common
from wework_message.entrypoints.wire.requests.java_batch import CONTENT_LISTS, IMAGE_LIST, TOLD_BY_THE_FILE
from wework_message.entrypoints.wire.requests.mass_send import CONFIRMATION, MAX_TOKEN

SEND: Final = "SendRequest"
BATCH: Final = "BatchRequest"
ITEM: Final = "BatchItem"
"""A message of a batch: of every type but `MIXED`, which is a batch itself."""
_PART: Final = "MessagePart"
_MERGED_ITEM: Final = "MergedItem"
_QUOTED: Final = "QuotedContent"
_MESSAGES: Final = "MessagesBatch"
_RECIPIENTS: Final = "RecipientsBatch"

_SENDER: Final[Schema] = {"oneOf": [present("guid"), present("accountId"), present("pool")]}
_QUOTE: Final[Schema] = {
    "anyOf": [present("quoteMessageId"), {"allOf": [present(name) for name in QUOTED_FIELDS]}],
}
_ATOMIC: Final[Schema] = {"type": "boolean", "default": False, "description": "All or nothing."}
_PARTS: Final = {"minItems": 2, "maxItems": 20}


def message_schemas(limits: Limits) -> dict[str, Schema]:
    """The schemas of sends, and of everything they refer to."""
    (common, *_), components = msgspec.json.schema_components([Common, *CONTENTS.values()], ref_template=REF + "{name}")
    common_schema = components.pop(common["$ref"].removeprefix(REF))
    shared = common_schema["properties"]
    shared["conversationId"] = {"type": "string", "pattern": f"^(?:{limits.conversations.pattern})$"}
    for kind in {*CONTENTS.values(), *MERGED_ITEMS.values(), *OBJECTS.values()}:
        add_rules(components[kind.__name__], kind, limits.max_text_length)
    _name_unions(components)
    sends = {f"Send{kind.__name__.removesuffix('Content')}": (name, kind) for name, kind in CONTENTS.items()}
    messages = {
        schema_name: _message(shared, components[kind.__name__], name, *_rules(kind))
        for schema_name, (name, kind) in sends.items()
    }
    messages["SendMixed"] = _message(shared, _mixed(), MessageType.MIXED)
    mapping = {name: REF + schema_name for schema_name, (name, _) in sends.items()}
    java_contents = {
        name: _renamed(name, CONTENTS[tag], components[CONTENTS[tag].__name__], names)
        for name, (tag, names) in CONTENT_LISTS.items()
    }
    batches = {_RECIPIENTS: _recipients(shared, limits), _MESSAGES: _messages(shared, limits)}
    for kind in {*CONTENTS.values(), *MERGED_ITEMS.values()}:
        components[kind.__name__] = ruled(components[kind.__name__], *_rules(kind))
    components |= {_java_name(name): content for name, content in java_contents.items()}
    return (
        components
        | messages
        | batches
        | {
            SEND: one_of("One message. A null equals an absent field.", mapping | {"MIXED": f"{REF}SendMixed"}),
            ITEM: one_of("One message of a batch. A null equals an absent field.", mapping),
            BATCH: _either(batches),
        }
    )


def _name_unions(components: dict[str, Schema]) -> None:
    """Give names to what one of several contents may be, and its one value to each `messageType`; in place."""
    unions = {_PART: ("A part of a MIXED message.", CONTENTS), _MERGED_ITEM: ("An item of a record.", MERGED_ITEMS)}
    unions[_QUOTED] = ("What a quote can carry.", QUOTABLE)
    for name, (text, kinds) in unions.items():
        components[name] = one_of(text, {tag: REF + kind.__name__ for tag, kind in kinds.items()})
        for tag, kind in kinds.items():
            components[kind.__name__]["properties"]["messageType"] = type_of(tag)
    for name in ("MergedContent", "MergedRecord"):
        components[name]["properties"]["messages"]["items"] = {"$ref": REF + _MERGED_ITEM}
    components["QuoteContent"]["properties"]["quoteMessage"] = {"oneOf": [{"$ref": REF + _QUOTED}, {"type": "null"}]}


def _rules(kind: type) -> list[Schema]:
    """The rules between the fields of this content."""
    if not issubclass(kind, ContentBase):
        return []
    of_file = ways(kind)
    return ([{"anyOf": of_file}] if of_file else []) + ([_QUOTE] if kind is CONTENTS[MessageType.QUOTE] else [])


def _mixed() -> Schema:
    return {
        "properties": {
            "messageType": type_of(MessageType.MIXED.value),
            "parts": {"type": "array", "items": {"$ref": REF + _PART}, **_PARTS},
        },
        "required": ["messageType", "parts"],
    }


def _message(shared: Schema, content: Schema, name: str, *rules: Schema) -> Schema:
    """A message: the common fields and those of its content."""
    shape = {
        "description": f"A message of the type {name}.",
        "type": "object",
        "properties": shared | content["properties"],
        "required": ["conversationId", *content["required"]],
        "additionalProperties": False,
    }
    return ruled(shape, _SENDER, *rules)


def _messages(shared: Schema, limits: Limits) -> Schema:
    return {
        "description": "Single messages.",
        "type": "object",
        "properties": {
            "messages": {
                "type": "array",
                "minItems": 1,
                "maxItems": limits.max_batch_size,
                "items": {"$ref": REF + ITEM},
            },
            "atomic": _ATOMIC,
            "mode": {"enum": [BatchMode.FANOUT.value]},
            "clientMessageId": shared["clientMessageId"],
        },
        "required": ["messages"],
        "additionalProperties": False,
    }


def _either(batches: Mapping[str, Schema]) -> Schema:
    """A batch in either shape: without defaults and with null for every field, because clients send what they know of all fields."""
    shape = merged(batches, batches) | {"description": "Single messages, or recipients and contents."}
    fields = {
        name: {key: value for key, value in field.items() if key != "default"}
        for name, field in shape["properties"].items()
    }
    nullable = {name: field if NULL in field.get("anyOf", ()) else or_null(field) for name, field in fields.items()}
    return shape | {"properties": nullable}


def _renamed(list_name: str, kind: type[ContentBase], content: Schema, names: Mapping[str, str]) -> Schema:
    """A content whose fields have the Java service's names."""
    told: Schema = {name: {} for name in TOLD_BY_THE_FILE.get(list_name, ())}
    schema: Schema = {
        "type": "object",
        "properties": {java_name: content["properties"][name] for java_name, name in names.items()} | told,
        "required": [java_name for java_name, name in names.items() if name in content["required"]],
        "additionalProperties": False,
    }
    if list_name == IMAGE_LIST:
        others = dict.fromkeys(names, ABSENT)
        return ruled(schema, {"anyOf": [{"required": [name], "properties": others | {name: {}}} for name in names]})
    of_file = ways(kind, {name: java_name for java_name, name in names.items()})
    return ruled(schema, {"anyOf": of_file}) if of_file else schema


def _java_name(list_name: str) -> str:
    """The name of the schema of an entry of this list."""
    return f"Batch{list_name[0].upper()}{list_name[1:].removesuffix('MsgList')}"


def _recipients(shared: Schema, limits: Limits) -> Schema:
    """The Java service's shape; with `mode: FANOUT` one message per recipient and content, else a mass send."""
    most = max(limits.max_batch_size, limits.max_mass_recipients)
    recipients = {"type": "array", "maxItems": most, "items": {"type": "string"}}
    lists = {name: {"type": "array", "items": {"$ref": REF + _java_name(name)}} for name in CONTENT_LISTS}
    common = {name: value for name, value in shared.items() if name not in ("conversationId", "async")}
    shape = {
        "description": "Recipients and contents.",
        "type": "object",
        "properties": {
            **common,
            "userList": recipients,
            "roomList": recipients,
            "content": {"type": "string"},
            **lists,
            "mode": {"enum": [mode.value for mode in BatchMode], "default": BatchMode.MASS_SEND.value},
            "atomic": _ATOMIC,
            CONFIRMATION: {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_TOKEN,
                "description": "Of a mass send to many: the token of the answer to its first request.",
            },
        },
        "additionalProperties": False,
    }
    return ruled(shape, _SENDER)
