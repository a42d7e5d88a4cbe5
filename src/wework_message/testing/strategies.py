"""Hypothesis strategies for valid contents, conversations and drafts of every kind."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from msgspec import UNSET, Struct, UnsetType, structs

from wework_message.domain import content as c
from wework_message.domain.content import rules
from wework_message.domain.content.files import MEDIA_NAMES
from wework_message.domain.content.mass import MassContent, MassImage
from wework_message.domain.conversation import PEERS_AND_ROOMS, Conversation
from wework_message.domain.ids import AccountId, Guid, ProviderCode
from wework_message.domain.message.draft import Draft
from wework_message.domain.message.options import MAX_PRIORITY, MAX_RETRY_COUNT, OnUnknown, SendOptions

Fields = Mapping[str, st.SearchStrategy[Any]]

_DAY_MS: Final = 86_400_000
_MAX_DAYS_AHEAD: Final = 365
"""A request may name no later instant by default."""
_MAX_LIST: Final = 3
_MAX_LEAVES: Final = 4
"""Contents inside a record, those of its inner records included."""


def texts(*, max_size: int = 60) -> st.SearchStrategy[str]:
    """Texts a person could send: not empty, no NUL, no lone surrogate."""
    return st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=max_size)


def urls() -> st.SearchStrategy[str]:
    """Absolute http and https addresses."""
    return st.from_regex(r"https?://[a-z]{1,12}\.example/[a-zA-Z0-9_.~/?=&%-]{0,40}", fullmatch=True)


_keys: Final = texts(max_size=20)
_digits: Final = st.from_regex(r"[0-9]{1,20}", fullmatch=True)
_mentions: Final = st.lists(_digits, min_size=1, max_size=_MAX_LIST).map(tuple)
_instants: Final = st.datetimes(datetime(2020, 1, 1), datetime(2025, 6, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis takes naive bounds


def _of_rule(rule: rules.Rule, plain: Any) -> st.SearchStrategy[Any]:
    """Values of the type `plain` that the rule allows."""
    match rule:
        case rules.Words():
            return texts()
        case rules.Chars(may_be_empty=may_be_empty):
            return st.just("") | _keys if may_be_empty else _keys
        case rules.WebAddress():
            return urls()
        case rules.Users():
            return _mentions
        case rules.Items():
            return st.lists(_items(), min_size=1, max_size=_MAX_LIST).map(tuple)
        case rules.Between(minimum=low, maximum=high):
            return st.floats(low, high) if plain is float else st.integers(math.ceil(low), math.floor(high))
    raise NotImplementedError(f"a strategy for {rule}")


def _of_type(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a field that is declared as `annotation`."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return st.one_of([_of_type(member) for member in get_args(annotation) if member is not UnsetType])
    if origin is Annotated:
        plain = get_args(annotation)[0]
        rule = rules.rule_of(annotation)
        return _of_type(plain) if rule is None else _of_rule(rule, plain)
    if annotation is datetime:
        return _instants
    return _valid(annotation) if issubclass(annotation, Struct) else st.from_type(annotation)


def _of_struct(kind: type[Struct], **own: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Valid values of `kind`; `own` has the strategies of fields that need another than their type's."""
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for field in structs.fields(kind):
        if field.name not in own:
            always = field.required or (field.default is UNSET and field.encode_name not in MEDIA_NAMES)
            fields[field.name] = _of_type(field.type) if always else _maybe(field)
    forms = next((forms for linked, forms in _FORMS.items() if issubclass(kind, linked)), ({},))
    return st.one_of([st.builds(kind, **{**fields, **form, **own}) for form in forms])


def _maybe(field: structs.FieldInfo) -> st.SearchStrategy[Any]:
    """Its default, or another value; files have their handle and are named by nothing else."""
    default = st.just(field.default)
    return default if field.default is UNSET else default | _of_type(field.type)


@cache
def _valid(kind: type[Struct]) -> st.SearchStrategy[Any]:
    """Valid values of `kind`."""
    return _of_struct(kind)


