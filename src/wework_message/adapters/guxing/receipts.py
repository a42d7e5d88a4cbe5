"""What the answer to a send says about the message, kept as the vendor encodes it (P-4)."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

from wework_message.adapters.guxing.wire import identifier, number, short_text
from wework_message.domain.ids import ProviderMessageId
from wework_message.domain.message.attempt import Receipt

_BASE64: Final = re.compile(rb"(?:[A-Za-z0-9+/]{4})+|(?:[A-Za-z0-9+/]{4})*[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=)")

# A receipt is stored whole, so every value has a longest form; what is longer is left out.
MAX_KEY: Final = 255
_MAX_NAME: Final = 1_024
_MAX_CONTENT: Final = 32_768
"""A text of 4,000 characters takes about 16,000 in base64."""
_MAX_OPAQUE: Final = 8_192


def read_receipt(data: Mapping[str, Any]) -> Receipt | None:
    """The receipt in an answer's `data`; None without a message id."""
    said = data.get("msg_data")
    if not isinstance(said, dict) or (message_id := identifier(said.get("id"))) is None:
        return None
    app_info = short_text(said.get("appinfo"), _MAX_OPAQUE)
    sent_s = number(said.get("sendtime"))
    return Receipt(
        provider_message_id=ProviderMessageId(message_id),
        seq=identifier(said.get("seq")),
        app_info=app_info,
        app_info_key=None if app_info is None else app_info_key(app_info),
        sent_at=sent_s * 1_000 if sent_s else None,
        sender_id=identifier(said.get("sender")),
        details={
            "receiver_id": _whole(said.get("receiver")),
            "room_id": _whole(said.get("roomid")),
            "message_type": number(said.get("messagetype")),
            "content_type": number(said.get("contenttype")),
            "content": short_text(said.get("content"), _MAX_CONTENT),
            "sender_name": short_text(said.get("sendername"), _MAX_NAME),
            "dev_info": short_text(said.get("devinfo"), MAX_KEY),
            "extra_content": short_text(said.get("extra_content"), _MAX_OPAQUE),
            "is_svr_fail": is_svr_fail(data),
        },
    )


def is_svr_fail(data: Mapping[str, Any]) -> bool:
    """Whether `is_svr_fail` says anything but no; nobody has seen it true (P-4)."""
    return data.get("is_svr_fail") not in (None, False, "", "0", "false", "False")


def app_info_key(app_info: str) -> str | None:
    """The callback's spelling of an answer's `appinfo`: base64 undone once if what it holds is base64, else as it is.

    Raises nothing; None for the empty one and for keys over 255 characters.
    """
    key = app_info
    try:
        inner = base64.b64decode(app_info, validate=True)
    except (binascii.Error, ValueError):
        inner = b""
    if _BASE64.fullmatch(inner):
        key = inner.decode("ascii")
    return key if 0 < len(key) <= MAX_KEY else None


def _whole(value: object) -> str | None:
    """An id of which "0" is kept, as clients have always seen it."""
    return "0" if value == "0" or value == 0 else identifier(value)  # noqa: PLR1714
