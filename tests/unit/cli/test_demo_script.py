from pathlib import Path

import pytest

from wework_message.demo.command import guid_of
from wework_message.demo.script import Step, read_script
from wework_message.domain.content import CONTENTS
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.wire.requests.examples import full_requests

STEPS = read_script(None)


BODIES = [step.body or {} for step in STEPS]


@pytest.mark.parametrize("name", [*CONTENTS, "MIXED"])
def test_the_shipped_script_sends_every_type_with_every_field(name: str) -> None:
    fields = set(full_requests()[name]) - {"quoteMessageId"}  # the id of a message that the demo does not know
    assert [body for body in BODIES if body.get("messageType") == name and fields <= set(body)]


def test_the_shipped_script_sends_both_kinds_of_gif() -> None:
    assert {"fileId" in body for body in BODIES if body.get("messageType") == "GIF"} == {True, False}


def test_the_shipped_script_uses_every_mode_and_shows_every_promise() -> None:
    assert {step.mode for step in STEPS} == {"sync", "async", "batch", "recall"}
    assert [(step.type, step.repeat) for step in STEPS if step.mode == "batch"] == [
        ("several", 200),
        ("MASS_SEND", 450),
    ]
    again = next(step for step in STEPS if step.expect.same_as)
    original = next(step for step in STEPS if step.name == again.expect.same_as)
    assert (again.path, again.headers, again.body) == (original.path, original.headers, original.body)
    assert [step.expect.http for step in STEPS if step.expect.error] == [422]
    assert [step.expect.status for step in STEPS if step.mode == "recall"] == ["RECALLED"]


def test_the_refused_request_has_a_conversation_of_its_own() -> None:
    refused = next(step for step in STEPS if step.expect.error)
    assert [step.name for step in STEPS if step.conversation == refused.conversation] == [refused.name]


def test_the_example_is_the_shipped_file() -> None:
    example = Path(__file__).parents[3] / "examples" / "messages.jsonl"
    assert read_script(example) == STEPS


def test_a_repeated_batch_numbers_its_entries_in_turn() -> None:
    batch = next(step for step in STEPS if step.repeat)
    messages = (batch.document() or {})["messages"]
    assert len(messages) == 200
    assert len({message["conversationId"] for message in messages}) == 200
    assert [message["messageType"] for message in messages[:3]] == ["TEXT", "LINK", "TEXT"]


def test_a_path_takes_the_id_of_the_request_it_names() -> None:
    recall = next(step for step in STEPS if step.mode == "recall")
    assert recall.address({"mistake": "m-9"}) == f"/api/messages/{guid_of(STEPS)}/messages/m-9"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"name": "a", "path": "/x"}',
        '{"name": "a", "path": "/x", "expect": {"http": 200}, "boddy": {}}',
        '{"name": "a", "path": "/x", "expect": {"http": 200}}\n{"name": "a", "path": "/x", "expect": {"http": 200}}',
        '{"name": "a", "path": "/${b.messageId}", "expect": {"http": 200}}',
        '{"name": "a", "path": "/x", "expect": {"http": 200, "sameAs": "later"}}',
    ],
)
def test_a_line_that_is_no_request_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "script.jsonl"
    file.write_text(text)
    with pytest.raises(CommandFailedError, match=r"line [12]") as failed:
        read_script(file)
    assert failed.value.code is ExitCode.REFUSED


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match=r"none\.jsonl") as failed:
        read_script(tmp_path / "none.jsonl")
    assert failed.value.code is ExitCode.NOT_FOUND


def test_two_senders_in_one_script_are_refused() -> None:
    step = next(step for step in STEPS if step.name == "text")
    other = Step(name="x", path="/x", expect=step.expect, body={"guid": "another"})
    with pytest.raises(CommandFailedError, match="another"):
        guid_of([step, other])


def test_a_mass_send_numbers_its_people() -> None:
    mass = next(step for step in STEPS if step.type == "MASS_SEND")
    people = (mass.document() or {})["userList"]
    assert len(set(people)) == mass.repeat
