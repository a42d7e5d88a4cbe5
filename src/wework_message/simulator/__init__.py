"""A strict imitation of the Guangzhou Guxing (广州孤星) WeCom HTTP API, to develop, test and measure against.

It knows the vendor only from its documents and shares no code with the service: a second implementation of the same
documents. It executes nothing but keeps a ledger of what it would have executed, on disk before each answer.

    async with running(SimulatorOptions(callback_url=url)) as simulator:
        ...  # simulator.url, simulator.ledger_path, simulator.faults.add(Rule(Action("html"), Match(nth=2)))

    serve(SimulatorOptions(strict_guids=True, guids=("g1",)), "127.0.0.1", 23456)  # a process of its own

**Documented** by the vendor: the request schemas of all endpoints, the 422 form, the success envelope, the values of
`get_client_status`, the field sets of 11002, 11003, 11004, 11010 and 11011, that a call wakes a stopped instance, 200 targets and one mass send per customer and day, -5103011 of uploads, flag bits.
**Captured** once: -2003 for a conversation_id without prefix, the failure envelope, the answer of `send_text` (encodings
included), `all_clients` by GET and without error_code, `get_session_list`, an 11013 callback with its headers, own sends
coming back with the same id and seq, a read mark coming back as content_type 2001 and msg_type 1012.
**Assumed** is everything else: what an answer rests on is named in its header `X-Sim-Assumed` (`assumptions.ASSUMED`), the
rest in docs/simulator.md.

Validation is strict: no type is converted, the items of quotes and merged records follow the contract's item table
instead of the schemas' `required`, and unless `lenient` a send whose message lacks something gets 422 (the vendor would
pass it on to WeCom). Names a schema does not know are ignored. Mentions outside rooms are not refused: that is no rule of the vendor.

`/_sim/` is no part of the vendor's API (bodies and answers are JSON):

- `GET ledger?since=N&limit=M`: entries after number N (see `ledger.Entry`), each with `echoOffered`: whether its callback
  was posted and taken (2xx), so that the system under test had the evidence.
- `GET state`: counters; `echoes_pending` 0 means that every echo was sent, failed or was dropped.
- `POST faults` (see `faults.script`), `GET faults`, `DELETE faults`, `GET faults/script`: the faults of this ledger again.
- `POST guids` (see `options.InstanceOptions`), `GET guids`, `POST guids/{guid} {"status": 0|1|2, "event", "slot", ...}`.
- `POST echoes` (see `echoes.EchoPolicy`), `GET echoes`, `POST echoes/release`.
- `POST files/expire {"handle"}`: that file_id or URL has expired, without a name all of them. `GET mass`, `POST mass {"blocked": [...]}`:
  people and rooms that get no mass send.
- `POST callbacks {"guid", "notify_type", "data"}`: posts any callback (11003, 11004, ...) to the instance's callback URL.

A ledger that exists is continued: numbers, recallable messages, handles of files and daily mass sends are taken up from it; echoes that were
pending at a stop are lost, and statuses and URLs set at run time are those of the options again.
"""

from wework_message.simulator.faults.actions import Action
from wework_message.simulator.faults.rules import Match, Rule
from wework_message.simulator.options import InstanceOptions, SimulatorOptions
from wework_message.simulator.server import RunningSimulator, running, serve, start

__all__ = [
    "Action",
    "InstanceOptions",
    "Match",
    "Rule",
    "RunningSimulator",
    "SimulatorOptions",
    "running",
    "serve",
    "start",
]
