"""Compares the script, the service's statuses and the simulator's ledger. Pure; names every difference."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from wework_message.demo.play import Played, Sent

RECALL_PATH: Final = "/msg/revoke_msg"
MASS_PATHS: Final = frozenset({"/msg/send_group_msg", "/msg/check_can_send_group_msg"})


@dataclass(frozen=True, slots=True)
class Expected:
    """One message that has to exist."""

    message_id: str
    sent: Sent
    index: int
    """Its place in the answer."""

    @property
    def name(self) -> str:
        """Its name in the script, with the index where the request made several messages."""
        return self.sent.step.name if len(self.sent.message_ids) == 1 else f"{self.sent.step.name}[{self.index}]"

    @property
    def call(self) -> str:
        """The provider endpoint that has to be called for it."""
        calls = self.sent.step.expect.calls
        return calls[self.index % len(calls)]

    @property
    def conversation(self) -> str | None:
        """The conversation it has to appear in."""
        document = self.sent.step.document() or {}
        entries = document.get(self.sent.step.repeated) if self.sent.step.repeat else None
        source: Any = entries[self.index] if entries else document
        return f"S:{source}" if isinstance(source, str) else source.get("conversationId")


def expected_messages(played: Played) -> dict[str, Expected]:
    """Every message that has to exist; a repetition's id is its original's."""
    return {
        message_id: Expected(message_id, sent, index)
        for sent in played.sent
        if sent.step.expect.calls
        for index, message_id in enumerate(sent.message_ids)
    }


def final_statuses(played: Played) -> dict[str, str]:
    """Message id -> its expected final status; a later request about it (a recall) wins."""
    return {
        message_id: status
        for sent in played.sent
        if (status := sent.step.expect.status) is not None
        for message_id in sent.message_ids
    }


def differences(played: Played) -> list[str]:
    """Every difference, one sentence each; empty = every promise was kept."""
    expected = expected_messages(played)
    return [
        *(f"{name}: could not be sent: {why}" for name, why in played.unsent.items()),
        *_answers(played),
        *_statuses(played, expected),
        *_executions(played, expected),
        *_unexpected(played, expected),
    ]


def _answers(played: Played) -> Iterator[str]:
    by_name = {sent.step.name: sent for sent in played.sent}
    for sent in played.sent:
        name, expect = sent.step.name, sent.step.expect
        if sent.http != expect.http:
            yield f"{name}: HTTP {sent.http} {sent.error or ''}".rstrip() + f", expected {expect.http}"
        if sent.error != expect.error:
            yield f"{name}: error code {sent.error}, expected {expect.error}"
        original = by_name.get(expect.same_as) if expect.same_as is not None else None
        if original is not None and original.message_ids != sent.message_ids:
            yield f"{name}: got {sent.message_ids}, not {original.message_ids} as {expect.same_as} did"
        if (expect.error is not None) and sent.message_ids:
            yield f"{name}: was refused and yet got the id {sent.message_ids[0]}"
        count = _message_count(sent)
        if count is not None and len(sent.message_ids) != count:
            yield f"{name}: {len(sent.message_ids)} message ids, expected {count}"


def _message_count(sent: Sent) -> int | None:
    expect, body = sent.step.expect, sent.step.body or {}
    if not expect.calls:
        return None
    return sent.step.repeat or len(body.get("parts", [None]))


def _statuses(played: Played, expected: dict[str, Expected]) -> Iterator[str]:
    for message_id, status in final_statuses(played).items():
        name = expected[message_id].name if message_id in expected else message_id
        listed = played.listed.get(message_id)
        if listed is None:
            yield f"{name}: the service lists no message {message_id}"
        elif listed["status"] != status:
            yield f"{name}: {listed['status']} ({listed.get('reason') or 'no reason'}), expected {status}: {message_id}"


def _of_messages(played: Played) -> Iterator[dict[str, Any]]:
    """The ledger without the calls of mass sends, and the questions before them: each of their recipients has an entry of its own."""
    return (entry for entry in played.ledger if entry["path"] not in MASS_PATHS or entry.get("of") is not None)


def _executions(played: Played, expected: dict[str, Expected]) -> Iterator[str]:
    by_id: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in _of_messages(played):
        if entry["executed"] and entry["path"] != RECALL_PATH:
            by_id[entry["id"]].append(entry)
    for message_id, message in expected.items():
        provider_id = played.listed.get(message_id, {}).get("providerMessageId")
        entries = by_id.get(provider_id, []) if provider_id is not None else []
        if len(entries) != 1:
            yield f"{message.name}: the ledger has it {len(entries)} times, expected once: {message_id}"
        for entry in entries[:1]:
            place = (entry["path"], entry["conversationId"])
            if place != (message.call, message.conversation):
                yield f"{message.name}: executed as {place}, expected {(message.call, message.conversation)}"
    yield from _recalls(played)


def _recalls(played: Played) -> Iterator[str]:
    recalled = [
        str((entry["body"] or {}).get("msgid"))
        for entry in played.ledger
        if entry["executed"] and entry["path"] == RECALL_PATH
    ]
    expected = [
        str(played.listed.get(message_id, {}).get("providerMessageId"))
        for message_id, status in final_statuses(played).items()
        if status == "RECALLED"
    ]
    if sorted(recalled) != sorted(expected):
        yield f"the ledger has recalls of {sorted(recalled)}, expected {sorted(expected)}"


def _unexpected(played: Played, expected: dict[str, Expected]) -> Iterator[str]:
    refused = {sent.step.conversation for sent in played.sent if sent.step.expect.error is not None} - {None}
    provider_ids = {played.listed.get(message_id, {}).get("providerMessageId") for message_id in expected}
    for entry in _of_messages(played):
        place = f"ledger entry {entry['n']}, {entry['path']} to {entry['conversationId']}"
        if entry["conversationId"] in refused:
            yield f"{place}: belongs to a request that was refused"
        elif not entry["executed"]:
            yield f"{place}: was not executed (HTTP {entry['status']}, error_code {entry['error_code']})"
        elif entry["path"] != RECALL_PATH and entry["id"] not in provider_ids:
            yield f"{place}: belongs to no message of the script"
    for message_id in sorted(played.listed.keys() - expected.keys()):
        yield f"the service has a message that nobody sent: {message_id}"
