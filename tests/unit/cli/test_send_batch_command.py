"""`send-batch`: what is requested of the service, what is written down, and how a run ends and goes on."""

import gc
import json
import os
import signal
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from click.testing import Result
from tests.support.apps.command_line import FakeService, bad, good

from wework_message.entrypoints.cli.batch_file import final, sending
from wework_message.entrypoints.cli.batch_file.interrupts import Interrupts
from wework_message.entrypoints.cli.batch_file.run import KEY_LIFETIME_MS, intents_of
from wework_message.entrypoints.cli.exit_codes import ExitCode

BATCH: Final = "/message/api/messages/send/batch"
TEXT: Final = {"guid": "g1", "messageType": "TEXT", "content": "hello"}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_FIRST_PAUSE_S", 0)


class Service:
    """Accepts messages, each key once."""

    def __init__(self) -> None:
        self.accepted: dict[str, Any] = {}
        self.faults: list[Callable[[httpx.Request], httpx.Response]] = []
        """What the next requests meet instead."""
        self.statuses: list[str | None] = ["SENT"]
        """Of all messages, one answer after the other; None = they are gone."""
        self.app = FakeService(service=self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/status"):
            ids = request.url.params["ids"].split(",")
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            return good(
                {"items": [{"messageId": name, "status": status, "errorCode": -4017} for name in ids if status]}
            )
        if request.method == "GET":
            key = request.url.params["clientMessageId"]
            items = [{"messageId": f"m-{key}", "status": "SENT", "batchId": "b-1"}] if key in self.accepted else []
            return good({"items": items, "nextCursor": None})
        assert request.url.path == BATCH
        return self.faults.pop(0)(request) if self.faults else self.accept(request)

    def accept(self, request: httpx.Request) -> httpx.Response:
        messages = json.loads(request.content)["messages"]
        items = [self._item(index, message) for index, message in enumerate(messages)]
        if all(item["error"] for item in items):
            errors = [
                {**problem, "path": f"messages[{item['index']}].content"}
                for item in items
                for problem in item["errors"]
            ]
            return bad(422, "VALIDATION_FAILED", errors=errors[:100])
        return good({"batchId": "b-1", "items": items}, 202)

    def _item(self, index: int, message: dict[str, Any]) -> dict[str, Any]:
        if message.get("content") is None:
            problem = {"path": f"messages[{index}].content", "code": "REQUIRED", "message": "is required"}
            return {"index": index, "messageId": None, "error": "VALIDATION_FAILED", "errors": [problem]}
        key = message["clientMessageId"]
        known = key in self.accepted
        self.accepted.setdefault(key, message)
        return {
            "index": index,
            "messageId": f"m-{key}",
            "status": "QUEUED",
            "error": None,
            "errors": [],
            "duplicate": known,
        }

    @property
    def sizes(self) -> list[int]:
        """Of the batches that were asked for."""
        return [
            len(json.loads(request.content)["messages"]) for request in self.app.requests if request.method == "POST"
        ]


def lost_answer(service: Service) -> Callable[[httpx.Request], httpx.Response]:
    """The service accepts; nobody hears of it."""

    def fault(request: httpx.Request) -> httpx.Response:
        service.accept(request)
        raise httpx.ReadTimeout("")

    return fault


def nothing_listens(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("")


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return lines(tmp_path / "mail.jsonl", 450)


def lines(path: Path, count: int, *, bad_lines: tuple[int, ...] = ()) -> Path:
    messages = [{**TEXT, "conversationId": f"S:{line}"} for line in range(1, count + 1)]
    for line in bad_lines:
        del messages[line - 1]["content"]
    path.write_text("".join(json.dumps(message) + "\n" for message in messages))
    return path


def results(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.with_name(f"{file.name}.results.jsonl").read_text().splitlines()]


def run(service: Service, file: Path, *options: str) -> Result:
    ended = service.app.run("send-batch", str(file), *options)
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return ended


def test_a_file_is_sent_in_batches_with_a_result_for_each_item(service: Service, file: Path) -> None:
    ended = run(service, file)
    assert (ended.exit_code, service.sizes) == (0, [200, 200, 50])
    assert "450 items: 450 accepted (0 of them before), 0 rejected, 0 remain" in ended.stdout
    assert [result["line"] for result in results(file)] == list(range(1, 451))
    first = results(file)[0]
    assert service.accepted[first["clientMessageId"]] == {
        **TEXT, "conversationId": "S:1", "clientMessageId": first["clientMessageId"],
    }  # fmt: skip
    assert first == {
        "line": 1, "clientMessageId": first["clientMessageId"], "messageId": f"m-{first['clientMessageId']}",
        "status": "QUEUED", "duplicate": False, "batchId": "b-1", "error": None, "errors": [],
    }  # fmt: skip


def test_what_is_done_is_not_sent_again(service: Service, file: Path) -> None:
    run(service, file)
    ended = run(service, file, "--json")
    assert service.sizes == [200, 200, 50]
    data = json.loads(ended.stdout)
    assert {name: data[name] for name in ("items", "accepted", "rejected", "remaining", "done")} == {
        "items": 450, "accepted": 450, "rejected": 0, "remaining": 0, "done": True,
    }  # fmt: skip
    run(service, file, "--results", str(file.with_name("again")))
    assert len(service.accepted) == 900  # another run has other keys


def test_a_table_is_sent(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "MAIL.CSV"
    file.write_text("conversationId,messageType,content,clientMessageId\nS:1,TEXT,007,own\nS:2,TEXT,\n")
    ended = run(service, file)
    assert ended.exit_code == ExitCode.REFUSED
    assert service.accepted == {
        "own": {"conversationId": "S:1", "messageType": "TEXT", "content": "007", "clientMessageId": "own"}
    }
    assert [(result["line"], result["error"]) for result in results(file)] == [(2, None), (3, "VALIDATION_FAILED")]


def test_bad_items_are_named_by_line_and_field_and_stop_nothing(service: Service, tmp_path: Path) -> None:
    file = lines(tmp_path / "mail.jsonl", 10, bad_lines=(3,))
    with file.open("a") as more:
        more.write("no json\n")
    ended = run(service, file)
    assert ended.exit_code == ExitCode.REFUSED
    assert "line 3: VALIDATION_FAILED content is required" in ended.stderr
    assert "line 11: INVALID_JSON the body is not JSON in UTF-8" in ended.stderr
    assert len(service.accepted) == 9
    rejected = [result for result in results(file) if result["messageId"] is None]
    assert [(result["line"], result["status"]) for result in rejected] == [(3, "REJECTED"), (11, "REJECTED")]
    assert rejected[0]["errors"] == [{"path": "content", "code": "REQUIRED", "message": "is required"}]


def test_a_batch_of_bad_items_is_divided_until_each_has_its_reason(service: Service, tmp_path: Path) -> None:
    file = lines(tmp_path / "mail.jsonl", 220, bad_lines=tuple(range(1, 201)))
    run(service, file)
    assert service.sizes == [200, 100, 100, 20]  # a refusal names 100 problems
    assert len(service.accepted) == 20
    assert [len(result["errors"]) for result in results(file)] == [1] * 200 + [0] * 20


def test_only_the_first_bad_items_are_shown(service: Service, tmp_path: Path) -> None:
    ended = run(service, lines(tmp_path / "mail.jsonl", 30, bad_lines=tuple(range(1, 26))))
    assert "line 20:" in ended.stderr
    assert "line 21:" not in ended.stderr
    assert "and 5 more" in ended.stderr


def test_a_file_of_bad_lines_only_goes_on_too(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "mail.jsonl"
    file.write_text("x\ny\n")
    assert [run(service, file).exit_code for _ in range(2)] == [ExitCode.REFUSED] * 2
    assert [result["line"] for result in results(file)] == [1, 2]
    assert service.sizes == []


def test_stop_on_error_sends_nothing_behind_a_line_without_message(service: Service, tmp_path: Path) -> None:
    file = lines(tmp_path / "mail.jsonl", 5)
    content = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*content[:2], "broken\n", *content[2:]]))
    assert run(service, file, "--stop-on-error").exit_code == ExitCode.REFUSED
    assert [result["line"] for result in results(file)] == [1, 2, 3]
    run(service, file)
    assert [result["line"] for result in results(file)] == [1, 2, 3, 4, 5, 6]
    assert len(service.accepted) == 5


def test_stop_on_error_ends_behind_the_batch_with_a_rejected_item(service: Service, tmp_path: Path) -> None:
    file = lines(tmp_path / "mail.jsonl", 300, bad_lines=(7,))
    ended = run(service, file, "--stop-on-error")
    assert (ended.exit_code, service.sizes) == (ExitCode.REFUSED, [200])
    assert "100 remain" in ended.stdout


@pytest.mark.parametrize(
    "fault",
    [nothing_listens, lambda _: bad(503, "UNAVAILABLE"), lambda _: bad(500, "INTERNAL"), lambda _: httpx.Response(502)],
)
def test_a_service_that_is_away_for_a_while_is_asked_again(
    service: Service, file: Path, fault: Callable[[httpx.Request], httpx.Response]
) -> None:
    service.faults = [fault] * 3
    assert run(service, file).exit_code == 0
    assert service.sizes == [200] * 5 + [50]
    assert len(service.accepted) == 450


def test_a_lost_answer_is_asked_for_under_the_same_keys(service: Service, file: Path) -> None:
    service.faults = [lost_answer(service)]
    ended = run(service, file)
    assert "450 accepted (200 of them before)" in ended.stdout
    assert len(service.accepted) == 450


def test_429_is_waited_for_however_often(service: Service, file: Path) -> None:
    service.faults = [lambda _: bad(429, "TOO_MANY_REQUESTS")] * (sending.TRIES * 2)
    assert run(service, file).exit_code == 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [(nothing_listens, ExitCode.UNAVAILABLE), (lambda _: bad(503, "UNAVAILABLE"), ExitCode.TRY_AGAIN)],
)
def test_a_service_that_stays_away_ends_the_run_which_goes_on_later(
    service: Service, file: Path, fault: Callable[[httpx.Request], httpx.Response], code: ExitCode
) -> None:
    service.faults = [service.accept, *[fault] * sending.TRIES]
    ended = run(service, file)
    assert ended.exit_code == code
    assert "run the same command again: it goes on behind line 200" in ended.stderr
    ended = run(service, file)
    assert ended.exit_code == 0
    assert "goes on behind line 200: 200 of 450 items are done" in ended.stderr
    assert len(service.accepted) == 450


