"""What ``config check`` accepts, `serve` starts with; what it refuses, it refuses by name. Of every setting that there is.

A start may still fail for a reason of the world around it, such as a port that is taken: then it says which, and is no bug.
"""

import asyncio
import gc
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.support.servers.ports import free_port

from wework_message.application.role import Role
from wework_message.bootstrap.folders import folder_warnings
from wework_message.bootstrap.server import service
from wework_message.bootstrap.settings import (
    Loaded,
    SettingsError,
    check_document,
    load,
    render_check,
    require_startable,
    start_problems,
)
from wework_message.bootstrap.settings.environment import variable_of
from wework_message.bootstrap.settings.errors import StartRefusedError
from wework_message.bootstrap.settings.schema import PROVIDER_PREFIX, known_leaves
from wework_message.bootstrap.sockets import listening
from wework_message.bootstrap.start_failures import as_failure
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError

PROVIDER: Final = "guangzhou-guxing"
LEAVES: Final = known_leaves([PROVIDER])
STARTED: Final = [key for key in LEAVES if not key.startswith("nacos.")]
"""Nacos has tests of its own: its client would stay in this process."""
VARIABLES: Final = frozenset(map(variable_of, LEAVES))
NOWHERE: Final = Path("/nonexistent-settings-folder")

_NUMBERS: Final = (
    "", " ", "0", "-0", "-1", "1", "2", "100", "1000", "2000", "8443", "65535", "65536", "1e3", "1e308", "0.5", "nan", "inf", "9" * 20, "٣", "0x10", "1_0",
)  # fmt: skip
_WORDS: Final = (
    "true", "off", "null", "~", "a", "a,b", "a,,b", ",", "a b", "é", "数据", "*", "%", "%zz", "%00", "a\0b", "a\nb", "a\n", "a\tb", "\x7f", "\ud800", "\udc80", "${x}",
    "x" * 300, "simulator", "keys", "s3", "grpc", "native", "none", "verify", "verify-ca", "RS256", "UTC", "Nowhere/Now", "../etc/passwd", "DEBUG", "warn", "json", "10MB",
    "0KB", "999999999999TB", "positive", "HOLD", "ALL", "yaml", "whsec_" + "A" * 32, "10.0.0.0/8", "10.0.0.1/8", "::/0", "300.0.0.0/8", "127.0.0.1",
)  # fmt: skip
_PLACES: Final = (
    "tcp://10.0.0.1:23456", "http://[::1", "http://[::1]:8080", "http://[]:80", "http://x:99999", "http://x:0", "http://x:", "http://:80", "http://a..b", "http://" + "a" * 64,
    "http://127.0.0.1:1", "http://127.0.0.1:1/a%zz", "http://127.0.0.1:1/%00", "http://256.1.1.1", "http://[v1.x]", "http://[1.2.3.4]", "http://x\\y", "HTTP://127.0.0.1:1",
    "https://127.0.0.1:1/", "localhost:99999", "127.0.0.1:1", "127.0.0.1:1;127.0.0.1:2", "127.0.0.1:1;", "[::1]:1", "[::1", "256.1.1.1", "256.1.1.1:1", "a..b", "a..b:1", "::1",
    "::g", "[::1]", "fe80::1%lo", ".", "/", "..", "./here", "file", "folder/file", "folder", "/proc/nothing/x", "/dev/null/x", "sqlite:////", "sqlite:///.",
    "sqlite:///a%20b.db", "sqlite:///x\0y", "sqlite:///folder", "sqlite:///file/x.db", "sqlite:////proc/nothing/x.db", "sqlite:///" + "a" * 300, "sqlite:///file:x", "sqlite:///é.db",
    "sqlite:///a#b;c.db", "mysql://u:p@h:70000/d", "mysql://u:p@a..b/d", "mysql://u:p@h%00/d", "mysql://u:p%ff@127.0.0.1:1/d", "mysql://u:p@127.0.0.1:1/d%00", "mysql://u:p@[::1/d",
    "redis://h:70000", "redis://[::1", "redis://[]:1", "redis://[::g]:1", "redis://127.0.0.1:1/0", "redis://127.0.0.1:1/x", "redis://a..b:1", "redis://:p\u2100w@127.0.0.1:1",
    "redis://u:%ff@127.0.0.1:1", "rediss://127.0.0.1:1", "redis://:p]w@127.0.0.1:1",
)  # fmt: skip
_MAPS: Final = (
    "{}",
    "[]",
    "[a]",
    "{a: b}",
    '{"-1": NOT_SENT}',
    '{"-1": ACCEPTED}',
    "{IMAGE: 1}",
    "{url: a}",
    "{task-id: a}",
    "{paid: SENT}",
    '{"a\\0": "b\\0"}',
    '{"a": "\\ud800"}',
)
TEXTS: Final = (
    st.sampled_from((*_NUMBERS, *_WORDS, *_PLACES, *_MAPS)) | st.text(max_size=12) | st.integers(-2, 70_000).map(str)
)
CONTEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "embedded": {},
    "redis": {"redis.url": "redis://127.0.0.1:1/0"},
    "rocketmq": {"rocketmq.name-server": "127.0.0.1:1", "rocketmq.endpoints": "127.0.0.1:1"},
    "s3": {"app.media.store": "s3", "app.media.s3.bucket": "bucket"},
    "keys": {"security.mode": "keys", "app.callbacks.allow-networks": "127.0.0.1"},
    "traces": {"management.otlp.tracing.endpoint": "http://127.0.0.1:1/v1/traces"},
}
"""Settings without which others are refused."""

