"""Where the bytes of media are, where providers fetch them, and what the doctor says of it."""

import os
from pathlib import Path

import pytest
from tests.support.servers.ports import free_port

from wework_message.adapters.media.folder import FolderMediaStore
from wework_message.adapters.media.s3 import S3MediaStore
from wework_message.adapters.media.staging import BEGIN_BYTES
from wework_message.adapters.media.temporary import new_file
from wework_message.bootstrap.media import media_checks, open_media, public_url_of, stored_size
from wework_message.bootstrap.settings import Loaded, load
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.ports.checks import Finding, Verdict
from wework_message.domain.ports.media_store import BlobKey

PROD = {
    "SPRING_PROFILES_ACTIVE": "prod",
    "DATASOURCE_URL": "sqlite:///x.db",
    "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": "http://provider.example",
}
S3 = {
    "APP_MEDIA_STORE": "s3",
    "APP_MEDIA_S3_BUCKET": "media",
    "APP_MEDIA_S3_ACCESS_KEY": "a",
    "APP_MEDIA_S3_SECRET_KEY": "s",
}


def loaded(environ: dict[str, str]) -> Loaded:
    return load(environ, config_dir=Path("/nowhere"))


async def finding(environ: dict[str, str], name: str) -> Finding:
    (check,) = [check for check in media_checks(loaded(environ)) if check.name == name]
    return await check.ask()


async def test_the_settings_choose_the_store_and_its_leftovers_go(tmp_path: Path) -> None:
    folder = {"APP_MEDIA_FOLDER": str(tmp_path)}
    left, descriptor = new_file(tmp_path / "staging")
    os.close(descriptor)
    async with open_media(loaded(folder).settings.app.media, "http://here") as media:
        assert isinstance(media.store, FolderMediaStore)
        assert (media.public_url, media.fresh_ms) == ("http://here", 600_000)
        async with media.staging.file() as staged:
            assert staged.path.parent == tmp_path / "staging"
    async with open_media(loaded(folder | S3).settings.app.media, None) as media:
        assert isinstance(media.store, S3MediaStore)
    assert not left.exists()


def test_providers_on_this_machine_fetch_here_and_others_where_the_settings_say() -> None:
    assert public_url_of(loaded({}), "http://127.0.0.1:1/m") == "http://127.0.0.1:1/m"
    assert public_url_of(loaded({}), None) == "http://127.0.0.1:8082/message"
    assert (
        public_url_of(loaded({"APP_MEDIA_PUBLIC_URL": "https://g.example/m"}), "http://127.0.0.1:1")
        == "https://g.example/m"
    )
    assert public_url_of(loaded(PROD), "http://127.0.0.1:1") is None
    simulated = PROD | {"APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": "simulator"}
    assert public_url_of(loaded(simulated), None) == "http://127.0.0.1:8082/message"


async def test_the_doctor_says_whether_media_can_be_kept(tmp_path: Path) -> None:
    assert (await finding({"APP_MEDIA_FOLDER": str(tmp_path / "a" / "b")}, "media.store")).verdict is Verdict.OK
    (tmp_path / "file").write_bytes(b"")
    failed = await finding({"APP_MEDIA_FOLDER": str(tmp_path / "file" / "b")}, "media.store")
    assert (failed.verdict, failed.advice) == (Verdict.FAILED, "let the user of the service write to app.media.folder")
    (tmp_path / "open").mkdir(mode=0o777)
    for mode, verdict in ((0o777, Verdict.WARNING), (0o770, Verdict.WARNING), (0o755, Verdict.OK), (0o700, Verdict.OK)):
        (tmp_path / "open").chmod(mode)
        assert (await finding({"APP_MEDIA_FOLDER": str(tmp_path / "open")}, "media.store")).verdict is verdict
    away = S3 | {"APP_MEDIA_S3_ENDPOINT": f"http://127.0.0.1:{free_port()}", "APP_MEDIA_FOLDER": str(tmp_path)}
    with pytest.raises(UnavailableError):
        await finding(away, "media.store")


async def test_the_doctor_looks_for_bytes_where_the_service_keeps_them(tmp_path: Path) -> None:
    settings = loaded({"APP_MEDIA_FOLDER": str(tmp_path)}).settings.app.media
    key = BlobKey(DEFAULT_TENANT, "a" * 64)
    (tmp_path / "new").write_bytes(b"bytes")
    assert await stored_size(settings, key) is None
    async with open_media(settings, None) as media:
        await media.store.put(key, tmp_path / "new")
    assert await stored_size(settings, key) == 5


async def test_what_comes_in_goes_to_the_disk_at_once_where_the_store_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _descriptor, _start, length, _advice: told.append(length))
    for environ, expected in (({}, [BEGIN_BYTES]), (S3, [])):
        told.clear()
        settings = loaded(environ | {"APP_MEDIA_FOLDER": str(tmp_path)}).settings.app.media
        async with open_media(settings, None) as media, media.staging.file() as staged:
            await staged.write(bytes(BEGIN_BYTES))
        assert told == expected


async def test_an_object_store_without_its_client_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wework_message.bootstrap.media.find_spec", lambda _: None)
    assert (await finding(S3, "media.store")).verdict is Verdict.SKIPPED
    with pytest.raises(UnavailableError, match="the extra s3 is not installed"):
        await stored_size(loaded(S3).settings.app.media, BlobKey(DEFAULT_TENANT, "a" * 64))


async def test_the_doctor_says_whether_providers_can_fetch() -> None:
    assert (await finding(PROD, "media.public-url")).verdict is Verdict.WARNING
    for environ in ({}, PROD | S3, PROD | {"APP_MEDIA_PUBLIC_URL": "https://g.example/m"}):
        assert (await finding(environ, "media.public-url")).verdict is Verdict.OK