def test_only_what_may_have_been_accepted_needs_the_keys_of_the_run(service: Service, file: Path) -> None:
    intents = intents_of(file.with_name(f"{file.name}.results.jsonl"))
    service.faults = [nothing_listens] * sending.TRIES
    run(service, file)
    assert json.loads(intents.read_text().splitlines()[-1])["unsent"] is True
    service.faults = [lambda _: bad(403, "FORBIDDEN")]
    assert run(service, file).exit_code == ExitCode.FORBIDDEN
    assert json.loads(intents.read_text().splitlines()[-1])["unsent"] is True
    service.faults = [lost_answer(service), *[nothing_listens] * sending.TRIES]
    run(service, file)
    assert json.loads(intents.read_text().splitlines()[-1])["unsent"] is False


def test_a_wrong_url_is_corrected_by_a_right_one(service: Service, file: Path) -> None:
    def no_protocol(_request: httpx.Request) -> httpx.Response:
        raise httpx.UnsupportedProtocol("")

    service.faults = [no_protocol, lambda _: httpx.Response(404)]
    assert run(service, file, "--url", "ftp://localhost/message").exit_code == ExitCode.USAGE
    assert run(service, file, "--url", "http://localhost/message").exit_code == ExitCode.NOT_FOUND
    assert run(service, file).exit_code == 0


