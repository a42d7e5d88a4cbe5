"""Secrets at rest: what a database holds, a lost key, and the change of the key (ADR 72)."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from tests.support.apps.doubles import RecordingObserver
from tests.support.builders.media import an_asset
from tests.support.builders.webhooks import an_endpoint

from wework_message.adapters.memory.media_store import MemoryMediaStore
from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.adapters.sql.core.store import Store
from wework_message.adapters.sql.mapping.secret_columns import CLEAR, SecretColumns
from wework_message.adapters.sql.repositories.secret_keys import known_keys
from wework_message.adapters.system import SystemClock, UuidGenerator, new_secret
from wework_message.application.commit.scope import CommitScope
from wework_message.application.maintenance.recover import Recover
from wework_message.application.media.addresses import SignedAddresses
from wework_message.application.media.content import MediaContent, Signed
from wework_message.application.webhooks.directory import EndpointDirectory
from wework_message.application.webhooks.record import RecordEvents
from wework_message.bootstrap import database_commands, databases, secret_commands
from wework_message.bootstrap.databases import MissingKeyError, bring_up, open_store, secret_columns
from wework_message.bootstrap.process import ProcessMetrics, running
from wework_message.bootstrap.settings import Loaded, SettingsError, load
from wework_message.bootstrap.settings.model import DatasourceSettings
from wework_message.bootstrap.storage import sql_storage
from wework_message.domain.audit import AuditFilter
from wework_message.domain.errors import ConflictError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, MediaId, WebhookId
from wework_message.domain.media.asset import MediaAsset
from wework_message.domain.webhooks.endpoint import Endpoint
from wework_message.domain.webhooks.event import Event, EventType

FIRST, SECOND = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
MEDIA = MediaId("0197a000-0000-7000-8000-0000000000aa")


def _loaded(folder: Path, key: str | None = None, previous: str | None = None) -> Loaded:
    environ = {"DATASOURCE_URL": f"sqlite:///{folder}/one.db"}
    environ |= {"SECURITY_SECRETS_KEY": key} if key is not None else {}
    environ |= {"SECURITY_SECRETS_PREVIOUS_KEYS": previous} if previous is not None else {}
    return load(environ, config_dir=folder)


async def _opened(store: Store, loaded: Loaded) -> SecretColumns:
    await bring_up(store, loaded.settings.datasource)
    return await secret_columns(store, loaded.settings.security.secrets, SystemClock())


async def _write(loaded: Loaded) -> list[bytes]:
    """What a process stores with these settings."""
    endpoint = an_endpoint("w1", secret=new_secret()).rotated(new_secret(), 10**15)
    asset = an_asset(media_id=MEDIA)
    async with open_store(loaded.settings.datasource) as store:
        secrets = await _opened(store, loaded)
        async with sql_storage(store, SystemClock(), secrets=secrets).units() as unit:
            await unit.webhooks.put(endpoint)
            await unit.media.add([asset])
            await unit.commit()
    return _usable(endpoint, asset)


async def _read(loaded: Loaded) -> list[bytes]:
    async with open_store(loaded.settings.datasource) as store:
        storage = sql_storage(store, SystemClock(), secrets=await _opened(store, loaded))
        (endpoint,) = await storage.webhooks.endpoints()
        view = await storage.media.asset(DEFAULT_TENANT, MEDIA)
        assert view is not None
        async with storage.units() as unit:
            locked = await unit.webhooks.endpoint(endpoint.tenant_id, endpoint.id)
            assets = await unit.media.assets(DEFAULT_TENANT, [MEDIA])
        assert locked is not None
        assert _usable(locked, assets[MEDIA]) == _usable(endpoint, view.asset)
        return _usable(endpoint, view.asset)


def _dump(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def _usable(endpoint: Endpoint, asset: MediaAsset) -> list[bytes]:
    texts = [secret.reveal() for secret in (endpoint.secret, endpoint.previous) if secret is not None]
    return [
        asset.address_key or b"",
        *(text.encode() for text in texts),
        *map(base64.b64decode, (t[6:] for t in texts)),
    ]


async def test_a_copy_of_a_database_has_no_usable_secret_and_the_service_reads_all(tmp_path: Path) -> None:
    loaded = _loaded(tmp_path, FIRST)
    written = await _write(loaded)
    dump = _dump(tmp_path)
    assert [secret for secret in written if secret in dump] == []
    assert await _read(loaded) == written


async def test_without_a_key_everything_is_as_it_was_and_a_later_key_reads_it(tmp_path: Path) -> None:
    written = await _write(_loaded(tmp_path))
    dump = _dump(tmp_path)
    assert [secret in dump for secret in written] == [True, True, True, False, False]
    assert await _read(_loaded(tmp_path)) == await _read(_loaded(tmp_path, FIRST)) == written


@pytest.mark.parametrize("key", [None, SECOND])
async def test_a_start_without_the_key_is_refused_and_nothing_is_lost(tmp_path: Path, key: str | None) -> None:
    written = await _write(_loaded(tmp_path, FIRST))
    before = _dump(tmp_path)
    for _ in range(2):
        with pytest.raises(
            MissingKeyError, match=r"security\.secrets\.key: .* of the key [0-9a-f]{8}, which is neither"
        ):
            await _read(_loaded(tmp_path, key))
    with pytest.raises(SettingsError):
        await secret_commands.rotate_secrets(_loaded(tmp_path, key))
    assert _dump(tmp_path) == before
    assert await _read(_loaded(tmp_path, FIRST)) == written


async def test_a_key_that_nothing_needs_stops_no_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was tried once and lost: the start looks at every secret, and says no only for those that are there."""
    monkeypatch.setattr(databases, "ROWS", 1)
    written = await _write(_loaded(tmp_path))
    async with open_store(_loaded(tmp_path, FIRST).settings.datasource) as store:
        await _opened(store, _loaded(tmp_path, FIRST))
    assert await _read(_loaded(tmp_path)) == await _read(_loaded(tmp_path, SECOND)) == written
    first_again = an_endpoint("w2", secret=new_secret())
    async with open_store(_loaded(tmp_path, FIRST, SECOND).settings.datasource) as store:
        secrets = await _opened(store, _loaded(tmp_path, FIRST, SECOND))
        async with sql_storage(store, SystemClock(), secrets=secrets).units() as unit:
            await unit.webhooks.put(first_again)
            await unit.commit()
    for key in (None, SECOND):
        with pytest.raises(MissingKeyError):
            await secret_commands.check_secrets(_loaded(tmp_path, key))
    await secret_commands.rotate_secrets(_loaded(tmp_path, SECOND, FIRST))
    with pytest.raises(MissingKeyError):
        await secret_commands.check_secrets(_loaded(tmp_path, FIRST))


