import dataclasses
from collections.abc import Sequence

from tests.support.builders import GUID
from tests.support.in_memory_app import InMemoryApp

from wework_message.application.actions.change import CancelMessage
from wework_message.domain.ids import DEFAULT_TENANT, MessageId
from wework_message.domain.message.message import Message


async def test_new_versions_are_told_before_whoever_changed_the_message_hears_of_it() -> None:
    told: dict[MessageId, int] = {}

    def committed(messages: Sequence[Message]) -> None:
        told.update({message.id: message.version for message in messages})

    async with InMemoryApp() as app:
        app.commits._after = dataclasses.replace(app.commits._after, committed=committed)  # type: ignore[type-var]
        message_id = await app.accept_text()
        assert told == {}  # nobody can know an older one
        await app.cancelling(CancelMessage(DEFAULT_TENANT, message_id))
        assert told == {message_id: (await app.message(message_id)).version}
        sent = await app.accept_text(guid=GUID)
        await app.dispatch()
        assert told[sent] == (await app.message(sent)).version > 1
