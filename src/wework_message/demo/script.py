"""The requests of the demo: one JSON object per line, explained in ``examples/README.md``."""

import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError

_REFERENCE: Final = re.compile(r"\$\{([^}.]+)\.messageId\}")


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The expected result of a request."""

    http: int
    """Status of the HTTP answer."""
    status: str | None = None
    """The final status of each of its messages; None = it makes no message."""
    calls: tuple[str, ...] = ()
    """Provider endpoint of each message in order, from the first again when they are used up."""
    same_as: str | None = None
    """The earlier request whose message id has to come back."""
    error: str | None = None
    """The stable code of a refusal."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request."""

    name: str
    """Unique; other lines refer to it."""
    path: str
    """Below the context path; ``${name.messageId}`` is replaced by the message id of the named request."""
    expect: Expectation
    method: str = "POST"
    headers: dict[str, str] = {}
    body: dict[str, Any] | None = None
    repeat: int | None = None
    """The entries of `body.messages`, or of `body.userList`, are repeated, from the first again, to so many; ``{n}`` in them counts from 1."""

    @property
    def type(self) -> str:
        """Message type, or what several messages have in common; a dash where there is no body."""
        if self.body is None:
            return "-"
        return "MASS_SEND" if "userList" in self.body else str(self.body.get("messageType", "several"))

    @property
    def mode(self) -> str:
        """``sync``, ``async``, ``batch``, or the last part of another path."""
        last_part = self.path.rpartition("/")[2]
        if self.body is None:
            return "recall"
        return "sync" if last_part == "send" else last_part

    @property
    def conversation(self) -> str | None:
        """The conversation that its body names."""
        return None if self.body is None else self.body.get("conversationId")

    def address(self, ids: Mapping[str, str]) -> str:
        """The path with every reference replaced; raises KeyError for a request that got no id."""
        return _REFERENCE.sub(lambda match: ids[match[1]], self.path)

    def document(self) -> dict[str, Any] | None:
        """The body as it is sent."""
        if self.body is None or self.repeat is None:
            return self.body
        entries = self.body[self.repeated]
        repeated = [_numbered(entries[index % len(entries)], index + 1) for index in range(self.repeat)]
        return self.body | {self.repeated: repeated}

    @property
    def repeated(self) -> str:
        """The field of the body whose entries are repeated: messages, or the people of a mass send."""
        return "messages" if "messages" in (self.body or {}) else "userList"

    @property
    def target(self) -> str | None:
        """The name of the request whose message the path is about."""
        match = _REFERENCE.search(self.path)
        return match[1] if match else None


def read_script(path: Path | None) -> list[Step]:
    """The lines of `path`, or of the file that is shipped; raises `CommandFailedError` where one is no request."""
    try:
        text = (resources.files(__package__) / "messages.jsonl" if path is None else path).read_text("utf-8")
        return list(_steps(text))
    except OSError as error:
        raise CommandFailedError(ExitCode.NOT_FOUND, f"{path}: {error.strerror}") from None


def _steps(text: str) -> Iterator[Step]:
    names: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            step = msgspec.json.decode(line, type=Step)
        except msgspec.DecodeError as error:
            raise CommandFailedError(ExitCode.REFUSED, f"line {number}: {error}") from None
        references_known = {step.expect.same_as, step.target} - {None} <= names
        if step.name in names or not references_known:
            raise CommandFailedError(ExitCode.REFUSED, f"line {number}: its name is taken, or it refers to a later one")
        names.add(step.name)
        yield step


def _numbered(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return value.replace("{n}", str(number))
    if isinstance(value, list):
        return [_numbered(entry, number) for entry in value]
    if isinstance(value, dict):
        return {name: _numbered(entry, number) for name, entry in value.items()}
    return value
