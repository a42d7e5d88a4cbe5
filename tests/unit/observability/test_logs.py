import asyncio
import io
import json
import logging
import sqlite3
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.builders.messages import (
    A_LONG_TRACE,
    A_TRACE,
    GUID,
    HORIZON_MS,
    NOW,
    PROVIDER,
    a_due_message,
    a_receipt,
    an_outcome,
    begin_call,
    settle,
)
from tests.support.garbage import collect_garbage

from wework_message.adapters.observability.log_observer import LoggingObserver
from wework_message.adapters.observability.logs import LogHandle, LogSettings, configure
from wework_message.adapters.observability.repeated_lines import LINES_A_SECOND, RepeatedLines
from wework_message.application.tracing import CURRENT
from wework_message.domain.content import TextContent
from wework_message.domain.ids import BindingId, Guid
from wework_message.domain.inbox import QuarantineReason
from wework_message.domain.message.fitting import Misfit
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.sent_message import SentMessage
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import FailureReason, OutcomeClass, Reason
from wework_message.domain.ports.health import CallReport
from wework_message.domain.retry import GiveUp

CANARY = "canary-3141592653"
PERSON = "S:78813029876543"


class LogOutput:
    """Logging into a file and a stream of the test."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "logs" / "message-service.log"
        self.stdout = io.BytesIO()
        self._handles: list[LogHandle] = []

    def open(self, **changes: Any) -> LogHandle:
        settings = LogSettings(**{"version": "0.1.0", "file": str(self.path), "pseudonym_key": b"k", **changes})
        handle = configure(settings, stdout=self.stdout)
        self._handles.append(handle)
        return handle

    def close(self) -> None:
        for handle in reversed(self._handles):
            handle.close()
        self._handles.clear()

    def lines(self) -> list[dict[str, Any]]:
        self.close()
        return [json.loads(line) for line in self.stdout.getvalue().splitlines()]


@pytest.fixture
def log_output(tmp_path: Path) -> Iterator[LogOutput]:
    log_output = LogOutput(tmp_path)
    yield log_output
    log_output.close()


def report_moves(observer: LoggingObserver, message: Message) -> None:
    for move in message.lifecycle.moves:
        observer.moved(message, move)
    message.lifecycle.moves = []


def a_life(observer: LoggingObserver, **changes: Any) -> Message:
    """Accepted, sent, echoed."""
    message = a_due_message(content=TextContent(content=CANARY), conversation_id=PERSON, **changes)
    observer.accepted([message])
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.ACCEPTED), now=NOW + 12)
    report_moves(observer, message)
    message.learn(1, FactKind.ECHO, horizon_ms=HORIZON_MS, now=NOW, note=Note("ECHO", NOW))
    report_moves(observer, message)
    return message


def a_failure(observer: LoggingObserver) -> Message:
    message = a_due_message(content=TextContent(content=CANARY), conversation_id=PERSON)
    begin_call(message)
    refusal = an_outcome(
        OutcomeClass.REFUSED_PERMANENT, reason=Reason.CODE, error_code=-2003, error_message=f"bad {CANARY} {PERSON}"
    )
    settle(message, refusal, verdict=GiveUp(FailureReason.REFUSED_PERMANENT), now=NOW + 7)
    report_moves(observer, message)
    return message


def grep(pattern: str, path: Path) -> list[dict[str, Any]]:
    output = subprocess.run(["grep", pattern, str(path)], capture_output=True, check=False)  # noqa: S607 -- the grep of the user
    return [json.loads(line) for line in output.stdout.splitlines()]


def test_a_message_at_rest_that_is_delivered_has_the_line_of_any_other(log_output: LogOutput) -> None:
    observer = LoggingObserver(log_output.open())
    message = a_due_message()
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.ACCEPTED), now=NOW)
    sent = SentMessage.of(message)
    assert sent is not None
    message.lifecycle.moves = []
    message.learn(1, FactKind.ECHO, horizon_ms=HORIZON_MS, now=NOW, note=Note("ECHO", NOW))
    report_moves(observer, message)
    observer.delivered([sent])
    moved, delivered = [{name: value for name, value in line.items() if name != "ts"} for line in log_output.lines()]
    assert moved == delivered


def test_the_three_greps_of_an_operator_find_their_lines(log_output: LogOutput) -> None:
    observer = LoggingObserver(log_output.open())
    sent, failed = a_life(observer), a_failure(observer)
    observer.callbacks(11010, "new", 1, Guid("g-1"))
    log_output.close()
    assert grep("callback.handled", log_output.path)[0]["guid"] == "g-1"
    assert {line["messageId"] for line in grep("ERROR", log_output.path)} == {failed.id}
    steps = [line["text"] for line in grep("sendMessage", log_output.path) if line["messageId"] == sent.id]
    assert steps == [
        "sendMessage accepted",
        "sendMessage QUEUED -> SENDING",
        "sendMessage SENDING -> SENT",
        "sendMessage SENT -> DELIVERED by callback",
    ]
    callbacks = [line["text"] for line in grep("callback", log_output.path)]
    assert callbacks == ["sendMessage SENT -> DELIVERED by callback", "callback 11010 new"]


def test_the_file_and_stdout_are_equal(log_output: LogOutput) -> None:
    a_life(LoggingObserver(log_output.open()))
    log_output.close()
    assert log_output.path.read_bytes() == log_output.stdout.getvalue() != b""


def test_a_state_change_is_one_line_with_all_its_facts(log_output: LogOutput) -> None:
    message = a_failure(LoggingObserver(log_output.open()))
    (line,) = [line for line in log_output.lines() if line.get("after") == "FAILED"]
    del line["ts"]
    assert line == {
        "level": "ERROR",
        "event": "message.moved",
        "text": "sendMessage SENDING -> FAILED",
        "service": "wework-message",
        "version": "0.1.0",
        "messageId": message.id,
        "tenantId": "default",
        "guid": GUID,
        "type": "TEXT",
        "before": "SENDING",
        "after": "FAILED",
        "reason": "REFUSED_PERMANENT",
        "attempt": 1,
        "provider": PROVIDER,
        "class": "REFUSED_PERMANENT",
        "cause": "CODE",
        "errorCode": -2003,
        "ms": 7,
    }


def test_the_lines_agree_with_the_moves(log_output: LogOutput) -> None:
    observer = LoggingObserver(log_output.open())
    for _ in range(20):
        a_life(observer)
    moved = [line for line in log_output.lines() if line["event"] == "message.moved"]
    assert len(moved) == 20 * 3


class CustomError(Exception):
    pass


def log_everything(observer: LoggingObserver) -> None:
    """All the ways in which content, people and secrets might get into a line."""
    a_life(observer)
    a_failure(observer)
    log, library = logging.getLogger("wework_message.x"), logging.getLogger("some.library")
    message = a_due_message(content=TextContent(content=CANARY), conversation_id=PERSON)
    for kind in (ValueError, KeyError, CustomError, sqlite3.IntegrityError):
        try:
            raise kind(f"{CANARY} {PERSON}")
        except (ValueError, KeyError, CustomError, sqlite3.IntegrityError):
            log.exception("handling failed")
            library.exception("handling failed")
    named = {"content": CANARY, "token": CANARY, "conversation_id": PERSON}
    log.info("done", extra={**named, "found": message, "note": f"for {PERSON}"})
    log.info("done", extra={"body": {"a": CANARY}, "items": [message, {"x": CANARY}], "raw": CANARY.encode()})
    log.info("done", extra={"payload": CANARY, "password": CANARY, "draft": message, "receiver": PERSON})
    log.warning("to %s at /api/callbacks/webhook/%s", PERSON, CANARY)
    library.error("first line\nparameters: %s", CANARY)
    logging.getLogger("httpx").info("HTTP Request: POST http://host/%s", CANARY)
    logging.getLogger("uvicorn.access").info('"POST /message/api/callbacks/webhook/%s HTTP/1.1" 200', CANARY)
    logging.getLogger("aiosqlite").debug("executing INSERT %s", CANARY)
    logging.getLogger("sqlalchemy.engine.Engine").info("[generated] ('%s',)", CANARY)
    log.info("done", extra={"authorization": CANARY, "request_id": "r-1"})


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_content_people_and_secrets_are_in_no_line(log_output: LogOutput, level: str) -> None:
    observer = LoggingObserver(log_output.open(level=level))
    log_everything(observer)
    lines = log_output.lines()
    assert len(lines) == 20
    written = log_output.path.read_bytes() + log_output.stdout.getvalue()
    assert CANARY.encode() not in written
    assert PERSON[2:].encode() not in written


async def test_errors_of_tasks_are_visible_without_their_text(log_output: LogOutput) -> None:
    log_output.open()

    async def broken() -> None:
        raise CustomError(CANARY)

    task = asyncio.get_running_loop().create_task(broken(), name="worker")
    await asyncio.wait({task})
    del task
    collect_garbage()
    (line,) = [line for line in log_output.lines() if line.get("logger") == "asyncio"]
    assert line["level"] == "ERROR"
    assert line["event"] == "Task exception was never retrieved"
    assert line["error"].endswith("CustomError")
    assert CANARY not in repr(line)


def test_loggers_of_libraries_are_silent_where_they_would_log_secrets(log_output: LogOutput) -> None:
    log_output.open(level="DEBUG")
    for name in ("httpx", "httpcore.connection", "aiosqlite", "sqlalchemy.engine", "uvicorn.access"):
        logging.getLogger(name).info("too much")
    logging.getLogger("uvicorn.access").critical("too much")
    logging.getLogger("asyncmy").warning("Data truncated: 'too much'")
    logging.getLogger("urllib3.connectionpool").warning("Failed to parse headers (url=too much)")
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("alembic.runtime.migration").info("upgraded")
    logging.getLogger("httpx").warning("odd")
    logging.getLogger("wework_message.x").debug("detail")
    assert [line["event"] for line in log_output.lines()] == ["started", "upgraded", "odd", "detail"]


def test_the_level_is_obeyed(log_output: LogOutput) -> None:
    handle = log_output.open(level="WARNING")
    for logger in (logging.getLogger("wework_message.x"), handle.facts):
        logger.debug("no")
        logger.info("no")
        logger.warning("yes")
        logger.error("yes, too")
    assert [(line["level"], line["event"]) for line in log_output.lines()] == [
        ("WARNING", "yes"),
        ("ERROR", "yes, too"),
    ] * 2


def test_a_new_level_counts_at_once_for_facts_messages_and_libraries(log_output: LogOutput) -> None:
    handle = log_output.open(level="ERROR")
    write = handle.template("INFO", "message.x", "x")
    library = logging.getLogger("wework_message.x")
    for number, level in enumerate(("ERROR", "DEBUG", "WARNING")):
        handle.take_level(level)
        handle.facts.info("fact", number=number)
        write({"number": number})
        library.info("library %d", number)
    lines = [(line["event"], line.get("number")) for line in log_output.lines()]
    assert lines == [("fact", 1), ("message.x", 1), ("library 1", None)]


@pytest.mark.parametrize(
    ("level", "lines"), [("INFO", ["Alembic warns"]), ("DEBUG", ["Running upgrade 0001 -> 0002", "Alembic warns"])]
)
def test_the_steps_of_a_migration_are_details(log_output: LogOutput, level: str, lines: list[str]) -> None:
    log_output.open(level=level)
    library = logging.getLogger("alembic.runtime.migration")
    library.info("Running upgrade 0001 -> 0002")
    library.warning("Alembic warns")
    assert [line["event"] for line in log_output.lines()] == lines


def test_a_record_that_cannot_be_formatted_is_reported(log_output: LogOutput) -> None:
    log_output.open()
    logging.getLogger("wework_message.x").warning("%d apples", "no")
    (line,) = log_output.lines()
    assert line["event"].startswith("unformattable record of test_logs.py:")


def test_warnings_of_python_are_lines(log_output: LogOutput) -> None:
    log_output.open()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
    assert [line["logger"] for line in log_output.lines()] == ["py.warnings"]


def test_an_unwritable_folder_is_one_warning_and_the_lines_go_to_stdout(log_output: LogOutput, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where a folder should be")
    observer = LoggingObserver(log_output.open())
    for _ in range(10):
        a_life(observer)
    lines = log_output.lines()
    warned = [line for line in lines if line["event"] == "log.file_unavailable"]
    assert [(line["level"], line["path"]) for line in warned] == [("WARNING", str(log_output.path))]
    assert len(lines) == 1 + 10 * 4


def test_without_a_file_setting_no_file_is_created(log_output: LogOutput, tmp_path: Path) -> None:
    log_output.open(file=None)
    logging.getLogger("wework_message").warning("hello")
    assert len(log_output.lines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_close_writes_all_lines_and_restores_logging(log_output: LogOutput) -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.getLogger("httpx").level)
    handle = log_output.open()
    for number in range(3_000):
        logging.getLogger("wework_message.x").info("line %d", number)
    handle.close()
    handle.close()
    assert len(log_output.path.read_bytes().splitlines()) == 3_000
    assert (root.handlers[:], root.level, logging.getLogger("httpx").level) == before


def test_a_failing_request_is_an_error_and_an_overloaded_one_a_warning(log_output: LogOutput) -> None:
    observer = LoggingObserver(log_output.open())
    for status in (200, 500, 503):
        observer.http_request("/api/messages/send", "POST", status, 0.25, "r-1", {"error": "INTERNAL"})
    logged = [(line["level"], line["status"], line["route"], line["ms"]) for line in log_output.lines()]
    assert logged == [("ERROR", 500, "/api/messages/send", 250), ("WARNING", 503, "/api/messages/send", 250)]
    assert {(line["requestId"], line["error"]) for line in log_output.lines()} == {("r-1", "INTERNAL")}


def test_each_refusal_is_a_line_and_a_flood_of_them_is_few(log_output: LogOutput) -> None:
    now = [1_000.0]
    repeated = RepeatedLines(lambda: now[0])
    observer = LoggingObserver(log_output.open(), repeated)

    def refused(number: int, status: int = 422) -> None:
        problem = {"error": "VALIDATION_FAILED", "tenantId": "default"}
        observer.http_request("/api/messages/send", "POST", status, 0.001, f"r-{number}", problem)

    for number in range(1_000):
        refused(number)
    refused(1_000, 404)
    now[0] = 1_001.0
    refused(1_001)
    repeated.write_due()
    lines = log_output.lines()
    assert [line["requestId"] for line in lines] == [
        *[f"r-{number}" for number in range(LINES_A_SECOND + 1)], "r-1000", "r-1001", "r-999"
    ]  # fmt: skip
    assert sum(line["count"] for line in lines) == 1_002
    del lines[0]["ts"]
    assert lines[0] == {
        "level": "WARNING", "event": "http.refused", "text": "request is refused", "requestId": "r-0",
        "route": "/api/messages/send", "method": "POST", "status": 422, "error": "VALIDATION_FAILED",
        "tenantId": "default", "ms": 1, "count": 1, "service": "wework-message", "version": "0.1.0",
    }  # fmt: skip


def test_lines_of_a_message_name_the_instance_and_the_request(log_output: LogOutput) -> None:
    observer = LoggingObserver(log_output.open())
    named, of_account = a_due_message(), a_due_message(guid=None)
    named.request_id = "r-7"
    observer.accepted([named, of_account])
    begin_call(of_account)
    report_moves(observer, of_account)
    lines = [{name: line.get(name) for name in ("guid", "accountId", "requestId")} for line in log_output.lines()]
    assert lines == [
        {"guid": named.guid, "accountId": None, "requestId": "r-7"},
        {"guid": None, "accountId": of_account.account_id, "requestId": None},
        {"guid": of_account.attempts[-1].guid, "accountId": None, "requestId": None},
    ]


def test_many_overloaded_requests_of_a_route_are_one_line_per_second(log_output: LogOutput) -> None:
    times = iter((1_000.0, 1_000.1, 1_000.9, 1_001.0, 1_002.5, 1_002.6))
    observer = LoggingObserver(log_output.open(), RepeatedLines(lambda: next(times)))
    for _ in range(5):
        observer.http_request("/api/messages/send", "POST", 503, 0.25, "r-1", None)
    observer.http_request("/api/messages", "GET", 503, 0.25, "r-1", None)
    logged = [(line["route"], line["count"]) for line in log_output.lines()]
    assert logged == [("/api/messages/send", count) for count in (1, 3, 1)] + [("/api/messages", 1)]


def test_refused_callbacks_are_one_line_per_route_status_and_second(log_output: LogOutput) -> None:
    observer = LoggingObserver(log_output.open(), RepeatedLines(lambda: 1_000.0))
    for status in (200, 400, 400, 422):
        observer.http_request("/api/callbacks/webhook", "POST", status, 0.0, "r-1", None)
    observer.http_request("/api/callbacks/webhook/{provider_code}", "POST", 404, 0.0, "r-1", None)
    observer.http_request("/api/callbacks/webhook", "POST", 500, 0.0, "r-1", None)
    logged = [(line["level"], line["event"], line["status"]) for line in log_output.lines()]
    assert logged == [
        *[("WARNING", "callback.rejected", status) for status in (400, 422, 404)],
        ("ERROR", "http.failed", 500),
    ]


async def test_a_flood_of_callbacks_is_a_line_for_each_of_few_kinds_and_none_is_left_out(log_output: LogOutput) -> None:
    """Whoever knows the address brings as many as they like, of types that they invent."""
    repeated = RepeatedLines(lambda: 1_000.0)
    observer = LoggingObserver(log_output.open(), repeated)
    for number in range(100):
        observer.callbacks(70_000 + number, "new", 2)
        observer.callbacks(11010, "quarantined", 1)
        observer.quarantined(QuarantineReason.UNKNOWN_GUID, 3)
        observer.misfits(Misfit.SENDER, 1)
        observer.foreign_ids(101)
    repeated.stop()
    await repeated.run()
    lines = log_output.lines()
    assert len(lines) == 2 * 5
    assert Counter([line["event"] for line in lines for _ in range(line["count"])]) == {
        "callback.handled": 300, "callback.quarantined": 300, "callback.misfit": 100, "callback.foreign_ids": 10_100,
    }  # fmt: skip
    assert [line["type"] for line in lines if line.get("result") == "new"] == [70_000, 70_099]


def test_a_callback_that_cannot_be_used_says_why(log_output: LogOutput) -> None:
    LoggingObserver(log_output.open()).quarantined(QuarantineReason.UNKNOWN_GUID, 2)
    (line,) = log_output.lines()
    assert (line["level"], line["event"], line["reason"], line["count"]) == (
        "WARNING", "callback.quarantined", "UNKNOWN_GUID", 2,
    )  # fmt: skip
    assert "callback" in line["text"]


def test_a_claim_says_how_long_the_message_waited(log_output: LogOutput) -> None:
    observer = LoggingObserver(log_output.open())
    message = a_due_message()
    begin_call(message, now=message.accepted_at + 1_234)
    report_moves(observer, message)
    assert [line.get("ageMs") for line in log_output.lines()] == [1_234]


@pytest.mark.parametrize(("level", "count"), [("DEBUG", 1), ("INFO", 0)])
def test_single_calls_are_logged_at_debug_only(log_output: LogOutput, level: str, count: int) -> None:
    report = CallReport(PROVIDER, BindingId("b"), GUID, "TEXT", OutcomeClass.NOT_SENT, Reason.CONNECT, True, 2.4, NOW)
    LoggingObserver(log_output.open(level=level)).called(report)
    assert [line["class"] for line in log_output.lines()] == ["NOT_SENT"] * count


def test_the_key_of_pseudonyms_does_not_print() -> None:
    assert "k3y" not in repr(LogSettings(version="1", pseudonym_key=b"k3y"))


def test_a_process_that_ends_without_closing_still_writes_its_last_line() -> None:
    program = (
        "from wework_message.adapters.observability.logs import LogSettings, configure\n"
        "configure(LogSettings(version='1', file=None)).facts.error('last words')\n"
        "raise SystemExit(3)\n"
    )
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60)
    assert process.returncode == 3
    assert [json.loads(line)["event"] for line in process.stdout.splitlines()] == ["last words"]


def test_lines_name_the_trace_of_what_they_are_about(log_output: LogOutput) -> None:
    handle = log_output.open()
    observer = LoggingObserver(handle)
    a_life(observer)
    handle.facts.info("some.event", text="not traced")
    a_life(observer, trace=A_TRACE)
    message = a_due_message(trace=A_TRACE)
    begin_call(message)
    settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt()))
    at_rest = SentMessage.of(message)
    assert at_rest is not None
    observer.delivered([at_rest])
    token = CURRENT.set(A_LONG_TRACE)
    handle.facts.info("some.event", text="traced")
    logging.getLogger("wework_message.test").warning("traced")
    CURRENT.reset(token)
    lines = log_output.lines()
    traced = [line for line in lines if "traceId" in line]
    assert {line["traceId"] for line in traced} == {A_TRACE[3:35]}
    assert len(lines) == 4 + 1 + 4 + 1 + 2
    assert len(traced) == 4 + 1 + 2
