"""``wework-message failed``: messages that failed, why, and their replays."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec
import rich_click as click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options, page_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.output import (
    cell,
    clock,
    console,
    details,
    error_console,
    job_state,
    print_json,
    print_page,
    show_list,
    status_text,
    table,
)

_ROOT: Final = "/api/dead-letters"
_REPLAYS: Final = f"{_ROOT}/replays"
_FOLLOW_S: Final = 0.5
"""Between two looks at a replay."""

_FILTERS: Final = (
    ("cause", "--cause", "cause", "Only with this cause, such as REFUSED_PERMANENT."),
    ("provider", "--provider", "providerCode", "Only those whose newest attempt was at this provider."),
    ("error_code", "--error-code", "errorCode", "Only with this code of the provider."),
    ("account", "--account", "accountId", "Only of this account."),
    ("created_from", "--from", "createdFrom", "Accepted at this instant or later, ISO-8601 with zone."),
    ("created_to", "--until", "createdTo", "Accepted before this instant."),
)
_SHOWN: Final = ("total", "replayed", "failed", "open", "skipped", "unconfirmed")

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _filters(command: _Command) -> _Command:
    for name, flag, _, text in reversed(_FILTERS):
        kind = int if name == "error_code" else str
        command = click.option(flag, name, metavar="VALUE", type=kind, help=text)(command)
    return command


def _named(filters: Mapping[str, Any]) -> dict[str, Any]:
    """The filters that were used, by their names in the API."""
    return {query: filters[name] for name, _, query, _ in _FILTERS if filters[name] is not None}


@click.group("failed")
def failed() -> None:
    """Messages that failed: by cause, one by one, and sent anew at a chosen rate."""


@failed.command("groups")
@_filters
@client_options
@click.pass_obj
def groups(services: ClientServices, /, *, url: str, as_json: bool, **filters: Any) -> int:
    """Group what failed by cause, provider and code; the largest group first."""
    with client_of(services, url) as client:
        merged = _merged(_parts(client, _named(filters)))
    if as_json:
        print_json({"items": merged})
        return ExitCode.OK
    rows = table(
        "cause", "provider", "code", "messages", "unproven", "oldest (UTC)", "newest (UTC)",
        right=("code", "messages", "unproven"),
    )  # fmt: skip
    for group in merged:
        rows.add_row(
            cell(group["cause"]), cell(group["providerCode"]), cell(group["errorCode"]), cell(group["count"]),
            cell(group["unconfirmed"]), clock(group["oldestAt"]), clock(group["newestAt"]),
        )  # fmt: skip
    show_list(rows, None, empty="nothing failed")
    return ExitCode.OK


def _parts(client: ServiceClient, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The groups of each part of the failed messages, one after the other."""
    cursor = None
    while True:
        page = client.data("GET", _ROOT, params={**query, **({"cursor": cursor} if cursor else {})})
        yield from page["items"]
        cursor = page.get("nextCursor")
        if cursor is None:
            return


