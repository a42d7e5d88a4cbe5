"""Results as a table of rows: what, how much, and whether its goal is met."""

from collections.abc import Iterator
from typing import Any, NamedTuple


class Row(NamedTuple):
    what: str
    value: str
    goal: str = ""
    met: bool | None = None


def table(results: dict[str, Any]) -> str:
    """Aligned text."""
    rows = [Row("measured", "median", "goal"), *_rows(results)]
    width = max(len(row.what) for row in rows)
    values = max(len(row.value) for row in rows)
    goals = max(len(row.goal) for row in rows)
    return "\n".join(
        f"{row.what:<{width}}  {row.value:>{values}}  {row.goal:<{goals}}  {_mark(row.met)}".rstrip() for row in rows
    )


def all_met(results: dict[str, Any]) -> bool:
    """Whether no goal was missed."""
    return all(row.met is not False for row in _rows(results))


def _mark(met: bool | None) -> str:
    return "" if met is None else "met" if met else "MISSED"


def _rows(results: dict[str, Any]) -> Iterator[Row]:
    if "accept" in results:
        yield from _accept(results["accept"])
    for provider, name in (("stub", "fast stub, recorded"), ("simulator", "simulator, echoed and DELIVERED")):
        if "send" in results:
            yield from _send(results["send"][provider], name)
    for delay_ms, entry in results.get("client", {}).items():
        yield from _client(delay_ms, entry)
    if "memory" in results:
        yield from _memory(results["memory"])


def _accept(result: dict[str, Any]) -> Iterator[Row]:
    for name, text in (("bare", "bare Litestar + msgspec"), ("ours", "accept, durable on SQLite")):
        its = result[name]
        yield Row(f"{text}: requests", f"{its['per_second']:.0f}/s")
        yield Row(f"{text}: CPU per request", f"{its['cpu_us']:.0f} us")
        yield Row(f"{text}: p50 / p99 at 64 connections", f"{its['p50_ms']:.1f} / {its['p99_ms']:.1f} ms")
    yield Row("accept / bare: CPU per request", f"{result['cpu_ratio']:.2f}")
    yield Row("accept / bare: requests per second", f"{result['ratio']:.2f}", f">= {result['goal']}", result["ok"])


def _send(its: dict[str, float], name: str) -> Iterator[Row]:
    yield Row(f"end to end, {name}: messages", f"{its['per_second']:.0f}/s")
    yield Row(f"end to end, {name}: CPU per message", f"{its['cpu_us']:.0f} us")
    yield Row(f"end to end, {name}: accepted meanwhile", f"{its['accept_per_second']:.0f}/s")


def _client(delay_ms: str, entry: dict[str, Any]) -> Iterator[Row]:
    for in_flight, ratio in entry["ratio"].items():
        own, other = (entry["cpu_us"][name][in_flight] for name in ("ours", "aiohttp"))
        what = f"provider client / aiohttp, CPU, {in_flight} in flight, {delay_ms} ms stub ({own:.0f} / {other:.0f} us)"
        yield Row(what, f"{ratio:.2f}", "<= 0.5", ratio <= 0.5)
    growth = entry["growth"]
    yield Row(f"provider client, 200 / 50 in flight, {delay_ms} ms stub", f"{growth:.2f}", "<= 1.3", growth <= 1.3)


def _memory(result: dict[str, Any]) -> Iterator[Row]:
    first, last = result["first"], result["last"]
    for count in (first, last):
        yield Row(f"RSS after {count} messages", f"{result['rss_kb'][str(count)]} kB")
    yield Row(
        f"RSS growth, message {first} to {last}", f"{result['growth']:+.2%}", f"<= {result['goal']:.0%}", result["ok"]
    )