@cache
def _items() -> st.SearchStrategy[Any]:
    plain = st.one_of([_valid(kind) for kind in c.MERGED_ITEMS.values() if kind is not c.MergedRecord])

    def record(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        messages = st.lists(items, min_size=1, max_size=_MAX_LIST).map(tuple)
        return _of_struct(c.MergedRecord, messages=messages)

    return st.recursive(plain, record, max_leaves=_MAX_LEAVES)


_QUOTED: Final[Fields] = {
    "quote_content": texts(),
    "quote_app_info": _keys,
    "quote_content_type": st.integers(0, 3000),
    "quote_sender": _digits,
    "quote_sender_name": _keys,
    "quote_message": st.deferred(lambda: st.one_of([_valid(kind) for kind in c.QUOTABLE.values()])),
}
_NOT_QUOTED: Final[Fields] = dict.fromkeys(_QUOTED, st.none())
_MESSAGE_IDS: Final = st.uuids().map(str)

_FORMS: Final[Mapping[type[Struct], Sequence[Fields]]] = {
    c.FileContent: (
        {"file_size": st.integers(1, rules.BIG_FILE_BYTES), "aes_key": _keys},
        {"file_size": st.integers(rules.BIG_FILE_BYTES + 1, rules.MAX_BYTES), "aes_key": st.just("")},
    ),
    c.GifContent: (
        {"file_id": st.just(""), "file_size": st.none(), "aes_key": st.just("")},
        {"file_id": _keys, "file_size": st.integers(1, rules.MAX_BYTES), "aes_key": _keys},
    ),
    c.QuoteContent: (
        {"quote_message_id": st.none(), **_QUOTED},
        {"quote_message_id": _MESSAGE_IDS, **_NOT_QUOTED},
        {"quote_message_id": _MESSAGE_IDS, **_QUOTED},
    ),
}
"""Contents whose fields depend on each other, and what these fields can be together."""


def contents(*types: c.MessageType) -> st.SearchStrategy[c.Content]:
    """Valid contents of `types`, of every type where none is named."""
    return st.one_of([_valid(c.CONTENTS[kind]) for kind in types or c.CONTENTS])


def mass_contents() -> st.SearchStrategy[MassContent]:
    """Valid contents of mass sends, every attachment with its handle."""

    def several(kind: type[Struct]) -> st.SearchStrategy[Any]:
        return st.lists(_valid(kind), max_size=_MAX_LIST).map(tuple)

    return st.builds(
        MassContent,
        content=texts(),
        images=several(MassImage),
        videos=several(c.VideoContent),
        mini_programs=several(c.MiniProgramContent),
        links=several(c.LinkContent),
        files=several(c.FileContent),
    )


def conversations(*, rooms: bool | None = None) -> st.SearchStrategy[Conversation]:
    """Conversations: with `rooms` True only rooms, with False none."""
    asids = st.none() | st.from_regex(r"[0-9A-Za-z_-]{1,20}", fullmatch=True)
    room = st.builds(PEERS_AND_ROOMS.room, _digits)
    person = st.builds(PEERS_AND_ROOMS.person, _digits, asids)
    if rooms is None:
        return room | person
    return room if rooms else person


_printable: Final = st.from_regex(r"[ -~]{1,40}", fullmatch=True)

_callback_urls: Final = st.builds(
    "{}://{}{}/{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["hooks.example.com", "10.1.2.3", "[2001:db8::7]"]),
    st.sampled_from(["", ":443"]) | st.integers(1024, 65_535).map(":{}".format),
    st.from_regex(r"[!\"$-\[\]-~]{0,40}", fullmatch=True),
)

_OPTIONS: Final[Fields] = {
    "priority": st.integers(0, MAX_PRIORITY),
    "provider_code": st.none() | st.just(ProviderCode("MAIN_PROVIDER")),
    "extra": st.none() | st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
    "retry_count": st.none() | st.integers(0, MAX_RETRY_COUNT),
    "status_callback_url": st.none() | _callback_urls,
}
"""Options whose type does not say what they can be."""

_LINKED_OPTIONS: Final = frozenset({"scheduled_at", "expires_at", "on_unknown", "duplicate_safe"})
"""Options that depend on each other."""


def _of_option(hint: Any) -> st.SearchStrategy[Any]:
    """Values of an option that is declared as `hint`; a text is a short one of printable ASCII."""
    if get_origin(hint) in (Union, UnionType):
        return st.one_of([_of_option(member) for member in get_args(hint)])
    return _printable if hint is str else st.from_type(hint)


_independent_options: Final = st.fixed_dictionaries(
    {
        name: _OPTIONS[name] if name in _OPTIONS else _of_option(hint)
        for name, hint in get_type_hints(SendOptions).items()
        if name not in _LINKED_OPTIONS
    }
)


# Built once: a strategy that is built anew in each draw costs more than what it draws.
_contents: Final = contents()
_conversations: Final = conversations()
_rooms: Final = conversations(rooms=True)
_senders: Final = st.from_regex(r"[0-9a-zA-Z-]{1,36}", fullmatch=True)
_on_unknown: Final = st.none() | st.sampled_from(OnUnknown)


@st.composite
def drafts(draw: st.DrawFn, *, now: int = 1_750_000_000_000) -> Draft:
    """Valid drafts that have not expired at `now` (epoch ms UTC)."""
    content = draw(_contents)
    needs_room = isinstance(content, c.MentionContent) or (
        isinstance(content, c.QuoteContent) and content.at_list != ()
    )
    kind = draw(st.sampled_from(("guid", "account_id", "pool")))
    sender = draw(_senders)
    latest = now + _MAX_DAYS_AHEAD * _DAY_MS
    scheduled_at = draw(st.none() | st.integers(now - _DAY_MS, latest - 1))
    earliest = max(now, scheduled_at or 0) + 1
    on_unknown = draw(_on_unknown)
    return Draft(
        conversation=draw(_rooms if needs_room else _conversations),
        content=content,
        guid=Guid(sender) if kind == "guid" else None,
        account_id=AccountId(sender) if kind == "account_id" else None,
        pool="p" + str(len(sender)) if kind == "pool" else None,
        options=SendOptions(
            scheduled_at=scheduled_at,
            expires_at=draw(st.none() | st.integers(earliest, latest)),
            on_unknown=on_unknown,
            duplicate_safe=on_unknown is OnUnknown.RESEND or draw(st.booleans()),
            **draw(_independent_options),
        ),
    )
