from pathlib import Path

import psutil
from tests.support.servers import rocketmq_calls
from tests.support.servers.rocketmq import RocketMq, official_client

BODIES = ["a", "b", "好🙂"]


def test_the_official_client_gets_what_it_published(rocketmq: RocketMq, tmp_path: Path) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_group()
    official_client(rocketmq, tmp_path, topic, group, "publish", *BODIES)
    assert official_client(rocketmq, tmp_path, topic, group, "receive", "3") == BODIES


def test_what_was_published_survives_kill_9(rocketmq: RocketMq, tmp_path: Path) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_group()
    official_client(rocketmq, tmp_path, topic, group, "publish", *BODIES)

    rocketmq.kill9()
    assert not rocketmq.broker.answers()
    rocketmq.start()

    assert official_client(rocketmq, tmp_path, topic, group, "receive", "3") == BODIES


def test_a_dropped_topic_is_unknown_to_the_name_server(rocketmq: RocketMq) -> None:
    topic = rocketmq.fresh_topic()
    assert rocketmq_calls.knows_route(rocketmq.name_server.address, topic)
    rocketmq.drop_topic(topic)
    assert not rocketmq_calls.knows_route(rocketmq.name_server.address, topic)


def test_without_a_proxy_the_name_server_leads_to_a_broker_that_speaks_no_grpc(rocketmq: RocketMq) -> None:
    topic = rocketmq.fresh_topic()
    rocketmq.kill9()
    rocketmq.start(proxy=False)
    assert rocketmq_calls.knows_route(rocketmq.name_server.address, topic)
    assert not rocketmq_calls.proxy_knows_route(rocketmq.endpoints, topic)

    rocketmq.restore()

    assert rocketmq_calls.proxy_knows_route(rocketmq.endpoints, topic)


def test_a_broker_registers_with_a_name_server_that_came_back(rocketmq: RocketMq) -> None:
    topic = rocketmq.fresh_topic()
    rocketmq.name_server.kill9()
    rocketmq.name_server.start()
    rocketmq.broker.wait()
    assert rocketmq_calls.knows_route(rocketmq.name_server.address, topic)


def test_paused_it_answers_nothing_until_it_is_resumed(rocketmq: RocketMq) -> None:
    rocketmq.pause()
    assert psutil.Process(rocketmq.pid).status() == psutil.STATUS_STOPPED
    rocketmq.resume()
    assert rocketmq.broker.answers()


def test_closed_it_leaves_no_process(rocketmq: RocketMq) -> None:
    processes = {rocketmq.pid, rocketmq.name_server.pid}
    rocketmq.stop()
    rocketmq.close()
    assert not processes & set(psutil.pids())
