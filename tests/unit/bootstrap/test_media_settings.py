"""Settings of media: what fits, what stops the start, what is warned of."""

from pathlib import Path

import pytest

from wework_message.bootstrap.settings import Loaded, load, render_check, start_problems
from wework_message.bootstrap.settings.errors import InvalidSettingError

REAL = {"APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": "http://provider.example"}
PROD = REAL | {"SPRING_PROFILES_ACTIVE": "prod", "DATASOURCE_URL": "sqlite:///x.db"}
S3 = {"APP_MEDIA_STORE": "s3", "APP_MEDIA_S3_BUCKET": "media"}


def loaded(environ: dict[str, str]) -> Loaded:
    return load(environ, config_dir=Path("/nowhere"))


def problems(environ: dict[str, str]) -> dict[str, str]:
    result = loaded(REAL | environ)
    return {problem.path: problem.message for problem in start_problems(result.settings, result.profile)}


def of_public_url(environ: dict[str, str]) -> list[str]:
    return [warning for warning in loaded(environ).warnings if "app.media.public-url" in warning]


def test_the_bytes_are_in_a_folder_by_default() -> None:
    assert problems({}) == {}
    media = loaded({}).settings.app.media
    assert (media.store, media.folder, media.max_bytes) == ("folder", "var/media", 25 * 1024 * 1024)


def test_an_object_store_needs_a_bucket_and_both_keys_or_none() -> None:
    assert problems(S3) == {}
    assert list(problems({"APP_MEDIA_STORE": "s3"})) == ["app.media.s3.bucket"]
    assert list(problems(S3 | {"APP_MEDIA_S3_ACCESS_KEY": "a"})) == ["app.media.s3.secret-key"]
    assert list(problems(S3 | {"APP_MEDIA_S3_SECRET_KEY": "a"})) == ["app.media.s3.access-key"]
    assert problems(S3 | {"APP_MEDIA_S3_SECRET_KEY": "a", "APP_MEDIA_S3_ACCESS_KEY": "b"}) == {}


def test_an_object_store_without_its_extra_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wework_message.bootstrap.settings.media_check.find_spec", lambda _: None)
    assert "wework-message[s3]" in problems(S3)["app.media.store"]


def test_settings_of_an_object_store_that_is_not_used_stop_the_start() -> None:
    assert list(problems({"APP_MEDIA_S3_BUCKET": "media"})) == ["app.media.s3.bucket"]


def test_keys_are_not_shown() -> None:
    environ = S3 | {"APP_MEDIA_S3_SECRET_KEY": "hunter2", "APP_MEDIA_S3_ACCESS_KEY": "hunter3"}
    assert "hunter" not in render_check(loaded(environ))


@pytest.mark.parametrize("url", ["ftp://x", "https://u:hunter2@x", "https://x/?token=hunter2", "x"])
def test_a_public_url_has_no_credentials_and_no_options(url: str) -> None:
    with pytest.raises(InvalidSettingError, match=r"app\.media\.public-url") as raised:
        loaded({"APP_MEDIA_PUBLIC_URL": url})
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("prefix", ["/media/", "media", "a//", "../"])
def test_a_prefix_is_empty_or_ends_with_a_slash(prefix: str) -> None:
    with pytest.raises(InvalidSettingError, match=r"app\.media\.s3\.prefix"):
        loaded(S3 | {"APP_MEDIA_S3_PREFIX": prefix})


def test_real_providers_must_know_where_to_fetch_media() -> None:
    (warning,) = of_public_url(PROD)
    assert "messages with media wait" in warning
    assert of_public_url(PROD | {"APP_MEDIA_PUBLIC_URL": "https://gateway.example/message"}) == []
    assert of_public_url(PROD | S3) == []
    assert of_public_url(PROD | {"APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": "simulator"}) == []
    assert of_public_url(REAL) == []
