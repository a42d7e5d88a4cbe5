"""Receipts as stored: one JSON object with the fields of `Receipt` and the details of the protocol."""

from typing import Any

import msgspec

from wework_message.domain.message.attempt import Receipt

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_FIELDS = tuple(name for name in Receipt.__dataclass_fields__ if name != "details")


def receipt_text(receipt: Receipt) -> str:
    """The JSON text of a receipt."""
    fields = {name: getattr(receipt, name) for name in _FIELDS}
    return _encode(
        fields | dict(receipt.details) | fields
    ).decode()  # our fields come first, and replace a detail of the same name


def receipt_of(text: str) -> Receipt:
    """A stored receipt; what is no field of `Receipt` is a detail."""
    values = _decode(text)
    fields = {name: values.pop(name) for name in _FIELDS if name in values}
    return Receipt(**fields, details=values)
