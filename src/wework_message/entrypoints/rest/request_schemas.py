"""JSON schemas of request bodies, made from the Structs that read them; those of sends are in `message_schemas`."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from wework_message.domain.control import PauseScope
from wework_message.domain.failed_messages import CAUSES
from wework_message.entrypoints.rest.callback_schemas import REPLAY_SCHEMA
from wework_message.entrypoints.rest.erasure_schemas import ERASURE_SCHEMA
from wework_message.entrypoints.rest.http.routing import REF
from wework_message.entrypoints.rest.message_schemas import message_schemas
from wework_message.entrypoints.rest.resolution_schemas import bulk_resolution_schema, resolution_schema
from wework_message.entrypoints.rest.rule_schemas import Schema
from wework_message.entrypoints.rest.schema_forms import NULL, present, ruled
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
from wework_message.entrypoints.wire.requests.keys import KeyRequest, KeyRotationRequest, TenantRequest
from wework_message.entrypoints.wire.requests.media import NewMediaRequest
from wework_message.entrypoints.wire.requests.replays import FILTER_NAMES, ReplayRequest
from wework_message.entrypoints.wire.requests.webhooks import (
    ChangedWebhookRequest,
    NewWebhookRequest,
    RecoverWebhookRequest,
)

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


def _replay_schema() -> Schema:
    """By what the messages have in common, or by name."""
    components = _with_nulls(msgspec.json.schema_components([ReplayRequest], ref_template=REF + "{name}")[1])
    schema: Schema = components[ReplayRequest.__name__]
    schema["properties"]["cause"]["anyOf"] = [{"enum": [*map(str, CAUSES)]}, {"type": "null"}]
    selecting = {"anyOf": [present(name) for name in (*FILTER_NAMES, "messageIds")]}
    return ruled(schema | {"additionalProperties": False}, selecting)


def schemas(limits: Limits) -> dict[str, Schema]:
    """The schemas of all request bodies, and of everything they refer to."""
    components = message_schemas(limits)
    kinds = (
        NewAccountRequest, ChangedAccountRequest, BindingRequest, NewBindingRequest, TokenRequest, RotationRequest, KeyRequest, KeyRotationRequest,
        TenantRequest,
        NewWebhookRequest, ChangedWebhookRequest, RecoverWebhookRequest, LoginVerificationRequest, NewMediaRequest,
    )  # fmt: skip
    components |= _with_nulls(msgspec.json.schema_components(kinds, ref_template=REF + "{name}")[1])
    components[ACCOUNT] = ruled(components[ACCOUNT], {"anyOf": _WITH_BINDINGS_OR_PLACED})
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
    texts: Schema = {
        name: {"type": ["string", "null"], "minLength": 1, "maxLength": TEXTS[name]} for name in names if name in TEXTS
    }
    of_service = {"properties": {"scope": {"const": PauseScope.SERVICE.value}, "id": NULL}}
    of_other = {"properties": {"scope": {"not": {"const": PauseScope.SERVICE.value}}}}
    return ruled(
        {
            "type": "object",
            "properties": {"scope": {"enum": [scope.value for scope in PauseScope]}} | texts,
            "required": ["scope"],
            "additionalProperties": False,
        },
        {"anyOf": [of_service, {"allOf": [of_other, present("id")]}]},
    )


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
