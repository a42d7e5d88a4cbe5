"""An account on the screen."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from wework_message.entrypoints.cli.fleet.run import ACCOUNTS
from wework_message.entrypoints.cli.output import cell, console, details, print_json, table

_SHOWN: Final = (
    ("accountId", "account"),
    ("name", "name"),
    ("corpId", "corp id"),
    ("vid", "user id"),
    ("state", "state"),
    ("onUnknown", "on UNKNOWN"),
    ("createdAt", "created at"),
    ("updatedAt", "updated at"),
    ("version", "version"),
)


def account_path(account_id: str) -> str:
    """The route of an account."""
    return f"{ACCOUNTS}/{quote(account_id, safe='')}"


def limits_text(account: Mapping[str, Any]) -> str:
    """What limits its messages, in a line; empty where nothing does."""
    parts = [f"{budget['limit']} per {str(budget['per']).lower()}" for budget in account.get("budgets", ())]
    if account.get("bulkShare") is not None:
        parts.append(f"bulk {account['bulkShare']:.0%}")
    if account.get("minIntervalMs") is not None:
        parts.append(f"every {account['minIntervalMs']} ms")
    if (quiet := account.get("quietHours")) is not None:
        parts.append(f"quiet {quiet['from']}-{quiet['to']} {quiet['zone']}")
    return ", ".join(parts)


def show_account(data: Mapping[str, Any], *, as_json: bool) -> None:
    """Print an account with its bindings."""
    if as_json:
        print_json(data)
        return
    out = console()
    grid = details()
    for name, label in _SHOWN:
        if data.get(name) not in (None, ""):
            grid.add_row(label, cell(data[name]))
    notes = {
        "enabled": "" if data.get("enabled", True) else "no: sends are refused, and what waits is held",
        "implicit": "yes: made for a guid that nobody registered" if data.get("implicit") else "",
        "pools": ", ".join(data.get("pools", ())),
        "limits": limits_text(data),
    }
    for label, text in notes.items():
        if text:
            grid.add_row(label, cell(text))
    out.print(grid)
    out.print()
    rows = table(
        "provider", "guid", "standby", "priority", "weight", "slot", "state", "healthy", right=("priority", "weight")
    )
    for binding in data.get("bindings", ()):
        rows.add_row(
            cell(binding.get("providerCode")), cell(binding.get("guid")), cell(binding.get("standby")),
            cell(binding.get("priority")), cell(binding.get("weight")), cell(binding.get("deviceSlot")),
            cell(binding.get("state") if binding.get("enabled", True) else "disabled"), _HEALTHY[binding.get("healthy")],
        )  # fmt: skip
    out.print(rows if rows.row_count else "no bindings: it cannot send")


_HEALTHY: Final = {True: "yes", False: "no", None: "-"}
