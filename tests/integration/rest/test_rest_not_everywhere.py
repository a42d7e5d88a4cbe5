"""501 says that a provider, or its settings, cannot do something. No field and no shape of a request is answered 501."""

from typing import Any, Final

import pytest
from tests.support.apps.rest import ASYNC, BATCH, TEXT, Rest
from tests.support.builders.send_requests import EXAMPLES

from wework_message.entrypoints.wire.requests.examples import batch_examples
from wework_message.entrypoints.wire.requests.fields import KNOWN_NAMES
from wework_message.entrypoints.wire.requests.java_batch import NAMES as JAVA_NAMES

NOT_EVERYWHERE: Final = {
    ("get", "/api/mass-tasks"),
    ("get", "/api/mass-tasks/{taskId}"),
    ("get", "/api/providers/{providerCode}/clients"),
    ("get", "/api/providers/{providerCode}/clients/{guid}/status"),
    ("post", "/api/accounts/{accountId}/bindings/{bindingId}/activate"),
    ("post", "/api/accounts/{accountId}/bindings/{bindingId}/login-code"),
    ("post", "/api/accounts/{accountId}/bindings/{bindingId}/login-code/verify"),
    ("post", "/api/conversations/{conversationId}/read"),
}
"""What the protocol of a provider may lack, or its settings forbid."""

VALUES: Final = ("x", 1, True, ["1"], [{"url": "https://files.example/a.png"}], {"a": "b"})


async def test_the_document_has_501_where_a_provider_may_lack_something_and_nowhere_else(idle: Rest) -> None:
    paths = (await idle.get("/message/v3/api-docs")).json()["paths"]
    listed = {
        (method, path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "501" in operation["responses"]
    }
    assert listed == NOT_EVERYWHERE


@pytest.mark.parametrize(
    "how", [{}, {"url": "https://files.example/a"}, {"mediaId": "019aba10-5f0e-7cc3-9d4e-8d1a7c6b5e4f"}]
)
async def test_no_type_of_message_is_501(idle: Rest, how: dict[str, str]) -> None:
    for name, example in EXAMPLES.items():
        single = await idle.post(ASYNC, example | how)
        several = await idle.post(BATCH, {"messages": [example | how, TEXT]})
        assert {single.status_code, several.status_code} <= {202, 422}, (name, single.text, several.text)


async def test_no_shape_of_a_batch_is_501(idle: Rest) -> None:
    for name, example in batch_examples().items():
        for mode in ({}, {"mode": "FANOUT"}, {"mode": "MASS_SEND"}):
            answer = await idle.post(BATCH, example | mode)
            assert answer.status_code in {202, 422}, (name, mode, answer.text)


async def test_no_field_is_501(idle: Rest) -> None:
    mass: dict[str, Any] = {"guid": "g", "userList": ["1"], "content": "x"}
    for name in sorted(KNOWN_NAMES | set(JAVA_NAMES) | {"confirmToken", "atomic", "mode"}):
        for value in VALUES:
            for path, body in ((ASYNC, TEXT), (BATCH, mass), (BATCH, {"messages": [TEXT | {name: value}]})):
                answer = await idle.post(path, body if "messages" in body else body | {name: value})
                assert answer.status_code in {202, 400, 409, 422}, (name, value, answer.text)
