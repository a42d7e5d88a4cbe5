"""However much is wrong with a request, its answer is short."""

from typing import Any, Final

import msgspec
import pytest
from tests.support.apps.rest import ASYNC, BATCH, SEND, TEXT, Rest

from wework_message.entrypoints.wire.problems import MAX_PATH_CHARS, MAX_PROBLEMS, FieldProblem, bounded

JSON: Final = {"content-type": "application/json"}
MANY: Final[dict[str, Any]] = {f"unknown{number}": 0 for number in range(20_000)}
LONG: Final[dict[str, Any]] = {f"{number}{'x' * 2_000}": 0 for number in range(300)}
SHORT_BYTES: Final = 64 * 1024
"""100 problems with paths of 200 characters, and the envelope."""

RECIPIENTS: Final = {"guid": "g", "mode": "FANOUT", "userList": [str(number) for number in range(1, 101)]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SEND, TEXT | MANY),
        (ASYNC, TEXT | LONG),
        (ASYNC, TEXT | {"content": None, "messageType": "MIXED", "parts": [TEXT | MANY, TEXT | MANY]}),
        (ASYNC, TEXT | {"content": None, "messageType": "MERGED", "messages": [0] * 50_000}),
        (BATCH, {"messages": [TEXT]} | MANY),
        (BATCH, {"messages": [TEXT]} | LONG),
        (BATCH, {"messages": [TEXT | MANY, TEXT]} | {"atomic": True}),
        (BATCH, {"messages": [{}] * 200}),
        (BATCH, RECIPIENTS | MANY),
        (BATCH, RECIPIENTS | {"linkMsgList": [MANY]}),
        (BATCH, RECIPIENTS | {"linkMsgList": [{}] * 100_000}),
        (BATCH, {"guid": "g", "mode": "FANOUT", "content": "x", "userList": ["?"] * 200}),
    ],
)
async def test_a_refusal_names_a_hundred_problems_at_most(idle: Rest, path: str, body: dict[str, Any]) -> None:
    answer = await idle.client.post(path, content=msgspec.json.encode(body), headers=JSON)
    assert answer.status_code == 422
    assert len(answer.content) <= SHORT_BYTES
    assert len(answer.json()["errors"]) <= MAX_PROBLEMS
    assert len(answer.json()["errors"]) == 1 or "more)" in answer.json()["message"]
    assert idle.in_memory_app.stored() == 0


async def test_the_items_of_a_batch_share_a_hundred_problems_and_each_has_its_first(idle: Rest) -> None:
    messages = [TEXT, TEXT | MANY, TEXT | LONG, *[TEXT | {"content": ""}] * 30]
    answer = await idle.client.post(BATCH, content=msgspec.json.encode({"messages": messages}), headers=JSON)
    items = answer.json()["data"]["items"]
    assert (answer.status_code, answer.json()["data"]["accepted"]) == (202, 1)
    assert all(item["errors"] for item in items if item["error"])
    assert sum(len(item["errors"]) for item in items) == MAX_PROBLEMS
    assert len(answer.content) <= SHORT_BYTES


async def test_the_name_of_an_unknown_parameter_is_cut(idle: Rest) -> None:
    answer = await idle.get(f"/api/messages?{'x' * 20_000}=1")
    assert answer.status_code == 422
    assert len(answer.content) < 2_000
    assert len(answer.json()["errors"][0]["path"]) == MAX_PATH_CHARS


def test_what_is_left_out_is_counted() -> None:
    problems = [FieldProblem(str(number), "c", "m") for number in range(250)]
    kept = bounded(iter(problems))
    assert (len(kept), kept[0], kept[-1].message) == (100, problems[0], "and 151 more problems")
    assert bounded(problems[:100]) == tuple(problems[:100])
