"""What the document says of the rules of contents: a JSON schema for each kind of rule.

It leaves out that a text has no NUL and no lone surrogate.
"""

from typing import Any, Final

from msgspec import NODEFAULT, UNSET, Struct, structs

from wework_message.domain.content import rules_of
from wework_message.domain.content.rules import (
    MAX_URL_CHARS,
    MAX_USER_ID_CHARS,
    Between,
    Chars,
    Items,
    Rule,
    Users,
    WebAddress,
    Words,
)

Schema = dict[str, Any]

_AT_LEAST_ONE: Final = ("minLength", "minItems")

_ADDRESS: Final = r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#\u0000-\u0020\u007f][^\s\u0000-\u0020\u007f]*$"


def schema_of(rule: Rule, max_text_length: int) -> Schema:
    """The keywords of a rule; `max_text_length` in characters. Raises `TypeError` for a kind of rule that has none here."""
    match rule:
        case Words():
            return {"minLength": 1, "maxLength": max_text_length}
        case Chars(max_chars, may_be_empty):
            return {"minLength": 0 if may_be_empty else 1, "maxLength": max_chars}
        case WebAddress():
            return {"minLength": 1, "maxLength": MAX_URL_CHARS, "pattern": _ADDRESS}
        case Between(minimum, maximum):
            return {"minimum": minimum, "maximum": maximum}
        case Users(max_entries):
            user_id = {"type": "string", **schema_of(Chars(MAX_USER_ID_CHARS), max_text_length)}
            return {"minItems": 1, "maxItems": max_entries, "items": user_id}
        case Items(max_items):
            return {"minItems": 1, "maxItems": max_items}
        case _:
            raise TypeError(f"{type(rule).__name__} has no schema")


def add_rules(schema: Schema, kind: type[Struct], max_text_length: int) -> None:
    """Add the rules of the fields of `kind` to its schema, in place."""
    rules = rules_of(kind)
    for field in structs.fields(kind):
        if (rule := rules.get(field.encode_name)) is None:
            continue
        keywords = schema_of(rule, max_text_length)
        if field.default not in (NODEFAULT, UNSET, None):  # such as "", to which no rule applies
            keywords = {name: value for name, value in keywords.items() if name not in _AT_LEAST_ONE}
            if "pattern" in keywords:
                keywords["pattern"] = f"^$|{keywords['pattern']}"
        schema["properties"][field.encode_name] |= keywords