async def test_the_key_of_a_start_that_lacks_one_is_noted_too(tmp_path: Path) -> None:
    for key in (FIRST, SECOND):
        async with open_store(_loaded(tmp_path, key).settings.datasource) as store:
            await _opened(store, _loaded(tmp_path, key))
    await _write(_loaded(tmp_path, SECOND))
    with pytest.raises(MissingKeyError):
        await _read(_loaded(tmp_path, FIRST))


async def test_a_process_that_has_no_key_while_others_encrypt_reads_nothing_wrong(tmp_path: Path) -> None:
    loaded = _loaded(tmp_path, FIRST)
    await _write(loaded)
    async with open_store(loaded.settings.datasource) as store:
        for columns in (CLEAR, await _stranger(tmp_path)):
            storage = sql_storage(store, SystemClock(), secrets=columns)
            (endpoint,) = await storage.webhooks.endpoints()
            assert (endpoint.secret, endpoint.previous, endpoint.sends, endpoint.records) == (None, None, False, True)
            view = await storage.media.asset(DEFAULT_TENANT, MEDIA)
            assert view is not None
            assert view.asset.address_key is None
            contents = MediaContent(storage.media, MemoryMediaStore(), SystemClock())
            assert (await contents.asset(DEFAULT_TENANT, MEDIA, None))[0] == view.asset
            with pytest.raises(UnavailableError, match="secrets"):
                await contents.asset(DEFAULT_TENANT, MEDIA, Signed("99999999999", "0" * 64))
            with pytest.raises(UnavailableError, match="secrets"):
                SignedAddresses("https://gateway.example", SystemClock())(view.asset, valid_s=60)


