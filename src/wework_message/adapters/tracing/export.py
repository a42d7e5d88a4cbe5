"""Spans on their way to the exporter: nothing that is traced waits for it."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

MAX_QUEUE: Final = 2048
MAX_BATCH: Final = 512
DELAY_S: Final = 5.0
"""The usual values of `OTEL_BSP_MAX_QUEUE_SIZE`, `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` and `OTEL_BSP_SCHEDULE_DELAY`."""

END_S: Final = 0.5
"""How long an exporter that was shut down may take to give up what it had begun."""

_log: Final = logging.getLogger(__name__)


class BoundedExport(SpanProcessor):
    """A queue of bounded length, and a thread that exports what is in it.

    The SDK's own processor drops what has waited longest and counts it nowhere, and waits for its exporter at the end.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        dropped: Callable[[int], None],
        *,
        max_queue: int = MAX_QUEUE,
        max_batch: int = MAX_BATCH,
        delay_s: float = DELAY_S,
    ) -> None:
        """`dropped` is told how many spans were lost: the queue was full, or the exporter did not deliver them.

        It is called in any thread. Spans are exported after `delay_s`, or once there are `max_batch` of them.
        """
        self._exporter = exporter
        self._dropped = dropped
        self._max_queue = max_queue
        self._max_batch = min(max_batch, max_queue)
        self._delay_s = delay_s
        self._queue: deque[ReadableSpan] = deque()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._gives_up = threading.Event()
        self._busy = False
        """Spans are on their way from the queue to the exporter."""
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="trace-export", daemon=True)
        self._thread.start()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing is kept of a span before its end."""

    def on_end(self, span: ReadableSpan) -> None:
        """Never waits."""
        if len(self._queue) >= self._max_queue or self._closing.is_set():
            self._dropped(1)
            return
        self._queue.append(span)
        if len(self._queue) >= self._max_batch and not self._wake.is_set():
            self._wake.set()

    def close(self, timeout_s: float) -> None:
        """Export what is queued, for at most `timeout_s`, and not at all where the exporter fails; what is left then is lost.

        Twice is allowed.
        """
        self._closing.set()
        self._wake.set()
        self._thread.join(0 if self._failing else timeout_s)
        self._gives_up.set()
        if lost := len(self._taken(len(self._queue))):
            self._dropped(lost)
        self._exporter.shutdown()  # it tries no more
        self._thread.join(END_S)

    def shutdown(self) -> None:
        self.close(0)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until what is queued is exported; False if that took longer."""
        ends = time.monotonic() + timeout_millis / 1000
        self._wake.set()
        while (waits := bool(self._queue) or self._busy) and time.monotonic() < ends and self._thread.is_alive():
            self._thread.join(0.01)
        return not waits

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(self._delay_s)
            self._wake.clear()
            self._export_all()
        self._export_all()

    def _export_all(self) -> None:
        while self._queue and not self._gives_up.is_set():
            self._busy = True
            if batch := self._taken(self._max_batch):
                self._export(batch)
            self._busy = False

    def _taken(self, most: int) -> Sequence[ReadableSpan]:
        """The oldest ones, which leave the queue; another thread may take some at the same time."""
        taken: list[ReadableSpan] = []
        with contextlib.suppress(IndexError):
            while len(taken) < most:
                taken.append(self._queue.popleft())
        return taken

    def _export(self, batch: Sequence[ReadableSpan]) -> None:
        try:
            delivered = self._exporter.export(batch) is SpanExportResult.SUCCESS
        except Exception:  # noqa: BLE001 -- an exporter may raise anything, and the next batch may do better
            delivered = False
        if not delivered:
            self._dropped(len(batch))
        if delivered is self._failing:
            self._failing = not delivered
            _log.warning("traces are not exported" if self._failing else "traces are exported again")
