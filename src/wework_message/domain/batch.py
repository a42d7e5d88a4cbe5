"""Batches: how they are sent, which items are stored, and their progress."""

from collections.abc import Mapping
from enum import StrEnum

from wework_message.domain.lifecycle import RESTING, MessageStatus


class BatchMode(StrEnum):
    """How a batch is sent; the names are API."""

    FANOUT = "FANOUT"
    """Every item is a message of its own."""
    MASS_SEND = "MASS_SEND"
    """The provider's mass-send assistant (群发助手): one call for many recipients (ADR 67)."""


def stores(*, valid: int, rejected: int, atomic: bool) -> bool:
    """Whether the valid items are stored: at least one is there, and with `atomic` none was rejected."""
    return valid > 0 and not (atomic and rejected > 0)


def resting(by_status: Mapping[MessageStatus, int]) -> int:
    """How many messages of a batch rest; a later retry or late evidence may change them again."""
    return sum(count for status, count in by_status.items() if status in RESTING)
