"""Where a message goes: a person, a customer-service session, or a room (provider contract section 1)."""

import re
from dataclasses import dataclass
from typing import Final, Self

from wework_message.domain.errors import InvalidValueError

_SHAPE: Final = re.compile(r"(?:([SR]):)?([0-9]{1,32})(?:;([!-:<-~]{1,64}))?")


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation, the same for every instance of the provider; with the account it is a lane."""

    is_room: bool
    peer: str
    """User id or room id: 1-32 decimal digits."""
    asid: str | None = None
    """Customer-service session, as the received message named it; never with a room."""

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Read ``S:<digits>``, ``S:<digits>;<asid>``, ``R:<digits>`` or bare digits (read as ``S:``).

        Raises `InvalidValueError` for ``conversationId`` on everything else.
        """
        found = _SHAPE.fullmatch(raw)
        if found is None:
            raise InvalidValueError("conversationId", "must be S:<digits>, S:<digits>;<asid> or R:<digits>")
        kind, peer, asid = found.groups()
        if asid is not None and kind != "S":
            raise InvalidValueError("conversationId", "only S:<digits> may name an asid")
        return cls(kind == "R", peer, asid)

    def __str__(self) -> str:
        """The provider's spelling, which `parse` reads back."""
        if self.is_room:
            return f"R:{self.peer}"
        return f"S:{self.peer}" if self.asid is None else f"S:{self.peer};{self.asid}"
