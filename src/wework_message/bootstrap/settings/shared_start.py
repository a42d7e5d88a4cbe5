"""What a start gets from Nacos: its configurations, or the copy of what it said last."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from wework_message.bootstrap.settings.nacos import NacosSettings
from wework_message.domain.ports.shared_configuration import Document


@dataclass(frozen=True, slots=True)
class Copy:
    """What Nacos said last."""

    documents: Sequence[Document]
    age: str
    """In words."""


@dataclass(frozen=True, slots=True)
class SharedRead:
    """The outcome of one look, and the copy of an earlier one."""

    documents: Sequence[Document] | None
    """None = Nacos does not answer."""
    copy: Copy | None
    keep: Callable[[Sequence[Document]], None]
    """Make them the copy."""
    problem: str = ""
    """Why there are none."""
    notes: Sequence[str] = ()
    """What the operator should know about `documents`."""

    @property
    def copied_notes(self) -> Sequence[str]:
        """What the operator should know where the copy is used."""
        age = "" if self.copy is None else self.copy.age
        reason = [self.problem] if self.documents is None else []
        return [*reason, f"started with the copy of what Nacos said {age} ago"]


SharedStart: TypeAlias = Callable[[NacosSettings, Sequence[str]], SharedRead]
"""Looks once, within seconds; with the active profiles."""
