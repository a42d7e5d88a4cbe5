"""The shipped contract suite, run on the protocol of this package."""

import itertools
import json

import pytest
from wework_message_courier import CourierProtocol

from wework_message.domain.ports.protocols import ProviderProtocol
from wework_message.testing.provider_contract import HttpProvider, ProviderContract, Reply, Request


class Courier:
    """How Courier answers while nothing is wrong."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != "Bearer s3cretToken":
            return Reply(b"{}", status=401)
        match request.path:
            case "/messages":
                return _json({"id": f"c-{next(self._numbers)}"}, executed=True)
            case "/instances":
                return _json({"online": ["g-1"]})
            case _:
                return _json({})

    def refusal(self, code: int) -> Reply:
        return _json({"error": code})


def _json(value: object, *, executed: bool = False) -> Reply:
    return Reply(json.dumps(value).encode(), executed=executed)


class TestCourier(ProviderContract):
    options = {"token": "s3cretToken"}

    @pytest.fixture
    def protocol(self) -> ProviderProtocol:
        return CourierProtocol()

    @pytest.fixture
    def provider(self) -> HttpProvider:
        return HttpProvider(Courier(), sends="/messages")
