"""`/_sim/`: the controls of tests and benches while the simulator runs. No part of the vendor's API."""

from collections.abc import Callable
from typing import Literal
from urllib.parse import parse_qs

import msgspec

from wework_message.simulator.accounts import Accounts
from wework_message.simulator.answers import Json
from wework_message.simulator.echoes import Echoes, EchoPolicy
from wework_message.simulator.faults import Fault, Faults
from wework_message.simulator.http.replies import NOT_FOUND, Reply, Send, json_reply, not_allowed
from wework_message.simulator.ledger import Ledger


class Counts(msgspec.Struct):
    """Vendor calls so far: all, executed ones to `/msg/`, and all others to `/msg/` that reached the ledger."""

    requests: int = 0
    executed: int = 0
    not_executed: int = 0


class _Guid(msgspec.Struct, forbid_unknown_fields=True):
    guid: str


class _Change(msgspec.Struct, forbid_unknown_fields=True):
    status: Literal[0, 1, 2] | None = None
    name: str | None = None
    notify_url: str | None = None


class _Callback(msgspec.Struct, forbid_unknown_fields=True):
    guid: str
    notify_type: int
    data: object


_Handler = Callable[[bytes], object]


class Control:
    """Answers `/_sim/` calls. Bodies are JSON objects; a bad one gets 422 with the reason as `detail`."""

    def __init__(self, accounts: Accounts, faults: Faults, echoes: Echoes, ledger: Ledger, counts: Counts) -> None:
        self._accounts = accounts
        self._faults = faults
        self._echoes = echoes
        self._ledger = ledger
        self._counts = counts
        self._routes: dict[str, dict[str, _Handler]] = {
            "state": {"GET": lambda _: self.state()},
            "faults": {"GET": lambda _: faults.listing(), "POST": self._add_fault, "DELETE": self._clear_faults},
            "guids": {"GET": lambda _: accounts.all(), "POST": self._add_guid},
            "echoes": {"GET": lambda _: echoes.policy, "POST": self._set_echoes},
            "echoes/release": {"POST": lambda _: {"released": echoes.release()}},
            "callbacks": {"POST": self._post_callback},
        }

    async def handle(self, method: str, path: str, query: bytes, body: bytes, send: Send) -> Reply | None:
        """The answer to one call; None when it was written to `send` already (the ledger can be long)."""
        if path == "ledger":
            return await self._send_ledger(query, send) if method == "GET" else not_allowed(b"GET")
        if path.startswith("guids/"):
            guid = path.removeprefix("guids/")
            routes: dict[str, _Handler] = {"POST": lambda sent: self._change_guid(guid, sent)}
        else:
            routes = self._routes.get(path, {})
        if not routes:
            return NOT_FOUND
        if method not in routes:
            return not_allowed(", ".join(routes).encode())
        try:
            return json_reply(routes[method](body))
        except LookupError:
            return NOT_FOUND
        except (msgspec.DecodeError, ValueError) as error:
            return json_reply({"detail": str(error)}, 422)

    def state(self) -> Json:
        """All counters in one object."""
        echoes = self._echoes.counts
        return {
            **msgspec.to_builtins(self._counts),
            "echoes_offered": echoes.offered,
            "echoes_sent": echoes.sent,
            "echoes_failed": echoes.failed,
            "echoes_dropped": echoes.dropped,
            "echoes_pending": echoes.pending,
            "callbacks_sent": echoes.callbacks_sent,
            "callbacks_failed": echoes.callbacks_failed,
            "faults_fired": self._faults.fired,
            "ledger_entries": len(self._ledger),
        }

    async def _send_ledger(self, query: bytes, send: Send) -> Reply | None:
        values = parse_qs(query.decode("latin-1"))
        try:
            since = int(values.get("since", ["0"])[0])
            limit = int(values["limit"][0]) if "limit" in values else None
        except ValueError:
            since, limit = -1, None
        if since < 0 or (limit is not None and limit < 0):
            return json_reply({"detail": "since and limit are integers of at least 0"}, 422)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"[", "more_body": True})
        async for chunk in self._ledger.read(since, limit):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"]", "more_body": False})
        return None

    def _add_fault(self, body: bytes) -> object:
        fault = msgspec.json.decode(body, type=Fault)
        self._faults.add(fault)
        return fault

    def _clear_faults(self, _body: bytes) -> object:
        self._faults.clear()
        return []

    def _add_guid(self, body: bytes) -> object:
        return self._accounts.create(msgspec.json.decode(body, type=_Guid).guid)

    def _change_guid(self, guid: str, body: bytes) -> object:
        change = msgspec.json.decode(body, type=_Change)
        account = self._accounts.find(guid)
        if account is None:
            raise LookupError(guid)
        if change.status is not None:
            account.status = change.status
        if change.name is not None:
            account.name = change.name
        if change.notify_url is not None:
            account.notify_url = change.notify_url or None
        return account

    def _set_echoes(self, body: bytes) -> object:
        change = msgspec.json.decode(body, type=dict[str, object])
        policy = msgspec.convert({**msgspec.to_builtins(self._echoes.policy), **change}, EchoPolicy)
        self._echoes.apply(policy)
        return policy

    def _post_callback(self, body: bytes) -> object:
        callback = msgspec.json.decode(body, type=_Callback)
        account = self._accounts.find(callback.guid)
        if account is None:
            raise LookupError(callback.guid)
        return {"posted": self._echoes.post(account, callback.notify_type, callback.data)}
