import importlib
import pkgutil

import httpx
import pytest
import rich_click as click
from tests.support.apps.command_line import FakeService, bad

import wework_message.application
import wework_message.domain
from wework_message.domain.errors import ConflictError, IllegalTransitionError, UnavailableError, WeworkMessageError
from wework_message.entrypoints.cli.exit_codes import MEANINGS, ExitCode, of_answer
from wework_message.entrypoints.cli.own_errors import OF_ERROR, of_error


def own_errors() -> list[type[WeworkMessageError]]:
    for package in (wework_message.domain, wework_message.application):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    errors: list[type[WeworkMessageError]] = []
    waiting = [WeworkMessageError]
    while waiting:
        errors.append(kind := waiting.pop())
        waiting += kind.__subclasses__()
    return [
        kind for kind in errors if kind.__module__.startswith(("wework_message.domain", "wework_message.application"))
    ]


def test_every_error_of_domain_and_application_has_its_own_line_in_the_table() -> None:
    assert [kind.__name__ for kind in own_errors() if kind not in OF_ERROR] == []


def test_every_code_is_explained_and_is_in_the_help() -> None:
    shown = FakeService().run("--help").output
    assert set(MEANINGS) == set(ExitCode)
    for code in ExitCode:
        assert f" {code}" in shown
    assert "78  the settings stop the start" in shown


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (200, None, 0),
        (202, None, 0),
        (400, "INVALID_JSON", 65),
        (401, "UNAUTHENTICATED", 77),
        (403, "FORBIDDEN", 77),
        (404, "NOT_FOUND", 66),
        (405, "METHOD_NOT_ALLOWED", 65),
        (409, "ILLEGAL_STATE", 65),
        (409, "IDEMPOTENCY_CONFLICT", 65),
        (409, "CONFLICT", 75),
        (413, "PAYLOAD_TOO_LARGE", 65),
        (422, "PROVIDER_REFUSED", 65),
        (429, "RATE_LIMITED", 75),
        (500, "INTERNAL", 70),
        (501, "NOT_IMPLEMENTED", 69),
        (502, None, 75),
        (503, "UNAVAILABLE", 75),
    ],
)
def test_http_answers_end_with_the_code_of_the_table(status: int, error: str | None, code: int) -> None:
    assert of_answer(status, error) == code


def test_errors_end_with_the_code_of_their_nearest_named_class() -> None:
    class NewConflictError(ConflictError):
        pass

    assert of_error(NewConflictError()) is ExitCode.TRY_AGAIN
    assert of_error(UnavailableError("database")) is ExitCode.TRY_AGAIN
    assert of_error(IllegalTransitionError("SENT", "cancel")) is ExitCode.REFUSED


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        (bad(404, "NOT_FOUND"), 66, "404 NOT_FOUND"),
        (bad(409, "ILLEGAL_STATE", data={"messageId": "m-1", "status": "SENT"}), 65, "message m-1 is SENT"),
        (bad(422, "VALIDATION_FAILED", errors=[{"path": "guid", "message": "is missing"}]), 65, "guid: is missing"),
        (httpx.Response(502, text="<html>"), 75, "502"),
        (httpx.ConnectError("refused"), 69, "wework-message serve"),
        (httpx.ReadTimeout("slow"), 75, "no answer"),
    ],
)
def test_a_failed_command_says_why_on_stderr_and_nothing_on_stdout(
    answer: httpx.Response | Exception, code: int, says: str
) -> None:
    ended = FakeService(answers=[answer]).run("status", "m-1")
    assert (ended.exit_code, ended.stdout) == (code, "")
    assert says in ended.stderr


@pytest.mark.parametrize("args", [["sned"], ["status"], ["send", "--wait", "0"], ["serve", "--port", "70000"], []])
def test_a_wrong_command_line_ends_with_64(args: list[str]) -> None:
    assert FakeService().run(*args).exit_code == 64


@pytest.mark.parametrize("args", [["--help"], ["send", "--help"], ["config", "check", "-h"], ["--version"]])
def test_help_ends_with_0(args: list[str]) -> None:
    assert FakeService().run(*args).exit_code == 0


def test_a_bug_says_where_it_is_but_not_what_the_error_says() -> None:
    def broken() -> int:
        raise LookupError("password=hunter2")

    ended = FakeService(serve=broken).run("serve")
    assert ended.exit_code == 70
    assert "LookupError" in ended.stderr
    assert "in broken" in ended.stderr
    assert "hunter2" not in ended.output


def test_a_missing_package_says_what_to_install() -> None:
    def lacking() -> int:
        raise ModuleNotFoundError("No module named 'litestar'", name="litestar")

    ended = FakeService(serve=lacking).run("serve")
    assert ended.exit_code == 69
    assert "litestar" in ended.stderr
    assert "pip install 'wework-message[server]'" in ended.stderr


@pytest.mark.parametrize("kind", [KeyboardInterrupt, click.Abort])
def test_an_interrupt_ends_with_130(kind: type[BaseException]) -> None:
    """The second is click's own, where a question is left without an answer."""

    def interrupted() -> int:
        raise kind

    ended = FakeService(serve=interrupted).run("serve")
    assert (ended.exit_code, "bug" in ended.stderr) == (130, False)