def test_what_is_refused_now_and_was_accepted_before_counts_as_accepted(service: Service, file: Path) -> None:
    service.faults = [
        lost_answer(service),
        lambda request: bad(
            422, "VALIDATION_FAILED",
            errors=[
                {"path": f"messages[{place}].expiresAt", "code": "INVALID_VALUE", "message": "has passed"}
                for place in range(len(json.loads(request.content)["messages"]))
            ],
        ),
    ]  # fmt: skip
    ended = run(service, file)
    assert "450 accepted (200 of them before), 0 rejected" in ended.stdout
    assert results(file)[0]["status"] == "SENT"


def test_what_is_refused_after_an_answer_is_not_looked_up(service: Service, tmp_path: Path) -> None:
    run(service, lines(tmp_path / "mail.jsonl", 3, bad_lines=(1,)))
    assert [request.method for request in service.app.requests] == ["POST"]


def test_keys_are_not_used_beyond_their_life(service: Service, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0, 0, KEY_LIFETIME_MS + 1])
    service.faults = [lambda _: bad(503, "UNAVAILABLE")]
    original = sending.FileSender

    def with_clock(*arguments: Any) -> sending.FileSender:
        sender = original(*arguments)
        sender.clock = lambda: next(clock)
        return sender

    monkeypatch.setattr("wework_message.entrypoints.cli.commands.send_batch.FileSender", with_clock)
    ended = run(service, file)
    assert ended.exit_code == ExitCode.REFUSED
    assert "the service may have forgotten the keys of this batch" in ended.stderr


