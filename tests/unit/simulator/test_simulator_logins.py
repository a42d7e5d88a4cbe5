"""Instances that go online and offline: stored logins, the slot rule, callbacks."""

from typing import Any

import pytest

from wework_message.simulator.accounts import Accounts
from wework_message.simulator.instances import Instance, Instances
from wework_message.simulator.logins import Logins
from wework_message.simulator.options import ONLINE, RUNNING, STOPPED, InstanceOptions, SimulatorOptions

A, B, IPAD, OTHER = "a", "b", "ipad", "other"


class Stage:
    """Four instances: a (online) and b in one slot of one account, ipad in another slot of it, other of another account."""

    def __init__(self, **options: Any) -> None:
        chosen = SimulatorOptions(
            login_delay_ms=0,
            instances=(
                InstanceOptions(A, account="sales"),
                InstanceOptions(B, account="sales", status=RUNNING),
                InstanceOptions(IPAD, account="sales", slot="ipad", status=RUNNING),
                InstanceOptions(OTHER, account="support", status=RUNNING),
            ),
            **options,
        )
        self.instances = Instances(chosen, Accounts(chosen))
        self.callbacks: list[tuple[str, int, object]] = []
        self.logins = Logins(
            chosen, self.instances, self._post, lambda user_id, slot: self.told.append((user_id, slot))
        )
        self.told: list[tuple[str, str]] = []

    def _post(self, instance: Instance, notify_type: int, data: object) -> bool:
        self.callbacks.append((instance.guid, notify_type, data))
        return True

    def instance(self, guid: str) -> Instance:
        instance = self.instances.find(guid)
        assert instance is not None
        return instance

    def posted(self) -> list[tuple[str, int]]:
        return [(guid, notify_type) for guid, notify_type, _ in self.callbacks]

    def statuses(self) -> dict[str, int]:
        return {instance.guid: instance.status for instance in self.instances.all()}


def test_instances_of_one_account_share_its_user_id_and_its_numbers() -> None:
    stage = Stage()
    assert stage.instance(A).account is stage.instance(IPAD).account
    assert stage.instance(A).account.user_id != stage.instance(OTHER).account.user_id


@pytest.mark.parametrize("force", [False, True])
def test_login_in_an_occupied_slot_logs_the_holder_out(force: bool) -> None:
    stage = Stage()
    assert stage.logins.begin(stage.instance(B), force=force)
    assert stage.posted() == [(A, 11011), (B, 11003)]
    assert stage.statuses() == {A: RUNNING, B: ONLINE, IPAD: RUNNING, OTHER: RUNNING}
    assert stage.logins.begin(stage.instance(A))
    assert stage.statuses() == {A: ONLINE, B: RUNNING, IPAD: RUNNING, OTHER: RUNNING}


@pytest.mark.parametrize("guid", [IPAD, OTHER])
def test_login_in_another_slot_or_account_disturbs_nobody(guid: str) -> None:
    stage = Stage()
    stage.logins.begin(stage.instance(guid))
    assert stage.posted() == [(guid, 11003)]
    assert stage.instance(A).status == ONLINE


def test_slot_rule_refuse_fails_the_login_unless_it_is_forced() -> None:
    stage = Stage(slot_rule="refuse")
    stage.logins.begin(stage.instance(B))
    assert (stage.posted(), stage.instance(B).status) == ([(B, 11008)], RUNNING)
    stage.logins.begin(stage.instance(B), force=True)
    assert stage.posted()[1:] == [(A, 11011), (B, 11003)]


def test_login_at_another_provider_logs_out_the_holder_of_its_slot_and_nobody_else() -> None:
    stage = Stage()
    assert stage.logins.logged_in_elsewhere("sales", "ipad") == []
    assert stage.logins.logged_in_elsewhere("support", "desktop") == []
    assert stage.logins.logged_in_elsewhere(stage.instance(A).account.user_id, "desktop") == [A]
    assert (stage.posted(), stage.instance(A).status) == ([(A, 11011)], RUNNING)
    assert stage.told == []
    stage.logins.begin(stage.instance(A))
    assert stage.told == [(stage.instance(A).account.user_id, "desktop")]


def test_slot_rule_off_leaves_both_online() -> None:
    stage = Stage(slot_rule="off")
    stage.logins.begin(stage.instance(B))
    assert (stage.instance(A).status, stage.instance(B).status, stage.told) == (ONLINE, ONLINE, [])


def test_login_of_an_online_instance_changes_nothing() -> None:
    stage = Stage()
    assert stage.logins.begin(stage.instance(A))
    assert stage.callbacks == []


@pytest.mark.parametrize(
    ("event", "callback", "can_return"),
    [
        ("logout", (11004, {"error_code": -1, "error_message": "user logout"}), False),
        ("session_timeout", (11007, {}), False),
        ("other_device", (11011, {}), True),
    ],
)
def test_logout_has_its_callback_and_keeps_or_loses_the_stored_login(
    event: Any, callback: tuple[int, object], can_return: bool
) -> None:
    stage = Stage()
    stage.logins.happen(stage.instance(A), event)
    assert stage.callbacks == [(A, *callback)]
    assert stage.instance(A).status == RUNNING
    assert stage.logins.begin(stage.instance(A)) is can_return
    assert stage.instance(A).status == (ONLINE if can_return else RUNNING)


@pytest.mark.parametrize(("result", "callbacks"), [("failed", [11008]), ("verification", [11012]), ("hang", [])])
def test_login_can_fail_in_every_way(result: Any, callbacks: list[int]) -> None:
    stage = Stage()
    stage.instance(B).login = result
    assert stage.logins.begin(stage.instance(B))
    assert [notify_type for _, notify_type in stage.posted()] == callbacks
    assert (stage.instance(A).status, stage.instance(B).status) == (ONLINE, RUNNING)


def test_call_wakes_what_was_stopped_and_nothing_else() -> None:
    stage = Stage()
    stage.logins.stop_instance(stage.instance(A))
    assert (stage.instance(A).status, stage.posted()) == (STOPPED, [(A, 11004)])
    stage.logins.wake(A)
    assert stage.instance(A).status == ONLINE
    stage.logins.put_offline(stage.instance(A), STOPPED)
    for guid in (A, B, "unknown"):
        stage.logins.wake(guid)
    assert (stage.instance(A).status, stage.instance(B).status) == (STOPPED, RUNNING)


def test_login_callback_has_every_documented_field() -> None:
    stage = Stage()
    stage.logins.begin(stage.instance(OTHER))
    [(_, _, data)] = stage.callbacks
    assert isinstance(data, dict)
    assert list(data) == [
        "user_id", "name", "real_name", "corp_id", "gender", "party_id", "avatar", "corp_short_name", "corp_full_name",
    ]  # fmt: skip
    assert data["user_id"] == stage.instance(OTHER).account.user_id


def test_two_online_holders_of_one_slot_are_refused_at_the_start() -> None:
    instances = (InstanceOptions("a", account="sales"), InstanceOptions("b", account="sales"))
    with pytest.raises(ValueError, match="one instance of an account"):
        SimulatorOptions(instances=instances)
    SimulatorOptions(instances=instances, slot_rule="off")
    with pytest.raises(ValueError, match="one instance of an account"):
        SimulatorOptions(guids=("sales",), instances=(InstanceOptions("b", account="sales", slot="desktop"),))
    with pytest.raises(ValueError, match="a guid must be given once"):
        SimulatorOptions(guids=("a",), instances=instances[:1])
