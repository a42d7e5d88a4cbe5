"""Answers to what never reaches the application: in the envelope, with a request id, and reported as all others."""

from collections.abc import Callable, Iterable

from litestar.types import HTTPScope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from wework_message.entrypoints.rest.config import HttpExchange
from wework_message.entrypoints.rest.edge import UNMATCHED
from wework_message.entrypoints.rest.http.envelope import SAFETY, Answer, Header
from wework_message.entrypoints.rest.http.noted_problems import PROBLEM
from wework_message.entrypoints.rest.http.problems import Failure, failure_answer
from wework_message.entrypoints.rest.http.request_ids import request_id_in
from wework_message.entrypoints.wire.answer_form import AnswerForm, answering_in

_LAST: Header = (b"connection", b"close")


class OwnAnswers:
    """Makes them."""

    def __init__(
        self,
        now: Callable[[], int],
        observe: Callable[[HttpExchange], None] | None,
        form: AnswerForm | None = None,
    ) -> None:
        """As in `Config`."""
        self._now = now
        self._observe = observe
        self._form = form or AnswerForm()

    def to(self, failed: Failure, headers: Iterable[Header]) -> Answer:
        """The last answer of a connection; `headers` are those of the request that have been read."""
        headers = list(headers)
        request_id = request_id_in(headers)
        scope: HTTPScope = {"headers": headers, "state": {"request_id": request_id}}  # type: ignore[typeddict-item] # all that is read
        with answering_in(self._form):
            answer = failure_answer(scope, failed, now=self._now())
        answer.headers += [(b"x-request-id", request_id.encode()), *SAFETY, _LAST]
        if self._observe is not None:
            self._observe(HttpExchange(UNMATCHED, "OTHER", answer.status, 0.0, request_id, scope["state"][PROBLEM]))
        return answer


def as_bytes(answer: Answer, default_headers: Iterable[Header]) -> bytes:
    """`answer` as it is written to a connection."""
    lines = [name + b": " + value + b"\r\n" for name, value in (*default_headers, *answer.headers)]
    return b"".join([STATUS_LINE[answer.status], *lines, b"\r\n", answer.body])
