"""Logins and logouts of instances: their delay, their results, the slot rule and their callbacks.

Documented: the callbacks 11003 (login), 11004 (logout) and 11011 (login on another device) with their `data`, the names of
11002, 11007, 11008 and 11012, and that any call to a stopped instance wakes its login. Assumed: everything else, see `assumptions`.
"""

import asyncio
from collections.abc import Callable
from typing import Literal

from wework_message.simulator.accounts import own_user_id
from wework_message.simulator.answers import Json
from wework_message.simulator.instances import QR_FAILED, QR_IN_PROGRESS, QR_SUCCESS, QR_VERIFY, Instance, Instances
from wework_message.simulator.options import ONLINE, RUNNING, STOPPED, SimulatorOptions

LOGGED_IN, LOGGED_OUT, SESSION_TIMEOUT, LOGIN_FAILED, OTHER_DEVICE, VERIFICATION = (
    11003, 11004, 11007, 11008, 11011, 11012,
)  # fmt: skip
QR_CHANGED = 11002
DELIBERATE = -1
"""error_code of an 11004: the user logged out (documented)."""

Event = Literal["login", "logout", "other_device", "session_timeout", "code_asked", "code_expired"]
"""What `/_sim` can let happen to an instance."""

_CORP_ID = 1_970_325_000_000_001
_FAILURES = {"failed": LOGIN_FAILED, "verification": VERIFICATION}


