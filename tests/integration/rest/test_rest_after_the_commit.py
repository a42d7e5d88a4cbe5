"""What is committed is answered, whatever fails afterwards: an error would make the client repeat it."""

import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn

import httpx
import pytest
from tests.contracts.dead_letters_contract import a_letter
from tests.support.apps.rest import BATCH, TEXT, Rest, client_of

from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.domain.errors import UnavailableError

REPLAY: Final = "/message/api/dead-letters/intake/{}/replay"
ERRORS: Final = pytest.mark.parametrize(
    "error", [UnavailableError("database"), OverflowError("a defect")], ids=["away", "defect"]
)


@asynccontextmanager
async def served(rest: Rest, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The same application with other parts."""
    application = dataclasses.replace(rest.in_memory_app.application, **changes)
    async with client_of(application, rest.in_memory_app.clock.now) as client:
        yield client


@pytest.mark.parametrize(
    ("error", "status"), [(UnavailableError("database"), 503), (OverflowError("a defect"), 500)], ids=["away", "defect"]
)
async def test_a_repeated_batch_whose_items_cannot_be_read_may_be_repeated_and_does_not_say_that_none_was_accepted(
    idle: Rest, error: Exception, status: int
) -> None:
    class Unreadable(MemoryMessageReader):
        async def batch_items(self, *_: object, **__: object) -> NoReturn:
            raise error

    key = {"Idempotency-Key": "b-1"}
    first = (await idle.post(BATCH, {"messages": [TEXT]}, headers=key)).json()["data"]
    async with served(idle, read=Unreadable(idle.in_memory_app.database)) as client:
        again = await client.post(BATCH, json={"messages": [TEXT]}, headers=key)
    assert (again.status_code, again.json().get("data")) == (status, None)
    later = (await idle.post(BATCH, {"messages": [TEXT]}, headers=key)).json()["data"]
    assert (later["batchId"], later["duplicate"], later["accepted"]) == (first["batchId"], True, 1)
    assert idle.in_memory_app.stored() == 1


@ERRORS
async def test_items_accepted_before_whose_statuses_cannot_be_read_are_accepted(idle: Rest, error: Exception) -> None:
    class Unreadable(MemoryMessageReader):
        async def messages(self, *_: object, **__: object) -> NoReturn:
            raise error

    first = await idle.accept(clientMessageId="k")
    async with served(idle, read=Unreadable(idle.in_memory_app.database)) as client:
        answer = await client.post(BATCH, json={"messages": [TEXT | {"clientMessageId": "k"}, TEXT]})
    assert answer.status_code == 202
    known, fresh = answer.json()["data"]["items"]
    assert (known["messageId"], known["status"], known["duplicate"]) == (first, "ACCEPTED", True)
    assert fresh["status"] == "QUEUED"


@ERRORS
async def test_a_replay_that_cannot_be_remembered_names_its_message(idle: Rest, error: Exception) -> None:
    async def forgetful(*_: object) -> NoReturn:
        raise error

    await idle.in_memory_app.keep_dead_letter(a_letter("AC11", body=json.dumps(TEXT).encode()))
    (letter,) = (await idle.get("/api/dead-letters/intake")).json()["data"]["items"]
    async with served(idle, mark_replayed=forgetful) as client:
        answers = [await client.post(REPLAY.format(letter["deadLetterId"])) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert {answer.json()["data"]["messageId"] for answer in answers} == set(
        idle.in_memory_app.database.messages.committed_items()
    )
