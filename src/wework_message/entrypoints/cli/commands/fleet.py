"""All accounts as one file: ``accounts export|apply``."""

from pathlib import Path
from typing import BinaryIO, Final

import rich_click as click

from wework_message.domain.registration import MAX_BINDINGS
from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.fleet.document import Format, document, written
from wework_message.entrypoints.cli.fleet.file import read_fleet, refused
from wework_message.entrypoints.cli.fleet.plan import plan
from wework_message.entrypoints.cli.fleet.report import report, show_failures, show_plan, show_summary
from wework_message.entrypoints.cli.fleet.run import carry_out, obstacles, read_stored
from wework_message.entrypoints.cli.output import console, error_console, print_json, print_text


@click.command("export")
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Format]),
    help="Default: as the file is called, else yaml.",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Default: stdout."
)
@client_options
@click.pass_obj
def export(services: ClientServices, *, form: str | None, output: Path | None, url: str, as_json: bool) -> int:
    """Write all registered accounts as one document, which `accounts apply` reads.

    It has what can be set, without defaults; not states, health or versions. Equal fleets make equal files. `--json` is `--format json`.
    """
    used = Format(form) if form is not None else _format_of(output, as_json=as_json)
    with client_of(services, url) as client:
        stored = read_stored(client)
    text = written(document(stored.accounts.values()), used)
    if output is None:
        print_text(text)
        return ExitCode.OK
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise CommandFailedError(ExitCode.NOT_FOUND, f"{output} cannot be written: {error.strerror}") from None
    error_console().print_line(f"accounts written to {output}: {len(stored.accounts)}")
    return ExitCode.OK


def _format_of(output: Path | None, *, as_json: bool) -> Format:
    return Format.JSON if as_json or (output is not None and output.suffix == ".json") else Format.YAML


@click.command("apply")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Only show what would be changed.")
@click.option("--prune", is_flag=True, help="Switch off accounts, and remove bindings, that are not in the file.")
@client_options
@click.pass_obj
def apply(services: ClientServices, *, file: BinaryIO, dry_run: bool, prune: bool, url: str, as_json: bool) -> int:
    """Make the registered accounts as a file says; - = stdin.

    The whole file is checked before the first change. Accounts and bindings that the file does not have stay as they are, unless
    `--prune` is given; no account is ever deleted. An account that fails does not stop the others. A second run finds nothing to do.
    """
    fleet = read_fleet(file.read(), _name_of(file))
    with client_of(services, url) as client:
        stored = read_stored(client)
        planned = plan(stored.accounts, fleet.accounts, prune=prune, max_bindings=MAX_BINDINGS)
        if problems := list(obstacles(client, planned, fleet, stored)):
            raise refused(_name_of(file), problems)
        if not as_json:
            show_plan(console(), planned)
        results = None if dry_run else carry_out(client, planned, stored)
    unchanged = len(fleet.accounts.keys() - planned.changed.keys())
    if as_json:
        print_json(report(planned, unchanged, results))
    else:
        show_summary(console(), planned, unchanged, results)
        if results is not None:
            show_failures(error_console(), results)
    return ExitCode.OK if results is None else results.code


def _name_of(file: BinaryIO) -> str:
    return str(getattr(file, "name", "") or "stdin")


FLEET: Final = (export, apply)
