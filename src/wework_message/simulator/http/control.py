"""`/_sim/`: the controls of tests and benches while the simulator runs. No part of the vendor's API."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import parse_qs

import msgspec

from wework_message.simulator.answers import Json
from wework_message.simulator.echoes import Echoes, EchoPolicy
from wework_message.simulator.faults.rules import Rules
from wework_message.simulator.faults.script import read_script, script_of
from wework_message.simulator.files.handles import Handles
from wework_message.simulator.http.calls import Counts
from wework_message.simulator.http.replies import NOT_FOUND, Reply, Send, json_reply, not_allowed
from wework_message.simulator.instances import Instance, Instances, LoginResult
from wework_message.simulator.ledger import Ledger, entries_of
from wework_message.simulator.logins import Event, Logins
from wework_message.simulator.mass import MassSends
from wework_message.simulator.options import DEFAULT_SLOT, ONLINE, InstanceOptions, InstanceStatus


class _New(msgspec.Struct, forbid_unknown_fields=True):
    guid: str
    account: str | None = None
    slot: str | None = None
    status: InstanceStatus = 2
    has_session: bool = True


_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Change(msgspec.Struct, forbid_unknown_fields=True):
    status: InstanceStatus | None = None
    event: Event | None = None
    account: str | None = None
    code: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    name: str | None = None
    notify_url: str | None = None
    slot: str | None = None
    has_session: bool | None = None
    login: LoginResult | None = None
    login_delay_ms: _Count | None = None
    calls_per_minute: _Count | None = None

    def __post_init__(self) -> None:
        if self.status is not None and self.event is not None:
            raise ValueError("status and event exclude each other")
        if self.account is not None and self.event not in ("login", "code_asked"):
            raise ValueError("account says who scans the code of a login: it needs event login or code_asked")
        if (self.code is None) != (self.event != "code_asked"):
            raise ValueError("code and event code_asked need each other: it is the code that this login asks for")


class _Elsewhere(msgspec.Struct, forbid_unknown_fields=True):
    account: str
    slot: str = DEFAULT_SLOT


class _Callback(msgspec.Struct, forbid_unknown_fields=True):
    guid: str
    notify_type: int
    data: object


class _Expire(msgspec.Struct, forbid_unknown_fields=True):
    handle: str | None = None


class _Mass(msgspec.Struct, forbid_unknown_fields=True):
    blocked: list[str]


_Handler = Callable[[bytes], object]


class Control:
    """Answers `/_sim/` calls. Bodies are JSON objects; a bad one gets 422 with the reason as `detail`."""

    def __init__(
        self,
        instances: Instances,
        logins: Logins,
        faults: Rules,
        echoes: Echoes,
        ledger: Ledger,
        counts: Counts,
        handles: Handles,
        mass: MassSends,
    ) -> None:
        self._instances = instances
        self._logins = logins
        self._faults = faults
        self._echoes = echoes
        self._ledger = ledger
        self._counts = counts
        self._handles = handles
        self._mass = mass
        self._routes: dict[str, dict[str, _Handler]] = {
            "state": {"GET": lambda _: self.state()},
            "faults": {"GET": lambda _: faults.listing(), "POST": self._add_faults, "DELETE": self._clear_faults},
            "faults/script": {"GET": lambda _: script_of(entries_of(ledger.path))},
            "guids": {"GET": lambda _: [instance.view() for instance in instances.all()], "POST": self._add_guid},
            "logins": {"POST": self._log_in_elsewhere},
            "echoes": {"GET": lambda _: echoes.policy, "POST": self._set_echoes},
            "echoes/release": {"POST": lambda _: {"released": echoes.release()}},
            "callbacks": {"POST": self._post_callback},
            "files/expire": {"POST": self._expire},
            "mass": {"GET": lambda _: self._listed_mass(), "POST": self._set_mass},
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
            "faults_fired": self._faults.hits,
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

    def _add_faults(self, body: bytes) -> object:
        self._faults.add(*read_script(body))
        return self._faults.listing()

    def _clear_faults(self, _body: bytes) -> object:
        self._faults.clear()
        return []

    def _add_guid(self, body: bytes) -> object:
        new = msgspec.json.decode(body, type=_New)
        if new == _New(new.guid):
            return self._instances.create(new.guid).view()
        replaced = self._instances.peek(new.guid)
        if replaced is not None:
            self._logins.cancel(replaced)
        instance = self._instances.add(InstanceOptions(**msgspec.structs.asdict(new)))
        self._set_status(instance, new.status)
        return instance.view()

    def _set_status(self, instance: Instance, status: InstanceStatus) -> None:
        if status == ONLINE:
            self._logins.put_online(instance)
        else:
            self._logins.put_offline(instance, status)

    def _change_guid(self, guid: str, body: bytes) -> object:
        change = msgspec.json.decode(body, type=_Change)
        instance = self._instances.find(guid)
        if instance is None:
            raise LookupError(guid)
        for name in ("slot", "has_session", "login", "login_delay_ms", "calls_per_minute"):
            value = getattr(change, name)
            if value is not None:
                setattr(instance, name, value)
        if change.account is not None:
            self._instances.hand_over(instance, change.account)
        if change.name is not None:
            instance.account.name = change.name
        if change.notify_url is not None:
            instance.notify_url = change.notify_url or None
        if change.code is not None:
            instance.asked_code = change.code
        if change.status is not None:
            self._set_status(instance, change.status)
        if change.event is not None:
            self._logins.happen(instance, change.event)
        return instance.view()

    def _log_in_elsewhere(self, body: bytes) -> object:
        login = msgspec.json.decode(body, type=_Elsewhere)
        return {"logged_out": self._logins.logged_in_elsewhere(login.account, login.slot)}

    def _set_echoes(self, body: bytes) -> object:
        change = msgspec.json.decode(body, type=dict[str, object])
        policy = msgspec.convert({**msgspec.to_builtins(self._echoes.policy), **change}, EchoPolicy)
        self._echoes.apply(policy)
        return policy

    def _post_callback(self, body: bytes) -> object:
        callback = msgspec.json.decode(body, type=_Callback)
        instance = self._instances.find(callback.guid)
        if instance is None:
            raise LookupError(callback.guid)
        return {"posted": self._echoes.post(instance, callback.notify_type, callback.data)}

    def _expire(self, body: bytes) -> object:
        return {"expired": self._handles.expire(msgspec.json.decode(body, type=_Expire).handle)}

    def _listed_mass(self) -> object:
        return {"blocked": sorted(self._mass.blocked)}

    def _set_mass(self, body: bytes) -> object:
        self._mass.blocked = set(msgspec.json.decode(body, type=_Mass).blocked)
        return self._listed_mass()
