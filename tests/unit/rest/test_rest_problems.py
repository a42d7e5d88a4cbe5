import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from litestar.exceptions import HTTPException, NotAuthorizedException

import wework_message
from wework_message.application.errors import DrainingError, NotImplementedYetError
from wework_message.domain.errors import InvalidValueError, UnavailableError, WeworkMessageError
from wework_message.entrypoints.rest.http.problems import INTERNAL, STATUSES, Refusal, failure, status_of
from wework_message.entrypoints.wire.problems import RequestRejected

BRING_THEIR_OWN = (RequestRejected, Refusal)
REACH_A_CLIENT = ("wework_message.domain", "wework_message.application", "wework_message.entrypoints")
"""Packages whose errors can come out of a use case or a handler; gateways never raise, and bootstrap's stop the start."""


def _leaves(kind: type[WeworkMessageError]) -> Iterator[type[WeworkMessageError]]:
    for child in kind.__subclasses__():
        if child.__subclasses__():
            yield from _leaves(child)
        else:
            yield child


def test_every_error_of_ours_has_a_status() -> None:
    for module in pkgutil.walk_packages(wework_message.__path__, "wework_message."):
        if module.name.startswith(REACH_A_CLIENT):
            importlib.import_module(module.name)
    leaves = [leaf for leaf in _leaves(WeworkMessageError) if leaf.__module__.startswith(REACH_A_CLIENT)]
    unmapped = [leaf for leaf in leaves if leaf not in STATUSES and not issubclass(leaf, BRING_THEIR_OWN)]
    assert len(leaves) > 5
    assert unmapped == []


def test_an_error_that_is_not_in_the_table_has_its_parents_status() -> None:
    class NewError(UnavailableError):
        pass

    assert status_of(NewError) == 503
    assert status_of(WeworkMessageError) is None


def test_an_error_without_a_row_reveals_nothing() -> None:
    assert failure(WeworkMessageError("a secret")) is INTERNAL
    assert failure(ValueError("a secret")) is INTERNAL
    assert failure(HTTPException("a secret", status_code=502)) is INTERNAL


def test_an_error_with_a_path_names_its_field() -> None:
    (problem,) = failure(InvalidValueError("content", "is too long")).errors
    assert (problem.path, problem.code, problem.message) == ("content", "INVALID_VALUE", "is too long")
    (later,) = failure(NotImplementedYetError("guid", "its provider has no mass sends")).errors
    assert later.code == "NOT_IMPLEMENTED"


@pytest.mark.parametrize(("error", "closes"), [(UnavailableError("database"), False), (DrainingError(), True)])
def test_503_says_when_to_retry_and_a_drain_closes(error: WeworkMessageError, closes: bool) -> None:
    failed = failure(error)
    assert failed.status == 503
    assert (b"retry-after", b"1") in failed.headers
    assert ((b"connection", b"close") in failed.headers) is closes


def test_errors_of_the_framework_have_our_codes() -> None:
    failed = failure(NotAuthorizedException(headers={"WWW-Authenticate": "Bearer"}))
    assert (failed.status, failed.error) == (401, "UNAUTHENTICATED")
    assert failed.headers == ((b"www-authenticate", b"Bearer"),)
