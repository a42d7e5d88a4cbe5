"""An exporter of spans that does what a test says."""

import threading
from collections.abc import Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

LONG_S: Final = 30.0
"""A limit that no passing test reaches."""


class ScriptedExporter(SpanExporter):
    """Hangs until `go` is set; then it answers what `answers` says, or raises it."""

    def __init__(self, *answers: SpanExportResult | Exception) -> None:
        self.answers = list(answers)
        self.go = threading.Event()
        self.begun = threading.Event()
        self.exported: list[str] = []
        self.shut_down = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.begun.set()
        assert self.go.wait(LONG_S)
        answer = self.answers.pop(0) if self.answers else SpanExportResult.SUCCESS
        if isinstance(answer, Exception):
            raise answer
        if answer is SpanExportResult.SUCCESS:
            self.exported += [span.name for span in spans]
        return answer

    def shutdown(self) -> None:
        self.shut_down = True
        self.go.set()
