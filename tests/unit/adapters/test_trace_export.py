"""What is traced never waits for the exporter: what does not fit, or is not taken, is counted and gone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from tests.support.exporters import LONG_S, ScriptedExporter

from wework_message.adapters.tracing.export import BoundedExport

Opens = Callable[..., tuple[BoundedExport, Callable[..., None], list[int]]]


@pytest.fixture
def opens() -> Iterator[Opens]:
    exports: list[BoundedExport] = []

    def opened(exporter: SpanExporter, **sizes: Any) -> tuple[BoundedExport, Callable[..., None], list[int]]:
        dropped: list[int] = []
        export = BoundedExport(exporter, dropped.append, **sizes)
        exports.append(export)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(export)
        tracer = provider.get_tracer("test")

        def end(*names: str) -> None:
            for name in names:
                tracer.start_span(name).end()

        return export, end, dropped

    yield opened
    for export in exports:
        export.close(LONG_S)


def test_an_exporter_that_hangs_delays_nothing_and_what_does_not_fit_is_counted(opens: Opens) -> None:
    exporter = ScriptedExporter()
    export, end, dropped = opens(exporter, max_queue=4, max_batch=1)
    end("first")
    assert exporter.begun.wait(LONG_S)  # and it hangs from now on
    end(*"234567")
    assert dropped == [1, 1]
    exporter.go.set()
    export.close(LONG_S)
    assert exporter.exported == ["first", *"2345"]
    assert sum(dropped) == 2


def test_a_process_that_ends_does_not_wait_for_an_exporter_that_hangs(opens: Opens) -> None:
    exporter = ScriptedExporter()
    export, end, dropped = opens(exporter, max_batch=1)
    end("first")
    assert exporter.begun.wait(LONG_S)
    end("second", "third")
    export.close(0)
    assert dropped == [2]
    assert exporter.shut_down
    end("fourth")
    assert dropped == [2, 1]
    export.shutdown()


def test_what_waits_at_the_end_is_exported(opens: Opens) -> None:
    exporter = ScriptedExporter()
    exporter.go.set()
    export, end, dropped = opens(exporter, delay_s=LONG_S)
    end("first", "second")
    export.close(LONG_S)
    assert (exporter.exported, dropped) == (["first", "second"], [])


def test_so_many_go_at_once_without_a_wait(opens: Opens) -> None:
    exporter = ScriptedExporter()
    export, end, _ = opens(exporter, max_batch=2, delay_s=LONG_S)
    end("first", "second")
    assert exporter.begun.wait(LONG_S)
    exporter.go.set()
    assert export.force_flush()
    assert not opens(ScriptedExporter(), delay_s=LONG_S)[0]._queue


def test_what_another_thread_takes_is_nobody_else_s(opens: Opens) -> None:
    export, end, _ = opens(ScriptedExporter(), delay_s=LONG_S)
    end("first", "second", "third")
    assert [span.name for span in export._taken(2)] == ["first", "second"]
    assert [span.name for span in export._taken(2)] == ["third"]


@pytest.mark.parametrize("refusal", [SpanExportResult.FAILURE, OSError("secret address")])
def test_what_is_refused_is_counted_and_said_once(
    refusal: SpanExportResult | Exception, opens: Opens, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = ScriptedExporter(refusal, refusal, SpanExportResult.SUCCESS, SpanExportResult.SUCCESS)
    exporter.go.set()
    export, end, dropped = opens(exporter, max_batch=1, delay_s=LONG_S)
    end(*"1234")
    export.close(LONG_S)
    assert (dropped, exporter.exported) == ([1, 1], ["3", "4"])
    assert [record.getMessage() for record in caplog.records] == [
        "traces are not exported",
        "traces are exported again",
    ]