async def test_a_process_without_the_key_of_an_endpoint_goes_on_and_leaves_the_secrets_as_they_are(
    tmp_path: Path,
) -> None:
    """Another process encrypts while this one has no key: all that this one commits is told to the endpoint, by the other."""
    written = await _write(_loaded(tmp_path, FIRST))
    async with open_store(_loaded(tmp_path).settings.datasource) as store:
        storage = sql_storage(store, SystemClock())
        record = RecordEvents(EndpointDirectory(storage.webhooks, SystemClock()), UuidGenerator(), SystemClock())
        async with storage.units() as unit:
            (endpoint,) = await unit.webhooks.endpoints()
            scope = CommitScope(unit, events=[Event(EventType.MESSAGE_STATUS, DEFAULT_TENANT, 1, {})])
            await record(scope)
            await unit.webhooks.put(replace(endpoint, url="https://other.example.com/hook"))
            await unit.commit()
        assert scope.webhooks
    assert await _read(_loaded(tmp_path, FIRST)) == written


async def test_an_endpoint_whose_key_is_lost_gets_a_new_secret(tmp_path: Path) -> None:
    written = await _write(_loaded(tmp_path, FIRST))
    loaded = _loaded(tmp_path, SECOND)
    await _change(loaded.settings.datasource, "DELETE FROM wm_secret_key")
    metrics = ProcessMetrics(lambda shown: None, QueueMetrics(), lambda op, result, seconds: None)
    async with running(loaded, RecordingObserver(), metrics) as process:
        rotated = await process.application.webhooks.rotate(DEFAULT_TENANT, WebhookId("w1"))
        assert rotated.secret is not None
        assert rotated.secret.reveal().encode() not in written
        assert (rotated.previous, rotated.sends) == (None, True)
        (stored,) = await process.application.read_webhooks.endpoints()
        assert stored.secret is not None
        assert stored.secret.reveal() == rotated.secret.reveal()


async def _stranger(folder: Path) -> SecretColumns:
    (folder / "other").mkdir()
    loaded = _loaded(folder / "other", SECOND)
    async with open_store(loaded.settings.datasource) as store:
        return await _opened(store, loaded)


async def test_the_key_is_changed_while_both_are_known_and_the_former_one_is_needed_no_more(tmp_path: Path) -> None:
    written = await _write(_loaded(tmp_path, FIRST))
    both = _loaded(tmp_path, SECOND, FIRST)
    assert await _read(both) == written
    rotated = await secret_commands.rotate_secrets(both)
    assert (rotated.renewed, len(rotated.retired)) == (3, 1)
    async with open_store(both.settings.datasource) as store:
        assert await store.read(known_keys) == [rotated.key_id]
    assert await _read(_loaded(tmp_path, SECOND)) == written
    with pytest.raises(MissingKeyError):
        await _read(_loaded(tmp_path, FIRST))
    assert (await secret_commands.rotate_secrets(both)).renewed == 0


async def test_secrets_in_clear_are_encrypted_by_a_rotation(tmp_path: Path) -> None:
    written = await _write(_loaded(tmp_path))
    loaded = _loaded(tmp_path, FIRST)
    checked = await secret_commands.check_secrets(loaded)
    assert {key: count for (_, key), count in checked.by_key.items()} == {"none": 1}
    assert sorted(column for column, _ in checked.by_key) == [
        "wm_media.address_key", "wm_webhook.previous_secret", "wm_webhook.secret",
    ]  # fmt: skip
    await secret_commands.rotate_secrets(loaded)
    checked = await secret_commands.check_secrets(loaded)
    assert {key for _, key in checked.by_key} == {checked.key_id}
    assert checked.unreadable == ()
    assert await _read(loaded) == written


async def test_a_rotation_goes_through_all_rows_and_where_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_commands, "ROWS", 2)
    loaded = _loaded(tmp_path)
    async with open_store(loaded.settings.datasource) as store:
        await bring_up(store, loaded.settings.datasource)
        async with sql_storage(store, SystemClock()).units() as unit:
            await unit.media.add([an_asset(media_id=MediaId(f"m{number}")) for number in range(5)])
            await unit.commit()
    keyed = _loaded(tmp_path, FIRST)
    assert (await secret_commands.rotate_secrets(keyed)).renewed == 5
    assert (await secret_commands.rotate_secrets(keyed)).renewed == 0
    assert sum((await secret_commands.check_secrets(keyed)).by_key.values()) == 5


