"""Endpoints outside `/msg/`: instances, logins, callback registration, and every other documented path.

Captured or documented: the answers of `all_clients`, `get_client_status`, `get_client_version`, `get_session_list` and
`get_login_qrcode`. Invented: that of `create_client` (`data.guid`), of `check_login_qrcode` and the empty `data` of all others.
"""

import uuid
from collections.abc import Callable

from wework_message.simulator.answers import Json, failure, success
from wework_message.simulator.instances import Instance, Instances, slot_of
from wework_message.simulator.logins import Logins
from wework_message.simulator.options import RUNNING, STOPPED, SimulatorOptions

ALL_CLIENTS = "/client/all_clients"
_DEFAULT_CLIENT_TYPE = 244
"""`client_type` of `create_client` where the call names none (documented)."""


GET_STATUS = "/client/get_client_status"

_WAKE_NOT = frozenset({"/client/stop_client", "/client/remove_client", "/client/update_client"})
"""Calls about a stopped instance that leave it stopped (assumed; the vendor says any call)."""


class Clients:
    """Answers validated calls. `notify_url` is the global callback URL; an instance's own URL wins over it (assumed)."""

    def __init__(self, options: SimulatorOptions, instances: Instances, logins: Logins) -> None:
        self._options = options
        self._instances = instances
        self._logins = logins
        self._plain: dict[str, Callable[[Json], Json]] = {
            ALL_CLIENTS: self._all_clients,
            "/client/create_client": self._create_client,
            "/global/set_notify_url": self._set_global_url,
        }
        self._of_instance: dict[str, Callable[[Instance, Json], Json]] = {
            GET_STATUS: lambda instance, _: {"error_code": 0, "data": {"status": instance.status}},
            "/client/get_client_version": lambda instance, _: {
                "error_code": 0,
                "data": {"client_type": instance.client_type, "client_version": "4.1.22.150331"},
            },
            "/client/set_notify_url": self._set_url,
            "/client/set_notify_msg_flag": self._set_flags,
            "/client/restore_client": self._restore,
            "/client/stop_client": self._stop,
            "/client/update_client": self._update,
            "/client/remove_client": self._remove,
            "/login/auto_login": self._log_in,
            "/login/keep_login": self._log_in,
            "/login/get_login_qrcode": lambda instance, _: success(self._logins.show_code(instance)),
            "/login/check_login_qrcode": lambda instance, _: success({"status": instance.qr_status}),
            "/login/verify_login_qrcode": self._verify,
            "/user/logout": self._log_out,
            "/session/get_session_list": self._sessions,
        }

    def user_id(self, guid: str) -> str | None:
        """The user id of the account of this instance; None where there is none."""
        instance = self._instances.peek(guid)
        return None if instance is None else instance.account.user_id

    def wake(self, path: str, guid: str | None) -> None:
        """Start the login of a stopped instance that is called (documented)."""
        if guid is not None and path not in _WAKE_NOT and (path != GET_STATUS or self._options.status_wakes):
            self._logins.wake(guid)

    def perform(self, path: str, body: Json) -> Json:
        """The envelope for one call; a guid that does not exist is refused."""
        plain = self._plain.get(path)
        if plain is not None:
            return plain(body)
        guid = body.get("guid")
        if not isinstance(guid, str) or not guid:
            return success({})
        instance = self._instances.find(guid)
        if instance is None:
            return failure(self._options.unknown_guid_code, "guid not exist")
        handler = self._of_instance.get(path)
        return success({}) if handler is None else handler(instance, body)

    def _all_clients(self, _body: Json) -> Json:
        return {"data": [instance.guid for instance in self._instances.all()]}

    def _create_client(self, body: Json) -> Json:
        """An instance on which nobody has logged in yet; running with `auto_start`, else stopped (assumed)."""
        instance = self._instances.create(str(uuid.uuid4()))
        client_type = body.get("client_type", _DEFAULT_CLIENT_TYPE)
        instance.client_type = client_type if isinstance(client_type, int) else _DEFAULT_CLIENT_TYPE
        instance.slot = slot_of(instance.client_type)
        instance.status = RUNNING if body.get("auto_start") else STOPPED
        instance.has_session = False
        return success({"guid": instance.guid})

    def _restore(self, instance: Instance, body: Json) -> Json:
        if not body.get("auto_start", True):
            if instance.status == STOPPED:
                self._logins.put_offline(instance, RUNNING)
            return success({})
        return self._login(instance, force=bool(body.get("force_online")))

    def _log_in(self, instance: Instance, _body: Json) -> Json:
        return self._login(instance, force=False)

    def _login(self, instance: Instance, *, force: bool) -> Json:
        if self._logins.begin(instance, force=force):
            return success({})
        return failure(self._options.login_code, "need login")

    def _verify(self, instance: Instance, body: Json) -> Json:
        if self._logins.verify(instance, str(body["code"])):
            return success({})
        return failure(self._options.verify_code, "verify code error")

    def _log_out(self, instance: Instance, _body: Json) -> Json:
        self._logins.happen(instance, "logout")
        return success({})

    def _stop(self, instance: Instance, _body: Json) -> Json:
        self._logins.stop_instance(instance)
        return success({})

    def _update(self, instance: Instance, body: Json) -> Json:
        if instance.status != STOPPED:
            return failure(self._options.login_code, "stop the client first")
        instance.client_type = int(str(body["new_client_type"]))
        instance.slot = slot_of(instance.client_type)
        return success({})

    def _remove(self, instance: Instance, _body: Json) -> Json:
        self._logins.cancel(instance)
        self._instances.remove(instance.guid)
        return success({})

    def _set_global_url(self, body: Json) -> Json:
        self._instances.notify_url = str(body.get("notify_url", "")) or None
        return success({})

    def _set_url(self, instance: Instance, body: Json) -> Json:
        instance.notify_url = str(body["notify_url"]) or None
        return success({})

    def _set_flags(self, instance: Instance, body: Json) -> Json:
        instance.echo_private = bool(body["self_msg"])
        instance.echo_rooms = bool(body["self_room_msg"])
        return success({})

    def _sessions(self, _instance: Instance, body: Json) -> Json:
        return success({"session_list": [], "begin_seq": body.get("begin_seq", "0")})