def test_ctrl_c_ends_behind_the_batch_that_is_under_way(service: Service, file: Path) -> None:
    def interrupted(request: httpx.Request) -> httpx.Response:
        os.kill(os.getpid(), signal.SIGINT)
        return service.accept(request)

    before = signal.getsignal(signal.SIGINT)  # a shell may ignore it for what runs in the background
    service.faults = [service.accept, interrupted]
    ended = run(service, file)
    assert (ended.exit_code, service.sizes) == (ExitCode.INTERRUPTED, [200, 200])
    assert len(results(file)) == 400
    assert "run the same command again to go on" in ended.stdout
    assert signal.getsignal(signal.SIGINT) is before
    assert run(service, file).exit_code == 0
    assert len(service.accepted) == 450


def test_ctrl_c_twice_ends_at_once_and_loses_nothing(service: Service, file: Path) -> None:
    def interrupted(request: httpx.Request) -> httpx.Response:
        service.accept(request)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("unreachable")

    service.faults = [interrupted]
    assert run(service, file).exit_code == ExitCode.INTERRUPTED
    assert results(file) == []
    ended = run(service, file)
    assert "450 accepted (200 of them before)" in ended.stdout
    assert len(service.accepted) == 450


def test_ctrl_c_while_the_service_is_away_ends_the_run(service: Service, file: Path) -> None:
    def interrupted(_request: httpx.Request) -> httpx.Response:
        os.kill(os.getpid(), signal.SIGINT)
        return bad(503, "UNAVAILABLE")

    service.faults = [interrupted]
    assert run(service, file).exit_code == ExitCode.INTERRUPTED
    assert service.sizes == [200]


