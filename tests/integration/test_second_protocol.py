"""A second protocol from the settings to the send, in addition to the built-in one: no code of the service contains its name."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml
from tests.support.apps.doubles import NullObserver
from tests.support.apps.rest import Served, free_server
from tests.support.polling import until
from tests.support.providers import pager
from tests.support.providers.pager import PagerProtocol

from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.adapters.system import SystemClock
from wework_message.bootstrap.doctor import examine
from wework_message.bootstrap.policies import limits_of, policy_of
from wework_message.bootstrap.process import ProcessMetrics, running
from wework_message.bootstrap.settings import Loaded, load
from wework_message.domain.ids import Guid
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState, MessageGateway
from wework_message.domain.ports.protocols import ProviderConnection
from wework_message.testing.provider_contract import GatewayContract

TOKEN: Final = "t0p-secret-token"
PROVIDERS: Final = {
    "pagers": {
        "protocol": "pager", "priority": 2, "api-base-url": "http://pager.example", "timeout-ms": 4000,
        "options": {"token": TOKEN, "channel": "ops"},
    },
    "wecom": {"protocol": "guxing", "priority": 1},
}  # fmt: skip
PAGE: Final = {
    "guid": "a-1",
    "conversationId": "P:duty",
    "messageType": "TEXT",
    "content": "wake up",
    "providerCode": "PAGERS",
}
HOOK: Final = "/message/api/callbacks/webhook"


@dataclass(slots=True)
class Service:
    client: httpx.AsyncClient
    pager: MemoryGateway

    async def reaches(self, message_id: str, status: str) -> dict[str, Any]:
        async def data() -> dict[str, Any]:
            answer: dict[str, Any] = (await self.client.get(f"/api/messages/{message_id}/status")).json()["data"]
            return answer

        async def there() -> bool:
            return bool((await data())["status"] == status)

        await until(there)
        return await data()


class Unheard(NullObserver):
    def intake(self, result: str, reason: str | None) -> None: ...


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    pager.install(tmp_path, monkeypatch)
    document = {"app": {"wework": {"providers": PROVIDERS}}}
    (tmp_path / "application.yml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return load({"DATASOURCE_URL": f"sqlite:///{tmp_path}/one.db"}, config_dir=tmp_path)


@pytest.fixture
async def service(loaded: Loaded) -> AsyncIterator[Service]:
    process_metrics = ProcessMetrics(lambda numbers: None, QueueMetrics(), lambda op, result, seconds: None)
    async with running(loaded, Unheard(), process_metrics) as process:
        served = Served(process.application, SystemClock().now, [])
        async with free_server(limits=limits_of(loaded)).serving(served) as app:
            transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # httpx knows no scope types
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                yield Service(client, PagerProtocol.gateways[-1])


async def test_what_is_configured_reaches_the_protocol(service: Service) -> None:
    (opened,) = PagerProtocol.opened
    assert (opened.url, opened.timeout_ms) == ("http://pager.example", 4000)
    assert opened.options == {"token": TOKEN, "channel": "ops"}
    assert TOKEN not in repr(opened)


async def test_a_message_goes_through_it_and_sent_is_the_end(service: Service) -> None:
    answer = await service.client.post("/api/messages/send", json=PAGE)
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "SENT"), answer.text
    assert [(call.conversation_id, call.guid) for call in service.pager.executed] == [("P:duty", "a-1")]


async def test_a_lost_answer_stays_unknown_and_is_not_sent_again(service: Service) -> None:
    service.pager.script(AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.READ))
    accepted = await service.client.post("/api/messages/send/async", json=PAGE)
    status = await service.reaches(accepted.json()["data"]["messageId"], "UNKNOWN")
    assert (status["reason"], status["attempts"]) == ("READ", 1)
    assert len(service.pager.executed) == 1


@pytest.mark.parametrize(
    ("conversation", "status"), [("P:duty", 202), ("S:1", 202), ("R:1", 202), ("P:1", 422), ("G:1", 422)]
)
async def test_a_conversation_is_spelt_as_any_configured_protocol_does(
    service: Service, conversation: str, status: int
) -> None:
    answer = await service.client.post("/api/messages/send/async", json=PAGE | {"conversationId": conversation})
    assert answer.status_code == status, answer.text


async def test_what_it_cannot_send_is_refused_before_any_call(service: Service) -> None:
    mention = PAGE | {"messageType": "MENTION", "atList": ["1"]}
    answer = await service.client.post("/api/messages/send", json=mention)
    assert (answer.status_code, answer.json()["error"]) == (422, "NO_CAPABILITY"), answer.text
    assert service.pager.calls == []


async def test_the_api_shows_each_provider_with_what_it_can_do(service: Service) -> None:
    answers = (await service.client.get("/api/providers")).json()["data"]
    shown = {answer["code"]: (answer["protocol"], answer["apiUrl"], answer["supportedFeatures"]) for answer in answers}
    assert list(shown) == ["PAGERS", "WECOM"]  # in the order of the settings
    assert shown["PAGERS"] == ("pager", "http://pager.example", ["SEND_TEXT"])
    assert "CALLBACK_HANDLE" in shown["WECOM"][2]
    health = (await service.client.get("/api/providers/health")).json()["data"]
    assert set(health) == {"WECOM", "PAGERS"}


@pytest.mark.parametrize("code", ["PAGERS", "NOBODY", "wecom"])
async def test_callbacks_come_in_at_providers_that_have_some(service: Service, code: str) -> None:
    answer = await service.client.post(f"{HOOK}/{code}", json={"guid": "a-1", "notify_type": 11002, "data": {}})
    assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", [HOOK, f"{HOOK}/WECOM"])
async def test_callbacks_of_the_default_provider_come_in_by_both_paths(service: Service, path: str) -> None:
    answer = await service.client.post(path, json={"guid": "a-1", "notify_type": 11002, "data": {}})
    assert (answer.status_code, answer.json()["data"]) == (200, "回调已接收")
    (stored,) = (await service.client.get("/api/callbacks/a-1/recent")).json()["data"]
    assert stored["notifyType"] == 11002


async def test_the_doctor_runs_the_checks_that_it_offers_and_does_not_miss_its_callbacks(loaded: Loaded) -> None:
    findings = {examined.name: examined.finding for examined in (await examine(loaded, deadline_s=10)).examined}
    assert findings["provider.pagers.battery"].text == "it is charged"
    assert "provider.pagers.callback-url" not in findings
    policy = policy_of(loaded)
    assert {code: provider.has_echoes for code, provider in policy.providers.items()} == {
        "PAGERS": False,
        "WECOM": True,
    }


class TestPagerGateway(GatewayContract):
    """The contract suite of gateways, on one that its protocol opened."""

    @pytest.fixture
    def clock(self) -> SystemClock:
        return SystemClock()

    @pytest.fixture
    def guid(self) -> Guid:
        return Guid("a-1")

    @pytest.fixture
    async def gateway(self, guid: Guid) -> AsyncIterator[MessageGateway]:
        async with PagerProtocol().open(ProviderConnection("http://pager.example", 4000, 10)) as gateway:
            PagerProtocol.gateways[-1].states[guid] = ClientState.ONLINE
            yield gateway

    @pytest.fixture
    def executed(self, gateway: MessageGateway) -> Callable[[], int]:
        return lambda: len(PagerProtocol.gateways[-1].executed)

    @pytest.fixture
    async def unreachable(self) -> AsyncIterator[MessageGateway]:
        async with PagerProtocol().open(ProviderConnection("http://nowhere.example", 4000, 10)) as gateway:
            nowhere = PagerProtocol.gateways.pop()
            nowhere.answers = False
            nowhere.script(*[AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT)] * 3)
            nowhere.script_recalls(AttemptOutcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
            yield gateway
