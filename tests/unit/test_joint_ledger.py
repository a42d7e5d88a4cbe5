"""The joint ledger of two providers sees what was executed twice, at one of them or once at each."""

from typing import Any

import pytest
from tests.support.processes.running_service import Json
from tests.support.processes.two_providers import MAIN, SPARE, doubles


def call(marker: str | None = "m1.1", **changes: Any) -> Json:
    code = changes.pop("code", MAIN)
    body = {"guid": changes.pop("guid", "gz-1"), "conversation_id": "S:1", "content": changes.pop("content", "hello")}
    return {"marker": marker, "path": "/msg/send_text", "body": body, "providerCode": code} | changes


def test_each_message_once_is_no_double() -> None:
    assert doubles([]) == {}
    assert doubles([call(), call("m2.1", content="other", code=SPARE)]) == {}
    assert doubles([call(None), call(None, content="other")]) == {}


@pytest.mark.parametrize(
    "second",
    [
        call("m1.2", content="other"),
        call("m1.2", content="other", code=SPARE),
        call("m9.1", guid="bk-1", code=SPARE),
        call(None, guid="bk-1", code=SPARE),
    ],
)
def test_the_same_message_or_the_same_content_twice_is_one(second: Json) -> None:
    assert list(doubles([call(), second]).values()) == [2]
