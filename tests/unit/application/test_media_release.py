from tests.support.builders.media import a_message_with, an_asset
from tests.support.builders.messages import NOW

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.commit.scope import CommitScope
from wework_message.application.media.release import ReleaseMessages
from wework_message.domain.ids import MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.scheduling import LanePosition


async def test_those_that_wait_for_media_are_due_and_others_stay_as_they_are() -> None:
    clock = SettableClock(NOW + 5)
    database = MemoryDatabase()
    units = MemoryUnitOfWorkFactory(database, clock)
    asset = an_asset()
    waiting = [await a_message_with(units, asset.media_id, conversation_id=f"S:{number}") for number in range(2)]
    sent = await a_message_with(units, asset.media_id, held=False, conversation_id="S:9")
    async with units() as unit:
        scope = CommitScope(unit)
        pieces = [[waiting[0].id, sent.id], [waiting[1].id, MessageId("unknown")]]
        assert await ReleaseMessages(clock)(scope, pieces) == [None, None]
        await unit.commit()
    assert {due for ids in scope.due.values() for due in ids} == {message.id for message in waiting}
    for message in waiting:
        stored = database.messages.get(message.id)
        assert stored is not None
        assert stored.status is MessageStatus.QUEUED
        assert [note.kind for note in database.notes.get(message.id) or ()] == ["HELD", "RESUMED"]
        row = database.due.get(message.id)
        assert row is not None
        assert (row.due_at, row.place) == (NOW + 5, LanePosition.WAITING)
    left = database.messages.get(sent.id)
    assert left is not None
    assert left.version == sent.version