class Logins:
    """Lets instances go online and offline. `post` posts a callback of an instance (notify_type, data), `tell_peers` a login (user id, slot)."""

    def __init__(
        self,
        options: SimulatorOptions,
        instances: Instances,
        post: Callable[[Instance, int, object], bool],
        tell_peers: Callable[[str, str], None],
    ) -> None:
        self._options = options
        self._instances = instances
        self._post = post
        self._tell_peers = tell_peers
        self._under_way: dict[str, asyncio.TimerHandle] = {}

    def begin(self, instance: Instance, *, force: bool = False) -> bool:
        """Log an instance in with its stored login, after its delay; False: it has none, and a person must scan.

        One that is online stays so without a callback, and a login that is under way goes on. Needs a running loop.
        """
        if instance.status == ONLINE:
            return True
        if not instance.has_session:
            return False
        instance.status, instance.wakes = RUNNING, False
        if instance.guid in self._under_way:
            return True
        delay_ms = self._options.login_delay_ms if instance.login_delay_ms is None else instance.login_delay_ms
        if delay_ms == 0:
            self._finish(instance, force)
        else:
            loop = asyncio.get_running_loop()
            self._under_way[instance.guid] = loop.call_later(delay_ms / 1000, self._finish, instance, force)
        return True

    def is_under_way(self, instance: Instance) -> bool:
        """Whether a login of this instance has begun and not ended."""
        return instance.guid in self._under_way

    def _finish(self, instance: Instance, force: bool) -> None:
        self._under_way.pop(instance.guid, None)
        if instance.login == "hang":
            return
        failure = _FAILURES.get(instance.login)
        is_occupied = self._instances.online_in_slot(instance) is not None
        if failure is None and is_occupied and self._options.slot_rule == "refuse" and not force:
            failure = LOGIN_FAILED
        if failure is not None:
            self._post(instance, failure, {})
            return
        self.put_online(instance)
        self._post(instance, LOGGED_IN, _profile(instance))

    def put_online(self, instance: Instance) -> None:
        """Online at once and without 11003; who holds its slot is logged out with 11011, unless the slot rule is off."""
        self.cancel(instance)
        holder = self._instances.online_in_slot(instance)
        if self._options.slot_rule != "off":
            if holder is not None:
                self.happen(holder, "other_device")
            self._tell_peers(instance.account.user_id, instance.slot)
        instance.status, instance.has_session, instance.wakes = ONLINE, True, False
        if instance.qr_status in (QR_IN_PROGRESS, QR_VERIFY):
            instance.qr_status = QR_SUCCESS
        instance.asked_code = None

    def logged_in_elsewhere(self, account: str, slot: str) -> list[str]:
        """Log out the holders of this slot of an account, by name or user id, that logged in at another provider; their guids."""
        user_id = own_user_id(account)
        holders = [
            instance
            for instance in self._instances.all()
            if (instance.account.user_id, instance.slot, instance.status) == (user_id, slot, ONLINE)
        ]
        for holder in holders:
            self.happen(holder, "other_device")
        return [holder.guid for holder in holders]

    def happen(self, instance: Instance, event: Event) -> None:
        """Let an event happen to an instance at once, with its callback; for `code_asked` the code is the instance's `asked_code`."""
        if event in ("code_asked", "code_expired"):
            if event == "code_expired":
                instance.asked_code = None
            self._show_scan(instance, QR_VERIFY if event == "code_asked" else QR_FAILED)
            return
        if event == "login":
            self.put_online(instance)
            self._post(instance, LOGGED_IN, _profile(instance))
            return
        self.cancel(instance)
        instance.status, instance.wakes = RUNNING, False
        instance.has_session = event == "other_device"
        if event == "logout":
            self._post(instance, LOGGED_OUT, {"error_code": DELIBERATE, "error_message": "user logout"})
        else:
            self._post(instance, OTHER_DEVICE if event == "other_device" else SESSION_TIMEOUT, {})

    def stop_instance(self, instance: Instance) -> None:
        """Stop it as `/client/stop_client` does: its login stays stored, and any later call wakes it."""
        self.cancel(instance)
        was_online = instance.status == ONLINE
        instance.status, instance.wakes = STOPPED, True
        if was_online:
            self._post(instance, LOGGED_OUT, {"error_code": 0, "error_message": "client stopped"})

    def put_offline(self, instance: Instance, status: int) -> None:
        """Stopped or running without a login, without a callback, until something logs it in. No call wakes it."""
        self.cancel(instance)
        instance.status, instance.wakes = status, False

    def wake(self, guid: str) -> None:
        """Begin the login of a stopped instance that any call wakes; nothing for every other one."""
        instance = self._instances.peek(guid)
        if instance is not None and instance.wakes:
            self.begin(instance)

    def show_code(self, instance: Instance) -> Json:
        """A login QR code for a person to scan; `/_sim` scans it by the event `login`."""
        instance.asked_code = None
        if instance.status == STOPPED:
            instance.status = RUNNING
        self._show_scan(instance, QR_IN_PROGRESS)
        key = f"key-{instance.guid}"
        return {"qrcode": "/9j/4AAQSkZJRg==", "key": key, "qrcode_content": f"https://work.weixin.qq.com/login/{key}"}

    def verify(self, instance: Instance, code: str) -> bool:
        """The login that waits for this code ends; False: it is another one, or none is waited for."""
        if instance.asked_code is None or code != instance.asked_code:
            return False
        self.happen(instance, "login")
        return True

    def _show_scan(self, instance: Instance, qr_status: int) -> None:
        instance.qr_status = qr_status
        self._post(instance, QR_CHANGED, _scan(instance))

    def stop(self) -> None:
        """End every login that is under way."""
        for timer in self._under_way.values():
            timer.cancel()
        self._under_way.clear()

    def cancel(self, instance: Instance) -> None:
        """End the login that is under way, if one is; its status stays."""
        timer = self._under_way.pop(instance.guid, None)
        if timer is not None:
            timer.cancel()


def _profile(instance: Instance) -> Json:
    """`data` of an 11003, all documented fields."""
    account = instance.account
    return {
        "user_id": account.user_id, "name": account.name, "real_name": account.name, "corp_id": str(_CORP_ID), "gender": 1,
        "party_id": "1", "avatar": "", "corp_short_name": "Example", "corp_full_name": "Example Ltd.",
    }  # fmt: skip


def _scan(instance: Instance) -> Json:
    """`data` of an 11002, all documented fields."""
    return {"status": instance.qr_status, "vid": 0, "nickname": "", "avatar": "", "logo": "", "corp_id": _CORP_ID}
