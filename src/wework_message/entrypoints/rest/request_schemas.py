"""JSON schemas of request bodies: one per message type, made from the Structs that read them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from wework_message.domain.batch import BatchMode
from wework_message.domain.content import CONTENTS, MERGED_ITEMS, OBJECTS, ContentBase, MessageType
from wework_message.domain.control import PauseScope
from wework_message.domain.failed_messages import CAUSES
from wework_message.entrypoints.rest.callback_schemas import REPLAY_SCHEMA
from wework_message.entrypoints.rest.erasure_schemas import ERASURE_SCHEMA
from wework_message.entrypoints.rest.file_schemas import ABSENT, ways
from wework_message.entrypoints.rest.http.routing import REF
from wework_message.entrypoints.rest.resolution_schemas import bulk_resolution_schema, resolution_schema
from wework_message.entrypoints.rest.rule_schemas import Schema, add_rules
from wework_message.entrypoints.wire.requests.accounts import (
    BindingRequest,
    ChangedAccountRequest,
    LoginVerificationRequest,
    NewAccountRequest,
    NewBindingRequest,
)
from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.callback_tokens import RotationRequest, TokenRequest
from wework_message.entrypoints.wire.requests.control import PAUSE_NAMES, RESUME_NAMES, TEXTS
from wework_message.entrypoints.wire.requests.fields import Common
from wework_message.entrypoints.wire.requests.java_batch import CONTENT_LISTS, IMAGE_LIST, TOLD_BY_THE_FILE
from wework_message.entrypoints.wire.requests.keys import KeyRequest, KeyRotationRequest, TenantRequest
from wework_message.entrypoints.wire.requests.mass_send import CONFIRMATION, MAX_TOKEN
from wework_message.entrypoints.wire.requests.media import NewMediaRequest
from wework_message.entrypoints.wire.requests.replays import FILTER_NAMES, ReplayRequest
from wework_message.entrypoints.wire.requests.webhooks import (
    ChangedWebhookRequest,
    NewWebhookRequest,
    RecoverWebhookRequest,
)

SEND: Final = "SendRequest"
BATCH: Final = "BatchRequest"
ITEM: Final = "BatchItem"
"""A message of a batch: of every type but `MIXED`, which is a batch itself."""
CALLBACK: Final = "ProviderCallback"
CALLBACK_REPLAY: Final = "CallbackReplayRequest"
PAUSE: Final = "PauseRequest"
RESUME: Final = "ResumeRequest"
REPLAY: Final = "ReplayRequest"
ERASURE: Final = "ErasureRequest"
RESOLUTION: Final = "ResolutionRequest"
BULK_RESOLUTION: Final = "BulkResolutionRequest"
MEDIA: Final = NewMediaRequest.__name__
WEBHOOK: Final = NewWebhookRequest.__name__
CHANGED_WEBHOOK: Final = ChangedWebhookRequest.__name__
RECOVER_WEBHOOK: Final = RecoverWebhookRequest.__name__

TOKEN: Final = TokenRequest.__name__
ROTATION: Final = RotationRequest.__name__
KEY: Final = KeyRequest.__name__
KEY_ROTATION: Final = KeyRotationRequest.__name__
TENANT: Final = TenantRequest.__name__
ACCOUNT: Final = NewAccountRequest.__name__
CHANGED_ACCOUNT: Final = ChangedAccountRequest.__name__
BINDING: Final = BindingRequest.__name__
NEW_BINDING: Final = NewBindingRequest.__name__
LOGIN_VERIFICATION: Final = LoginVerificationRequest.__name__

_SENDER: Final = [{"required": ["guid"]}, {"required": ["accountId"]}, {"required": ["pool"]}]
_UNSET: Final = {"anyOf": [{"const": False}, {"type": "null"}]}
_WITH_BINDINGS_OR_PLACED: Final = [
    {"properties": {"place": _UNSET, "placeAgain": _UNSET, "providerCode": {"type": "null"}}},
    {
        "properties": {
            "place": {"const": True},
            "accountId": {"type": "string"},
            "bindings": {"anyOf": [{"type": "null"}, {"type": "array", "maxItems": 0}]},
        },
        "required": ["place", "accountId"],
    },
]
"""An account has bindings, or is placed."""

_CALLBACK: Final = {
    "type": "object",
    "properties": {
        "guid": {"type": "string", "minLength": 1, "maxLength": 128},
        "notify_type": {"type": "integer", "minimum": -(2**31 - 1), "maximum": 2**31 - 1},
        "data": {},
    },
    "required": ["guid", "notify_type"],
}
_PARTS: Final = {"minItems": 2, "maxItems": 20}


def _replay_schema() -> Schema:
    """By what the messages have in common, or by name; no schema says that a null is not enough."""
    components = _with_nulls(msgspec.json.schema_components([ReplayRequest], ref_template=REF + "{name}")[1])
    schema: Schema = components[ReplayRequest.__name__]
    schema["properties"]["cause"]["anyOf"] = [{"enum": [*map(str, CAUSES)]}, {"type": "null"}]
    selecting = [{"required": [name]} for name in (*FILTER_NAMES, "messageIds")]
    return schema | {"additionalProperties": False, "anyOf": selecting}


def schemas(limits: Limits) -> dict[str, Schema]:
    """The schemas of all request bodies, and of everything they refer to."""
    (common, *_), components = msgspec.json.schema_components([Common, *CONTENTS.values()], ref_template=REF + "{name}")
    common_schema = components.pop(common["$ref"].removeprefix(REF))
    shared = common_schema["properties"]
    shared["conversationId"] = {"type": "string", "pattern": f"^(?:{limits.conversations.pattern})$"}
    for kind in {*CONTENTS.values(), *MERGED_ITEMS.values(), *OBJECTS.values()}:
        add_rules(components[kind.__name__], kind, limits.max_text_length)
        if issubclass(kind, ContentBase) and (of_file := ways(kind)):
            components[kind.__name__]["anyOf"] = of_file
    mapping = {}
    for name, kind in CONTENTS.items():
        mapping[name] = f"{REF}Send{kind.__name__.removesuffix('Content')}"
        components[mapping[name].removeprefix(REF)] = _merged(shared, components[kind.__name__], name)
    mapping["MIXED"] = f"{REF}SendMixed"
    refs = [{"$ref": f"{REF}{kind.__name__}"} for kind in CONTENTS.values()]
    parts = {
        "properties": {
            "parts": {"type": "array", "items": {"oneOf": refs}, **_PARTS},
            "messageType": {"const": "MIXED"},
        },
        "required": ["messageType", "parts"],
    }
    components["SendMixed"] = _merged(shared, parts, MessageType.MIXED)
    components[SEND] = _one_of(mapping)
    components[ITEM] = _one_of({name: ref for name, ref in mapping.items() if name != MessageType.MIXED})
    components[BATCH] = {"oneOf": [_messages(shared, limits), _java(shared, components, limits)]}
    kinds = (
        NewAccountRequest, ChangedAccountRequest, BindingRequest, NewBindingRequest, TokenRequest, RotationRequest, KeyRequest, KeyRotationRequest,
        TenantRequest,
        NewWebhookRequest, ChangedWebhookRequest, RecoverWebhookRequest, LoginVerificationRequest, NewMediaRequest,
    )  # fmt: skip
    components |= _with_nulls(msgspec.json.schema_components(kinds, ref_template=REF + "{name}")[1])
    components[ACCOUNT]["anyOf"] = _WITH_BINDINGS_OR_PLACED
    components[REPLAY] = _replay_schema()
    _respell(components)
    components[CALLBACK] = _CALLBACK
    components[RESOLUTION] = resolution_schema()
    components[BULK_RESOLUTION] = bulk_resolution_schema()
    components[CALLBACK_REPLAY] = REPLAY_SCHEMA
    components[ERASURE] = ERASURE_SCHEMA
    components[PAUSE] = _control(PAUSE_NAMES)
    components[RESUME] = _control(RESUME_NAMES)
    return components


def _control(names: Sequence[str]) -> Schema:
    """The service has no id, everything else has one. A null equals an absent field."""
    scopes = [scope.value for scope in PauseScope if scope is not PauseScope.SERVICE]
    texts: Schema = {
        name: {"type": ["string", "null"], "minLength": 1, "maxLength": TEXTS[name]} for name in names if name in TEXTS
    }
    of_service = texts | {"id": {"type": "null"}}
    texts |= {"id": texts["id"] | {"type": "string"}}
    shape: Schema = {"type": "object", "additionalProperties": False}
    return {
        "oneOf": [
            shape | {"properties": {"scope": {"const": PauseScope.SERVICE.value}} | of_service, "required": ["scope"]},
            shape | {"properties": {"scope": {"enum": scopes}} | texts, "required": ["scope", "id"]},
        ]
    }


def _with_nulls(components: dict[str, Schema]) -> dict[str, Schema]:
    """A null equals an absent field (W-5): what may be absent may be null, which msgspec says only where null is its default."""
    for component in components.values():
        properties = component.get("properties", {})
        for name in properties.keys() - set(component.get("required", ())):
            field = properties[name]
            if {"type": "null"} not in field.get("anyOf", ()):
                default = {"default": field.pop("default")} if "default" in field else {}
                properties[name] = {"anyOf": [field, {"type": "null"}]} | default
    return components


def _respell(schema: Any) -> None:
    """Replace Python's anchors in patterns by JavaScript's, in place."""
    if isinstance(schema, dict):
        if isinstance(pattern := schema.get("pattern"), str):
            schema["pattern"] = pattern.replace(r"\A", "^").replace(r"\Z", "$")
        for value in schema.values():
            _respell(value)
    elif isinstance(schema, list):
        for value in schema:
            _respell(value)


def _merged(shared: Schema, content: Schema, name: str) -> Schema:
    """A message: the common fields and those of its content."""
    one_of_each = [{"anyOf": _SENDER}, {"anyOf": content["anyOf"]}] if "anyOf" in content else []
    return {
        "title": f"Send {name}",
        "type": "object",
        "properties": shared | content["properties"],
        "required": ["conversationId", *content["required"]],
        **({"allOf": one_of_each} if one_of_each else {"anyOf": _SENDER}),
        "additionalProperties": False,
    }


def _one_of(mapping: Mapping[str, str]) -> Schema:
    return {
        "description": "One message. A null equals an absent field.",
        "oneOf": [{"$ref": ref} for ref in mapping.values()],
        "discriminator": {"propertyName": "messageType", "mapping": mapping},
    }


def _messages(shared: Schema, limits: Limits) -> Schema:
    return {
        "title": "Single messages",
        "type": "object",
        "properties": {
            "messages": {
                "type": "array",
                "minItems": 1,
                "maxItems": limits.max_batch_size,
                "items": {"$ref": REF + ITEM},
            },
            "atomic": {"type": "boolean", "default": False, "description": "All or nothing."},
            "mode": {"const": BatchMode.FANOUT.value},
            "clientMessageId": shared["clientMessageId"],
        },
        "required": ["messages"],
        "additionalProperties": False,
    }


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
        return schema | {"anyOf": [{"required": [name], "properties": others | {name: {}}} for name in names]}
    of_file = ways(kind, {name: java_name for java_name, name in names.items()})
    return schema | ({"anyOf": of_file} if of_file else {})


def _java(shared: Schema, components: Schema, limits: Limits) -> Schema:
    """The Java service's shape; with `mode: FANOUT` one message per recipient and content, else a mass send."""
    most = max(limits.max_batch_size, limits.max_mass_recipients)
    recipients = {"type": "array", "maxItems": most, "items": {"type": "string"}}
    lists = {
        name: {"type": "array", "items": _renamed(name, CONTENTS[tag], components[CONTENTS[tag].__name__], names)}
        for name, (tag, names) in CONTENT_LISTS.items()
    }
    common = {name: value for name, value in shared.items() if name not in ("conversationId", "async")}
    return {
        "title": "Recipients and contents",
        "type": "object",
        "properties": {
            **common,
            "userList": recipients,
            "roomList": recipients,
            "content": {"type": "string"},
            **lists,
            "mode": {"enum": [mode.value for mode in BatchMode], "default": BatchMode.MASS_SEND.value},
            "atomic": {"type": "boolean", "default": False},
            CONFIRMATION: {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_TOKEN,
                "description": "Of a mass send to many: the token of the answer to its first request.",
            },
        },
        "anyOf": _SENDER,
        "additionalProperties": False,
    }