_CONNECTS: Final = (
    "server.host",
    "datasource.url",
    "redis.url",
    "rocketmq.",
    "nacos.",
    "management.otlp",
    f"{PROVIDER_PREFIX}{PROVIDER}.api-base-url",
)
"""What a start, or its first seconds, looks up or connects to: no test asks the name servers of its machine."""
_OWN: Final = ("127.0.0.1", "sqlite:", "redis://127", "http://127", "https://127")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder of a start, with a file and a folder; what a process changes of Python is put back."""
    monkeypatch.chdir(tmp_path)
    for name in [
        name for name in sys.modules if name.partition(".")[0] == "pydantic"
    ]:  # of other tests: no start has it so early
        monkeypatch.delitem(sys.modules, name)
    thresholds = gc.get_threshold()
    yield tmp_path
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def fresh(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (folder / "file").touch()
    (folder / "folder").mkdir()


def loaded(values: Mapping[str, str]) -> Loaded:
    environ = {"server.port": "0", "logging.file.name": "file", **values}
    return load({variable_of(key): text for key, text in environ.items()}, config_dir=NOWHERE)


def demanded(values: Mapping[str, str]) -> None:
    settings = loaded(values)
    require_startable(settings.settings, settings.profile)


def accepted(values: Mapping[str, str]) -> Loaded | None:
    """The settings where ``config check`` accepts them; a refusal names a setting, and is the only error there is."""
    settings: Loaded | None = None
    try:
        settings = loaded(values)
        problems = start_problems(settings.settings, settings.profile)
    except StartRefusedError as refused:
        problems = refused.problems
    except SettingsError as refused:
        problems = (refused,)
    for problem in problems:
        for name in problem.path.partition(", line ")[0].split(" or "):
            assert name in VARIABLES or any(name.startswith(key) or key.startswith(name) for key in LEAVES), problem
        assert problem.message
    return None if problems else settings


async def _served(settings: Loaded) -> None:
    with listening(settings, Role.ALL) as listeners:
        async with service(settings, listeners, Role.ALL):
            pass


def serve(settings: Loaded) -> CommandFailedError | None:
    """How a start with them fails for a reason of this machine; None = it does not. Whatever else it raises is a bug."""
    require_startable(settings.settings, settings.profile)
    try:
        with as_failure(settings), asyncio.Runner() as runner:
            runner.run(_served(settings))
    except CommandFailedError as failed:
        return failed
    return None


def startable(context: Mapping[str, str], values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Of these values each that is accepted alone, and that a start connects to at this machine at most."""
    for key, text in values.items():
        if accepted({**context, key: text}) and (not key.startswith(_CONNECTS) or not text or text.startswith(_OWN)):
            yield key, text


