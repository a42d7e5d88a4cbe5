"""What the sections of the settings have in common."""

import msgspec


class Section(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """One level of the tree."""


def comma_separated(text: str | None) -> tuple[str, ...]:
    """The entries of a setting that is a list, without the blanks around them; none where it is not set."""
    return tuple(entry.strip() for entry in text.split(",")) if text else ()
