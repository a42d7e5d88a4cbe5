"""The same checks on a SQLite file and on MariaDB, on good ones and on broken ones."""

import asyncio
import os
import time
import uuid
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, insert, text, update
from tests.support.builders.callback_tokens import a_token, text_of
from tests.support.builders.messages import a_message
from tests.support.builders.webhooks import an_endpoint
from tests.support.checks import examined, verdicts
from tests.support.mysql import EmptyDatabase, opened_store, target_of
from tests.support.servers.mariadb import Database, MariaDb
from tests.support.servers.ports import free_port
from tests.support.sqlite import migrated_store

from wework_message.adapters.envelope import EnvelopeCipher
from wework_message.adapters.sql.doctor.access_check import access_check
from wework_message.adapters.sql.doctor.arrivals import arrival_check
from wework_message.adapters.sql.doctor.invariant_checks import BREACHES, invariant_checks
from wework_message.adapters.sql.doctor.media_check import OVERDUE_MS, bytes_check, media_check
from wework_message.adapters.sql.doctor.pause_check import pause_check
from wework_message.adapters.sql.doctor.placement_check import placement_check
from wework_message.adapters.sql.doctor.secrets_check import secrets_check
from wework_message.adapters.sql.doctor.siblings import sibling_check
from wework_message.adapters.sql.doctor.stream_check import stream_check
from wework_message.adapters.sql.mapping.media_tables import media, media_job
from wework_message.adapters.sql.mapping.pause_table import pause
from wework_message.adapters.sql.mapping.placement_table import placement
from wework_message.adapters.sql.mapping.rows import message_row
from wework_message.adapters.sql.mapping.stream_table import stream
from wework_message.adapters.sql.mapping.tables import attempt, callback, due, message
from wework_message.adapters.sql.mysql.checks import mysql_checks
from wework_message.adapters.sql.mysql.store import MysqlStore
from wework_message.adapters.sql.repositories.invariants import RULES, smallest_id
from wework_message.adapters.sql.repositories.secret_keys import SECRET_PARTS, missing_keys, renew_secrets
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.adapters.sql.sqlite.checks import ReadOnlyFile, sqlite_checks
from wework_message.adapters.sql.sqlite.dialect import SqliteDialect
from wework_message.adapters.sql.sqlite.store import SqliteStore
from wework_message.adapters.system import SystemClock
from wework_message.domain.ids import DEFAULT_TENANT, Guid, ProviderCode, TenantId
from wework_message.domain.ports.checks import Check, Finding
from wework_message.domain.ports.media_store import BlobKey

HORIZON_MS = 90_000


def now() -> int:
    return int(time.time() * 1000)


def an_id(ago_ms: int = 0) -> str:
    return f"{smallest_id(now() - ago_ms)}-7000-8000-{uuid.uuid4().hex[:12]}"


def a_row(status: str, **changes: object) -> dict[str, object]:
    row = message_row(a_message())
    return row | {"id": an_id(), "status": status, "attempt_count": 1} | changes


def a_call(message_id: str, number: int = 1, **changes: object) -> dict[str, object]:
    account_id = a_message().account_id
    return {
        "message_id": message_id, "number": number, "tenant_id": "default", "round": 1, "account_id": account_id,
        "conversation_id": message_id, "binding_id": "b", "provider_code": "GUANGZHOU_GUXING", "guid": "g-1", "epoch": 0,
        "started_at": now(), "outcome": "ACCEPTED", "facts": "", "unsettled": None, "lane_open": None,
    } | changes  # fmt: skip


def a_due(message_id: str, **changes: object) -> dict[str, object]:
    row = {
        "message_id": message_id, "tenant_id": "default", "lane": message_id, "urgency": 1, "place": 1, "parked": False,
        "paced": False, "due_at": now(),
    }  # fmt: skip
    return row | changes


BROKEN = {
    "stranded": [(message, a_row("QUEUED"))],
    "due_at_rest": [(message, row := a_row("CANCELLED")), (due, a_due(str(row["id"])))],
    "sending_without_intent": [(message, row := a_row("SENDING")), (due, a_due(str(row["id"])))],
    "sent_without_proof": [(message, a_row("SENT", attempt_count=0))],
    "failed_unproven": [
        (message, row := a_row("FAILED", confirmed=True)),
        (attempt, a_call(str(row["id"]), outcome="UNCERTAIN", unsettled=1)),
    ],
    "lane_held_at_rest": [
        (message, row := a_row("EXPIRED")),
        (attempt, a_call(str(row["id"]), outcome="UNCERTAIN", lane_open=1)),
    ],
    "sent_twice": [
        (message, row := a_row("DELIVERED", attempt_count=2)),
        (attempt, a_call(str(row["id"]), 1, outcome="UNCERTAIN", facts="ECHO")),
        (attempt, a_call(str(row["id"]), 2)),
    ],
}
"""Rows that break exactly one rule."""


