"""A service with two providers, each a simulator with instances of its own, judged by one joint ledger.

    async with two_providers(backend.folder, **backend.settings) as two:
        await two.main.simulator.fault("refuse", times=1, error_code=-4046)   # at this provider only
        sent = await two.api.send(two.spare.text("hello"))                    # through an instance of the spare provider
        two.main.program.kill()                                               # the main provider dies; `start` revives it
        (execution,) = await two.ledger.executions(sent["messageId"])         # at whichever provider it was
        assert execution["providerCode"] == SPARE
        assert await two.ledger.doubles() == {}                               # nothing was executed twice, here or there

The two have no guid in common, as two real vendors have none: a call with a guid of the other is refused, and the ledger shows it.
A message keeps its marker at both, so the ledger recognises it there; `doubles` also compares the contents, which no
marker of ours can hide, so give each message a content of its own.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.support.processes.programs import ServiceProgram, SimulatorProgram
from tests.support.processes.running_service import SENDS, Api, Json, Simulator, client_of, text
from tests.support.servers.ports import free_port

MAIN: Final = "GUANGZHOU_GUXING"
SPARE: Final = "BACKUP_PROVIDER_A"
"""Codes of the two providers; the main one has the smaller priority, so it is the default one."""

GUIDS: Final[Mapping[str, tuple[str, ...]]] = {
    MAIN: tuple(f"gz-{number}" for number in range(1, 5)),
    SPARE: tuple(f"bk-{number}" for number in range(1, 5)),
}
"""The instances of each provider, online from the start."""

_SPARE_SETTINGS: Final = {"PRIORITY": "2", "TIMEOUT_MS": "2500"}


@dataclass(frozen=True, slots=True)
class SimulatedProvider:
    """One of the two: its process, and the controls of its simulator."""

    code: str
    program: SimulatorProgram
    simulator: Simulator

    @property
    def guids(self) -> tuple[str, ...]:
        return GUIDS[self.code]

    def text(self, content: str, *, instance: int = 0, **changes: Any) -> Json:
        """The body of a send by one of its instances."""
        return text(content, guid=self.guids[instance], providerCode=self.code) | changes


class JointLedger:
    """What the providers executed together. A provider must be running when its ledger is read."""

    def __init__(self, simulators: Mapping[str, Simulator]) -> None:
        """`simulators` by the code of their provider."""
        self._simulators = simulators

    async def calls(self, message_id: str | None = None) -> list[Json]:
        """The calls of one message, or of all, in the order of their arrival, each with its `providerCode`."""
        ledgers = await asyncio.gather(*(simulator.ledger() for simulator in self._simulators.values()))
        entries = [
            entry | {"providerCode": code}
            for code, ledger in zip(self._simulators, ledgers, strict=True)
            for entry in ledger
        ]
        chosen = [entry for entry in entries if message_id in {None, message_id_of(entry)}]
        return sorted(chosen, key=lambda entry: int(entry["at"]))

    async def executions(self, message_id: str | None = None) -> list[Json]:
        """The sends that were executed."""
        return [call for call in await self.calls(message_id) if call["executed"] and call["path"].startswith(SENDS)]

    async def doubles(self) -> dict[str, int]:
        """How often each message, or content, was executed that was executed more than once at both together."""
        return doubles(await self.executions())


def message_id_of(call: Json) -> str:
    """The message of a call, by the marker that it came with; empty without one."""
    return str(call["marker"] or "").partition(".")[0]


def doubles(executions: list[Json]) -> dict[str, int]:
    """See `JointLedger.doubles`."""
    ids = filter(None, map(message_id_of, executions))
    times = Counter(ids) + Counter(map(_content_of, executions))
    return {key: count for key, count in times.items() if count > 1}


def _content_of(call: Json) -> str:
    """Its request without what differs between two providers: the instance."""
    body = {name: value for name, value in call["body"].items() if name != "guid"}
    return f"{call['path']} {msgspec.json.encode(body, order='sorted').decode()}"


class TwoProviders:
    """The service, a client of its API, the two providers, and the ledger of both."""

    def __init__(self, service: ServiceProgram, api: Api, main: SimulatedProvider, spare: SimulatedProvider) -> None:
        self.service = service
        self.api = api
        self.main = main
        self.spare = spare
        self.ledger = JointLedger({provider.code: provider.simulator for provider in (main, spare)})

    @property
    def providers(self) -> tuple[SimulatedProvider, SimulatedProvider]:
        return self.main, self.spare


@asynccontextmanager
async def two_providers(folder: Path, *options: str, **settings: str) -> AsyncIterator[TwoProviders]:
    """All three processes, once they answer. `options` are those of both simulators, `settings` those of the service."""
    port = free_port()
    simulators = {code: _simulator(folder, code, port, options) for code in (MAIN, SPARE)}
    spare = _settings_of(SPARE, _SPARE_SETTINGS | {"API_BASE_URL": simulators[SPARE].origin})
    service = ServiceProgram(folder, simulators[MAIN].origin, port=port, **(spare | settings))
    programs = (*simulators.values(), service)
    async with AsyncExitStack() as stack:
        for program in programs:
            stack.push_async_callback(asyncio.to_thread, program.close)
            program.spawn()
        for program in programs:
            await asyncio.to_thread(program.until, program.ready)
        api = Api(await stack.enter_async_context(client_of(service.url)))
        providers = [
            SimulatedProvider(code, program, Simulator(await stack.enter_async_context(client_of(program.origin))))
            for code, program in simulators.items()
        ]
        yield TwoProviders(service, api, *providers)


def _simulator(folder: Path, code: str, port: int, options: tuple[str, ...]) -> SimulatorProgram:
    """In a folder of its own: each has its log and its ledger file."""
    place = folder / code.lower()
    place.mkdir()
    guids = [option for guid in GUIDS[code] for option in ("--guid", guid)]
    callback_url = f"http://127.0.0.1:{port}/message/api/callbacks/webhook/{code}"
    return SimulatorProgram(place, callback_url, "--strict-guids", *guids, *options)


def _settings_of(code: str, settings: Mapping[str, str]) -> dict[str, str]:
    return {f"APP_WEWORK_PROVIDERS_{code}_{name}": value for name, value in settings.items()}