def _merged(parts: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """One group for each cause, provider and code; the newest part comes first."""
    groups: dict[tuple[Any, ...], dict[str, Any]] = {}
    for part in parts:
        key = (part["cause"], part["providerCode"], part["errorCode"])
        known = groups.setdefault(key, part)
        if known is not part:
            known["count"] += part["count"]
            known["unconfirmed"] += part["unconfirmed"]
            known["oldestAt"] = min(known["oldestAt"], part["oldestAt"])
            known["newestAt"] = max(known["newestAt"], part["newestAt"])
            samples = [*known["sampleMessageIds"], *part["sampleMessageIds"]]
            known["sampleMessageIds"] = sorted({min(samples), max(samples)})
    return sorted(groups.values(), key=lambda group: -group["count"])


@failed.command("list")
@_filters
@page_options
@client_options
@click.pass_obj
def listed(
    services: ClientServices, /, *, limit: int, cursor: str | None, url: str, as_json: bool, **filters: Any
) -> int:
    """List failed messages, newest first."""
    with client_of(services, url) as client:
        items, following = client.pages(f"{_ROOT}/messages", _named(filters), limit=limit, cursor=cursor)
    if as_json:
        print_page(items, following)
        return ExitCode.OK
    rows = table("created (UTC)", "message", "status", "reason", "provider", "code", right=("code",))
    for item in items:
        rows.add_row(
            clock(item.get("createdAt")), cell(item.get("messageId")), status_text(item.get("status")),
            cell(item.get("reason")), cell(item.get("providerCode")), cell(item.get("errorCode")),
        )  # fmt: skip
    show_list(rows, following, empty="nothing failed")
    return ExitCode.OK


@failed.command("replay")
@click.argument("message_ids", nargs=-1, metavar="[MESSAGE_ID]...")
@_filters
@click.option("--rate", type=click.FloatRange(0.1, 1_000), default=10.0, show_default=True, help="Messages per second.")
@click.option("--unconfirmed", is_flag=True, help="Also what may have been sent, which may reach its recipient twice.")
@click.option("--dry-run", is_flag=True, help="Only count what would be sent.")
@click.option(
    "--follow/--no-follow", default=True, show_default=True, help="Stay, with a progress bar, until it is through."
)
@client_options
@click.pass_obj
def replay(
    services: ClientServices,
    /,
    *,
    message_ids: tuple[str, ...],
    rate: float,
    unconfirmed: bool,
    dry_run: bool,
    follow: bool,
    url: str,
    as_json: bool,
    **filters: Any,
) -> int:
    """Send failed messages anew: the named ones, or those that the filters select."""
    body = {**_named(filters), "ratePerSecond": rate, "dryRun": dry_run, "unconfirmed": unconfirmed}
    if message_ids:
        body["messageIds"] = list(message_ids)
    with client_of(services, url) as client:
        data = client.data("POST", f"{_ROOT}/replay", body=msgspec.json.encode(body))
        if follow:
            data = _followed(client, data)
    return _end(data, as_json=as_json)


@failed.command("replays")
@page_options
@client_options
@click.pass_obj
def replays(services: ClientServices, *, limit: int, cursor: str | None, url: str, as_json: bool) -> int:
    """List replays, newest first."""
    with client_of(services, url) as client:
        items, following = client.pages(_REPLAYS, {}, limit=limit, cursor=cursor)
    if as_json:
        print_page(items, following)
        return ExitCode.OK
    rows = table("begun (UTC)", "replay", "state", "of", "replayed", "failed", right=("of", "replayed", "failed"))
    for item in items:
        rows.add_row(
            clock(item.get("createdAt")), cell(item.get("replayId")), cell(job_state(item)), cell(item.get("total")),
            cell(item.get("replayed")), cell(item.get("failed")),
        )  # fmt: skip
    show_list(rows, following, empty="no replays")
    return ExitCode.OK


@failed.command("status")
@click.argument("replay_id")
@click.option("--follow", is_flag=True, help="Stay, with a progress bar, until it is through.")
@client_options
@click.pass_obj
def status(services: ClientServices, *, replay_id: str, follow: bool, url: str, as_json: bool) -> int:
    """Show how far a replay is."""
    with client_of(services, url) as client:
        data = client.data("GET", _path(replay_id))
        if follow:
            data = _followed(client, data)
    return _end(data, as_json=as_json)


@failed.command("cancel")
@click.argument("replay_id")
@client_options
@click.pass_obj
def cancel(services: ClientServices, *, replay_id: str, url: str, as_json: bool) -> int:
    """End a replay; what it has sent stays sent."""
    with client_of(services, url) as client:
        data = client.data("POST", f"{_path(replay_id)}/cancel")
    return _end(data, as_json=as_json)


def _followed(client: ServiceClient, data: dict[str, Any]) -> dict[str, Any]:
    """The replay once it is through. The bar is on standard error, so that `--json` stays JSON."""
    if data.get("done"):
        return data
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=error_console()) as progress:
        bar = progress.add_task("replaying", total=None)
        while not data.get("done"):
            time.sleep(_FOLLOW_S)
            data = client.data("GET", _path(str(data["replayId"])))
            total = None if data["state"] == "COUNTING" else data["total"]
            progress.update(bar, total=total, completed=data["replayed"] + data["skipped"])
    return data


def _end(data: Mapping[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(data)
        return ExitCode.OK
    out = console()
    grid = details()
    grid.add_row("replay", cell(data.get("replayId")))
    grid.add_row("state", cell(job_state(data)))
    for name in _SHOWN:
        grid.add_row(name, cell(data.get(name)))
    out.print(grid)
    for skipped in data.get("skippedMessages", ()):
        out.print_line(f"not replayed: {cell(skipped.get('messageId'))} ({cell(skipped.get('reason'))})")
    return ExitCode.OK


def _path(replay_id: str) -> str:
    return f"{_REPLAYS}/{quote(replay_id, safe='')}"
