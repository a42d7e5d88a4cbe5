from collections.abc import AsyncIterator

import pytest
from tests.contracts.media_inspector_contract import MediaDecoderContract, MediaInspectorContract

from wework_message.adapters.media.inspector import PlainInspector, ProcessInspector


class TestProcessInspector(MediaDecoderContract):
    @pytest.fixture
    async def inspector(self) -> AsyncIterator[ProcessInspector]:
        inspector = ProcessInspector()
        yield inspector
        await inspector.aclose()


class TestPlainInspector(MediaInspectorContract):
    @pytest.fixture
    async def inspector(self) -> AsyncIterator[PlainInspector]:
        inspector = PlainInspector()
        yield inspector
        await inspector.aclose()
