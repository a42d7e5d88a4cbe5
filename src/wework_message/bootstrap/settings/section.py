"""What the sections of the settings have in common."""

import msgspec


class Section(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """One level of the tree."""
