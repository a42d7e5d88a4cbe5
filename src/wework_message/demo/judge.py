"""Compares what was expected, what the service says, and what the simulator executed. Pure; says every difference."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from wework_message.demo.play import Played, Sent

RECALL_PATH: Final = "/msg/revoke_msg"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One message that has to exist."""

    message_id: str
    sent: Sent
    index: int
    """Its place in the answer."""

    @property
    def name(self) -> str:
        """How a person finds it in the script."""
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
        entries = document.get("messages") if self.sent.step.repeat else None
        source: dict[str, Any] = entries[self.index] if entries else document
        return source.get("conversationId")


def wanted_messages(played: Played) -> dict[str, Wanted]:
    """Every message that has to exist; a repetition's id is its original's."""
    return {
        message_id: Wanted(message_id, sent, index)
        for sent in played.sent
        if sent.step.expect.calls
        for index, message_id in enumerate(sent.message_ids)
    }


def final_statuses(played: Played) -> dict[str, str]:
    """Message id -> where it has to end; a later request about it (a recall) has the last word."""
    return {
        message_id: status
        for sent in played.sent
        if (status := sent.step.expect.status) is not None
        for message_id in sent.message_ids
    }


def differences(played: Played) -> list[str]:
    """What is not as it should be, one sentence each; empty = every promise was kept."""
    wanted = wanted_messages(played)
    return [
        *(f"{name}: could not be sent: {why}" for name, why in played.unsent.items()),
        *_answers(played),
        *_statuses(played, wanted),
        *_executions(played, wanted),
        *_strays(played, wanted),
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
        due = _due(sent)
        if due is not None and len(sent.message_ids) != due:
            yield f"{name}: {len(sent.message_ids)} message ids, expected {due}"


def _due(sent: Sent) -> int | None:
    expect, body = sent.step.expect, sent.step.body or {}
    if not expect.calls:
        return None
    return sent.step.repeat or len(body.get("parts", [None]))


def _statuses(played: Played, wanted: dict[str, Wanted]) -> Iterator[str]:
    for message_id, status in final_statuses(played).items():
        name = wanted[message_id].name if message_id in wanted else message_id
        listed = played.listed.get(message_id)
        if listed is None:
            yield f"{name}: the service lists no message {message_id}"
        elif listed["status"] != status:
            yield f"{name}: {listed['status']} ({listed.get('reason') or 'no reason'}), expected {status}: {message_id}"


def _executions(played: Played, wanted: dict[str, Wanted]) -> Iterator[str]:
    by_id: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in played.ledger:
        if entry["executed"] and entry["path"] != RECALL_PATH:
            by_id[entry["id"]].append(entry)
    for message_id, one in wanted.items():
        provider_id = played.listed.get(message_id, {}).get("providerMessageId")
        entries = by_id.get(provider_id, []) if provider_id is not None else []
        if len(entries) != 1:
            yield f"{one.name}: the ledger has it {len(entries)} times, expected once: {message_id}"
        for entry in entries[:1]:
            place = (entry["path"], entry["conversationId"])
            if place != (one.call, one.conversation):
                yield f"{one.name}: executed as {place}, expected {(one.call, one.conversation)}"
    yield from _recalls(played)


def _recalls(played: Played) -> Iterator[str]:
    recalled = [
        str((entry["body"] or {}).get("msgid"))
        for entry in played.ledger
        if entry["executed"] and entry["path"] == RECALL_PATH
    ]
    due = [
        str(played.listed.get(message_id, {}).get("providerMessageId"))
        for message_id, status in final_statuses(played).items()
        if status == "RECALLED"
    ]
    if sorted(recalled) != sorted(due):
        yield f"the ledger has recalls of {sorted(recalled)}, expected {sorted(due)}"


def _strays(played: Played, wanted: dict[str, Wanted]) -> Iterator[str]:
    refused = {sent.step.conversation for sent in played.sent if sent.step.expect.error is not None} - {None}
    known = {played.listed.get(message_id, {}).get("providerMessageId") for message_id in wanted}
    for entry in played.ledger:
        place = f"ledger entry {entry['n']}, {entry['path']} to {entry['conversationId']}"
        if entry["conversationId"] in refused:
            yield f"{place}: belongs to a request that was refused"
        elif not entry["executed"]:
            yield f"{place}: was not executed (HTTP {entry['status']}, error_code {entry['error_code']})"
        elif entry["path"] != RECALL_PATH and entry["id"] not in known:
            yield f"{place}: belongs to no message of the script"
    for message_id in sorted(played.listed.keys() - wanted.keys()):
        yield f"the service has a message that nobody sent: {message_id}"
