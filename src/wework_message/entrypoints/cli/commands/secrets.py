"""``wework-message secrets``: what files and the database hold in secret is encrypted (ADR 72)."""

import sys
from pathlib import Path

import rich_click as click

from wework_message.entrypoints.cli.commands.serve import settings_options, startable
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.options import json_option
from wework_message.entrypoints.cli.output import console, print_json, print_text, table
from wework_message.entrypoints.cli.services import CheckedSecrets, Services, SettingsSource


@click.group("secrets")
def secrets() -> None:
    """Encrypt secrets of files and of the database, and change the key."""


@secrets.command("encrypt")
@click.argument("setting", metavar="SETTING")
@settings_options
@click.pass_obj
def encrypt(services: Services, *, setting: str, config: Path | None, profile: str | None) -> int:
    """Read a secret from standard input, and print what may stand in its place as the value of SETTING.

    SETTING is the key of a secret setting, such as app.wework.providers.main.options.token: the value fits there only.
    """
    startup = services.startup(SettingsSource(config, profile))
    clear = click.prompt("Secret", hide_input=True, err=True) if sys.stdin.isatty() else _line(sys.stdin.read())
    if not clear:
        raise click.UsageError("There is no secret on standard input.")
    print_text(startup.secrets.encrypt(setting, clear) + "\n")
    return ExitCode.OK


def _line(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


@secrets.command("check")
@settings_options
@json_option
@click.pass_obj
def check(services: Services, *, config: Path | None, profile: str | None, as_json: bool) -> int:
    """Decrypt every secret of the database once, and count them by key. Nothing is changed, and none is shown.

    One that cannot be decrypted ends it with code 1.
    """
    checked = startable(services, SettingsSource(config, profile)).secrets.check()
    if as_json:
        print_json(_document(checked))
    else:
        _show(checked)
    return ExitCode.DIFFERENT if checked.unreadable else ExitCode.OK


@secrets.command("rotate")
@settings_options
@json_option
@click.pass_obj
def rotate(services: Services, *, config: Path | None, profile: str | None, as_json: bool) -> int:
    """Encrypt every secret of the database with security.secrets.key, also those in clear.

    Services may run, if all of them have that key. Afterwards the former keys may be taken out of
    security.secrets.previous-keys.
    """
    rotated = startable(services, SettingsSource(config, profile)).secrets.rotate()
    if as_json:
        print_json({"renewed": rotated.renewed, "keyId": rotated.key_id, "retiredKeyIds": list(rotated.retired)})
        return ExitCode.OK
    out = console()
    out.print_line(f"{rotated.renewed} secrets are encrypted anew, all with the key {rotated.key_id}")
    if rotated.retired:
        out.print_line(f"no secret of the database needs {', '.join(rotated.retired)} any more")
    return ExitCode.OK


def _document(checked: CheckedSecrets) -> dict[str, object]:
    return {
        "keyId": checked.key_id,
        "secrets": [
            {"column": column, "keyId": None if key_id == "none" else key_id, "count": count}
            for (column, key_id), count in checked.by_key.items()
        ],
        "unreadable": list(checked.unreadable),
    }


def _show(checked: CheckedSecrets) -> None:
    out = console()
    rows = table("column", "key", "secrets", right=("secrets",))
    for (column, key_id), count in checked.by_key.items():
        rows.add_row(column, "in clear" if key_id == "none" else key_id, str(count))
    if rows.row_count:
        out.print(rows)
    out.print_line(f"{len(checked.unreadable)} secrets cannot be decrypted with the keys of the settings")
    for place in checked.unreadable:
        out.print_line("  ", place)