def write(connection: Connection, rows: list[tuple[object, dict[str, object]]]) -> None:
    for table, row in rows:
        connection.execute(insert(table), row)  # type: ignore[arg-type]  # tables of different shapes in one list


PULLED = "GUANGZHOU_GUXING"


def sqlite_all(path: Path, *, auto_migrate: bool = True, without_echoes: Collection[str] = ()) -> list[Check]:
    run = ReadOnlyFile(path)
    return [
        *sqlite_checks(run, path, auto_migrate=auto_migrate), *invariant_checks(run, SqliteDialect(), SystemClock()), arrival_check(run, horizon_ms=HORIZON_MS, without_echoes=without_echoes),
        pause_check(run), secrets_check(run, None, keys_mode=False), media_check(run, SystemClock()), stream_check(run, [PULLED]),
        placement_check(run, SystemClock()),
    ]  # fmt: skip


def mysql_all(store: MysqlStore, database: EmptyDatabase, **changes: bool) -> list[Check]:
    settings = {"auto_migrate": True, "accept_data_loss": False} | changes
    return [
        *mysql_checks(store.read, database.target.host, database.target.port, **settings),
        *invariant_checks(store.read, store.dialect, SystemClock()),
        arrival_check(store.read, horizon_ms=HORIZON_MS),
        pause_check(store.read),
        secrets_check(store.read, None, keys_mode=False),
        media_check(store.read, SystemClock()),
        placement_check(store.read, SystemClock()),
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.db"
    store = await migrated_store(path)
    await store.close()
    return path


async def test_a_good_file_is_ok_and_no_other_file_is_left(file: Path) -> None:
    before = contents(file.parent)
    results = await examined(sqlite_all(file))
    skipped = dict.fromkeys(("callbacks.arriving", "callbacks.streams"), "skipped")
    assert verdicts(results) == dict.fromkeys(results, "ok") | skipped
    assert len(results) == 5 + len(BROKEN) + 7
    assert contents(file.parent) == before


async def test_a_file_that_is_served_is_read_with_what_was_committed_last(file: Path) -> None:
    store = SqliteStore(file)
    try:
        await store.transact(write, BROKEN["stranded"])
        assert (await examined(sqlite_all(file)))["invariant.stranded"].finding.verdict == "failed"
    finally:
        await store.close()


async def test_without_a_file_nothing_fails_and_nothing_is_created(tmp_path: Path) -> None:
    results = await examined(sqlite_all(tmp_path / "deep" / "x.db"))
    assert verdicts(results)["database.call"] == "skipped"
    assert "failed" not in verdicts(results).values()
    assert contents(tmp_path) == {}


async def test_a_file_that_is_no_database_fails(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    await asyncio.to_thread(path.write_text, "not a database, but long enough to be looked at" * 100)
    results = await examined(sqlite_all(path))
    assert verdicts(results)["database.call"] == "failed"
    assert verdicts(results)["database.schema"] == "skipped"


async def test_a_folder_that_cannot_be_written_fails(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) == file)  # root may write everywhere
    results = await examined(sqlite_all(file))
    assert verdicts(results)["database.file"] == "failed"


@pytest.mark.parametrize(
    ("revision", "auto_migrate", "verdict", "word"),
    [("9999", True, "failed", "newer"), (None, True, "warning", "no schema"), (None, False, "failed", "no schema")],
)
async def test_a_schema_of_another_version_is_reported(
    file: Path, revision: str | None, auto_migrate: bool, verdict: str, word: str
) -> None:
    def change(connection: Connection) -> None:
        connection.execute(text("DELETE FROM wm_schema_version"))
        if revision is not None:
            connection.execute(text("INSERT INTO wm_schema_version VALUES (:it)"), {"it": revision})

    store = SqliteStore(file)
    await store.transact(change)
    await store.close()
    results = await examined(sqlite_all(file, auto_migrate=auto_migrate))
    assert verdicts(results)["database.schema"] == verdict
    assert word in results["database.schema"].finding.text
    assert verdicts(results)["invariant.stranded"] == "skipped"


@pytest.mark.parametrize("kind", BROKEN)
async def test_each_breach_in_a_file_is_found_by_its_rule_alone(file: Path, kind: str) -> None:
    store = SqliteStore(file)
    await store.transact(write, BROKEN[kind])
    await store.close()
    results = await examined(sqlite_all(file))
    failed = [name for name, verdict in verdicts(results).items() if verdict == "failed"]
    assert failed == [f"invariant.{kind}"]
    assert kind in BREACHES or str(BROKEN[kind][0][1]["id"]) in results[failed[0]].finding.text
    assert results[failed[0]].fault == "broken"


def test_every_rule_has_a_breach() -> None:
    assert set(BROKEN) == {*BREACHES, *(rule.kind for rule in RULES)}


@pytest.mark.parametrize(("facts", "expected"), [("TASK_FAILED", "ok"), ("ECHO,TASK_FAILED", "failed")])
async def test_what_a_status_says_was_not_sent_counts_only_without_an_echo(
    file: Path, facts: str, expected: str
) -> None:
    store = SqliteStore(file)
    own = str((row := a_row("SENT", attempt_count=2))["id"])
    rows = [(message, row), (attempt, a_call(own, 1, facts=facts)), (attempt, a_call(own, 2))]
    await store.transact(write, rows)
    await store.close()
    assert verdicts(await examined(sqlite_all(file)))["invariant.sent_twice"] == expected


async def test_a_marked_duplicate_breaks_no_rule(file: Path) -> None:
    store = SqliteStore(file)
    await store.transact(write, BROKEN["sent_twice"])
    await store.transact(lambda connection: connection.execute(update(message).values(possible_duplicate=True)).close())
    await store.close()
    assert verdicts(await examined(sqlite_all(file)))["invariant.sent_twice"] == "ok"


async def test_a_message_that_is_not_claimed_is_a_warning(file: Path) -> None:
    row = a_row("QUEUED")
    store = SqliteStore(file)
    await store.transact(write, [(message, row), (due, a_due(str(row["id"]), due_at=now() - 3_600_000))])
    await store.close()
    results = await examined(sqlite_all(file))
    assert verdicts(results)["database.overdue"] == "warning"
    assert "60 min" in results["database.overdue"].finding.text


@pytest.mark.parametrize(
    ("facts", "arrived", "verdict", "word"),
    [
        ("ECHO", True, "ok", "1 sends of 1 instances"),
        ("", False, "warning", "no callback in 24 h from g-1"),
        ("", True, "warning", "none about own messages"),
    ],
)
async def test_sends_without_callbacks_are_a_warning(
    file: Path, facts: str, arrived: bool, verdict: str, word: str
) -> None:
    row = a_row("SENT", id=an_id(3_600_000))
    callback_row = {
        "tenant_id": "default", "provider_code": "GUANGZHOU_GUXING", "guid": "g-1", "notify_type": 11010, "event_key": "e",
        "raw": "{}", "received_at": now(), "state": "APPLIED", "tries": 1,
    }  # fmt: skip
    rows = [
        (message, row),
        (attempt, a_call(str(row["id"]), facts=facts)),
        *([(callback, callback_row)] if arrived else []),
    ]
    store = SqliteStore(file)
    await store.transact(write, rows)
    await store.close()
    finding = (await examined(sqlite_all(file)))["callbacks.arriving"].finding
    assert (finding.verdict, word in finding.text) == (verdict, True), finding.text


async def test_accounts_that_cannot_fail_over_are_a_hint(file: Path) -> None:
    check = sibling_check(ReadOnlyFile(file), ["A", "B"])
    assert (await check.ask()).text == "every account has a second binding to fail over to, or none at all"
    store = SqliteStore(file)
    async with SqlUnitOfWorkFactory(store, SqliteDialect(), SystemClock())() as unit:
        both, lone = Guid("both"), [Guid(f"lone-{number}") for number in range(7)]
        guids = [(both, "A"), (both, "B"), *((guid, "A") for guid in lone)]
        await unit.accounts.open(DEFAULT_TENANT, [(guid, ProviderCode(code)) for guid, code in guids])
        await unit.commit()
    await store.close()
    finding = await check.ask()
    assert finding.verdict == "ok"
    assert finding.text.startswith("7 with one binding only, which never fail over: guid:lone-0, ")
    assert "guid:lone-4 and 2 more" in finding.text


async def test_a_provider_without_echoes_is_not_missed(file: Path) -> None:
    row = a_row("SENT", id=an_id(3_600_000))
    store = SqliteStore(file)
    await store.transact(write, [(message, row), (attempt, a_call(str(row["id"]), facts=""))])
    await store.close()
    finding = (await examined(sqlite_all(file, without_echoes={"GUANGZHOU_GUXING"})))["callbacks.arriving"].finding
    assert (finding.verdict, finding.text) == ("skipped", "nothing that was sent in the last 24 h is older than 2 x H")


async def test_what_is_paused_is_named(file: Path) -> None:
    store = SqliteStore(file)
    for number in range(7):
        await store.transact(write, [(pause, {"scope": "ACCOUNT", "id": f"a{number}", "since": number})])
    await store.close()
    finding = (await examined(sqlite_all(file)))["control.pauses"].finding
    assert finding.verdict == "warning"
    assert (
        finding.text == "an operator has paused account a0, account a1, account a2, account a3, account a4 and 2 more"
    )


KEY, OTHER_KEY = EnvelopeCipher(b"k" * 32), EnvelopeCipher(b"o" * 32)


async def _secrets_finding(file: Path, cipher: EnvelopeCipher | None, *, keys_mode: bool = False) -> Finding:
    store = SqliteStore(file)
    report = await examined([replace(secrets_check(store.read, cipher, keys_mode=keys_mode), after=None)])
    await store.close()
    return report["database.secrets"].finding


async def test_secrets_in_clear_are_a_warning_and_a_missing_key_is_a_fault(file: Path) -> None:
    assert (await _secrets_finding(file, None)).verdict == "ok"
    assert (await _secrets_finding(file, KEY, keys_mode=True)).verdict == "ok"
    assert "will be stored in clear" in (await _secrets_finding(file, None, keys_mode=True)).text
    store = SqliteStore(file)
    async with SqlUnitOfWorkFactory(store, SqliteDialect(), SystemClock())() as unit:
        await unit.webhooks.put(an_endpoint())
        await unit.commit()
    for cipher in (None, KEY):
        finding = await _secrets_finding(file, cipher)
        assert (finding.verdict, finding.text) == ("warning", "secrets of webhooks or media are stored in clear")
    assert await store.transact(missing_keys, KEY, 1) == []
    for part in SECRET_PARTS:
        await store.transact(renew_secrets, KEY, part, "", 9)
    await store.close()
    assert (await _secrets_finding(file, KEY)).verdict == "ok"
    for other in (None, OTHER_KEY):
        finding = await _secrets_finding(file, other)
        assert finding.verdict == "failed"
        assert str(KEY.key_id) in finding.text


async def test_the_bytes_of_the_newest_file_are_asked_for(file: Path) -> None:
    looked_up: list[BlobKey] = []
    has: list[int | None] = [None, 4711]

    async def size(key: BlobKey) -> int | None:
        looked_up.append(key)
        return has.pop(0)

    check = bytes_check(ReadOnlyFile(file), size)
    assert (await check.ask()).verdict == "skipped"
    row = {"tenant_id": "t", "created_at": 1, "address_key": b"k" * 32}
    store = SqliteStore(file)
    states = [("1", "READY", "old"), ("2", "READY", "new"), ("3", "PENDING", None), ("4", "FAILED", None)]
    await store.transact(
        write, [(media, row | {"id": name, "state": state, "sha256": sha256}) for name, state, sha256 in states]
    )
    await store.close()
    missing, there = await check.ask(), await check.ask()
    assert (missing.verdict, there.verdict) == ("warning", "ok")
    assert looked_up == [BlobKey(TenantId("t"), "new")] * 2


async def test_a_job_of_media_that_nobody_does_is_a_warning(file: Path) -> None:
    job = {"subject": "s", "provider_code": "", "kind": "", "media_id": "s", "tries": 0}
    store = SqliteStore(file)
    await store.transact(write, [(media_job, job | {"tenant_id": "late", "due_at": now() - OVERDUE_MS - 60_000})])
    finding = (await examined(sqlite_all(file)))["media.jobs"].finding
    assert (finding.verdict, finding.text) == ("warning", "a fetch or upload of media has been due for 11 min")
    await store.transact(lambda connection: connection.execute(delete(media_job)).close())
    await store.transact(write, [(media_job, job | {"tenant_id": "young", "due_at": now()})])
    await store.close()
    assert (await examined(sqlite_all(file)))["media.jobs"].finding.verdict == "ok"


async def test_a_placement_that_was_left_open_is_named(file: Path) -> None:
    store = SqliteStore(file)
    for account_id, began_at in (("left", 7), ("under-way", now())):
        row = {"account_id": account_id, "id": account_id, "provider_code": "P", "started_at": began_at}
        await store.transact(write, [(placement, row)])
    await store.close()
    finding = (await examined(sqlite_all(file)))["accounts.placements"].finding
    assert finding.verdict == "warning"
    assert finding.text == "an instance was perhaps made, and its account is not registered: left at P"
    assert "--without-account" in (finding.advice or "")


async def access(
    file: Path,
    *,
    required: bool = False,
    host: str | None = None,
    url: str | None = "https://gw.example/webhook",
    others: bool = False,
) -> tuple[str, str]:
    store = SqliteStore(file)
    urls = {} if url is None else {"its.callback-url": url}
    check = access_check(store.read, SystemClock(), required=required, others=others, host=host, callback_urls=urls)
    (finding,) = [result.finding for result in (await examined([replace(check, after=None)])).values()]
    await store.close()
    return str(finding.verdict), finding.text


async def test_who_may_bring_callbacks_is_said_and_a_token_that_is_not_valid_found(file: Path) -> None:
    store = SqliteStore(file)
    async with SqlUnitOfWorkFactory(store, SqliteDialect(), SystemClock(), store.turn)() as unit:
        await unit.callback_tokens.add(a_token(1))
        await unit.callback_tokens.add(a_token(2, ends_at=now() - 1))
        await unit.commit()
    await store.close()
    assert (await access(file))[0] == "ok"
    assert await access(file, host="gw.example") == ("warning", "whoever reaches gw.example may bring callbacks")
    assert await access(file, required=True) == (
        "warning", "its.callback-url: it has no token, so only allowed peers and a relay bring its callbacks"
    )  # fmt: skip
    for required in (False, True):
        assert (await access(file, required=required, url=f"https://gw.example/webhook/{text_of(1)}"))[0] == "ok"
        for number in (2, 3):
            verdict, shown = await access(file, required=required, url=f"https://gw.example/webhook/{text_of(number)}")
            assert (verdict, shown[:16]) == ("failed", "its.callback-url")
            assert text_of(number) not in shown


async def test_proofs_that_nobody_can_have_are_a_warning(file: Path) -> None:
    """Who switches keys on and gives the provider no token gets no callback more: all are 404."""
    nobody = "callbacks need a proof, and nobody has one: no token is valid, and the settings name no peer and no relay"
    assert await access(file, required=True, url=None) == ("warning", nobody)
    assert (await access(file, required=True, url=None, others=True))[0] == "ok"
    assert (await access(file, url=None))[0] == "ok"
    store = SqliteStore(file)
    async with SqlUnitOfWorkFactory(store, SqliteDialect(), SystemClock(), store.turn)() as unit:
        await unit.callback_tokens.add(a_token(1))
        await unit.commit()
    await store.close()
    assert (await access(file, required=True, url=None))[0] == "ok"


async def test_a_provider_whose_streams_cannot_be_read_is_named(file: Path) -> None:
    store = SqliteStore(file)
    row = {"provider_code": PULLED, "account_id": "a", "epoch": 0, "position": "1"}
    readable = [(stream, row | {"guid": f"g{number}", "outcome": "READ"}) for number in range(2)]
    other = (stream, row | {"guid": "g9", "provider_code": "ANOTHER", "outcome": "UNREADABLE"})
    await store.transact(write, [*readable, other])
    finding = (await examined(sqlite_all(file)))["callbacks.streams"].finding
    assert (finding.verdict, finding.text) == ("ok", "the streams of 2 instances are pulled")
    await store.transact(write, [(stream, row | {"guid": "g3", "outcome": "UNREADABLE"})])
    await store.close()
    finding = (await examined(sqlite_all(file)))["callbacks.streams"].finding
    assert finding.verdict == "warning"
    assert finding.text == f"the last pull of some streams brought nothing: 1 of {PULLED} UNREADABLE"
    finding = await stream_check(ReadOnlyFile(file), []).ask()
    assert (finding.verdict, finding.text) == ("skipped", "no provider has settle.sync")


async def test_a_good_server_is_ok(migrated: EmptyDatabase) -> None:
    async with opened_store(migrated.target) as store:
        results = await examined(mysql_all(store, migrated))
    assert verdicts(results) == dict.fromkeys(results, "ok") | {"callbacks.arriving": "skipped"}
    assert "MariaDB 1" in results["database.call"].finding.text


@pytest.mark.parametrize("kind", BROKEN)
async def test_each_breach_on_a_server_is_found_by_its_rule_alone(migrated: EmptyDatabase, kind: str) -> None:
    async with opened_store(migrated.target) as store:
        await store.transact(write, BROKEN[kind])
        results = await examined(mysql_all(store, migrated))
    assert [name for name, verdict in verdicts(results).items() if verdict == "failed"] == [f"invariant.{kind}"]


async def test_a_server_that_is_down_fails_at_the_connection(migrated: EmptyDatabase) -> None:
    migrated.server.kill9()
    async with opened_store(migrated.target) as store:
        results = await examined(mysql_all(store, migrated))
    assert verdicts(results)["database.tcp"] == "failed"
    assert set(verdicts(results).values()) == {"ok", "failed", "skipped"}


async def test_a_server_that_does_not_answer_fails_at_the_deadline(migrated: EmptyDatabase) -> None:
    migrated.server.pause()
    async with opened_store(migrated.target) as store:
        results = await examined(mysql_all(store, migrated), deadline_s=0.5)
        migrated.server.resume()
    assert verdicts(results)["database.tcp"] == "ok"
    assert results["database.call"].finding.text == "no answer within 0.5 s"


async def test_a_wrong_password_and_a_wrong_port_are_reported_without_the_password(migrated: EmptyDatabase) -> None:
    wrong = EmptyDatabase(migrated.server, replace(migrated.target, password="hunter2"))
    async with opened_store(wrong.target) as store:
        results = await examined(mysql_all(store, wrong))
    assert results["database.call"].finding.text == "database: user or password are wrong (1045)"
    assert "hunter2" not in str(results)
    elsewhere = EmptyDatabase(migrated.server, replace(migrated.target, port=free_port()))
    async with opened_store(elsewhere.target) as store:
        assert verdicts(await examined(mysql_all(store, elsewhere)))["database.tcp"] == "failed"


@pytest.fixture
def careless(migrated: EmptyDatabase) -> Iterator[EmptyDatabase]:
    migrated.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    yield migrated
    migrated.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")


async def test_a_server_that_loses_commits_fails_unless_that_was_accepted(careless: EmptyDatabase) -> None:
    async with opened_store(careless.target) as store:
        refused = await examined(mysql_all(store, careless))
        accepted = await examined(mysql_all(store, careless, accept_data_loss=True))
    assert verdicts(refused)["database.safety"] == "failed"
    assert refused["database.safety"].fault == "settings"
    assert verdicts(accepted)["database.safety"] == "warning"
    assert "innodb_flush_log_at_trx_commit" in accepted["database.safety"].finding.text


async def test_a_server_that_takes_no_more_prepared_statements_is_a_warning(migrated: EmptyDatabase) -> None:
    async with opened_store(migrated.target) as store:
        usual = await examined(mysql_all(store, migrated))
        migrated.sql("SET GLOBAL max_prepared_stmt_count = 0")
        try:
            full = await examined(mysql_all(store, migrated))
        finally:
            migrated.sql("SET GLOBAL max_prepared_stmt_count = DEFAULT")
    assert verdicts(usual)["database.prepared"] == "ok"
    assert verdicts(full)["database.prepared"] == "warning"
    assert "datasource.prepared-statements" in (full["database.prepared"].finding.advice or "")


@pytest.mark.parametrize(("ahead_s", "verdict"), [(2, "warning"), (-600, "failed")])
async def test_a_clock_that_differs_is_reported(
    migrated: EmptyDatabase, monkeypatch: pytest.MonkeyPatch, ahead_s: int, verdict: str
) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - ahead_s)
    async with opened_store(migrated.target) as store:
        results = await examined(mysql_all(store, migrated))
    assert verdicts(results)["database.clock"] == verdict
    assert ("ahead of" if ahead_s > 0 else "behind") in results["database.clock"].finding.text


async def test_an_empty_database_is_a_warning_where_the_start_fills_it(
    mariadb_database: Database, mariadb: MariaDb
) -> None:
    empty = EmptyDatabase(mariadb, target_of(mariadb_database))
    async with opened_store(empty.target) as store:
        results = await examined(mysql_all(store, empty))
        strict = await examined(mysql_all(store, empty, auto_migrate=False))
    assert verdicts(results)["database.schema"] == "warning"
    assert verdicts(results)["invariant.stranded"] == "skipped"
    assert verdicts(strict)["database.schema"] == "failed"
