"""Echoes: every executed send, recall and read mark comes back as a callback after a delay."""

import asyncio
import heapq
import itertools
import random
from typing import NamedTuple

import msgspec

from wework_message.simulator.answers import Record, callback_object
from wework_message.simulator.callbacks import CallbackConnection
from wework_message.simulator.instances import Instance, Instances
from wework_message.simulator.ledger import Ledger
from wework_message.simulator.options import MAX_ECHO_DELAY_MS, EchoForm, SimulatorOptions

MAX_BATCH = 100
"""Objects in one `11013` callback (the vendor's maximum is unknown)."""


class EchoPolicy(msgspec.Struct, forbid_unknown_fields=True):
    """What happens to echoes; `POST /_sim/echoes` changes it for echoes that are not due yet."""

    form: EchoForm = "11010"
    delay_ms: int = 50
    hold: bool = False
    """True: echoes wait for `POST /_sim/echoes/release`, however old they are."""
    drop_rate: float = 0.0
    """Share of echoes that are never sent, 0 to 1."""
    duplicate_rate: float = 0.0
    """Share of echoes that are sent twice, 0 to 1."""
    siblings: bool = False
    """True: the other online instances of the account post every echo too, each with its own guid (assumed possible)."""
    reorder: bool = False
    """True: echoes due together leave in random order."""

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        if not 0 <= self.delay_ms <= MAX_ECHO_DELAY_MS:
            raise ValueError(f"delay_ms must be 0 to {MAX_ECHO_DELAY_MS}")
        if not (0 <= self.drop_rate <= 1 and 0 <= self.duplicate_rate <= 1):
            raise ValueError("rates must be 0 to 1")


class EchoCounts(msgspec.Struct):
    """Echoes by result; a duplicate counts once more as offered and as sent or failed.

    `offered`: a post with it began; `sent`: answered 2xx; `failed`: not, in all tries; `dropped`: by policy, by the
    account's notify flags, or since there was no callback URL. `pending`: neither sent, failed nor dropped yet.
    """

    offered: int = 0
    sent: int = 0
    failed: int = 0
    dropped: int = 0
    pending: int = 0
    callbacks_sent: int = 0
    callbacks_failed: int = 0


class _Waiting(NamedTuple):
    due: float
    order: int
    n: int
    record: Record
    instance: Instance


class _Post(msgspec.Struct):
    url: str
    body: bytes
    entries: list[int]


class Echoes:
    """Waits for echoes to fall due, wraps them as the policy says, and posts them with a few workers."""

    def __init__(
        self,
        options: SimulatorOptions,
        ledger: Ledger,
        instances: Instances,
        random_source: random.Random,
    ) -> None:
        self._options = options
        self._ledger = ledger
        self._instances = instances
        self._random_source = random_source
        self.policy = EchoPolicy(form=options.echo_form, delay_ms=options.echo_delay_ms)
        self.counts = EchoCounts()
        self._waiting: list[_Waiting] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self._posts: asyncio.Queue[_Post] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the workers; needs a running loop."""
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._options.callback_workers)]
        self._tasks.append(asyncio.create_task(self._dispatch()))

    async def stop(self) -> None:
        """End the workers; what is pending is never sent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def schedule(self, record: Record, n: int) -> None:
        """Echo a record of ledger entry `n` when its delay is over."""
        is_enabled = record.instance.echo_private if record.conversation.roomid == "0" else record.instance.echo_rooms
        if not is_enabled or self._random_source.random() < self.policy.drop_rate:
            self.counts.dropped += 1
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + self.policy.delay_ms / 1000
        if self.policy.form == "11013" and self._options.echo_batch_window_ms:
            window = self._options.echo_batch_window_ms / 1000
            due = (due // window + 1) * window
        copies = 2 if self._random_source.random() < self.policy.duplicate_rate else 1
        receivers = [record.instance] * copies
        if self.policy.siblings:
            receivers += self._instances.online_siblings(record.instance)
        for instance in receivers:
            self.counts.pending += 1
            heapq.heappush(self._waiting, _Waiting(due, next(self._order), n, record, instance))
        if self._waiting[0].due >= due:
            self._wake.set()

    def release(self) -> int:
        """Send everything that waits, due or not, held or not; returns how many."""
        waiting, self._waiting = self._waiting, []
        self._hand_over(sorted(waiting))
        return len(waiting)

    def apply(self, policy: EchoPolicy) -> None:
        """Put another policy in force; the end of a hold sends what is due."""
        self.policy = policy
        self._wake.set()

    def post(self, instance: Instance, notify_type: int, data: object) -> bool:
        """Post an arbitrary callback of this instance; False when it has no URL."""
        url = self._instances.url_of(instance)
        if url is not None:
            self._posts.put_nowait(_Post(url, _body(instance.guid, notify_type, data), []))
        return url is not None

    def tell_peers(self, user_id: str, slot: str) -> None:
        """Tell the other simulators that this account has logged in in this slot."""
        body = msgspec.json.encode({"account": user_id, "slot": slot})
        for url in self._options.peers:
            self._posts.put_nowait(_Post(f"{url.rstrip('/')}/_sim/logins", body, []))

    async def _dispatch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            delay = None if not self._waiting or self.policy.hold else self._waiting[0].due - loop.time()
            if delay is None or delay > 0:
                try:
                    async with asyncio.timeout(delay):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                continue
            due: list[_Waiting] = []
            now = loop.time()
            while self._waiting and self._waiting[0].due <= now:
                due.append(heapq.heappop(self._waiting))
            self._hand_over(due)
            await asyncio.sleep(0)

    def _hand_over(self, due: list[_Waiting]) -> None:
        if self.policy.reorder:
            self._random_source.shuffle(due)
        form = self.policy.form
        groups: dict[tuple[str, str], list[_Waiting]] = {}
        for waiting in due:
            url = self._instances.url_of(waiting.instance)
            if url is None:
                self.counts.dropped += 1
                self.counts.pending -= 1
            elif form == "11010":
                data = callback_object(waiting.record, form)
                self._posts.put_nowait(_Post(url, _body(waiting.instance.guid, 11010, data), [waiting.n]))
            else:
                groups.setdefault((url, waiting.instance.guid), []).append(waiting)
        for (url, guid), members in groups.items():
            for first in range(0, len(members), MAX_BATCH):
                batch = members[first : first + MAX_BATCH]
                objects = [callback_object(waiting.record, form) for waiting in batch]
                self._posts.put_nowait(_Post(url, _body(guid, 11013, objects), [waiting.n for waiting in batch]))

    async def _work(self) -> None:
        connection = CallbackConnection(self._options.callback_timeout_ms)
        try:
            while True:
                post = await self._posts.get()
                self.counts.offered += len(post.entries)
                self._settle(post, taken=await self._try(connection, post))
        finally:
            await connection.close()

    async def _try(self, connection: CallbackConnection, post: _Post) -> bool:
        for attempt in range(1 + self._options.callback_retries):
            if attempt:
                await asyncio.sleep(self._options.callback_retry_delay_ms / 1000)
            if await connection.post(post.url, post.body):
                return True
        return False

    def _settle(self, post: _Post, *, taken: bool) -> None:
        counts = self.counts
        counts.pending -= len(post.entries)
        if not taken:
            counts.failed += len(post.entries)
            counts.callbacks_failed += 1
            return
        counts.sent += len(post.entries)
        counts.callbacks_sent += 1
        for n in post.entries:
            self._ledger.mark_echoed(n)


def _body(guid: str, notify_type: int, data: object) -> bytes:
    return msgspec.json.encode({"guid": guid, "notify_type": notify_type, "data": data})
