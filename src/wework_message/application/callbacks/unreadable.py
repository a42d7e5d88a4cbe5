"""Bodies that are no callback, brought by somebody who proved who it is: the provider sends them once, so people see them."""

import hashlib
from typing import Final

from wework_message.domain.ids import Guid
from wework_message.domain.ports.gateway import CallbackItem

NO_GUID: Final = Guid("?")
"""The guid of what names none, in the quarantine."""

NO_TYPE: Final = 0
"""Its notify type."""


def unreadable_item(body: bytes, guid: Guid | None, defect: str) -> CallbackItem:
    """The body as one item with a defect; `guid` is the only one that it can be of. The same body is the same item.

    What is no UTF-8 becomes U+FFFD: the text is for people. `defect` never holds content.
    """
    text = body.decode("utf-8", "replace")
    return CallbackItem(guid or NO_GUID, NO_TYPE, f"sha256:{hashlib.sha256(body).hexdigest()}", raw=text, defect=defect)
