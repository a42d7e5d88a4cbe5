"""Results as a table: what was measured, its value, and whether its goal is met."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple


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


def show(results: dict[str, Any]) -> int:
    """Print the table; returns the exit code: 0 where no goal was missed."""
    print(table(results))
    return 0 if all_met(results) else 1


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
    for name, rows in _PARTS.items():
        if name in results:
            yield from rows(results[name])


def _accept(result: dict[str, Any]) -> Iterator[Row]:
    for name, text in (("bare", "bare Litestar + msgspec"), ("ours", "accept, durable on SQLite")):
        sample = result[name]
        yield Row(f"{text}: requests", f"{sample['per_second']:.0f}/s")
        yield Row(f"{text}: CPU per request", f"{sample['cpu_us']:.0f} us")
        yield Row(f"{text}: p50 / p99 at 64 connections", f"{sample['p50_ms']:.1f} / {sample['p99_ms']:.1f} ms")
    yield Row("accept / bare: CPU per request", f"{result['cpu_ratio']:.2f}")
    yield Row("accept / bare: requests per second", f"{result['ratio']:.2f}", f">= {result['goal']}", result["ok"])


def _send(medians: dict[str, float], name: str) -> Iterator[Row]:
    yield Row(f"end to end, {name}: messages", f"{medians['per_second']:.0f}/s")
    yield Row(f"end to end, {name}: CPU per message", f"{medians['cpu_us']:.0f} us")
    yield Row(f"end to end, {name}: accepted meanwhile", f"{medians['accept_per_second']:.0f}/s")


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


def _peers(result: dict[str, Any]) -> Iterator[Row]:
    titles = {
        "ours": "ours, as it comes", "wide": "ours, 200 calls in flight",
        "celery": "FastAPI + ORM + Celery", "taskiq": "FastAPI + ORM + taskiq",
    }  # fmt: skip
    yield from _services({name: result[name] for name in titles}, titles)
    for peer in ("celery", "taskiq"):
        medians = result[peer]
        for own in ("wide", "ours"):
            judged = (f">= {medians['goal']:.0f}", medians["ok"]) if own == "ours" else ("", None)
            yield Row(f"{titles[own]} / {titles[peer]}: messages per second", f"{medians[f'{own}_ratio']:.1f}", *judged)
        yield Row(f"{titles[peer]} / {titles['ours']}: CPU per message", f"{medians['ours_cpu_ratio']:.1f}")
        yield Row(f"{titles[peer]} / {titles['ours']}: RSS", f"{medians['ours_rss_ratio']:.1f}")


def _growth(result: dict[str, Any]) -> Iterator[Row]:
    small, large, goal = result["small"], result["large"], result["goal"]
    for database in ("sqlite", "mariadb"):
        for name, medians in result[database].items():
            what = (
                f"{database}, {name}: {large} / {small} rows ({medians['large_us']:.0f} / {medians['small_us']:.0f} us)"
            )
            judged = () if name in result["unjudged"] else (f"<= {goal}", medians["ratio"] <= goal)
            yield Row(what, f"{medians['ratio']:.2f}", *judged)


def _stages(result: dict[str, Any]) -> Iterator[Row]:
    for name, stages in result.items():
        for stage, medians in stages.items():
            rows, entries, redo = medians["rows"], medians["index_entries"], medians["redo_bytes"]
            written = f"{rows:.1f} rows, {entries:.1f} index entries, {redo:.0f} B redo"
            what = f"{stage}, MariaDB, {name}: {medians['statements']:.0f} statements a set; {written}"
            yield Row(what, f"{medians['service_us']:.0f} + {medians['database_us']:.0f} us")


def _queue(result: dict[str, Any]) -> Iterator[Row]:
    yield from _services(
        result["contestants"],
        {"in_process": "MariaDB, wake-ups in the process", "rocketmq": "MariaDB, wake-ups over RocketMQ"},
    )
    rate, more_us = result["ratio"], result["more_us"]
    yield Row("RocketMQ / in the process: messages per second", f"{rate:.2f}", ">= 0.8", rate >= 0.8)
    yield Row("RocketMQ - in the process: CPU per message", f"{more_us:+.0f} us", "<= 30 us", more_us <= 30)


def _cache(result: dict[str, Any]) -> Iterator[Row]:
    yield from _services(result["contestants"], {"memory": "MariaDB, no Redis", "redis": "MariaDB and Redis"})
    yield Row("Redis / none: messages per second", f"{result['ratio']:.2f}")
    yield Row("Redis - none: CPU per message", f"{result['more_us']:+.0f} us")
    yield Row("Redis commands per accepted message", f"{result['commands']:.3f}")
    trips, goal = result["trips"], result["goal"]
    yield Row("Redis round trips per accepted message", f"{trips:.3f}", f"<= {goal}", result["ok"])


def _consumers(result: dict[str, Any]) -> Iterator[Row]:
    titles = {"alone": "serve alone"} | {
        name: f"serve --no-dispatch and {name.partition('_')[2]} consume"
        for name in result["contestants"]
        if name != "alone"
    }
    yield from _services(result["contestants"], titles)
    for name, ratio in result["ratios"].items():
        yield Row(f"{titles[name]} / 1 consume: messages per second", f"{ratio:.2f}")


def _start(result: dict[str, Any]) -> Iterator[Row]:
    medians, goals = result["medians"], result["goals"]
    anchor_s = medians["anchor_s"]
    yield Row("import litestar, sqlalchemy.ext.asyncio, uvicorn: CPU", f"{anchor_s:.2f} s")
    titles = {
        "version_s": "wework-message --version: CPU", "status_s": "wework-message status: CPU",
        "serve_s": "serve to the first 202, schema current: CPU", "first_mb": "serve at the first 202: RSS",
        "loaded_mb": "serve on MariaDB under load: RSS",
    }  # fmt: skip
    for name, title in titles.items():
        value, goal = medians[name], goals.get(name)
        unit = "MB" if name.endswith("_mb") else "s"
        shown = f"{value:.0f} MB" if unit == "MB" else f"{value:.2f} s ({value / anchor_s:.1f} x that import)"
        yield Row(title, shown, "" if goal is None else f"<= {goal} {unit}", None if goal is None else value <= goal)


def _callbacks(result: dict[str, Any]) -> Iterator[Row]:
    goals = result["goals"]
    for database in ("sqlite", "mariadb"):
        title, medians = f"callback, durable on {database}", result["medians"][database]
        cpu, ratio = medians["cpu_us"], medians["ratio"]
        yield Row(f"{title}: acknowledged", f"{medians['per_second']:.0f}/s")
        yield Row(
            f"{title} / bare: requests per second", f"{ratio:.2f}", f">= {goals['ratio']}", ratio >= goals["ratio"]
        )
        yield Row(f"{title} / bare: CPU of the service until DELIVERED", f"{medians['cpu_ratio']:.2f}")
        for floor, of_what in {"litestar": "by Litestar", "asgi": "past the framework"}.items():
            shown = f"{medians[f'{floor}_ratio']:.2f}, {medians[f'{floor}_us']:.0f} + {medians[f'{floor}_mariadb_us']:.0f} us"
            yield Row(f"{title}: the least that keeps it, {of_what}: requests per second / bare, CPU", shown)
        spent = f"{medians['service_us']:.0f} + {medians['mariadb_us']:.0f} us"
        yield Row(
            f"{title}: CPU until DELIVERED, service + MariaDB",
            spent,
            f"<= {goals['cpu_us']:.0f} us",
            cpu <= goals["cpu_us"],
        )
        if database == "mariadb":
            yield Row(f"{title}: redo", f"{medians['redo_bytes']:.0f} bytes")


def _workers(result: dict[str, Any]) -> Iterator[Row]:
    titles = {name: f"serve --workers {name.partition('_')[2]}" for name in result["contestants"]}
    yield from _services(result["contestants"], titles)
    for name, ratio in result["ratios"].items():
        yield Row(f"{titles[name]} / 1 worker: messages per second", f"{ratio:.2f}")
        yield Row(f"{titles[name]} / 1 worker: CPU per message", f"{result['costs'][name]:.2f}")
        yield Row(f"{titles[name]}: memory, shared parts once", f"{result['own_mb'][name]:.0f} MB")


def _services(contestants: Mapping[str, dict[str, float]], titles: Mapping[str, str]) -> Iterator[Row]:
    for name, medians in contestants.items():
        title = titles[name]
        yield Row(f"{title}: messages, accepted to recorded", f"{medians['per_second']:.0f}/s")
        yield Row(
            f"{title}: CPU per message, its processes + MariaDB",
            f"{medians['cpu_us']:.0f} + {medians['mariadb_us']:.0f} us",
        )
        yield Row(f"{title}: RSS", f"{medians['rss_mb']:.0f} MB")


def _fairness(result: dict[str, Any]) -> Iterator[Row]:
    for state, sample in result["states"].items():
        waits = " / ".join(f"{sample[name]:.0f}" for name in ("p50_ms", "p99_ms", "max_ms"))
        yield Row(f"wait of a quiet account's messages, {state}: p50 / p99 / max", f"{waits} ms")
    for pair, ratio in result["ratios"].items():
        name, value = f"p99 of these waits, {pair}", f"{ratio:.2f}"
        judged = pair in result["judged"]
        yield Row(name, value, f"<= {result['goal']}", ratio <= result["goal"]) if judged else Row(name, value)


def _latency(result: dict[str, Any]) -> Iterator[Row]:
    for name, medians in result["results"].items():
        for title in ("ours", "composite"):
            value = f"{medians[title]['p50_ms']:.1f} / {medians[title]['p99_ms']:.1f} ms"
            yield Row(f"accept while sending, open loop, {name}, {title}: p50 / p99", value)
        ratio, goal = medians["ratio"], result["goal"]
        yield Row(f"accept while sending, {name}: p99 / composite", f"{ratio:.2f}", f"<= {goal:.0f}", ratio <= goal)


def _selection(result: dict[str, Any]) -> Iterator[Row]:
    titles = {"several": "3 bindings", "one": "1 binding"}
    for name, medians in result["contestants"].items():
        decision, sender = (
            f"{medians[f'{what}_p50_us']:.1f} / {medians[f'{what}_p99_us']:.1f} us" for what in ("decision", "sender")
        )
        yield Row(f"selection, {titles[name]} an account: p50 / p99 of a decision, which waits for nothing", decision)
        yield Row(f"sender of a request, {titles[name]} an account: p50 / p99", sender)
    yield Row("selection, 3 bindings / 1 binding: p50", f"{result['ratio']:.2f}")


def _bulkhead(result: dict[str, Any]) -> Iterator[Row]:
    goals = result["goals"]
    for kind, measured in result["kinds"].items():
        for state, medians in measured["states"].items():
            beside = "a hanging one" if state == "hanging" else "an idle one"
            title = f"provider that answers {kind}, beside {beside}"
            yield Row(f"{title}: p50 / p99 of accepts", f"{medians['p50_ms']:.1f} / {medians['p99_ms']:.1f} ms")
            yield Row(f"{title}: messages, accepted to SENT", f"{medians['per_second']:.0f}/s")
        p99, per_second = measured["ratios"]["p99"], measured["ratios"]["per_second"]
        title = f"provider that answers {kind}, hanging / idle one beside it"
        yield Row(f"{title}: p99 of accepts", f"{p99:.2f}", f"<= {goals['p99']}", p99 <= goals["p99"])
        yield Row(
            f"{title}: messages per second",
            f"{per_second:.2f}",
            f">= {goals['per_second']}",
            per_second >= goals["per_second"],
        )


def _failover(result: dict[str, Any]) -> Iterator[Row]:
    for status, outcome, executed, count in result["table"]:
        yield Row(f"failover: {status}; last outcome {outcome or 'none'}; executed {executed} times", str(count))
    for kind, count in sorted(result["faults"].items()):
        yield Row(f"failover: calls with the fault {kind}", str(count))
    yield Row("failover: tries that went on at the other provider", str(result["moved"]))
    yield Row("failover: calls and executions per message", _per_message(result))
    yield Row("failover: messages that need a person", f"{result['person']} ({result['person_share']:.2%})")
    for what, name in (
        ("messages or contents executed more than once", "doubles"),
        ("messages lost", "lost"),
        ("messages FAILED that were executed", "contradicted"),
    ):
        yield Row(f"failover: {what}, of {result['messages']}", str(result[name]), "0", not result[name])


def _per_message(result: dict[str, Any]) -> str:
    messages = result["messages"]
    return f"{result['attempts'] / messages:.3f} / {result['executions'] / messages:.3f}"


def _settlement(result: dict[str, Any]) -> Iterator[Row]:
    for status, kind, count in result["table"]:
        yield Row(f"settlement: {status}; {kind}", str(count))
    for fate, count in sorted(result["fates"].items()):
        yield Row(f"settlement: callbacks, {fate}", str(count))
    for kind, status, count in result["answers"]:
        yield Row(f"settlement: callbacks, {kind}, answered {status or 'not at all'}", str(count))
    yield Row("settlement: callbacks, those that were dropped included", str(result["callbacks"]))
    yield Row("settlement: calls without an answer", f"{result['answers_lost']} of {result['messages']}")
    for what, count in sorted(result["wrong"].items()):
        yield Row(f"settlement: wrong, {what}", str(count))
    wrong, wrongly = sum(result["wrong"].values()), result["settled_wrongly"]
    yield Row("settlement: statuses that the ledger contradicts", str(wrong), "0", not wrong)
    yield Row("settlement: uncertain messages settled wrongly", str(wrongly), "0", not wrongly)
    settled, to_settle = result["settled"], result["to_settle"]
    what = f"settlement: uncertain, echo posted and comparable: settled within H ({result['horizon_s']} s)"
    yield Row(what, f"{settled} of {to_settle}", "all", settled == to_settle > 0)
    yield Row("settlement: the latest of them after the end of its call", f"{result['latest_ms'] / 1_000:.1f} s")


def _flood(result: dict[str, Any]) -> Iterator[Row]:
    beside = {"alone": "no callbacks", "load": "a flood at a bare handler", "flood": "a flood of callbacks"}
    for state, medians in result["states"].items():
        for what, title in (("accept", "accept"), ("call", "accepted until the call is recorded")):
            value = f"{medians[f'{what}_p50_ms']:.1f} / {medians[f'{what}_p99_ms']:.1f} ms"
            yield Row(f"sends beside {beside[state]}, {title}: p50 / p99", value)
    for what, ratios in result["ratios"].items():
        for pair, ratio in ratios.items():
            judged = (f"<= {result['goal']}", ratio <= result["goal"]) if pair == result["judged"] else ("", None)
            yield Row(f"p99 of sends, {what}, {pair}", f"{ratio:.2f}", *judged)


def _batch(result: dict[str, Any]) -> Iterator[Row]:
    titles = {
        "single": "one message per request, 64 connections", "alone": "one message per request, one connection",
        "batch": "100 messages per request",
    }  # fmt: skip
    for way, title in titles.items():
        medians = result[way]
        yield Row(f"accept, {title}: messages", f"{medians['per_second']:.0f}/s")
        yield Row(f"accept, {title}: CPU per message", f"{medians['cpu_us']:.0f} us")
    for way, ratio in result["ratios"].items():
        judged = (f"<= {result['goal']}", result["ok"]) if way == "single" else ("", None)
        yield Row(f"accept, 100 messages per request / {titles[way]}: CPU per message", f"{ratio:.2f}", *judged)


def _media(result: dict[str, Any]) -> Iterator[Row]:
    messages, files, goals = result["messages"], result["files"], result["goals"]
    what = f"{messages} pictures of {files} files: uploads"
    yield Row(what, str(result["uploads"]), str(files), result["uploads"] == files)
    for kind, sample in result["memory"].items():
        yield Row(f"{messages} {kind}: RSS grown", f"{sample['grown_kb'] / 1024:.1f} MB")
    more_mb = result["more_mb"]
    yield Row(
        "pictures - texts: RSS grown", f"{more_mb:.1f} MB", f"<= {goals['more_mb']:.0f}", more_mb <= goals["more_mb"]
    )
    for state, title in _BESIDE_FILES.items():
        medians = result["states"][state]
        yield Row(f"texts, {title}: p50 / p99 of accepts", f"{medians['p50_ms']:.1f} / {medians['p99_ms']:.1f} ms")
    for state, other, ratio in result["ratios"]:
        judged = (f"<= {goals['p99']}", ratio <= goals["p99"]) if [state, other] == result["judged"] else ("", None)
        yield Row(f"texts, {_BESIDE_FILES[state]} / {_BESIDE_FILES[other]}: p99 of accepts", f"{ratio:.2f}", *judged)


_BESIDE_FILES: Final = {
    "alone": "alone",
    "bare": "beside files of 25 MB that another process moves",
    "uploads": "beside files of 25 MB",
}


def _webhooks(result: dict[str, Any]) -> Iterator[Row]:
    for name, medians in result["medians"].items():
        title = f"webhooks, {_DELIVERERS[name]}"
        yield Row(f"{title}: deliveries", f"{medians['per_second']:.0f}/s")
        cpu = f"{medians['cpu_us']:.0f} + {medians['mariadb_us']:.0f} us"
        yield Row(f"{title}: CPU per delivery, its processes + MariaDB", cpu)
    for pair, ratio in result["ratios"].items():
        judged = (f">= {result['goal']:.0f}", ratio >= result["goal"]) if pair in result["judged"] else ("", None)
        own, _, other = pair.partition(" / ")
        yield Row(
            f"webhooks, {_DELIVERERS[own]} / {_DELIVERERS[other]}: deliveries per second", f"{ratio:.1f}", *judged
        )


def _overload(result: dict[str, Any]) -> Iterator[Row]:
    titles = {"peak": "peak, nothing is refused", "overload": "three times the connections"}
    for state, title in titles.items():
        medians = result[state]
        value = f"{medians['per_second']:.0f}/s, {medians['p99_ms']:.0f} ms, {medians['refused_per_second']:.0f}/s"
        yield Row(f"{title}: accepted, their p99, refused", value)
    goodput, p99 = result["goodput"], result["p99"]
    yield Row(
        "overload: accepted / peak", f"{goodput:.2f}", f">= {result['goodput_goal']}", goodput >= result["goodput_goal"]
    )
    yield Row("overload: accepted per CPU second of the service / peak", f"{result['goodput_per_cpu']:.2f}")
    yield Row("overload: p99 of accepted / peak", f"{p99:.2f}", f"<= {result['p99_goal']}", p99 <= result["p99_goal"])


def _tenants(result: dict[str, Any]) -> Iterator[Row]:
    beside = {
        "alone": "no other", "load": "ten times a limit at a bare handler",
        "flood": "a tenant that makes ten times its limit",
    }  # fmt: skip
    for state, medians in result["states"].items():
        yield Row(
            f"a tenant beside {beside[state]}: p50 / p99", f"{medians['p50_ms']:.1f} / {medians['p99_ms']:.1f} ms"
        )
    for pair, ratio in result["ratios"].items():
        judged = (f"<= {result['goal']}", result["ok"]) if pair == result["judged"] else ("", None)
        yield Row(f"p99 of a tenant, {pair}", f"{ratio:.2f}", *judged)


def _auth(result: dict[str, Any]) -> Iterator[Row]:
    for state, medians in result["states"].items():
        yield Row(f"accept, {state}: CPU, {medians['per_second']:.0f}/s", f"{medians['cpu_us']:.1f} us")
    for state, more in result["more_us"].items():
        judged = (f"<= {result['goal_us']} us", result["ok"]) if state == result["judged"] else ("", None)
        yield Row(f"accept, {state}: more CPU than open", f"{more:+.1f} us", *judged)


def _tracing(result: dict[str, Any]) -> Iterator[Row]:
    for state, medians in result["states"].items():
        yield Row(
            f"traces, {state}: CPU of an accept / a send", f"{medians['accept_us']:.0f} / {medians['send_us']:.0f} us"
        )
    for state, more in result["more"].items():
        yield Row(f"traces, {state}: more than off", f"{more['accept_us']:+.1f} / {more['send_us']:+.1f} us")


def _webhook_kills(result: dict[str, Any]) -> Iterator[Row]:
    title = f"webhooks, {result['kills']} kills on {result['database']}"
    yield Row(
        f"{title}: messages, events, deliveries", f"{result['messages']}, {result['events']}, {result['deliveries']}"
    )
    yield Row(f"{title}: events that waited at the moment of a kill", str(result["waiting_at_kills"]))
    yield Row(f"{title}: deliveries that were repeats", str(result["repeats"]))
    for status, count in sorted(result["statuses"].items()):
        yield Row(f"{title}: messages {status}", str(count))
    for what, count in sorted(result["wrong"].items()):
        yield Row(f"{title}: {what}", str(count))
    yield Row(f"{title}: lost", str(result["lost"]), "0", not result["lost"])
    yield Row(f"{title}: wrong in any way", str(sum(result["wrong"].values())), "0", result["ok"])


def _drain(result: dict[str, Any]) -> Iterator[Row]:
    title = f"{result['restarts']} restarts of two replicas under load"
    yield Row(f"{title}: messages", str(result["messages"]))
    for status, count in sorted(result["statuses"].items()):
        yield Row(f"{title}: messages {status}", str(count))
    for what, count in sorted(result["wrong"].items()):
        yield Row(f"{title}: {what}", str(count))
    yield Row(f"{title}: endpoints that the balancer removed after the delay", str(result["removed_too_late"]))
    for what, count in sorted(result["not_answered"].items()):
        yield Row(f"{title}: answered {what}", str(count))
    yield Row(f"{title}: connections refused", str(result["connections_refused"]))
    refused = sum(result["not_answered"].values()) + result["connections_refused"]
    yield Row(f"{title}: requests refused, reset or answered 5xx", str(refused), "0", not refused)
    yield Row(f"{title}: violations of the oracle", str(sum(result["wrong"].values())), "0", not result["wrong"])
    seconds = result["seconds"]
    yield Row(f"{title}: SIGTERM to the end, median", f"{seconds['median']:.1f} s")
    yield Row(f"{title}: SIGTERM to the end, longest", f"{seconds['longest']:.1f} s", "< 30 s", seconds["longest"] < 30)


_DELIVERERS: Final = {
    "mariadb": "ours on MariaDB",
    "sqlite": "ours on SQLite",
    "celery": "Celery with httpx, 16 threads",
    "celery_processes": "Celery with httpx, a process for each core",
    "celery_without_table": "Celery with httpx, 16 threads, no table",
}

_PARTS: Final[Mapping[str, Callable[[dict[str, Any]], Iterator[Row]]]] = {
    "memory": _memory,
    "peers": _peers,
    "growth": _growth,
    "stages": _stages,
    "queue": _queue,
    "cache": _cache,
    "consumers": _consumers,
    "start": _start,
    "callbacks": _callbacks,
    "workers": _workers,
    "fairness": _fairness,
    "latency": _latency,
    "selection": _selection,
    "bulkhead": _bulkhead,
    "failover": _failover,
    "settlement": _settlement,
    "flood": _flood,
    "batch": _batch,
    "media": _media,
    "webhooks": _webhooks,
    "webhook_kills": _webhook_kills,
    "drain": _drain,
    "overload": _overload,
    "tenants": _tenants,
    "auth": _auth,
    "tracing": _tracing,
}
