"""The message streams of accounts, as `/sync/sync_msg` gives them. The vendor documents nothing but `continue_flag`.

Invented: everything else. A stream has what its account sent, recalled and read; it does not outlive the process.
"""

from collections import deque
from typing import Final

from wework_message.simulator.answers import Json, Record, callback_object, failure, msg_data, success
from wework_message.simulator.instances import Instances
from wework_message.simulator.options import ONLINE, SimulatorOptions

SYNC: Final = "/sync/sync_msg"

_LIMIT: Final = 100
"""Records of a call that names no limit (documented)."""

NO_KEY: Final = -2004
"""error_code of a call without a sync_key, or with 0: the vendor says that neither may be (the code is invented)."""


class Streams:
    """All streams, by account."""

    def __init__(self, options: SimulatorOptions, instances: Instances) -> None:
        self._options = options
        self._instances = instances
        self._by_user_id: dict[str, deque[Record]] = {}

    def keep(self, record: Record) -> None:
        """Add a record; the oldest is forgotten beyond `sync_remember`."""
        user_id = record.instance.account.user_id
        self._by_user_id.setdefault(user_id, deque(maxlen=self._options.sync_remember)).append(record)

    def pull(self, body: Json) -> Json:
        """The records behind `sync_key`, oldest first."""
        instance = self._instances.find(str(body["guid"]))
        if instance is None:
            return failure(self._options.unknown_guid_code, "guid not exist")
        if instance.status != ONLINE:
            return failure(self._options.offline_code, "client not online")
        key, limit = body.get("sync_key", ""), body.get("limit", _LIMIT)
        if not isinstance(key, str) or not key.isdecimal() or int(key) == 0:
            return failure(NO_KEY, "sync_key")
        size = limit if isinstance(limit, int) and limit > 0 else _LIMIT
        behind = [record for record in self._by_user_id.get(instance.account.user_id, ()) if int(record.seq) > int(key)]
        page = behind[:size]
        more = int(len(behind) > len(page))
        if self._options.sync_form == "empty":
            return success({})
        if self._options.sync_form == "foreign":
            return success({"blocks": [{"no": record.seq} for record in page], "rest": more})
        form = msg_data if self._options.sync_form == "answer" else _as_in_callbacks
        key = page[-1].seq if page else key
        return success({"msg_list": [form(record) for record in page], "sync_key": key, "continue_flag": more})


def _as_in_callbacks(record: Record) -> Json:
    return callback_object(record, "11010")
