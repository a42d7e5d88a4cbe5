import time

import pytest
from tests.support.checks import examined, verdicts
from tests.support.servers.redis import Redis

from wework_message.adapters.redis.checks import redis_checks


async def test_a_redis_that_works_is_ok_and_shows_its_persistence(redis_url: str) -> None:
    examinations = await examined(redis_checks(redis_url))
    assert set(verdicts(examinations).values()) == {"ok"}
    assert list(examinations) == ["redis.dns", "redis.tcp", "redis.tls", "redis.call", "redis.memory", "redis.clock"]
    assert "policy noeviction" in examinations["redis.memory"].finding.text
    assert "persistence: " in examinations["redis.memory"].finding.text


async def test_a_stopped_redis_fails_once_and_the_other_checks_are_skipped(redis_server: Redis) -> None:
    url = redis_server.url
    redis_server.kill9()
    examinations = await examined(redis_checks(url))
    assert verdicts(examinations) == {
        "redis.dns": "ok", "redis.tcp": "failed", "redis.tls": "skipped", "redis.call": "skipped", "redis.memory": "skipped",
        "redis.clock": "skipped",
    }  # fmt: skip


async def test_a_redis_that_does_not_answer_fails_at_the_deadline(redis_server: Redis) -> None:
    redis_server.pause()
    examinations = await examined(redis_checks(redis_server.url), deadline_s=0.3)
    assert verdicts(examinations)["redis.tcp"] == "ok"
    assert examinations["redis.call"].finding.text == "no answer within 0.3 s"


async def test_a_wrong_password_is_reported_and_not_repeated(redis_url: str) -> None:
    examinations = await examined(redis_checks(redis_url.replace("redis://", "redis://nobody:hunter2@")))
    assert verdicts(examinations)["redis.call"] == "failed"
    assert examinations["redis.call"].finding.text == "redis: user or password are wrong"
    assert "hunter2" not in str(examinations)


async def test_a_clock_that_differs_is_a_warning(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 7)
    examinations = await examined(redis_checks(redis_url))
    assert verdicts(examinations)["redis.clock"] == "warning"
    assert "behind this machine's" in examinations["redis.clock"].finding.text
