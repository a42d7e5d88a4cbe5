"""TLS to a MariaDB server that speaks it: who is trusted, and that nothing is ever said in clear text."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop
from tests.support.authority import OTHER, Authority
from tests.support.checks import examined, verdicts
from tests.support.mysql import opened_store, target_of
from tests.support.servers.mariadb import Database, MariaDb

from wework_message.adapters.sql.mysql.checks import mysql_checks
from wework_message.adapters.sql.mysql.kind import MysqlTarget
from wework_message.adapters.tls import ClientTls, TlsFiles
from wework_message.domain.errors import UnavailableError

SECRET = b"secret-of-"
CLEAR_OR_VERSION = "SHOW SESSION STATUS LIKE 'Ssl_version'"


@pytest.fixture
def database(mariadb: MariaDb) -> Iterator[Database]:
    with mariadb.fresh_database() as database:
        yield database


@pytest.fixture
def its_own_certificate(mariadb: MariaDb) -> Iterator[None]:
    """Shows the usual one again after the test."""
    yield
    mariadb.show()


def trusting(database: Database, ca_file: Path, **options: object) -> MysqlTarget:
    return replace(target_of(database), tls=ClientTls(TlsFiles(ca_file=ca_file, **options)))  # type: ignore[arg-type]  # of TlsFiles


async def version_of(target: MysqlTarget) -> str:
    async with opened_store(target) as store:
        return await store.read(lambda connection: str(connection.exec_driver_sql(CLEAR_OR_VERSION).one()[1]))


async def refusal_of(target: MysqlTarget) -> str:
    with pytest.raises(UnavailableError) as caught:
        await version_of(target)
    return str(caught.value)


async def test_a_trusted_server_is_spoken_to_in_tls_by_reads_and_transactions(
    mariadb: MariaDb, database: Database
) -> None:
    target = trusting(database, mariadb.authority.ca_file)
    assert await version_of(target) == "TLSv1.3"
    async with opened_store(target) as store:
        versions = [
            await work(lambda connection: str(connection.exec_driver_sql(CLEAR_OR_VERSION).one()[1]))
            for work in (store.transact, store.search)
        ]
        session = await store.begin()
        versions.append(
            await session.run(lambda connection: str(connection.exec_driver_sql(CLEAR_OR_VERSION).one()[1]))
        )
        await session.close()
    assert set(versions) == {"TLSv1.3"}
    assert await version_of(target_of(database)) == ""


def test_the_event_loop_of_the_service_speaks_it_too(mariadb: MariaDb, database: Database) -> None:
    target = trusting(database, mariadb.authority.ca_file)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(version_of(target)) == "TLSv1.3"


async def test_an_unknown_authority_is_refused(database: Database, tmp_path: Path) -> None:
    stranger = trusting(database, Authority(tmp_path).ca_file)
    assert await refusal_of(stranger) == "database: TLS: the issuer of its certificate is not trusted"
    machine = replace(target_of(database), tls=ClientTls())
    assert await refusal_of(machine) == "database: TLS: the issuer of its certificate is not trusted"


@pytest.mark.usefixtures("its_own_certificate")
async def test_a_certificate_for_another_host_is_refused_unless_its_authority_has_made_no_other(
    mariadb: MariaDb, database: Database, tmp_path: Path
) -> None:
    mariadb.show(OTHER)
    authority = mariadb.authority.ca_file
    assert await refusal_of(trusting(database, authority)) == "database: TLS: its certificate is for another host"
    assert await version_of(trusting(database, authority, names_host=False)) == "TLSv1.3"
    stranger = trusting(database, Authority(tmp_path).ca_file, names_host=False)
    assert await refusal_of(stranger) == "database: TLS: the issuer of its certificate is not trusted"


@pytest.mark.usefixtures("its_own_certificate")
async def test_an_expired_certificate_is_refused(mariadb: MariaDb, database: Database) -> None:
    mariadb.show(expired=True)
    for names_host in (True, False):
        target = trusting(database, mariadb.authority.ca_file, names_host=names_host)
        assert await refusal_of(target) == "database: TLS: its certificate has expired"


async def test_a_server_that_offers_no_tls_is_refused(mariadb: MariaDb, database: Database) -> None:
    mariadb.tls = False
    mariadb.kill9()
    await asyncio.to_thread(mariadb.start)
    try:
        target = trusting(database, mariadb.authority.ca_file)
        assert await refusal_of(target) == "database: TLS: it does not speak TLS"
        assert await version_of(target_of(database)) == ""
    finally:
        await asyncio.to_thread(mariadb.restore)


@contextlib.asynccontextmanager
async def man_in_the_middle(server: MariaDb, heard: bytearray) -> AsyncIterator[int]:
    """Claims in the server's name that it offers no TLS, and hears what the client says then."""

    async def strip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(server.host, server.port)
        head = await server_reader.readexactly(4)
        greeting = bytearray(await server_reader.readexactly(int.from_bytes(head[:3], "little")))
        lower = greeting.index(b"\0", 1) + 1 + 4 + 8 + 1
        assert greeting[lower + 1] & 0x08, "the server offers TLS"
        greeting[lower + 1] &= ~0x08
        writer.write(head + greeting)
        server_writer.close()
        await server_writer.wait_closed()
        with contextlib.suppress(ConnectionError):
            heard.extend(await reader.read(65_536))
            error = b"\xff\x13\x04#08S01Bad handshake"
            writer.write(len(error).to_bytes(3, "little") + b"\x02" + error)
            heard.extend(await reader.read(65_536))
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()
        done.set()

    done = asyncio.Event()
    middle = await asyncio.start_server(strip, "127.0.0.1", 0)
    try:
        yield middle.sockets[0].getsockname()[1]
    finally:
        await done.wait()
        middle.close()
        await middle.wait_closed()


