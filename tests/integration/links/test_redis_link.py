"""TLS to a Redis server that speaks it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.support.authority import OTHER, Authority
from tests.support.checks import examined, verdicts
from tests.support.redis import PATIENT_S
from tests.support.servers.redis import Redis

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.redis.checks import redis_checks
from wework_message.adapters.redis.guarded import GuardedRedis, command, connect
from wework_message.adapters.tls import ClientTls, TlsFiles
from wework_message.domain.errors import UnavailableError


@pytest.fixture
def its_own_certificate(redis_server: Redis) -> Iterator[None]:
    """Shows the usual one again after the test."""
    yield
    redis_server.set("tls-auth-clients no")
    redis_server.show()


def trusting(ca_file: Path | None, cert_file: Path | None = None, key_file: Path | None = None) -> ClientTls:
    return ClientTls(TlsFiles(ca_file, cert_file, key_file))


@contextlib.asynccontextmanager
async def linked(url: str, tls: ClientTls, limit_s: float) -> AsyncIterator[GuardedRedis]:
    guarded = GuardedRedis(connect(url, tls=tls, limit_s=limit_s), SettableClock(), limit_s=limit_s)
    try:
        yield guarded
    finally:
        await guarded.close()


async def pong(url: str, tls: ClientTls, limit_s: float = PATIENT_S) -> object:
    async with linked(url, tls, limit_s) as guarded:
        return await guarded.call("health", lambda client: command(client, "PING"))


async def refusal_of(url: str, tls: ClientTls, limit_s: float = PATIENT_S) -> str:
    with pytest.raises(UnavailableError) as caught:
        await pong(url, tls, limit_s)
    return str(caught.value)


async def test_a_trusted_server_is_spoken_to_and_a_stranger_is_not(redis_server: Redis, tmp_path: Path) -> None:
    url = redis_server.tls_url
    assert await pong(url, trusting(redis_server.authority.ca_file)) is True
    unknown = "redis: TLS: the issuer of its certificate is not trusted"
    assert await refusal_of(url, trusting(Authority(tmp_path).ca_file)) == unknown
    assert await refusal_of(url, ClientTls()) == unknown


@pytest.mark.usefixtures("its_own_certificate")
async def test_certificates_of_other_hosts_and_former_days_are_refused_and_said_once(
    redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    tls = trusting(redis_server.authority.ca_file)
    redis_server.show(OTHER)
    with caplog.at_level(logging.WARNING):
        reason = "TLS: its certificate is for another host"
        assert await refusal_of(redis_server.tls_url, tls) == f"redis: {reason}"
    assert [record.getMessage() for record in caplog.records] == [f"redis health: {reason}; going on without it"]
    redis_server.show(expired=True)
    assert await refusal_of(redis_server.tls_url, tls) == "redis: TLS: its certificate has expired"


async def test_a_server_without_tls_is_refused_and_hears_no_password() -> None:
    heard = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(65_536))
        writer.write(b"-ERR Protocol error\r\n")
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        url = f"rediss://user:hunter2@127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        assert await refusal_of(url, ClientTls()) == "redis: TLS: it does not speak TLS"
    assert heard
    assert b"hunter2" not in heard


async def test_a_redis_that_takes_the_handshake_for_half_a_command_costs_the_limit(redis_server: Redis) -> None:
    plain = redis_server.url.replace("redis://", "rediss://")
    tls = trusting(redis_server.authority.ca_file)
    assert await refusal_of(plain, tls, limit_s=0.2) == "redis: does not answer in time"


@pytest.mark.usefixtures("its_own_certificate")
async def test_a_server_that_asks_for_our_certificate_gets_it(redis_server: Redis) -> None:
    redis_server.set("tls-auth-clients yes")
    ca_file = redis_server.authority.ca_file
    await refusal_of(redis_server.tls_url, trusting(ca_file))
    assert await pong(redis_server.tls_url, trusting(ca_file, *redis_server.authority.issue())) is True


async def test_an_authority_that_is_replaced_on_the_disk_is_used_from_the_next_connection_on(
    redis_server: Redis, tmp_path: Path
) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(Authority(tmp_path).ca_file.read_bytes())
    tls = trusting(ca_file)
    assert "not trusted" in await refusal_of(redis_server.tls_url, tls)
    ca_file.write_bytes(redis_server.authority.ca_file.read_bytes())
    assert await pong(redis_server.tls_url, tls) is True
    ca_file.write_text("half a file")
    assert await pong(redis_server.tls_url, tls) is True, "the last one that could be read stays in use"


@pytest.mark.usefixtures("its_own_certificate")
async def test_the_doctor_looks_at_the_certificate(redis_server: Redis, tmp_path: Path) -> None:
    tls = trusting(redis_server.authority.ca_file)
    by_name = await examined(redis_checks(redis_server.tls_url, tls))
    assert set(verdicts(by_name).values()) == {"ok"}
    assert "the certificate is valid for" in by_name["redis.tls"].finding.text
    stranger = await examined(redis_checks(redis_server.tls_url, trusting(Authority(tmp_path).ca_file)))
    assert (verdicts(stranger)["redis.tls"], verdicts(stranger)["redis.call"]) == ("failed", "skipped")
    redis_server.show(expired=True)
    expired = await examined(redis_checks(redis_server.tls_url, tls))
    assert "certificate has expired" in expired["redis.tls"].finding.text
