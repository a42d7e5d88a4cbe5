"""What every InstanceAdmin does. Subclasses provide `admin`, one that is `unreachable`, and the `guid` of an instance."""

from wework_message.domain.ids import Guid
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.instances import InstanceAdmin, Notify, SessionRestorer

URL = "http://127.0.0.1:9/hook"


class InstanceAdminContract:
    async def test_its_instances_are_listed(self, admin: InstanceAdmin, guid: Guid) -> None:
        guids = await admin.instances()
        assert guids is not None
        assert guid in guids
        assert list(guids) == sorted(guids)

    async def test_what_it_is_told_it_accepts_more_than_once(self, admin: InstanceAdmin, guid: Guid) -> None:
        for _ in range(2):
            outcomes = [
                await admin.set_callback_url(guid, URL),
                *[await admin.set_notify(guid, notify) for notify in Notify],
                await admin.mark_read(guid, "S:7881301000000001"),
            ]
            assert [(outcome.kind, outcome.receipt) for outcome in outcomes] == [(OutcomeClass.ACCEPTED, None)] * 4

    async def test_a_provider_that_is_away_gives_no_list_and_nothing_was_sent(self, unreachable: InstanceAdmin) -> None:
        assert await unreachable.instances() is None
        assert (await unreachable.mark_read(Guid("g"), "S:1")).kind is OutcomeClass.NOT_SENT


class SessionRestorerContract:
    """What every SessionRestorer does; the fixtures are those of `InstanceAdminContract`."""

    async def test_an_instance_that_is_online_may_be_logged_in(self, admin: InstanceAdmin, guid: Guid) -> None:
        assert isinstance(admin, SessionRestorer)
        outcomes = [await admin.log_in(guid) for _ in range(2)]
        assert [(outcome.kind, outcome.receipt) for outcome in outcomes] == [(OutcomeClass.ACCEPTED, None)] * 2

    async def test_a_login_at_a_provider_that_is_away_was_not_sent(self, unreachable: InstanceAdmin) -> None:
        assert isinstance(unreachable, SessionRestorer)
        assert (await unreachable.log_in(Guid("g"))).kind is OutcomeClass.NOT_SENT
