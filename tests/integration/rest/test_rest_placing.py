"""Accounts that are placed over REST: what the request may say, what it answers, and the code that a person scans."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.support.apps.in_memory_app import a_policy
from tests.support.apps.rest import Rest, serving
from tests.support.builders.messages import BACKUP, PROVIDER, an_outcome

from wework_message.adapters.memory.instances import MemoryInstanceGateway
from wework_message.domain.outcomes import OutcomeClass, Reason

ROOT = "/message/api/accounts"
SALES: dict[str, Any] = {"accountId": "sales", "name": "Sales", "place": True}
CODE = f"{ROOT}/sales/bindings/bind:{PROVIDER}:made-1/login-code"


@pytest.fixture
async def rest() -> AsyncIterator[Rest]:
    async with serving(a_policy(), dispatching=False) as rest:
        yield rest


def maker(rest: Rest) -> MemoryInstanceGateway:
    gateway = rest.in_memory_app.gateway
    assert isinstance(gateway, MemoryInstanceGateway)
    return gateway


def problems(answer: Any) -> list[tuple[str, str]]:
    return [(problem["path"], problem["code"]) for problem in answer.json()["errors"]]


async def test_a_placed_account_has_the_instance_that_was_made_for_it_and_a_repeat_the_same(rest: Rest) -> None:
    answer = await rest.post(ROOT, SALES)
    assert (answer.status_code, answer.headers["location"]) == (201, f"{ROOT}/sales")
    (binding,) = answer.json()["data"]["bindings"]
    assert {name: binding[name] for name in ("providerCode", "guid", "standby", "state")} == {
        "providerCode": PROVIDER, "guid": "made-1", "standby": "HOT", "state": "OFFLINE",
    }  # fmt: skip
    assert "idempotent-replayed" not in answer.headers
    again = await rest.post(ROOT, SALES)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.json()["data"] == answer.json()["data"]
    other = await rest.post(ROOT, {**SALES, "name": "Another"})
    assert (other.status_code, problems(other)) == (409, [("accountId", "INVALID_VALUE")])
    assert maker(rest).made == 1


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"place": True}, ("accountId", "REQUIRED")),
        ({**SALES, "bindings": [{"providerCode": PROVIDER, "guid": "g"}]}, ("bindings", "INVALID_VALUE")),
        ({"accountId": "a", "providerCode": PROVIDER}, ("providerCode", "INVALID_VALUE")),
        ({"accountId": "a", "placeAgain": True}, ("placeAgain", "INVALID_VALUE")),
        ({**SALES, "providerCode": "NOBODY"}, ("providerCode", "INVALID_VALUE")),
        ({**SALES, "accountId": "guid:g"}, ("accountId", "INVALID_VALUE")),
        ({**SALES, "place": 1}, ("place", "WRONG_TYPE")),
        ({**SALES, "placing": True}, ("placing", "UNKNOWN_FIELD")),
    ],
)
async def test_what_does_not_fit_is_named_and_makes_nothing(
    rest: Rest, body: dict[str, Any], problem: tuple[str, str]
) -> None:
    answer = await rest.post(ROOT, body)
    assert (answer.status_code, problems(answer)) == (422, [problem])
    assert maker(rest).made == 0


async def test_who_takes_no_account_is_said_with_the_reason(rest: Rest) -> None:
    unable = await rest.post(ROOT, {**SALES, "providerCode": BACKUP})
    assert (unable.status_code, unable.json()["error"], problems(unable)) == (
        422, "NO_CAPABILITY", [("place", "INVALID_VALUE")],
    )  # fmt: skip
    assert f"{BACKUP} UNABLE" in unable.json()["message"]
    maker(rest).answer = an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT)
    away = await rest.post(ROOT, SALES)
    assert (away.status_code, away.json()["error"]) == (503, "UNAVAILABLE")
    assert f"{PROVIDER} NOT_ANSWERING" in away.json()["message"]
    assert (await rest.get(f"{ROOT}/sales")).status_code == 404


async def test_what_was_perhaps_made_is_a_conflict_and_is_found_again(rest: Rest) -> None:
    maker(rest).answer = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.READ)
    lost = await rest.post(ROOT, SALES)
    assert (lost.status_code, lost.json()["error"], problems(lost)) == (
        409, "ILLEGAL_STATE", [("place", "INVALID_VALUE")],
    )  # fmt: skip
    rest.in_memory_app.clock.advance(3_600_000)
    assert (await rest.post(ROOT, SALES)).status_code == 409
    clients = f"/api/providers/{PROVIDER}/clients"
    assert (await rest.get(f"{clients}?withoutAccount=true")).json()["data"] == ["made-1"]
    maker(rest).answer = an_outcome(OutcomeClass.ACCEPTED)
    assert (await rest.post(ROOT, {**SALES, "placeAgain": True})).status_code == 201
    assert (await rest.get(clients)).json()["data"] == ["made-1", "made-2"]
    assert (await rest.get(f"{clients}?withoutAccount=true")).json()["data"] == ["made-1"]


async def test_a_person_gets_the_code_which_nobody_keeps(rest: Rest, caplog: pytest.LogCaptureFixture) -> None:
    await rest.post(ROOT, SALES)
    answer = await rest.post(CODE)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json()["data"] == {
        "bindingId": f"bind:{PROVIDER}:made-1", "providerCode": PROVIDER, "guid": "made-1",
        "content": "https://scan.example/made-1", "image": None,
    }  # fmt: skip
    assert "scan.example" not in caplog.text
    maker(rest).answer = an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.CODE, error_code=-7)
    refused = await rest.post(CODE)
    assert (refused.status_code, refused.json()["error"]) == (422, "PROVIDER_REFUSED")
    assert (await rest.post(CODE.replace("made-1", "made-9"))).status_code == 404


async def test_the_code_that_a_login_asks_for_is_passed_on_and_nobody_keeps_it(
    rest: Rest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await rest.post(ROOT, SALES)
    taken = await rest.post(f"{CODE}/verify", {"code": "735915"})
    assert (taken.status_code, taken.json()["data"]["accountId"]) == (200, "sales")
    maker(rest).answer = an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.CODE, error_code=-9)
    refused = await rest.post(f"{CODE}/verify", {"code": "735915"})
    assert (refused.status_code, refused.json()["error"]) == (422, "PROVIDER_REFUSED")
    maker(rest).answer = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.READ)
    lost = await rest.post(f"{CODE}/verify", {"code": "735915"})
    assert (lost.status_code, lost.json()["error"]) == (503, "UNAVAILABLE")
    assert maker(rest).verified == [("made-1", "735915")] * 3
    assert "735915" not in f"{taken.text} {refused.text} {lost.text} {caplog.text}"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, ("code", "REQUIRED")),
        ({"code": 735915}, ("code", "WRONG_TYPE")),
        ({"code": ""}, ("code", "INVALID_VALUE")),
        ({"code": "735 915"}, ("code", "INVALID_VALUE")),
        ({"code": "7" * 33}, ("code", "INVALID_VALUE")),
        ({"code": "735915", "guid": "g"}, ("guid", "UNKNOWN_FIELD")),
    ],
)
async def test_a_code_of_a_login_that_cannot_be_one_is_not_passed_on_or_repeated(
    rest: Rest, body: dict[str, Any], problem: tuple[str, str]
) -> None:
    await rest.post(ROOT, SALES)
    answer = await rest.post(f"{CODE}/verify", body)
    assert (answer.status_code, problems(answer), maker(rest).verified) == (422, [problem], [])
    said = {name: value for name, value in answer.json().items() if name not in {"requestId", "timestamp"}}
    assert "735" not in str(said)