def together(context: Mapping[str, str], values: Mapping[str, str]) -> tuple[Mapping[str, str], Loaded]:
    """As many of these as are accepted together."""
    kept = dict(context)
    for key, text in values.items():
        if accepted(kept | {key: text}):
            kept[key] = text
    settings = accepted(kept)
    assert settings is not None
    return kept, settings


@given(st.data())
@settings(max_examples=2, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
def test_config_check_refuses_by_name_whatever_it_refuses(data: st.DataObject) -> None:
    context = data.draw(st.sampled_from(list(CONTEXTS.values())))
    for key in LEAVES:
        for text in data.draw(st.lists(TEXTS, min_size=4, max_size=4), label=key):
            accepted({**context, key: text})


@pytest.mark.parametrize("context", CONTEXTS)
@given(data=st.data())
@settings(max_examples=1, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
def test_serve_starts_with_every_value_that_config_check_accepts(here: Path, context: str, data: st.DataObject) -> None:
    """Of a failure no smaller example is looked for: each is a start."""
    fresh(here)
    keys = data.draw(st.sets(st.sampled_from(STARTED), min_size=40, max_size=50))
    drawn = {key: data.draw(TEXTS, label=key) for key in sorted(keys)}
    kept, settings = together(CONTEXTS[context], dict(startable(CONTEXTS[context], drawn)))
    assert render_check(settings)
    assert json.dumps(check_document(settings))
    failed = serve(settings)
    assert failed is None or failed.code in (ExitCode.CONFIGURATION, ExitCode.TRY_AGAIN), kept


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("server.host", "tcp://10.0.0.1:23456"), ("server.host", "[::1]"), ("server.host", "256.1.1.1"), ("server.host", "a..b"), ("server.host", "a:1"),
        ("server.host", "a\0b"), ("server.port", "tcp://10.0.0.1:23456"), ("management.server.port", "70000"), ("redis.url", "redis://h:70000"), ("redis.url", "redis://[::1"),
        ("redis.url", "redis://tcp://10.0.0.1:6379:6379/0"), ("redis.url", "redis://:p\u2100w@h"), ("datasource.url", "mysql://u:p@h:70000/d"), ("datasource.url", "mysql://u:p@a..b/d"),
        ("datasource.url", "mysql://u:p@tcp://10.0.0.1:3306:3306/d"), ("datasource.url", "mysql://u:%ff@h/d"), ("datasource.url", "mysql://u:p@h/d%00"), ("datasource.url", "sqlite:////"),
        ("datasource.url", "sqlite:///folder"), ("datasource.url", "sqlite:///x\0y"), ("datasource.url", "sqlite:////dev/null"), ("datasource.url", "sqlite:///" + "a" * 300),
        ("datasource.password", "a\0b"), ("rocketmq.name-server", "tcp://10.0.0.1:9876"), ("rocketmq.name-server", "256.1.1.1:9876"), ("rocketmq.endpoints", "a..b:8081"),
        ("rocketmq.endpoints", "a:0"), ("app.media.public-url", "http://[::1"), ("app.media.s3.endpoint", "http://[]:80"), ("app.media.s3.endpoint", "http://x:99999"),
        ("app.media.folder", " "), ("app.media.folder", "a\0b"), ("app.spool.directory", "\ud800"), ("logging.file.name", "logs/"), ("logging.file.name", "a" * 256),
        ("nacos.server-addr", "a..b:8848"), ("nacos.config.copy", "/"), ("app.message.mass.zone", "Nowhere/Now"), ("management.otlp.tracing.endpoint", "http://a..b/v1/traces"),
        *[(f"{PROVIDER_PREFIX}{PROVIDER}.{key}", text) for key in ("api-base-url", "callback-url") for text in ("http://[::1", "http://a..b", "http://256.1.1.1/", "http://x:0", "http://[v1.x]", "tcp://10.0.0.1:1")],
    ],
)  # fmt: skip
def test_what_no_start_can_use_stops_config_check_by_name(here: Path, key: str, text: str) -> None:
    fresh(here)
    context = (
        CONTEXTS["rocketmq"]
        if key == "rocketmq.endpoints"
        else CONTEXTS["s3"]
        if key.startswith("app.media.s3")
        else {}
    )
    with pytest.raises(SettingsError) as refused:
        demanded({**context, key: text})
    assert refused.value.path == key
    assert refused.value.message


