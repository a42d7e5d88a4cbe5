"""``wework-message tenants``: the owners of everything stored, in the database itself."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import rich_click as click

from wework_message.domain.access.tenants import Tenant
from wework_message.domain.audit import AuditAction
from wework_message.domain.ids import TenantId
from wework_message.entrypoints.cli.commands.serve import settings_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.options import json_option
from wework_message.entrypoints.cli.output import cell, clock, console, print_json, show_list, table
from wework_message.entrypoints.cli.services import Access, Services, SettingsSource
from wework_message.entrypoints.wire.answers.keys import TenantList, tenant_answer, tenant_list


@click.group("tenants")
def tenants() -> None:
    """Tenants: create, list, disable, enable. In the database of the settings, which need not be served."""


@tenants.command("create")
@click.argument("tenant_id", metavar="ID")
@settings_options
@click.option("--name", metavar="TEXT", required=True, help="What people call it.")
@json_option
@click.pass_obj
def create(
    services: Services, *, tenant_id: str, config: Path | None, profile: str | None, name: str, as_json: bool
) -> int:
    """Create the tenant ID; make keys for it afterwards."""

    async def work(access: Access) -> Tenant:
        async with access.in_the_trail(AuditAction.TENANT_CREATE, tenant_id):
            return await access.tenants.create(TenantId(tenant_id), name)

    return _change(services, SettingsSource(config, profile), work, "is created", as_json=as_json)


@tenants.command("list")
@settings_options
@json_option
@click.pass_obj
def listed(services: Services, *, config: Path | None, profile: str | None, as_json: bool) -> int:
    """List all tenants."""

    async def work(access: Access) -> TenantList:
        return tenant_list(await access.tenants.tenants())

    stored = services.startup(SettingsSource(config, profile)).with_access(work)
    if as_json:
        print_json(msgspec.to_builtins(stored))
        return ExitCode.OK
    rows = table("id", "name", "created (UTC)", "disabled (UTC)")
    for tenant in stored.items:
        rows.add_row(cell(tenant.tenant_id), cell(tenant.name), clock(tenant.created_at), clock(tenant.disabled_at))
    show_list(rows, None, empty="there are no tenants")
    return ExitCode.OK


@tenants.command("disable")
@click.argument("tenant_id", metavar="ID")
@settings_options
@click.option("--yes", is_flag=True, help="Confirm: all its keys are refused from now on.")
@json_option
@click.pass_obj
def disable(
    services: Services, *, tenant_id: str, config: Path | None, profile: str | None, yes: bool, as_json: bool
) -> int:
    """Refuse all keys of the tenant ID. What it has stored stays, and what was accepted is sent: see `control pause`."""
    if not yes:
        raise click.UsageError("All its keys are refused from now on: add --yes.")

    async def work(access: Access) -> Tenant:
        async with access.in_the_trail(AuditAction.TENANT_DISABLE, tenant_id):
            return await access.tenants.disable(TenantId(tenant_id))

    text = "is disabled; every process refuses its keys within 5 s"
    return _change(services, SettingsSource(config, profile), work, text, as_json=as_json)


@tenants.command("enable")
@click.argument("tenant_id", metavar="ID")
@settings_options
@json_option
@click.pass_obj
def enable(services: Services, *, tenant_id: str, config: Path | None, profile: str | None, as_json: bool) -> int:
    """Let the keys of the tenant ID in again."""

    async def work(access: Access) -> Tenant:
        async with access.in_the_trail(AuditAction.TENANT_ENABLE, tenant_id):
            return await access.tenants.enable(TenantId(tenant_id))

    text = "is enabled; every process lets its keys in within 5 s"
    return _change(services, SettingsSource(config, profile), work, text, as_json=as_json)


def _change(
    services: Services,
    source: SettingsSource,
    work: Callable[[Access], Awaitable[Tenant]],
    text: str,
    *,
    as_json: bool,
) -> int:
    tenant = services.startup(source).with_access(work)
    if as_json:
        print_json(msgspec.to_builtins(tenant_answer(tenant)))
    else:
        console().print_line(f"{tenant.tenant_id} {text}")
    return ExitCode.OK
