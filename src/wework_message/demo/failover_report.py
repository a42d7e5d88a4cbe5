"""What the second act prints: where the ledgers have its messages, one message explained, and the account."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.text import Text

from wework_message.demo.failover import BACKUP_CODE, Stage, Survived
from wework_message.demo.failover_judge import calls_by_message, failed_over, uncertain
from wework_message.demo.processes import MAIN_CODE
from wework_message.entrypoints.cli.commands.account_output import show_account
from wework_message.entrypoints.cli.commands.explain import show_decision, show_explained
from wework_message.entrypoints.cli.output import cell, status_text, table
from wework_message.entrypoints.cli.terminal import Grid, Terminal


def show_survival(out: Terminal, survived: Survived) -> None:
    """Print the act."""
    pids = " and ".join(map(str, survived.killed_pids))
    out.print()
    out.print_line(f"An account at two providers; the preferred one was killed twice (process {pids}):")
    out.print(_stages(survived))
    if moved := failed_over(survived):
        out.print()
        out.print_line("A message that was provably unsent, so it went through the sibling at once:")
        show_explained(out, survived.messages[moved[0]])
    out.print()
    out.print_line(f"The account while {MAIN_CODE} was dead:")
    show_account(survived.account, as_json=False)
    out.print()
    out.print(_providers(survived))
    out.print()
    out.print("Where its next message would have gone then:")
    show_decision(out, survived.explained)


def verdict_of_survival(survived: Survived) -> list[str]:
    """What the ledgers prove, a line each; for an act without differences."""
    doubtful = uncertain(survived)
    statuses = Counter(message["status"] for message in survived.messages.values())
    settled = sum(survived.messages[message_id]["status"] != "UNKNOWN" for message_id in doubtful)
    lines = [
        f"{len(survived.conversations)} messages of an account at two providers, and nothing is twice in their joint ledger.",
        f"{len(failed_over(survived))} were provably unsent when the first provider died: its sibling sent them.",
        f"{len(doubtful)} were uncertain and never sent again: {settled} settled by the echo, {statuses['UNKNOWN']} UNKNOWN.",
    ]
    if echoless := statuses["SENT"]:
        lines.append(f"{echoless} were accepted, and their echo died with the provider: SENT.")
    return lines


def _providers(survived: Survived) -> Grid:
    rows = table("provider", "breaker", "calls", "accepted", right=("calls", "accepted"))
    for provider in survived.providers:
        calls = (str(provider["sent"]), str(provider["succeeded"]))
        rows.add_row(cell(provider["code"]), cell(provider["breaker"]), *calls)
    return rows


def _stages(survived: Survived) -> Grid:
    """A row per stage; the ledgers, not the service, say which provider has executed what."""
    calls = calls_by_message(survived)
    codes = (MAIN_CODE, BACKUP_CODE)
    rows = table("the first provider", "sent", *codes, "status", "attempts", right=("sent", *codes))
    for stage in survived.stages:
        executed = Counter(
            call["providerCode"] for message_id in stage.message_ids for call in calls[message_id] if call["executed"]
        )
        rows.add_row(
            cell(stage.title), str(len(stage.message_ids)), *(str(executed[code]) for code in codes), _statuses(stage, survived.messages),
            _attempts(stage, survived.messages),
        )  # fmt: skip
    return rows


def _statuses(stage: Stage, messages: Mapping[str, Mapping[str, Any]]) -> Text:
    counts = Counter(messages[message_id]["status"] for message_id in stage.message_ids)
    return Text(", ").join([Text(f"{count} ").append_text(status_text(name)) for name, count in counts.most_common()])


def _attempts(stage: Stage, messages: Mapping[str, Mapping[str, Any]]) -> str:
    counts = sorted(Counter(len(messages[message_id]["attempts"]) for message_id in stage.message_ids).items())
    if len(counts) == 1:
        return str(counts[0][0])
    return ", ".join(f"{count} x {attempts}" for attempts, count in counts)