@pytest.mark.parametrize(
    "values",
    [
        {"server.host": "127.1", f"{PROVIDER_PREFIX}{PROVIDER}.timeout-ms": "1"}, {"datasource.url": "sqlite:///a b%20.db"}, {"datasource.url": "sqlite:///数据.db"},
        {"app.media.folder": "/dev/null/media", "app.spool.directory": "/proc/spool", "logging.file.name": "folder"}, {f"{PROVIDER_PREFIX}{PROVIDER}.timeout-ms": "2000"},
    ],
)  # fmt: skip
def test_what_a_start_can_use_is_accepted(here: Path, values: Mapping[str, str]) -> None:
    fresh(here)
    settings = accepted(values)
    assert settings is not None
    assert serve(settings) is None


@pytest.mark.parametrize(
    ("values", "code", "says"),
    [
        ({"datasource.url": "sqlite:///file/x.db"}, ExitCode.CONFIGURATION, "datasource.url: SQLite {here}/file/x.db cannot be opened: file/x.db: Not a directory"),
        ({"datasource.url": "sqlite:///text"}, ExitCode.TRY_AGAIN, "database: SQLite {here}/text: the file is no database (SQLITE_NOTADB)"),
        ({"datasource.url": "mysql://u:hunter2@127.0.0.1:{closed}/d"}, ExitCode.TRY_AGAIN, "database: MySQL u@127.0.0.1:{closed}/d: nothing listens at its address"),
        ({"server.host": "198.51.100.7"}, ExitCode.CONFIGURATION, "server.host: 198.51.100.7:0: Cannot assign requested address; "),
        ({"app.message.mass.zone": "UTC", "datasource.auto-migrate": "false"}, ExitCode.CONFIGURATION, "datasource.auto-migrate: the schema is behind"),
    ],
)  # fmt: skip
def test_a_start_that_the_world_refuses_names_place_and_cause(
    here: Path, values: Mapping[str, str], code: ExitCode, says: str
) -> None:
    fresh(here)
    (here / "text").write_text("no database " * 100)
    closed = free_port()
    settings = accepted({key: text.replace("{closed}", str(closed)) for key, text in values.items()})
    assert settings is not None
    failed = serve(settings)
    assert failed is not None
    assert (failed.code, failed.message.startswith(says.format(here=here, closed=closed))) == (code, True), failed
    assert "hunter2" not in str((failed.message, failed.details))


def test_folders_that_cannot_be_written_are_warnings_with_setting_and_path(here: Path) -> None:
    fresh(here)
    settings = loaded({"app.media.folder": "file/media", "app.spool.directory": "file", "logging.file.name": "folder"})
    assert list(folder_warnings(settings.settings)) == [
        f"logging.file.name: {here}/folder is a folder: the log file cannot be kept",
        f"app.spool.directory: {here}/file is no folder: answers that the database does not take cannot be kept",
        f"app.media.folder: {here}/file is no folder: media cannot be kept",
    ]
