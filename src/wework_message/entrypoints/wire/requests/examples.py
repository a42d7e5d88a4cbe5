"""Full send requests, one per message type, made from the examples of the types."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from wework_message.domain.content import CONTENTS, MessageType

GUID: Final = "0f9d2c4e-1111-4222-8333-444455556666"
PERSON: Final = "S:7881301000000001"
ROOM: Final = "R:10600000000001"
PICTURE_URL: Final = "https://files.example.com/cat.png"

_MIXED_PARTS: Final = (MessageType.TEXT, MessageType.IMAGE)


def content_example(message_type: str) -> dict[str, Any]:
    """The content object of the type with a value for every field; `message_type` is one of `CONTENTS`."""
    return {"messageType": message_type, **CONTENTS[message_type].EXAMPLE}


def full_requests() -> dict[str, dict[str, Any]]:
    """A valid send request per type, MIXED included, with a value for every field of the type."""
    requests = {name: _request(content_example(name)) for name in CONTENTS}
    parts = [content_example(part) for part in _MIXED_PARTS]
    return requests | {"MIXED": _request({"messageType": MessageType.MIXED.value, "parts": parts})}


def send_examples() -> Mapping[str, Any]:
    """A send request per type that any service accepts: a quote says itself what it quotes, for nothing was sent before it."""
    requests = full_requests()
    quote = {name: value for name, value in requests["QUOTE"].items() if name != "quoteMessageId"}
    return requests | {"QUOTE": quote}


def _request(own: Mapping[str, Any]) -> dict[str, Any]:
    conversation = ROOM if own.get("atList") else PERSON  # only members of a room can be mentioned
    return {"guid": GUID, "conversationId": conversation, **own}


@cache
def batch_examples() -> Mapping[str, Any]:
    """A batch in each of its shapes."""
    text, image = send_examples()["TEXT"], send_examples()["IMAGE"]
    java = {"guid": text["guid"], "userList": ["7881301000000001"], "content": "Happy new year", "mode": "FANOUT"}
    picture = {"guid": GUID, "conversationId": PERSON, "messageType": MessageType.IMAGE.value, "url": PICTURE_URL}
    mass = {
        "guid": text["guid"],
        "userList": ["7881301000000001"],
        "roomList": ["10600000000001"],
        "content": "Happy new year",
    }
    return {
        "messages": {"messages": [text, image], "atomic": False},
        "url": {"messages": [picture]},
        "java": java,
        "pictures": {**java, "imageMsgList": [{"imageUrl": PICTURE_URL}]},
        "massSend": mass,
    }


@cache
def replay_examples() -> Mapping[str, Any]:
    """A replay of a cause, and one of messages."""
    named = {"messageIds": ["019aba10-5f0e-7cc3-9d4e-8d1a7c6b5e4f"]}
    return {"cause": {"cause": "REFUSED_PERMANENT", "ratePerSecond": 20, "dryRun": True}, "messages": named}


@cache
def resolution_examples() -> Mapping[str, Any]:
    """A word about one message, and about those of an account."""
    sent = {"outcome": "SENT", "note": "seen on the phone", "by": "mei"}
    return {"sent": sent, "account": {"outcome": "NOT_SENT", "accountId": "sales-7", "dryRun": True}}


@cache
def erasure_examples() -> Mapping[str, Any]:
    """An erasure, and one that only counts."""
    return {
        "count": {"conversationId": PERSON, "dryRun": True},
        "person": {"conversationId": PERSON, "note": "ticket 4711"},
    }