def test_large_messages_make_smaller_batches(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "mail.jsonl"
    message = {**TEXT, "conversationId": "S:1", "content": "x" * 900_000}
    file.write_text((json.dumps(message) + "\n") * 5)
    run(service, file)
    assert service.sizes == [3, 2]


def test_a_rate_makes_batches_of_a_second(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(
        "wework_message.entrypoints.cli.batch_file.interrupts.Interrupts.pause", lambda _, s: pauses.append(s)
    )
    run(service, lines(tmp_path / "mail.jsonl", 25), "--rate", "10")
    assert service.sizes == [10, 10, 5]
    assert [round(pause, 1) <= most for pause, most in zip(pauses, (1, 1, 0.5), strict=True)] == [True] * 3
    assert min(pauses) > 0


def test_a_changed_file_is_refused(service: Service, file: Path) -> None:
    run(service, file)
    with file.open("a") as more:
        more.write(json.dumps({**TEXT, "conversationId": "S:9"}) + "\n")
    ended = run(service, file)
    assert ended.exit_code == ExitCode.REFUSED
    assert "it has changed, or is another" in ended.stderr
    assert service.sizes == [200, 200, 50]


def test_a_file_that_changes_while_it_is_sent_is_reported(service: Service, file: Path) -> None:
    def changing(request: httpx.Request) -> httpx.Response:
        with file.open("a") as more:
            more.write("{}\n")
        return service.accept(request)

    service.faults = [changing]
    ended = run(service, file)
    assert ended.exit_code == ExitCode.REFUSED
    assert "was changed while it was sent" in ended.stderr


def test_a_broken_table_sends_nothing(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "mail.csv"
    file.write_text('conversationId,content\nS:1,a\nS:2,"b\n')
    ended = run(service, file)
    assert ended.exit_code == ExitCode.REFUSED
    assert "line 3: unexpected end of data" in ended.stderr
    assert service.sizes == []
    assert list(tmp_path.iterdir()) == [file]


def test_a_dry_run_checks_every_line_and_sends_nothing(service: Service, tmp_path: Path) -> None:
    file = lines(tmp_path / "mail.jsonl", 4, bad_lines=(2,))
    with file.open("a") as more:
        more.write('{"messageType":"MIXED","parts":[]}\nbroken\n')
    ended = run(service, file, "--dry-run")
    assert ended.exit_code == ExitCode.REFUSED
    assert "line 2: VALIDATION_FAILED content is required" in ended.stderr
    assert "line 5: VALIDATION_FAILED messageType cannot be MIXED inside a batch" in ended.stderr
    assert "6 items: 3 valid, 3 would be rejected; nothing was sent" in ended.stdout
    data = json.loads(run(service, file, "--dry-run", "--json").stdout)
    assert (data["valid"], [problem["line"] for problem in data["problems"]]) == (3, [2, 5, 6])
    assert run(service, lines(file, 2), "--dry-run").exit_code == 0
    assert service.app.requests == []
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("data", [None, {"items": []}, {"items": [{"index": 1}]}, [], "x"])
def test_an_answer_of_something_else_is_no_result(service: Service, tmp_path: Path, data: Any) -> None:
    file = lines(tmp_path / "mail.jsonl", 1)
    service.faults = [lambda _: good(data)]
    ended = run(service, file)
    assert ended.exit_code == ExitCode.UNAVAILABLE
    assert "is --url right?" in ended.stderr
    assert results(file) == []


def test_the_format_is_told_by_the_name_or_said(service: Service, tmp_path: Path) -> None:
    file = lines(tmp_path / "mail.txt", 1)
    assert run(service, file).exit_code == ExitCode.USAGE
    assert run(service, file, "--format", "jsonl").exit_code == 0
    assert run(service, tmp_path / "nothing.csv").exit_code == ExitCode.NOT_FOUND


@pytest.mark.parametrize(
    ("status", "code", "shown"),
    [
        ("SENT", ExitCode.OK, "250 SENT"), ("FAILED", ExitCode.REFUSED, "250 FAILED"),
        (None, ExitCode.TRY_AGAIN, "250 NOT_FOUND"),
    ],
)  # fmt: skip
def test_wait_writes_the_statuses_once_all_rest(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str | None, code: ExitCode, shown: str
) -> None:
    monkeypatch.setattr(final, "_POLL_S", 0)
    file = lines(tmp_path / "mail.jsonl", 250)
    service.statuses = ["QUEUED", "HELD", status]
    ended = run(service, file, "--wait", "60")
    assert ended.exit_code == code
    assert f"({shown})" in ended.stdout
    written = [json.loads(line) for line in (tmp_path / "mail.jsonl.results.jsonl.final").read_text().splitlines()]
    assert [line["line"] for line in written] == list(range(1, 251))
    assert written[0] == {
        "line": 1, "messageId": results(file)[0]["messageId"], "status": status, "reason": None,
        "errorCode": -4017 if status else None,
    }  # fmt: skip
    polls = [request for request in service.app.requests if request.method == "GET"]
    assert len(polls) == 5  # the first hundred three times, then the others
    assert json.loads(run(service, file, "--wait", "60", "--json").stdout)["byStatus"] == {shown.split()[1]: 250}


def test_wait_ends_with_what_is_not_settled(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 61.0])
    monkeypatch.setattr(final, "monotonic", lambda: next(clock))
    service.statuses = ["QUEUED"]
    ended = run(service, lines(tmp_path / "mail.jsonl", 2), "--wait", "60", "--json")
    assert (ended.exit_code, json.loads(ended.stdout)["byStatus"]) == (ExitCode.TRY_AGAIN, {"QUEUED": 2})


def test_ctrl_c_while_it_waits_ends_the_wait(service: Service, tmp_path: Path) -> None:
    original = service.answer

    def interrupted(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/status"):
            os.kill(os.getpid(), signal.SIGINT)
        return original(request)

    service.app.service = interrupted
    service.statuses = ["QUEUED"]
    ended = run(service, lines(tmp_path / "mail.jsonl", 2), "--wait", "60")
    assert ended.exit_code == ExitCode.INTERRUPTED
    assert "2 items: 2 accepted" in ended.stdout


def test_the_memory_of_a_run_does_not_grow_with_the_file(tmp_path: Path) -> None:
    app = FakeService()

    def accept(request: httpx.Request) -> httpx.Response:
        app.requests.clear()
        gc.collect()  # requests and answers are cycles; a run of its own has fewer objects, and collects them more often
        messages = json.loads(request.content)["messages"]
        items = [{"index": index, "messageId": f"m-{index}", "status": "QUEUED"} for index in range(len(messages))]
        return good({"batchId": "b-1", "items": items}, 202)

    app.service = accept

    def peak(count: int) -> int:
        file = lines(tmp_path / f"{count}.jsonl", count)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        assert app.run("send-batch", str(file), "--json").exit_code == 0
        assert app.run("send-batch", str(file), "--json").exit_code == 0  # reads the results
        return tracemalloc.get_traced_memory()[1] - before

    peak(400)  # caches
    gc.freeze()
    tracemalloc.start()
    try:
        kept = (peak(20_000) - peak(2_000)) / 18_000
        assert kept < 50  # bytes for each line: less than its id would need
    finally:
        tracemalloc.stop()
        gc.unfreeze()


def divided(_request: httpx.Request) -> httpx.Response:
    """Refused, without a reason for each item."""
    return bad(422, "VALIDATION_FAILED")


def newest_intent(file: Path) -> Any:
    return json.loads(intents_of(file.with_name(f"{file.name}.results.jsonl")).read_text().splitlines()[-1])


def test_an_answer_503_proves_nothing(service: Service, file: Path) -> None:
    service.faults = [lambda _: bad(503, "UNAVAILABLE")] * sending.TRIES
    run(service, file)
    assert newest_intent(file)["unsent"] is False


def test_a_request_of_which_a_part_was_accepted_is_not_unsent(service: Service, file: Path) -> None:
    service.faults = [divided, service.accept, *[nothing_listens] * sending.TRIES]
    assert run(service, file).exit_code == ExitCode.UNAVAILABLE
    assert newest_intent(file)["unsent"] is False
    assert "450 accepted (100 of them before)" in run(service, file).stdout


def test_each_part_of_a_divided_request_has_its_own_tries(service: Service, file: Path) -> None:
    some = [nothing_listens] * (sending.TRIES - 1)
    service.faults = [divided, *some, service.accept, *some, service.accept]
    assert run(service, file).exit_code == 0


def test_a_key_that_is_of_another_message_is_never_taken_for_accepted(service: Service, tmp_path: Path) -> None:
    file = lines(tmp_path / "mail.jsonl", 1)
    service.faults = [lost_answer(service), lambda _: bad(409, "IDEMPOTENCY_CONFLICT")]
    assert run(service, file).exit_code == ExitCode.REFUSED
    assert [(result["messageId"], result["error"]) for result in results(file)] == [(None, "IDEMPOTENCY_CONFLICT")]


def test_a_service_is_left_alone_for_as_long_as_it_asks(
    service: Service, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(Interrupts, "pause", lambda _, seconds: pauses.append(seconds))
    service.faults = [lambda _: httpx.Response(503, headers={"Retry-After": "7"})]
    assert run(service, file).exit_code == 0
    assert pauses == [7]


def test_ctrl_c_ends_a_pause_at_once() -> None:
    interrupts = Interrupts(sleep=lambda _: interrupts.ask())
    with pytest.raises(KeyboardInterrupt):
        interrupts.pause(30)
    assert interrupts.wished


def test_after_ctrl_c_there_is_no_pause() -> None:
    slept: list[float] = []
    interrupts = Interrupts(sleep=slept.append)
    interrupts.pause(0)
    interrupts.pause(2)
    interrupts.ask()
    with pytest.raises(KeyboardInterrupt):
        interrupts.pause(1)
    assert slept == [2]
