"""Sends the items of a file in batches, and writes down what became of each."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import msgspec

from wework_message.entrypoints.cli.batch_file.answers import REFUSALS, Sendable, accepted_batch, refused_batch
from wework_message.entrypoints.cli.batch_file.interrupts import Interrupts
from wework_message.entrypoints.cli.batch_file.lines import Item, Refusal
from wework_message.entrypoints.cli.batch_file.run import KEY_LIFETIME_MS, Intent, ItemResult, Run
from wework_message.entrypoints.cli.client import Answer, ServiceClient
from wework_message.entrypoints.cli.exit_codes import ExitCode, of_answer
from wework_message.entrypoints.cli.failure import CommandFailedError

BATCH_ITEMS: Final = 200
"""Items of one request, at most."""
BATCH_BYTES: Final = 3_500_000
"""Bytes of one request, about; the service takes 4 MiB."""
TRIES: Final = 9
"""Of one request, where the service does not answer or cannot: about two minutes."""

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_PATH: Final = "/api/messages/send/batch"
_TOO_MANY: Final = 429


def now_ms() -> int:
    """Epoch ms UTC."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class _Tries:
    """How a request went so far."""

    intent: Intent
    unanswered: int = 0
    """Tries without an answer that settles it."""
    uncertain: bool = False
    """One of them may have been accepted."""
    settled: bool = False
    """A part of the request was settled: not all of it is unsent."""


@dataclass(slots=True)
class FileSender:
    """One run; `shown` hears of the results of each batch."""

    client: ServiceClient
    run: Run
    interrupts: Interrupts
    shown: Callable[[Sequence[ItemResult]], None]
    rate: float | None = None
    """Messages per second, at most."""
    stop_on_error: bool = False
    clock: Callable[[], int] = now_ms

    def send(self, items: Iterable[Item]) -> None:
        """Send the items behind the last result.

        Ends early behind the batch with the first rejected item, where that is wished. Raises `KeyboardInterrupt` where the
        user interrupts, `CommandFailedError` where the service does not take messages: what has no result is sent when the run goes on.
        """
        rest = (item for item in items if item.line > self.run.totals.last)
        for batch in _batches(rest, self._size(), stop_on_error=self.stop_on_error):
            began = time.monotonic()
            results = self._batch(batch)
            self.run.end(results)
            self.shown(results)
            if self.stop_on_error and any(result.message_id is None for result in results):
                return
            if self.interrupts.wished:
                raise KeyboardInterrupt
            if self.rate is not None:
                self.interrupts.pause(len(batch) / self.rate - (time.monotonic() - began))

    def _size(self) -> int:
        """About a second's items where there is a rate: no bursts."""
        return BATCH_ITEMS if self.rate is None else max(1, min(BATCH_ITEMS, int(self.rate)))

    def _batch(self, batch: Sequence[Item]) -> list[ItemResult]:
        """One result per item, in order."""
        results: list[ItemResult] = []
        items: list[Sendable] = []
        for item in batch:
            if isinstance(item.read, Refusal):
                results.append(Sendable(item.line, None, {}).rejected(item.read.error, item.read.errors))
            else:
                items.append(self._sendable(item, item.read))
        uncertain = self.run.is_uncertain()
        intent = self.run.begin(batch[-1].line, now=self.clock())
        if items:
            results += self._answered(items, _Tries(intent, uncertain=uncertain))
        return sorted(results, key=lambda result: result.line)

    def _sendable(self, item: Item, message: dict[str, Any]) -> Sendable:
        """With its own key, or that of the run for it."""
        own = message.get("clientMessageId")
        if own is not None:
            return Sendable(item.line, own if isinstance(own, str) else None, message)
        key = self.run.key(item.line, item.digest)
        return Sendable(item.line, key, message | {"clientMessageId": key})

    def _answered(self, items: Sequence[Sendable], tries: _Tries) -> list[ItemResult]:
        answer = self._settled(items, tries)
        if of_answer(answer.status, answer.error) is not ExitCode.OK and answer.status not in REFUSALS:
            self._give_up(tries, answer.failure())
        tries.settled, tries.unanswered = True, 0
        if answer.status not in REFUSALS:
            results = accepted_batch(items, answer.data)
        elif (refused := refused_batch(items, answer)) is not None:
            results = refused
        else:
            half = len(items) // 2
            return [*self._answered(items[:half], tries), *self._answered(items[half:], tries)]
        return [self._looked_up(result) for result in results] if tries.uncertain else results

    def _settled(self, items: Sequence[Sendable], tries: _Tries) -> Answer:
        """The answer to a request; one that may pass is repeated, under the same keys."""
        body = msgspec.json.encode({"messages": [item.message for item in items]})
        while True:
            if self.clock() - tries.intent.since > KEY_LIFETIME_MS:
                raise CommandFailedError(ExitCode.REFUSED, "the service may have forgotten the keys of this batch")
            failure: CommandFailedError
            retry_after_s = 0
            try:
                answer = self.client.request("POST", _PATH, body=body)
            except CommandFailedError as unanswered:
                if unanswered.code not in {ExitCode.UNAVAILABLE, ExitCode.TRY_AGAIN}:
                    self._give_up(tries, unanswered)  # such as a --url that is none
                failure = unanswered
                tries.uncertain |= unanswered.code is ExitCode.TRY_AGAIN  # the other one: nothing listens
            else:
                if of_answer(answer.status, answer.error) not in {ExitCode.TRY_AGAIN, ExitCode.BUG}:
                    return answer
                failure, retry_after_s = answer.failure(), answer.retry_after_s
                tries.uncertain |= answer.status != _TOO_MANY
                tries.unanswered -= answer.status == _TOO_MANY
            tries.unanswered += 1
            if tries.unanswered >= TRIES:
                self._give_up(tries, failure)
            pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** max(0, tries.unanswered - 1))
            try:
                self.interrupts.pause(max(pause_s, retry_after_s))
            except KeyboardInterrupt:
                self._give_up(tries, failure)

    def _give_up(self, tries: _Tries, failure: CommandFailedError) -> NoReturn:
        if not tries.settled and not tries.uncertain:
            self.run.prove_unsent(tries.intent)
        if self.interrupts.wished:
            raise KeyboardInterrupt
        raise failure

    def _looked_up(self, result: ItemResult) -> ItemResult:
        """What is refused now, such as a time that has passed meanwhile, may have been accepted by a try without an answer."""
        key = result.client_message_id
        if result.message_id is not None or key is None or result.error == "IDEMPOTENCY_CONFLICT":
            return result
        messages = self.client.data("GET", "/api/messages", params={"clientMessageId": key, "limit": "1"})["items"]
        if not messages:
            return result
        return Sendable(result.line, key, {}).accepted({**messages[0], "duplicate": True}, messages[0].get("batchId"))


def _batches(items: Iterator[Item], size: int, *, stop_on_error: bool) -> Iterator[list[Item]]:
    """The items in parts that one request can hold; behind one without a message a part ends where nothing may follow it."""
    batch: list[Item] = []
    held = 0
    for item in items:
        weight = 0 if isinstance(item.read, Refusal) else len(msgspec.json.encode(item.read)) + 512
        if batch and (len(batch) >= size or held + weight > BATCH_BYTES):
            yield batch
            batch, held = [], 0
        batch.append(item)
        held += weight
        if stop_on_error and isinstance(item.read, Refusal):
            break
    if batch:
        yield batch