async def test_who_strips_the_offer_of_tls_hears_neither_user_nor_password(
    mariadb: MariaDb, database: Database
) -> None:
    heard = bytearray()
    async with man_in_the_middle(mariadb, heard) as port:
        target = replace(trusting(database, mariadb.authority.ca_file), port=port)
        assert await refusal_of(target) == "database: TLS: it does not speak TLS"
        assert heard
        assert database.username.encode() not in heard
        assert SECRET not in heard
    heard.clear()
    async with man_in_the_middle(mariadb, heard) as port:
        with pytest.raises(UnavailableError):
            await version_of(replace(target_of(database), port=port))
    assert database.username.encode() in heard, "without TLS the test would hear them"


async def test_a_server_may_take_encrypted_connections_only(mariadb: MariaDb, database: Database) -> None:
    mariadb.sql("SET GLOBAL require_secure_transport = ON")
    try:
        assert "(1045)" in await refusal_of(target_of(database))
        assert await version_of(trusting(database, mariadb.authority.ca_file)) == "TLSv1.3"
    finally:
        mariadb.sql("SET GLOBAL require_secure_transport = OFF")


async def test_a_server_that_asks_for_our_certificate_gets_it(
    mariadb: MariaDb, database: Database, tmp_path: Path
) -> None:
    mariadb.sql(f"ALTER USER '{database.username}'@'%' REQUIRE X509")
    authority = mariadb.authority.ca_file
    assert "user or password are wrong" in await refusal_of(trusting(database, authority))
    cert, key = mariadb.authority.issue(("wework-message.example",))
    assert await version_of(trusting(database, authority, cert_file=cert, key_file=key)) == "TLSv1.3"
    cert, key = Authority(tmp_path).issue()
    await refusal_of(trusting(database, authority, cert_file=cert, key_file=key))


async def test_the_doctor_says_how_the_link_is(mariadb: MariaDb, database: Database, tmp_path: Path) -> None:
    async def link(target: MysqlTarget, host: str = "127.0.0.1") -> tuple[str, str]:
        async with opened_store(target) as store:
            checks = mysql_checks(
                store.read, host, target.port, auto_migrate=True, accept_data_loss=False, encrypted=target.tls is not None
            )  # fmt: skip
            by_name = await examined(checks)
        return verdicts(by_name)["database.tls"], by_name["database.tls"].finding.text

    verdict, text = await link(trusting(database, mariadb.authority.ca_file))
    assert (verdict, "TLSv1.3; the certificate is valid for" in text) == ("ok", True)
    assert (await link(target_of(database))) == ("ok", "clear text, within this machine")
    async with opened_store(trusting(database, Authority(tmp_path).ca_file)) as store:
        by_name = await examined(
            mysql_checks(
                store.read, "127.0.0.1", database.port, auto_migrate=True, accept_data_loss=False, encrypted=True
            )
        )
    assert verdicts(by_name)["database.call"] == "failed"
    assert "the issuer of its certificate is not trusted" in by_name["database.call"].finding.text
    assert verdicts(by_name)["database.tls"] == "skipped"
