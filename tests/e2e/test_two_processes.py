"""Two service processes on one database: one key is one message, whichever process gets the request."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.support.polling import until
from tests.support.processes.backends import BackendSettings
from tests.support.processes.programs import ServiceProcesses, ServiceProgram
from tests.support.processes.running_service import LONG_S, Api, Simulator, client_of, text

pytestmark = pytest.mark.e2e

CALLS = 50


@pytest.fixture
def programs(backend: BackendSettings) -> Iterator[ServiceProcesses]:
    with backend.service_processes() as programs:
        yield programs


@pytest.fixture
def other(programs: ServiceProcesses, backend: BackendSettings) -> Iterator[ServiceProgram]:
    other = backend.second_service(programs.simulator.origin, "other")
    try:
        other.start()
        yield other
    finally:
        other.close()


@pytest.fixture
async def both(programs: ServiceProcesses, other: ServiceProgram) -> AsyncIterator[tuple[Api, Api]]:
    async with client_of(programs.service.url) as first, client_of(other.url) as second:
        yield Api(first), Api(second)


@pytest.mark.parametrize("route", ["send", "send/async"])
async def test_fifty_requests_with_one_key_are_one_message(
    route: str, both: tuple[Api, Api], programs: ServiceProcesses
) -> None:
    answers = await asyncio.gather(
        *(both[number % 2].post(route, text(), Idempotency_Key="k-1") for number in range(CALLS))
    )
    assert {answer.status_code for answer in answers} <= {200, 202}
    data = [answer.json()["data"] for answer in answers]
    (message_id,) = {answer["messageId"] for answer in data}
    assert sum(not answer["duplicate"] for answer in data) == 1
    assert sum(answer.headers.get("idempotent-replayed") == "true" for answer in answers) == CALLS - 1
    await both[0].reaches(message_id, "DELIVERED")
    assert [row["messageId"] for row in await both[1].rows()] == [message_id]
    async with client_of(programs.simulator.origin) as control:
        (call,) = await Simulator(control).ledger()
    assert (call["marker"], call["executed"]) == (f"{message_id}.1", True)


async def test_another_body_under_the_same_key_is_a_conflict_at_either_process(both: tuple[Api, Api]) -> None:
    message_id = await both[0].accept(text("eins"), Idempotency_Key="k-1")
    for api in both:
        answer = await api.post("send/async", text("zwei"), Idempotency_Key="k-1")
        assert (answer.status_code, answer.json()["error"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert [row["messageId"] for row in await both[1].rows()] == [message_id]


async def test_two_bodies_that_race_for_a_key_leave_one_message(both: tuple[Api, Api]) -> None:
    answers = await asyncio.gather(
        *(both[n % 2].post("send/async", text(str(n % 4)), Idempotency_Key="k-1") for n in range(CALLS))
    )
    accepted = {answer.json()["data"]["messageId"] for answer in answers if answer.status_code == 202}
    assert len(accepted) == 1
    assert {answer.status_code for answer in answers} == {202, 409}
    assert [row["messageId"] for row in await both[0].rows()] == [*accepted]


async def test_what_one_process_accepted_is_sent_by_the_other_when_it_dies(
    both: tuple[Api, Api], programs: ServiceProcesses
) -> None:
    ids = [await both[0].accept(text(str(number), conversationId=f"S:{number + 1}")) for number in range(20)]
    programs.service.kill()

    async def settled() -> bool:
        return {row["status"] for row in await both[1].rows()} <= {"SENT", "DELIVERED", "UNKNOWN"}

    await until(settled, LONG_S)
    async with client_of(programs.simulator.origin) as control:
        executed = [entry["marker"] for entry in await Simulator(control).ledger()]
    assert len(executed) == len(set(executed))
    assert set(executed) <= {f"{message_id}.1" for message_id in ids}
    proven = {row["messageId"] for row in await both[1].rows() if row["status"] != "UNKNOWN"}
    assert {f"{message_id}.1" for message_id in proven} <= set(executed)


async def test_an_account_that_one_process_registers_is_that_of_the_guid_in_the_other(both: tuple[Api, Api]) -> None:
    first, other = both
    sent_before = (await other.send(text(guid="main")))["messageId"]
    bindings = [{"providerCode": "GUANGZHOU_GUXING", "guid": guid} for guid in ("main", "spare")]
    created = await first.client.post("/api/accounts", json={"onUnknown": "FAIL", "bindings": bindings})
    assert (created.status_code, created.json()["data"]["accountId"]) == (201, "guid:main")

    async def is_known() -> bool:
        explained = (await other.client.post("/api/routing/explain", json=text(guid="spare"))).json()["data"]
        return len(explained["candidates"]) == len(bindings)

    await until(is_known, every_s=0.2)
    message = await other.message(await other.accept(text(guid="spare")))
    assert (message["accountId"], message["onUnknown"]) == ("guid:main", "FAIL")
    assert (await first.message(sent_before))["accountId"] == "guid:main"
    assert (await first.client.put("/api/accounts/guid:main", json={"enabled": False})).status_code == 200

    async def is_refused() -> bool:
        answer = await other.post("send/async", text(guid="spare"))
        return answer.status_code == 409 and answer.json()["error"] == "ACCOUNT_DISABLED"

    await until(is_refused, every_s=0.2)
