"""The contract of the spool on both adapters."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contracts.spool_contract import AnswerSpoolContract

from wework_message.adapters.memory.spool import MemoryAnswerSpool, MemorySpoolFolder
from wework_message.adapters.spool.files import FileAnswerSpool
from wework_message.domain.ports.spool import AnswerSpool


class TestMemoryAnswerSpool(AnswerSpoolContract):
    @pytest.fixture
    def open_spool(self) -> Callable[[], AnswerSpool]:
        folder = MemorySpoolFolder(room=5)
        return lambda: MemoryAnswerSpool(folder)


class TestFileAnswerSpool(AnswerSpoolContract):
    @pytest.fixture
    def open_spool(self, tmp_path: Path) -> Callable[[], AnswerSpool]:
        return lambda: FileAnswerSpool(tmp_path / "var" / "spool", max_bytes=2_000)
