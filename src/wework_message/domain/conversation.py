"""Conversations, and how the protocol of a provider spells them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from wework_message.domain.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation, the same for every instance of the provider; with the account it is a lane."""

    spelling: str
    """As the provider spells it; the grammar that parsed it can parse this."""
    is_room: bool
    """Whether several people read it."""

    def __str__(self) -> str:
        return self.spelling


class ConversationGrammar(Protocol):
    """How clients of one protocol name conversations. Pure."""

    @property
    def pattern(self) -> str:
        """A regular expression, also in JavaScript and without anchors, for exactly what `parse` reads."""
        ...

    def parse(self, text: str) -> Conversation:
        """Parse a conversation; two spellings of the same conversation give equal values.

        Raises `InvalidValueError` for ``conversationId``.
        """
        ...

    def parse_recipient(self, text: str, *, is_room: bool) -> Conversation:
        """Parse an entry of a list that holds only rooms, or only persons. Raises `InvalidValueError` for ``conversationId``."""
        ...


class PeersAndRooms:
    """``S:<digits>`` for a person, with ``;<asid>`` in a customer-service session, and ``R:<digits>`` for a room."""

    @property
    def pattern(self) -> str:
        """The three forms, and bare digits."""
        return "(?:S:)?[0-9]{1,32}|S:[0-9]{1,32};[!-:<-~]{1,64}|R:[0-9]{1,32}"

    def parse(self, text: str) -> Conversation:
        """Bare digits are read as ``S:``."""
        return _person_or_room(text)

    def parse_recipient(self, text: str, *, is_room: bool) -> Conversation:
        """Bare digits have the kind of the list."""
        kind = "R" if is_room else "S"
        try:
            conversation = self.parse(text if ":" in text else f"{kind}:{text}")
        except InvalidValueError:
            conversation = None
        if conversation is None or conversation.is_room is not is_room:
            raise InvalidValueError("conversationId", f"must be digits or {kind}:<digits>")
        return conversation

    @staticmethod
    def person(peer: str, asid: str | None = None) -> Conversation:
        """A person by id (digits), in a customer-service session where the received message named one."""
        return Conversation(f"S:{peer}" if asid is None else f"S:{peer};{asid}", is_room=False)

    @staticmethod
    def room(peer: str) -> Conversation:
        """A room by id (digits)."""
        return Conversation(f"R:{peer}", is_room=True)


_PERSON_OR_ROOM: Final = re.compile(r"(?:([SR]):)?([0-9]{1,32})(?:;([!-:<-~]{1,64}))?")


@lru_cache(4_096)
def _person_or_room(text: str) -> Conversation:
    """Cached: a conversation has many messages."""
    match = _PERSON_OR_ROOM.fullmatch(text)
    if match is None:
        raise InvalidValueError("conversationId", "must be S:<digits>, S:<digits>;<asid> or R:<digits>")
    kind, peer, asid = match.groups()
    if asid is not None and kind != "S":
        raise InvalidValueError("conversationId", "only S:<digits> may name an asid")
    return PeersAndRooms.room(peer) if kind == "R" else PeersAndRooms.person(peer, asid)


PEERS_AND_ROOMS: Final = PeersAndRooms()


ERASED_CONVERSATION: Final = ""
"""The stored form of a conversation that was erased; no grammar parses it."""


def without_session(spelling: str) -> str:
    """The person of a customer-service session; any other conversation unchanged."""
    return spelling.partition(";")[0]


class AnyGrammar:
    """The spellings of several protocols: the first grammar that can parse a text parses it."""

    def __init__(self, grammars: Sequence[ConversationGrammar]) -> None:
        """At least one grammar; a text that none of them parses raises the error of the first."""
        self._grammars = tuple(grammars)

    @property
    def pattern(self) -> str:
        """Those of the grammars."""
        return "|".join(dict.fromkeys(grammar.pattern for grammar in self._grammars))

    def parse(self, text: str) -> Conversation:
        """By the first grammar that can parse it."""
        return self._first_that(lambda grammar: grammar.parse(text))

    def parse_recipient(self, text: str, *, is_room: bool) -> Conversation:
        """By the first grammar that can parse it."""
        return self._first_that(lambda grammar: grammar.parse_recipient(text, is_room=is_room))

    def _first_that(self, read: Callable[[ConversationGrammar], Conversation]) -> Conversation:
        refusals = []
        for grammar in self._grammars:
            try:
                return read(grammar)
            except InvalidValueError as refused:
                refusals.append(refused)
        raise refusals[0]


def _conforms(peers: PeersAndRooms, mixed: AnyGrammar) -> tuple[ConversationGrammar, ...]:
    return peers, mixed
