"""When traces are recorded, and what a start without the extra says."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from tests.support.builders.messages import A_TRACE

from wework_message.adapters.tracing import provider
from wework_message.bootstrap import tracing as opening
from wework_message.bootstrap.settings import SettingsError, load
from wework_message.bootstrap.settings import tracing as checked
from wework_message.bootstrap.settings.tracing import is_installed, is_traced
from wework_message.bootstrap.settings.validation import start_problems
from wework_message.bootstrap.tracing import tracing
from wework_message.domain.ports.no_tracer import NO_TRACER

ENDPOINT = {"MANAGEMENT_OTLP_TRACING_ENDPOINT": "http://collector:4318/v1/traces"}


@pytest.mark.parametrize(
    ("environ", "disabled", "traced"),
    [
        ({}, "", False),
        (ENDPOINT, "", True),
        (ENDPOINT | {"MANAGEMENT_TRACING_ENABLED": "false"}, "", False),
        ({"MANAGEMENT_TRACING_ENABLED": "true"}, "", True),
        (ENDPOINT, "True ", False),
        (ENDPOINT, "false", True),
    ],
)
def test_traces_are_recorded_where_it_is_said(
    environ: dict[str, str], disabled: str, traced: bool, tmp_path: Path
) -> None:
    management = load(environ, config_dir=tmp_path).settings.management
    assert is_traced(management.tracing, management.otlp, {"OTEL_SDK_DISABLED": disabled}) is traced


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        (ENDPOINT, "management.otlp.tracing.endpoint"),
        ({"MANAGEMENT_TRACING_ENABLED": "1"}, "management.tracing.enabled"),
    ],
)
def test_without_the_extra_the_start_says_how_to_install_it(
    environ: dict[str, str], key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(environ, config_dir=tmp_path)
    assert not start_problems(loaded.settings, loaded.profile)
    monkeypatch.setattr(checked, "_PACKAGES", ("opentelemetry.nowhere", "nowhere.at.all"))
    (problem,) = start_problems(loaded.settings, loaded.profile)
    assert str(problem) == f"{key}: traces need the extra otel: pip install 'wework-message[otel]'"
    usual = load({}, config_dir=tmp_path)
    assert not start_problems(usual.settings, usual.profile)


def test_a_package_is_looked_for_without_an_error_where_there_is_none() -> None:
    assert [is_installed(name) for name in ("json.decoder", "nowhere", "nowhere.below")] == [True, False, False]


@pytest.mark.parametrize(
    "endpoint", ["collector:4318", "ftp://h/", "http://user:secret@h/v1/traces", "http://h/?token=1"]
)
def test_an_endpoint_is_a_url_without_secrets(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load({"MANAGEMENT_OTLP_TRACING_ENDPOINT": endpoint}, config_dir=tmp_path)
    assert "management.otlp.tracing.endpoint" in str(refused.value)
    assert endpoint not in str(refused.value)


async def test_a_process_without_traces_has_the_tracer_that_records_nothing(tmp_path: Path) -> None:
    async with tracing(load({}, config_dir=tmp_path).settings.management, lambda count: None) as tracer:
        assert tracer is NO_TRACER


async def test_variables_that_opentelemetry_refuses_are_an_error_without_their_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "hunter2")
    management = load(ENDPOINT, config_dir=tmp_path).settings.management
    with pytest.raises(SettingsError, match="OTEL_ATTRIBUTE_COUNT_LIMIT does not allow a start") as refused:
        async with tracing(management, lambda count: None):
            raise AssertionError("not opened")
    assert "hunter2" not in str(refused.value)


class _Refusing(ModuleType):
    """A module whose import fails for a variable."""

    def __getattr__(self, name: str) -> None:
        raise ValueError("OTEL_SPAN_LINK_COUNT_LIMIT must be a non-negative integer but got hunter2")


@pytest.mark.parametrize("imported", [True, False])
async def test_so_are_those_that_it_reads_where_it_is_imported_and_those_it_raises_otherwise_for(
    imported: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if imported:
        monkeypatch.setenv("OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER", "hunter2")
    else:
        monkeypatch.setitem(sys.modules, provider.__name__, _Refusing(provider.__name__))
    management = load(ENDPOINT, config_dir=tmp_path).settings.management
    variable = "a variable OTEL_\\*" if imported else "OTEL_SPAN_LINK_COUNT_LIMIT"
    with pytest.raises(SettingsError, match=f"{variable} does not allow a start") as refused:
        async with tracing(management, lambda count: None):
            raise AssertionError("not opened")
    assert "hunter2" not in str(refused.value)


async def test_a_process_with_traces_ends_although_its_exporter_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "FLUSH_S", 0.0)
    dropped: list[int] = []
    environ = {"MANAGEMENT_OTLP_TRACING_ENDPOINT": "http://127.0.0.1:1/v1/traces"}
    async with tracing(load(environ, config_dir=tmp_path).settings.management, dropped.append) as tracer:
        assert tracer is not NO_TRACER
        request = tracer.serving("GET", A_TRACE)
        assert request is not None
        request.answered("/r", 200)
    assert sum(dropped) == 1
