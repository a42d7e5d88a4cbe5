"""``wework-message keys``: API keys, in the database itself, so that the first one can be made.

Only the database must be usable: a key that leaked is revoked whatever else of the settings would stop a start.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import rich_click as click

from wework_message.application.access.keys import CreateKey, IssuedKey, RotateKey
from wework_message.domain.access.api_keys import (
    DEFAULT_OVERLAP_S,
    MAX_LIFE_S,
    MAX_OVERLAP_S,
    MIN_LIFE_S,
    ApiKey,
)
from wework_message.domain.access.scopes import Scope, scopes_of
from wework_message.domain.audit import AuditAction
from wework_message.domain.ids import DEFAULT_TENANT, TenantId
from wework_message.entrypoints.cli.commands.serve import settings_options
from wework_message.entrypoints.cli.durations import seconds_between, shown
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.options import json_option
from wework_message.entrypoints.cli.output import cell, clock, console, error_console, print_json, show_list, table
from wework_message.entrypoints.cli.services import Access, Services, SettingsSource
from wework_message.entrypoints.wire.answers.keys import IssuedKeyAnswer, KeyList, issued_key_answer, key_list

_SHOWN_SCOPES: Final = 2


@click.group("keys")
def keys() -> None:
    """API keys: make, list, rotate, revoke. In the database of the settings, which need not be served."""


@keys.command("create")
@settings_options
@click.option("--tenant", metavar="ID", default=DEFAULT_TENANT, show_default=True, help="Whose key it is.")
@click.option("--name", metavar="TEXT", required=True, help="What people call it.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice([scope.value for scope in Scope]),
    help="What it may do; once for each.",
)  # fmt: skip
@click.option("--all-scopes", is_flag=True, help="Every scope that a key of the tenant may have.")
@click.option(
    "--expires", metavar="TIME", callback=seconds_between(MIN_LIFE_S, MAX_LIFE_S),
    help="How long it lives, such as 90d.  [default: until it is revoked]",
)  # fmt: skip
@json_option
@click.pass_obj
def create(
    services: Services, *, config: Path | None, profile: str | None, tenant: str, name: str, scopes: Sequence[str],
    all_scopes: bool, expires: int | None, as_json: bool,
) -> int:  # fmt: skip
    """Make a key and print it, this once: the key alone on stdout, the rest on stderr."""
    if bool(scopes) == all_scopes:
        raise click.UsageError("Say what it may do: either --scope, once for each, or --all-scopes.")
    tenant_id = TenantId(tenant)
    may = scopes_of(tenant_id) if all_scopes else frozenset(map(Scope, scopes))
    command = CreateKey(tenant_id, name, may, expires)

    async def work(access: Access) -> IssuedKey:
        async with access.in_the_trail(AuditAction.KEY_CREATE, tenant) as notes:
            made = await access.keys.create(access.caller, command)
            notes.target = f"{tenant}/{made.key.key_id}"
            return made

    issued = services.startup(SettingsSource(config, profile)).with_access(work)
    _show_issued(issued_key_answer(issued), as_json=as_json)
    return ExitCode.OK


@keys.command("list")
@settings_options
@click.option("--tenant", metavar="ID", help="Only those of this tenant.  [default: all]")
@json_option
@click.pass_obj
def listed(services: Services, *, config: Path | None, profile: str | None, tenant: str | None, as_json: bool) -> int:
    """List the keys, without their texts, which are kept nowhere; those that have ended, for a week."""
    tenant_id = None if tenant is None else TenantId(tenant)

    async def work(access: Access) -> KeyList:
        return key_list(await access.keys.keys_of(access.caller, tenant_id), access.now())

    stored = services.startup(SettingsSource(config, profile)).with_access(work)
    if as_json:
        print_json(msgspec.to_builtins(stored))
        return ExitCode.OK
    rows = table("made (UTC)", "id", "tenant", "name", "scopes", "ends (UTC)", "last used (UTC)", "valid")
    for key in stored.items:
        ends = min((end for end in (key.expires_at, key.ends_at) if end is not None), default=None)
        rows.add_row(
            clock(key.created_at), cell(key.key_id), cell(key.tenant_id), cell(key.name), cell(_some_of(key.scopes)),
            clock(ends), clock(key.last_used_at), "yes" if key.valid else "no",
        )  # fmt: skip
    show_list(rows, None, empty="there are no keys")
    return ExitCode.OK


@keys.command("rotate")
@click.argument("key_id", metavar="ID")
@settings_options
@click.option(
    "--overlap", metavar="TIME", default=shown(DEFAULT_OVERLAP_S), show_default=True,
    callback=seconds_between(0, MAX_OVERLAP_S), help="How long the old one stays valid.",
)  # fmt: skip
@json_option
@click.pass_obj
def rotate(
    services: Services, *, key_id: str, config: Path | None, profile: str | None, overlap: int, as_json: bool
) -> int:
    """Make a key in the place of ID and print it, this once: the key alone on stdout, the rest on stderr."""

    async def work(access: Access) -> IssuedKey:
        async with access.in_the_trail(AuditAction.KEY_ROTATE, key_id) as notes:
            made = await access.keys.rotate(access.caller, RotateKey(key_id, overlap))
            notes.target = f"{key_id}/{made.key.key_id}"
            return made

    issued = services.startup(SettingsSource(config, profile)).with_access(work)
    _show_issued(issued_key_answer(issued), as_json=as_json)
    if not as_json:
        error_console().print_line(f"{key_id} stays valid for {shown(overlap)} more, at most")
    return ExitCode.OK


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
@settings_options
@click.option("--yes", is_flag=True, help="Confirm: whoever uses it is refused from now on.")
@json_option
@click.pass_obj
def revoke(
    services: Services, *, key_id: str, config: Path | None, profile: str | None, yes: bool, as_json: bool
) -> int:
    """End a key now."""
    if not yes:
        raise click.UsageError("Whoever uses it is refused from now on: add --yes.")

    async def work(access: Access) -> ApiKey:
        async with access.in_the_trail(AuditAction.KEY_REVOKE, key_id):
            return await access.keys.revoke(access.caller, key_id)

    services.startup(SettingsSource(config, profile)).with_access(work)
    if as_json:
        print_json({"keyId": key_id, "revoked": True})
    else:
        console().print_line(f"{key_id} is revoked; every process refuses it within 5 s")
    return ExitCode.OK


def _some_of(scopes: Sequence[str]) -> str:
    """So many that the table stays narrow; `--json` has all."""
    more = len(scopes) - _SHOWN_SCOPES
    return " ".join(scopes) if more <= 0 else f"{' '.join(scopes[:_SHOWN_SCOPES])} and {more} more"


def _show_issued(answer: IssuedKeyAnswer, *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(answer))
        return
    console().print_line(answer.key)
    error_console().print_line(
        f"key {answer.key_id} of the tenant {answer.tenant_id}: it is shown this once; every process knows it within 5 s"
    )
