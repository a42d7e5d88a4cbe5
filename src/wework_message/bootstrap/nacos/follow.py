"""Follows the configurations of Nacos while the process runs."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from wework_message.application.queries.service import Condition
from wework_message.application.waiting import set_within
from wework_message.bootstrap.live import Change, change
from wework_message.bootstrap.settings import Loaded, SettingsError
from wework_message.bootstrap.settings.loading import loaded_of
from wework_message.bootstrap.settings.nacos import document_names
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.shared_configuration import Document, SharedConfiguration

READ_S: Final = 30.0
"""Between two looks without news: a change in an outage makes none."""

RETRY_S: Final = 10.0
"""The same while Nacos is away."""

PAUSE_S: Final = 0.5
"""Between news and the look: many changes are one then, and whoever publishes without an end does not keep the process busy."""

_log: Final = logging.getLogger(__name__)


class FollowConfiguration:
    """A loop: what changes there and may change here counts at once; what is wrong is refused as a whole."""

    kind = "nacos"
    server = True

    def __init__(
        self,
        loaded: Loaded,
        configuration: SharedConfiguration,
        apply: Callable[[Loaded], None],
        keep: Callable[[Sequence[Document]], None],
    ) -> None:
        """`loaded` is in force. `apply` gets what is, from then on, or raises `SettingsError`; `keep` what to start with next time."""
        self.loaded = loaded
        """The settings in force."""
        self._configuration = configuration
        self._apply = apply
        self._keep = keep
        self._names = document_names(loaded.layers.nacos(), loaded.layers.profiles)
        self._seen: Sequence[Document] = list(loaded.documents)
        self._waiting: Sequence[str] = ()
        self._stopped = asyncio.Event()
        self._is_away = False
        self._condition = Condition()

    def condition(self) -> Condition:
        """Whether Nacos answered at the last look."""
        return self._condition

    async def run(self) -> None:
        """Work until `stop`; an outage or a defect only pauses it."""
        stopped = asyncio.create_task(self._stopped.wait(), name="end of the settings' changes")
        try:
            while not self._stopped.is_set():
                try:
                    await self.round()
                except Exception:  # noqa: BLE001 -- the loop goes on
                    _log.exception("the configuration of Nacos could not be taken over")
                wait_s = RETRY_S if self._is_away else READ_S
                news = asyncio.create_task(self._configuration.changed(wait_s), name="news of Nacos")
                await asyncio.wait({news, stopped}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                await set_within(self._stopped, PAUSE_S)
        finally:
            stopped.cancel()

    async def round(self) -> None:
        """One look."""
        try:
            documents = await self._configuration.read()
        except UnavailableError as error:
            if not self._is_away:
                _log.warning("the settings stay as they are: %s", error)
            self._is_away = True
            self._condition = Condition(healthy=False, reason=str(error))
            return
        if self._is_away:
            _log.info("Nacos answers again")
        self._is_away = False
        self._condition = Condition(healthy=True)
        await self._take(documents)

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the look at hand."""
        self._stopped.set()
        await self._configuration.close()

    async def _take(self, documents: Sequence[Document]) -> None:
        documents = self._with_fixed(documents)
        if documents == self._seen:
            return
        self._seen = documents
        try:
            # A thread: a long configuration takes a second, in which requests would wait.
            changed = await asyncio.to_thread(self._changed, documents)
            self._apply(changed.loaded)
        except SettingsError as error:
            _log.warning("the configuration of Nacos is refused, the settings stay as they are: %s", error)
            return
        self.loaded = changed.loaded
        await asyncio.to_thread(self._keep, documents)
        if changed.applied:
            _log.info("settings changed: %s", ", ".join(changed.applied))
        if changed.waiting and changed.waiting != self._waiting:
            _log.warning("settings of Nacos that need a restart: %s", ", ".join(changed.waiting))
        self._waiting = changed.waiting

    def _changed(self, documents: Sequence[Document]) -> Change:
        return change(self.loaded, loaded_of(self.loaded.layers, documents))

    def _with_fixed(self, documents: Sequence[Document]) -> Sequence[Document]:
        """What is not refreshed is as it was at the start."""
        first = {document.name: document for document in self.loaded.documents}
        newest = {document.name: document for document in documents}
        chosen = [(newest if name.refreshed else first).get(name) for name in self._names]
        return [document for document in chosen if document is not None]
