"""What the second act prints: where the ledgers have its messages, one message explained, and the account."""

from collections import Counter
from typing import Final

from wework_message.demo.failover import BACKUP_CODE, Survived
from wework_message.demo.failover_judge import calls_by_message, failed_over, uncertain
from wework_message.demo.processes import MAIN_CODE
from wework_message.entrypoints.cli.commands.account_output import show_account
from wework_message.entrypoints.cli.commands.explain import show_decision, show_explained
from wework_message.entrypoints.cli.output import cell, table
from wework_message.entrypoints.cli.terminal import Grid, Terminal

_ENDS: Final = ("DELIVERED", "SENT", "UNKNOWN")
"""Where messages may end; any other status is a difference, and named there."""


def show_survival(out: Terminal, survived: Survived) -> None:
    """Print the act."""
    pids = " and ".join(map(str, survived.killed_pids))
    out.print()
    out.print_line(f"An account at two providers, of which the first one was killed twice (process {pids}):")
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
    calls, moved = calls_by_message(survived), set(failed_over(survived))
    numbers = ("count", MAIN_CODE, BACKUP_CODE, *_ENDS, "moved")
    rows = table("the first one", *numbers, right=numbers)
    for stage in survived.stages:
        ids = stage.message_ids
        executed = Counter(call["providerCode"] for name in ids for call in calls[name] if call["executed"])
        ends = Counter(survived.messages[name]["status"] for name in ids if name in survived.messages)
        counts = (
            len(ids),
            executed[MAIN_CODE],
            executed[BACKUP_CODE],
            *(ends[end] for end in _ENDS),
            len(moved & {*ids}),
        )
        rows.add_row(cell(stage.title), *map(str, counts))
    return rows
