"""What the sections of the settings have in common."""

import msgspec


class Section(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """One level of the tree."""


def texts_in(value: object) -> list[str]:
    """The texts of a list, or of one text with commas between, without blanks around them and without empty ones."""
    items = value if isinstance(value, list) else str(value or "").split(",")
    return [text for item in items if (text := str(item or "").strip())]


def comma_separated(text: str | None) -> tuple[str, ...]:
    """The entries of a setting that is a list, without the blanks around them; none where it is not set."""
    return tuple(entry.strip() for entry in text.split(",")) if text else ()
