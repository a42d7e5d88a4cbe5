import time

import pytest
from tests.support.checks import examined, verdicts
from tests.support.servers.redis import Redis

from wework_message.adapters.redis.checks import redis_checks


async def test_a_redis_that_works_is_ok_and_tells_what_it_forgets(redis_url: str) -> None:
    found = await examined(redis_checks(redis_url))
    assert set(verdicts(found).values()) == {"ok"}
    assert list(found) == ["redis.dns", "redis.tcp", "redis.call", "redis.memory", "redis.clock"]
    assert "policy noeviction" in found["redis.memory"].finding.text
    assert "persistence: " in found["redis.memory"].finding.text


async def test_a_redis_that_is_gone_fails_once_and_the_rest_is_skipped(redis_server: Redis) -> None:
    url = redis_server.url
    redis_server.kill9()
    found = await examined(redis_checks(url))
    assert verdicts(found) == {
        "redis.dns": "ok", "redis.tcp": "failed", "redis.call": "skipped", "redis.memory": "skipped",
        "redis.clock": "skipped",
    }  # fmt: skip


async def test_a_redis_that_does_not_answer_fails_at_the_deadline(redis_server: Redis) -> None:
    redis_server.pause()
    found = await examined(redis_checks(redis_server.url), deadline_s=0.3)
    assert verdicts(found)["redis.tcp"] == "ok"
    assert found["redis.call"].finding.text == "no answer within 0.3 s"


async def test_a_wrong_password_is_told_and_not_repeated(redis_url: str) -> None:
    found = await examined(redis_checks(redis_url.replace("redis://", "redis://nobody:hunter2@")))
    assert verdicts(found)["redis.call"] == "failed"
    assert found["redis.call"].finding.text == "redis: user or password are wrong"
    assert "hunter2" not in str(found)


async def test_a_clock_that_differs_is_a_warning(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 7)
    found = await examined(redis_checks(redis_url))
    assert verdicts(found)["redis.clock"] == "warning"
    assert "behind this machine's" in found["redis.clock"].finding.text