async def test_a_check_names_what_cannot_be_decrypted(tmp_path: Path) -> None:
    loaded = _loaded(tmp_path, FIRST)
    await _write(loaded)
    await _change(loaded.settings.datasource, "UPDATE wm_webhook SET previous_secret = secret")
    checked = await secret_commands.check_secrets(loaded)
    assert checked.unreadable == ("wm_webhook.previous_secret/w1",)
    assert sum(checked.by_key.values()) == 2
    with pytest.raises(UnavailableError, match="moved"):
        await secret_commands.rotate_secrets(_loaded(tmp_path, SECOND, FIRST))
    with pytest.raises(MissingKeyError):  # the former key is still needed
        await secret_commands.check_secrets(_loaded(tmp_path, SECOND))
    await _change(loaded.settings.datasource, "UPDATE wm_webhook SET previous_secret = 'ENC(no base64)'")
    both = _loaded(tmp_path, FIRST, SECOND)
    assert (await secret_commands.check_secrets(both)).unreadable == ("wm_webhook.previous_secret/w1",)


async def _change(datasource: DatasourceSettings, statement: str) -> None:
    def change(connection: Connection) -> Any:
        return connection.exec_driver_sql(statement).close()

    async with open_store(datasource) as store:
        await store.transact(change)


async def test_a_rotation_without_a_key_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="openssl rand -base64 32"):
        await secret_commands.rotate_secrets(_loaded(tmp_path))


async def test_a_rotation_a_migration_and_a_recovery_leave_a_trail(tmp_path: Path) -> None:
    loaded = _loaded(tmp_path, FIRST)
    assert await database_commands.migrate(loaded) == "EMPTY"
    assert await database_commands.migrate(loaded) == "CURRENT"
    await secret_commands.rotate_secrets(loaded)
    await database_commands.recover(loaded, Recover(1, dry_run=True))
    await database_commands.recover(loaded, Recover(1))
    async with open_store(loaded.settings.datasource) as store:
        trail = await sql_storage(store, SystemClock()).audit.audit_entries(
            DEFAULT_TENANT, AuditFilter(), limit=9, before=None
        )
    assert [(str(entry.action), entry.outcome.value) for entry in reversed(trail)] == [
        ("database.migrate", "DONE"), ("secret.rotate", "STARTED"), ("secret.rotate", "DONE"),
        ("database.recover", "STARTED"), ("database.recover", "DONE"),
    ]  # fmt: skip
    assert {entry.actor_kind.value for entry in trail} == {"COMMAND_LINE"}


async def test_a_process_does_not_start_without_the_key_of_its_database(tmp_path: Path) -> None:
    await _write(_loaded(tmp_path, FIRST))
    metrics = ProcessMetrics(lambda shown: None, QueueMetrics(), lambda op, result, seconds: None)
    with pytest.raises(MissingKeyError):
        async with running(_loaded(tmp_path, SECOND), RecordingObserver(), metrics):
            pass
    async with running(_loaded(tmp_path, SECOND, FIRST), RecordingObserver(), metrics) as process:
        assert len(await process.application.read_webhooks.endpoints()) == 1


async def test_two_processes_that_start_at_once_note_their_key_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = _loaded(tmp_path, FIRST)
    async with open_store(loaded.settings.datasource) as store:
        await bring_up(store, loaded.settings.datasource)
        transact, calls = store.transact, [0]

        async def second_comes_late(work: Any, *arguments: Any) -> Any:
            calls[0] += 1
            if calls[0] == 1:
                await transact(work, *arguments)
                raise ConflictError("another process was faster")
            return await transact(work, *arguments)

        monkeypatch.setattr(store, "transact", second_comes_late)
        assert (await _columns(store, loaded)).cipher is not None
        assert calls == [2]


async def _columns(store: Store, loaded: Loaded) -> SecretColumns:
    return await secret_columns(store, loaded.settings.security.secrets, SystemClock())
