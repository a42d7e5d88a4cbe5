"""The Java sample, compiled by Maven and run against the service: what its page says, judged by the simulator's ledger."""

import os
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from tests.support.processes import java_sample
from tests.support.processes.running_service import running_service
from tests.support.servers.plugin import REQUIRED
from tests.support.servers.ports import free_port
from tests.support.servers.rocketmq import RocketMq

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

CALLS: Final = Counter({
    ("/msg/send_text", "S:7881301000000001", True): 2,  # the second one by queue
    ("/msg/send_image", "S:7881301000000001", True): 1,
    ("/msg/send_text", "S:7881301000000002", True): 1,
    ("/msg/send_text", "S:7881301000000003", True): 1,
    ("/msg/send_text", "S:7881301000000404", False): 1,
    ("/msg/send_text", "S:7881301000000404", True): 1,
    ("/msg/revoke_msg", "S:7881301000000001", True): 1,
})  # fmt: skip
"""All that the provider has to see: path, conversation, and whether it was executed."""


@pytest.fixture
def sample() -> None:
    if missing := java_sample.missing():
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{missing}, and {REQUIRED}=1; scripts/install-services fetches what it needs", pytrace=False)
        pytest.skip(missing)


@pytest.mark.usefixtures("sample")
async def test_the_java_sample_does_what_its_page_says(rocketmq: RocketMq, tmp_path: Path) -> None:
    source, data = tmp_path / "sample", tmp_path / "service"
    source.mkdir()
    data.mkdir()
    jar = await java_sample.build(source)
    topic, port = rocketmq.fresh_topic(), free_port()
    queue = {
        "ROCKETMQ_NAME_SERVER": rocketmq.name_server.address, "ROCKETMQ_ENDPOINTS": rocketmq.endpoints,
        "ROCKETMQ_TOPICS_INTAKE": topic, "ROCKETMQ_GROUP": rocketmq.fresh_group(),
    }  # fmt: skip
    async with running_service(data, APP_OUTBOUND_ALLOW_NETWORKS="127.0.0.0/8", **queue) as running:
        hook = {"url": f"http://127.0.0.1:{port}/wework/events", "events": ["message.status"]}
        created = (await running.api.client.post("/api/webhooks", json=hook)).json()["data"]
        await running.simulator.fault("refuse", error_code=-4017, times=1, conversationId="S:7881301000000404")
        output = await java_sample.run(
            jar, SERVER_PORT=str(port), ROCKETMQ_NAMESERVER=rocketmq.name_server.address, WEWORK_MESSAGE_TOPIC=topic,
            WEWORK_MESSAGE_URL=running.service.url, WEWORK_MESSAGE_WEBHOOKSECRET=created["secret"],
        )  # fmt: skip
        ledger = await running.simulator.ledger()
    calls = [entry for entry in ledger if entry["path"].startswith("/msg/")]
    assert Counter((entry["path"], entry["conversationId"], entry["executed"]) for entry in calls) == CALLS, output
    texts = [entry["body"]["content"] for entry in calls if entry["path"] == "/msg/send_text"]
    assert (texts[0], texts[-1]) == ("您好，您的订单已支付 🎉", "您的订单已发货")
    assert "left out" not in output
    steps = ["TEXT", "EVENT", "IMAGE", "BATCH", "REFUSE", "RETRY", "RECALL", "QUEUE"]
    assert list(dict.fromkeys(line.split()[2] for line in output.splitlines() if line.split()[2] in steps)) == steps
