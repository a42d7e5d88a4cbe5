"""Endpoints outside `/msg/`: instances, callback registration, and every other documented path.

Captured or documented: the answers of `all_clients`, `get_client_status`, `get_client_version` and `get_session_list`.
Invented: that of `create_client` (`data.guid`, online at once) and the empty `data` of all others.
"""

import uuid
from collections.abc import Callable

from wework_message.simulator.accounts import STOPPED, Account, Accounts
from wework_message.simulator.answers import Json, failure, success
from wework_message.simulator.options import SimulatorOptions

ALL_CLIENTS = "/client/all_clients"


class Instances:
    """Answers validated calls. `notify_url` is the global callback URL; an instance's own URL wins over it (assumed)."""

    def __init__(self, options: SimulatorOptions, accounts: Accounts) -> None:
        self._options = options
        self._accounts = accounts
        self.notify_url = options.callback_url
        self._plain: dict[str, Callable[[Json], Json]] = {
            ALL_CLIENTS: self._all_clients,
            "/client/create_client": self._create_client,
            "/global/set_notify_url": self._set_global_url,
        }
        self._of_account: dict[str, Callable[[Account, Json], Json]] = {
            "/client/get_client_status": lambda account, _: {"error_code": 0, "data": {"status": account.status}},
            "/client/get_client_version": lambda _account, _body: {
                "error_code": 0,
                "data": {"client_type": 247, "client_version": "4.1.22.150331"},
            },
            "/client/set_notify_url": self._set_url,
            "/client/set_notify_msg_flag": self._set_flags,
            "/client/stop_client": self._stop,
            "/client/remove_client": self._remove,
            "/session/get_session_list": self._sessions,
        }

    def perform(self, path: str, body: Json) -> Json:
        """The envelope for one call; a guid that does not exist is refused."""
        plain = self._plain.get(path)
        if plain is not None:
            return plain(body)
        guid = body.get("guid")
        if not isinstance(guid, str) or not guid:
            return success({})
        account = self._accounts.find(guid)
        if account is None:
            return failure(self._options.unknown_guid_code, "guid not exist")
        handler = self._of_account.get(path)
        return success({}) if handler is None else handler(account, body)

    def url_of(self, account: Account) -> str | None:
        """The callback URL of this account; None: there is none."""
        return account.notify_url or self.notify_url or None

    def _all_clients(self, _body: Json) -> Json:
        return {"data": [account.guid for account in self._accounts.all()]}

    def _create_client(self, _body: Json) -> Json:
        return success({"guid": self._accounts.create(str(uuid.uuid4())).guid})

    def _set_global_url(self, body: Json) -> Json:
        self.notify_url = str(body.get("notify_url", "")) or None
        return success({})

    def _set_url(self, account: Account, body: Json) -> Json:
        account.notify_url = str(body["notify_url"]) or None
        return success({})

    def _set_flags(self, account: Account, body: Json) -> Json:
        account.echo_private = bool(body["self_msg"])
        account.echo_rooms = bool(body["self_room_msg"])
        return success({})

    def _stop(self, account: Account, _body: Json) -> Json:
        account.status = STOPPED
        return success({})

    def _remove(self, account: Account, _body: Json) -> Json:
        self._accounts.remove(account.guid)
        return success({})

    def _sessions(self, _account: Account, body: Json) -> Json:
        return success({"session_list": [], "begin_seq": body.get("begin_seq", "0")})
