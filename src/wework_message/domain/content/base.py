"""The base of all contents: they are frozen, camelCase in JSON, and valid once built."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar

from msgspec import Struct, structs

from wework_message.domain.content.message_type import MessageType
from wework_message.domain.content.rules import Rule, rule_of
from wework_message.domain.errors import InvalidValueError


@cache
def rules_of(kind: type[Struct]) -> Mapping[str, Rule]:
    """JSON name and rule of every field of `kind` that has a rule beyond its type."""
    rules = {field.encode_name: rule_of(field.type) for field in structs.fields(kind)}
    return MappingProxyType({name: rule for name, rule in rules.items() if rule is not None})


@cache
def _plan(kind: type[Struct]) -> tuple[tuple[str, str, Rule, Any], ...]:
    """Attribute, JSON name, rule and default of every field that has a rule."""
    rules = rules_of(kind)
    return tuple(
        (field.name, field.encode_name, rules[field.encode_name], field.default)
        for field in structs.fields(kind)
        if field.encode_name in rules
    )


@cache
def _type_of(kind: type[Struct]) -> MessageType:
    return MessageType(str(kind.__struct_config__.tag))


class Checked(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A value whose fields hold what their rules allow."""

    def __post_init__(self) -> None:
        """Raises `InvalidValueError` for the first field that breaks its rule."""
        for attribute, name, rule, default in _plan(type(self)):
            value = getattr(self, attribute)
            if value != default and (problem := rule.problem(value)) is not None:
                raise InvalidValueError(name, problem)


class ContentBase(Checked, frozen=True, kw_only=True, tag_field="messageType"):
    """The content of a message. A type is described in one place: fields, their rules, and an example."""

    EXAMPLE: ClassVar[Mapping[str, Any]]
    """A valid content as JSON, without its `messageType`: every field has a value of its own."""

    @property
    def message_type(self) -> MessageType:
        """The type; an item of a merged record has the type of what it holds."""
        return _type_of(type(self))


class LinkedContent(ContentBase, frozen=True, kw_only=True):
    """A content some of whose fields depend on each other."""

    def __post_init__(self) -> None:
        """Raises `InvalidValueError` for the first rule that is broken."""
        super().__post_init__()
        names = zip(self.__struct_fields__, self.__struct_encode_fields__, strict=True)
        values = {name: getattr(self, attribute) for attribute, name in names}
        for name, problem in self.linked_problems(values):
            raise InvalidValueError(name, problem)

    @classmethod
    @abstractmethod
    def linked_problems(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """JSON name and problem of fields that do not fit together; `values` are by JSON name and may be partial."""
