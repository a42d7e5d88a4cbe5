from collections.abc import Sequence

from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import GUID

from wework_message.application.actions.change import CancelMessage
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.domain.ids import DEFAULT_TENANT, MessageId
from wework_message.domain.message.sent_message import NewVersion


async def test_new_versions_are_committed_to_the_shared_state_before_the_change_is_answered() -> None:
    versions: dict[MessageId, int] = {}

    class Recording(Shared):
        def committed(self, messages: Sequence[NewVersion]) -> None:
            versions.update({message.id: message.version for message in messages})

    async with InMemoryApp(shared=Recording) as app:
        message_id = await app.accept_text()
        assert versions == {}  # nobody can know an older one
        await app.cancelling(CancelMessage(DEFAULT_TENANT, message_id))
        assert versions == {message_id: (await app.message(message_id)).version}
        sent = await app.accept_text(guid=GUID)
        await app.dispatch()
        assert versions[sent] == (await app.message(sent)).version > 1
