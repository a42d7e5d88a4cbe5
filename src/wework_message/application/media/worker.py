"""The loop that makes what messages with media wait for. Texts never wait for it: it has slots and a committer of its own (ADR 66)."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from wework_message.application.commit.scope import Commits
from wework_message.application.errors import DrainingError
from wework_message.application.media.jobs import (
    ClaimedJob,
    ClaimJobs,
    EndedJob,
    EndJobs,
    JobEnd,
    JobsRequest,
    NotBegun,
    Taken,
)
from wework_message.application.media.release import PIECE, ReleaseMessages
from wework_message.application.waiting import rounds_until
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import HolderToken, ProviderCode
from wework_message.domain.media.asset import MediaFailure
from wework_message.domain.media.fetched import Fetched, FetchOutcome, after_fetch
from wework_message.domain.media.handles import Handle
from wework_message.domain.media.outcome import LATER, MADE, MediaOutcome
from wework_message.domain.media.uploading import NOT_NOW, after_upload
from wework_message.domain.ports.media_gateway import Uploaded
from wework_message.domain.ports.observers import Observer
from wework_message.domain.ports.system import Clock

POLL_S: Final = 1.0
"""How soon is seen what another process has requested, and what a retry waited for."""

GIVE_BACK_S: Final = 1.0
"""How long a process that ends waits until others may do what it has given up."""

LEASE_MARGIN_MS: Final = 5_000
"""What a lease has beyond the time in which a job ends."""

_log: Final = logging.getLogger(__name__)

FAILED_HERE: Final = Fetched(FetchOutcome.FAILED)


class DoJob(Protocol):
    """Fetches, or uploads. Raises `UnavailableError` where a store is away."""

    async def __call__(self, claimed: ClaimedJob) -> JobEnd:
        """How it ended."""
        ...


@dataclass(slots=True)
class Slots:
    """The jobs that may run at once in a process.

    Uploads to one provider, and fetches, have at most half of them each, and uploads to all `providers` leave one to fetches.
    """

    total: int
    providers: frozenset[ProviderCode] = frozenset()
    _running: Counter[ProviderCode | None] = field(default_factory=Counter)

    @property
    def full(self) -> frozenset[ProviderCode | None]:
        """What has no free slot; None = fetches."""
        full = frozenset(code for code, running in self._running.items() if running >= self._share)
        return full if self._uploads_left > 0 else full | self.providers

    @property
    def room(self) -> int:
        """So many jobs of what is not `full` have a slot, whichever they are."""
        left = [self._share - running for code, running in self._running.items() if code not in self.full]
        if not self.providers <= self.full:
            left.append(self._uploads_left)
        return max(0, min([self.total - self._running.total(), self._share, *left]))

    @property
    def _uploads_left(self) -> int:
        return max(1, self.total - 1) - (self._running.total() - self._running[None])

    @property
    def _share(self) -> int:
        return max(1, self.total // 2)

    def take(self, code: ProviderCode | None) -> None:
        """A job runs."""
        self._running[code] += 1

    def give_back(self, code: ProviderCode | None) -> None:
        """It has ended."""
        self._running[code] -= 1
        if not self._running[code]:
            del self._running[code]


class MediaWorker:
    """Claims jobs, does them, and has their ends written. Any number of processes may do it."""

    def __init__(
        self,
        commits: Commits,
        claim: ClaimJobs,
        end: EndJobs,
        release: ReleaseMessages,
        fetch: DoJob,
        upload: DoJob,
        slots: Slots,
        limit_ms: int,
        new_holder: Callable[[], HolderToken],
        wake: asyncio.Event,
        observer: Observer,
        clock: Clock,
    ) -> None:
        """A job ends within `limit_ms`, before its lease. Each claim has a token of `new_holder`; `wake` is set when something may be due."""
        self._commits = commits
        self._claim = claim
        self._end = end
        self._release = release
        self._fetch = fetch
        self._upload = upload
        self._slots = slots
        self._limit_s = limit_ms / 1000
        self._new_holder = new_holder
        self._wake = wake
        self._observer = observer
        self._clock = clock
        self._stopped = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._making: set[asyncio.Task[None]] = set()
        """Those of them whose end is not known yet."""

    async def run(self) -> None:
        """Until `stop`. Where the database is away, nothing is made and nothing lost."""
        await rounds_until(
            self._stopped,
            self.round,
            wake=self._wake,
            poll_s=POLL_S,
            log=_log,
            what="media",
            failed="media jobs could not be claimed",
        )

    async def stop(self, drain_s: float = 0.0) -> None:
        """Claim nothing more; what is being made is given up at once, and another process does it: that costs nothing but bytes."""
        self._stopped.set()
        self._wake.set()
        for task in self._making:
            task.cancel()
        if self._running:
            await asyncio.wait(set(self._running), timeout=min(drain_s, GIVE_BACK_S))

    async def settled(self) -> None:
        """Wait for the jobs that run now."""
        if self._running:
            await asyncio.wait(set(self._running))

    async def round(self) -> bool:
        """Begin what is due and has a slot; whether there was anything. Raises `UnavailableError`."""
        if (room := self._slots.room) == 0:
            return False
        request = JobsRequest(room, self._new_holder(), self._slots.full)
        claimed = await self._commits.submit(self._claim, request)
        for job in claimed:
            self._slots.take(job.job.provider_code)
            task = asyncio.create_task(self._do(job), name="media")
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            self._making.add(task)
            task.add_done_callback(self._making.discard)
        return bool(claimed)

    async def _do(self, claimed: ClaimedJob) -> None:
        """One job in its slot. Where its end cannot be written, it is done again when its lease has ended."""
        try:
            end = await self._unless_given_up(claimed)
            waiting = await self._commits.submit(self._end, EndedJob(claimed, end))
            for start in range(0, len(waiting), PIECE):
                await self._commits.submit(self._release, waiting[start : start + PIECE])
        except (UnavailableError, DrainingError) as error:
            _log.info("media of asset %s are made once more: %s", claimed.job.media_id, error)
        except Exception:  # noqa: BLE001 -- its lease ends, and another try follows
            _log.exception("the end of a media job could not be written", extra={"media_id": claimed.job.media_id})
        finally:
            self._slots.give_back(claimed.job.provider_code)
            self._wake.set()

    async def _unless_given_up(self, claimed: ClaimedJob) -> JobEnd:
        """Where the process ends, the job is due again: the next one need not wait for the end of the lease."""
        try:
            return again(claimed) if self._stopped.is_set() else await self._made(claimed)
        except asyncio.CancelledError:
            return again(claimed)
        finally:
            self._making.difference_update({asyncio.current_task()})

    async def _made(self, claimed: ClaimedJob) -> JobEnd:
        """A store that is away, and a defect, are another try."""
        do = self._fetch if claimed.job.provider_code is None else self._upload
        began = self._clock.boot()
        try:
            async with asyncio.timeout(self._limit_s):
                end = await do(claimed)
        except UnavailableError as error:
            _log.info("media wait for their store: %s", error)
            end = again(claimed)
        except TimeoutError:
            _log.warning("a media job took too long", extra={"media_id": claimed.job.media_id})
            end = again(claimed)
        except Exception:  # noqa: BLE001 -- the ports promise not to raise; another try follows
            _log.exception("a media job raised", extra={"media_id": claimed.job.media_id})
            end = again(claimed)
        self._report(claimed, end, (self._clock.boot() - began) / 1000)
        return end

    def _report(self, claimed: ClaimedJob, end: JobEnd, seconds: float) -> None:
        if isinstance(end, NotBegun):
            return
        outcome = outcome_of(end)
        facts = end.facts if isinstance(end, Taken) else None if claimed.asset is None else claimed.asset.facts
        size = facts.size if facts is not None and outcome == MADE else 0
        self._observer.media(claimed.job.provider_code, outcome, seconds=seconds, size=size)


def again(claimed: ClaimedJob) -> JobEnd:
    """The end of a job that came to nothing here."""
    return FAILED_HERE if claimed.job.provider_code is None else NOT_NOW


def outcome_of(end: JobEnd) -> MediaOutcome:
    """How a job ended."""
    decided: object = end
    if isinstance(end, Fetched):
        decided = after_fetch(end, tries=0, awaited=True, fraction=0)
    elif isinstance(end, Uploaded):
        decided = after_upload(end, tries=0, awaited=True, fraction=0)
    if isinstance(decided, Taken | Handle):
        return MADE
    return decided.value if isinstance(decided, MediaFailure) else LATER
