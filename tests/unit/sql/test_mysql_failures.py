"""What the numbers of MySQL's errors mean for the transaction."""

import asyncmy
import pytest
from asyncmy import errors as driver
from sqlalchemy.exc import OperationalError

from wework_message.adapters.sql.mysql.connections.connector import Connector
from wework_message.adapters.sql.mysql.connections.translation import translated
from wework_message.adapters.sql.mysql.failures import UNREACHED, WRONG_SERVER
from wework_message.adapters.sql.mysql.kind import MysqlTarget
from wework_message.domain.errors import ConflictError, TryAgainError, UnavailableError


def failed(number: int, *, invalidated: bool = False) -> OperationalError:
    return OperationalError("UPDATE", {}, Exception(number, "text"), connection_invalidated=invalidated)


def test_the_numbers_that_mean_another_server_are_known() -> None:
    assert {1290, 1792, 1836, 1874, 1036, 1047, 3098, 3100} == set(WRONG_SERVER)


@pytest.mark.parametrize("committing", [False, True])
@pytest.mark.parametrize("number", WRONG_SERVER)
def test_a_server_that_takes_no_writes_is_left_and_the_transaction_repeated(number: int, *, committing: bool) -> None:
    error = translated(failed(number, invalidated=True), committing=committing)
    assert isinstance(error, TryAgainError)
    assert error.lost_connection
    assert str(number) in str(error)
    assert "the server is" in str(error) or "read-only" in str(error)


def test_the_drivers_own_errors_mean_the_same() -> None:
    assert type(translated(driver.IntegrityError(1062, "duplicate"))) is ConflictError
    assert type(translated(driver.DataError(1406, "too long"))) is ConflictError
    for number in (1205, 1213, 1615):
        error = translated(driver.OperationalError(number, "again"))
        assert isinstance(error, TryAgainError)
        assert not error.lost_connection
    for lost in (
        driver.OperationalError(2013, ""),
        driver.InterfaceError(0, "Not connected"),
        driver.OperationalError(1243, ""),
    ):
        error = translated(lost)
        assert isinstance(error, TryAgainError)
        assert error.lost_connection
        assert not isinstance(translated(lost, committing=True), TryAgainError)
    assert "disk is full" in str(translated(driver.OperationalError(1021, "")))


@pytest.mark.parametrize("number", [2013, 4031, 1161])
def test_an_answer_to_commit_that_was_lost_is_not_repeated(number: int) -> None:
    error = translated(failed(number), committing=True)
    assert isinstance(error, UnavailableError)
    assert not isinstance(error, TryAgainError)


@pytest.mark.parametrize(("number", "cause"), [(1021, "disk is full"), (1114, "full"), (1153, "max_allowed_packet")])
def test_what_an_operator_can_do_something_about_is_said(number: int, cause: str) -> None:
    error = translated(failed(number))
    assert type(error) is UnavailableError
    assert cause in str(error)


def test_why_no_connection_is_made_comes_in_words_of_ours() -> None:
    assert str(translated(driver.OperationalError(UNREACHED, "does not answer"))) == "database: does not answer"


async def test_a_log_in_that_the_driver_does_not_speak_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(**_: object) -> None:
        raise RuntimeError("'pynacl' package is required for ed25519_password auth method")

    monkeypatch.setattr(asyncmy, "connect", connect)
    with pytest.raises(driver.OperationalError) as caught:
        await Connector(MysqlTarget("h", 3306, "d", "u", "p"))()
    assert "a log-in that the driver does not know (2059)" in str(translated(caught.value))
