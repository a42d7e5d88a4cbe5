"""The receipt in the answer to a send, stored as the vendor encodes it (P-4)."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

from wework_message.adapters.guxing.wire import identifier, number, send_instant_of, short_text
from wework_message.domain.ids import ProviderMessageId
from wework_message.domain.message.attempt import Receipt

_BASE64: Final = re.compile(rb"(?:[A-Za-z0-9+/]{4})+|(?:[A-Za-z0-9+/]{4})*[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=)")

# A receipt is stored completely, so every value has a maximum length; longer values are omitted.
MAX_KEY: Final = 255
_MAX_NAME: Final = 1_024
_MAX_CONTENT: Final = 32_768
"""A text of 4,000 characters takes about 16,000 in base64."""
_MAX_OPAQUE: Final = 8_192


def read_receipt(data: Mapping[str, Any]) -> Receipt | None:
    """The receipt in the `data` of an answer; None without a message id."""
    msg_data = data.get("msg_data")
    if not isinstance(msg_data, dict) or (message_id := identifier(msg_data.get("id"))) is None:
        return None
    app_info = short_text(msg_data.get("appinfo"), _MAX_OPAQUE)
    return Receipt(
        provider_message_id=ProviderMessageId(message_id),
        seq=identifier(msg_data.get("seq")),
        app_info=app_info,
        app_info_key=None if app_info is None else app_info_key(app_info),
        sent_at=send_instant_of(msg_data.get("sendtime")),
        sender_id=identifier(msg_data.get("sender")),
        details={
            "receiver_id": _id_or_zero(msg_data.get("receiver")),
            "room_id": _id_or_zero(msg_data.get("roomid")),
            "message_type": number(msg_data.get("messagetype")),
            "content_type": number(msg_data.get("contenttype")),
            "content": short_text(msg_data.get("content"), _MAX_CONTENT),
            "sender_name": short_text(msg_data.get("sendername"), _MAX_NAME),
            "dev_info": short_text(msg_data.get("devinfo"), MAX_KEY),
            "extra_content": short_text(msg_data.get("extra_content"), _MAX_OPAQUE),
            "is_svr_fail": is_svr_fail(data),
        },
    )


def is_svr_fail(data: Mapping[str, Any]) -> bool:
    """Whether `is_svr_fail` is anything but false; a true value was never observed (P-4)."""
    return data.get("is_svr_fail") not in (None, False, "", "0", "false", "False")


def app_info_key(app_info: str) -> str | None:
    """The `appinfo` of an answer in the spelling of callbacks: decoded once if it is base64 of base64, else unchanged.

    Never raises. None for an empty text and for keys over 255 characters.
    """
    key = app_info
    try:
        inner = base64.b64decode(app_info, validate=True)
    except (binascii.Error, ValueError):
        inner = b""
    if _BASE64.fullmatch(inner):
        key = inner.decode("ascii")
    return key if 0 < len(key) <= MAX_KEY else None


def _id_or_zero(value: object) -> str | None:
    """An id, or "0": clients have always got this value."""
    return "0" if value == "0" or value == 0 else identifier(value)  # noqa: PLR1714
