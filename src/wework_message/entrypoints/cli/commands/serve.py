"""Commands that run or prepare the service itself: ``serve``, ``migrate``, ``config check``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click
from rich.panel import Panel

from wework_message.application.role import Role
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.options import json_option
from wework_message.entrypoints.cli.output import console, error_console, print_json, survives_full_output, table
from wework_message.entrypoints.cli.properties import WithProperties, properties_option
from wework_message.entrypoints.cli.services import Services, SettingsSource, Startup
from wework_message.entrypoints.cli.terminal import Terminal, visible, visible_lines

_Command = TypeVar("_Command", bound=Callable[..., Any])


def settings_options(command: _Command) -> _Command:
    """`--config` and `--profile`."""
    file = click.option(
        "--config", type=click.Path(path_type=Path), metavar="FILE",
        help="Settings file instead of ./config/application.yml or ./application.yml.",
    )  # fmt: skip
    profile = click.option("--profile", metavar="NAMES", help="Active profiles instead of SPRING_PROFILES_ACTIVE.")
    return file(profile(command))


_workers = click.option(
    "--workers", type=click.IntRange(1, 64), metavar="N",
    help="Processes that share the port, instead of server.workers; more than 1 needs a database of several writers, and Linux.",
)  # fmt: skip


@click.command("serve", cls=WithProperties)
@settings_options
@properties_option
@click.option("--host", metavar="ADDRESS", help="Address to listen on instead of server.host.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on instead of server.port; 0 = any free.")
@_workers
@click.option(
    "--no-dispatch", is_flag=True, help="REST API only: accept and answer; somebody else has to run `consume`."
)
@click.pass_obj
def serve(
    services: Services, *, config: Path | None, profile: str | None, host: str | None, port: int | None,
    workers: int | None, no_dispatch: bool, properties: tuple[str, ...],
) -> int:  # fmt: skip
    """Run the service: REST API, dispatch and callbacks, until SIGTERM or Ctrl-C."""
    role = Role.ACCEPTING if no_dispatch else Role.ALL
    return _run(services, SettingsSource(config, profile, host, port, workers, role, properties))


@click.command("consume", cls=WithProperties)
@settings_options
@properties_option
@click.option("--host", metavar="ADDRESS", help="Address to listen on instead of server.host.")
@click.option(
    "--port", type=click.IntRange(0, 65_535),
    help="Port for health and metrics instead of management.server.port; 0 = any free.",
)  # fmt: skip
@_workers
@click.pass_obj
def consume(
    services: Services, *, config: Path | None, profile: str | None, host: str | None, port: int | None,
    workers: int | None, properties: tuple[str, ...],
) -> int:  # fmt: skip
    """Dispatch and project for `serve --no-dispatch`, until SIGTERM or Ctrl-C; health and metrics, but no REST API."""
    return _run(services, SettingsSource(config, profile, host, port, workers, Role.CONSUMING, properties))


def _run(services: Services, source: SettingsSource) -> int:
    startup = startable(services, source)
    survives_full_output(lambda: show_startup(error_console(), startup))
    return startup.serve()


def show_startup(out: Terminal, startup: Startup) -> None:
    """Print what is about to run; on stderr, since stdout belongs to the log."""
    rows = table("", "")
    rows.show_header = False
    if startup.docs_url is None:
        rows.add_row("health and metrics", f"{startup.url}/actuator/health")
    else:
        rows.add_row("API", startup.url)
        rows.add_row("docs", startup.docs_url)
    rows.add_row("profile", startup.profile or "none (embedded)")
    rows.add_row("settings", ", ".join(startup.files) or "defaults and environment")
    if startup.workers > 1:
        rows.add_row("workers", str(startup.workers))
    for role, backend in startup.parts.items():
        rows.add_row(role, backend)
    for provider in startup.providers:
        rows.add_row("provider", f"{provider.code} {provider.name}  {provider.url or 'built-in simulator'}")
    out.print_line(("wework-message", "bold"))
    out.print(rows)
    simulated = [provider.code for provider in startup.providers if provider.url is None]
    if simulated:
        text = f"{', '.join(simulated)} is the built-in SIMULATOR: nothing reaches WeCom."
        out.print(Panel(visible(text), border_style="bold red", style="bold yellow", expand=False))
    for warning in startup.warnings:
        out.print_line(("warning:", "yellow"), f" {warning}")


@click.command("migrate", cls=WithProperties)
@settings_options
@properties_option
@click.pass_obj
def migrate(services: Services, *, config: Path | None, profile: str | None, properties: tuple[str, ...]) -> int:
    """Bring the database's schema up to this version."""
    startup = startable(services, SettingsSource(config, profile, properties=properties))
    before = startup.migrate()
    console().print_line(
        "the schema was up to date already" if before == "CURRENT" else f"the schema was {before}, now CURRENT"
    )
    return ExitCode.OK


@click.group("config")
def config() -> None:
    """Look at the settings."""


@config.command("check", cls=WithProperties)
@settings_options
@properties_option
@json_option
@click.pass_obj
def check(
    services: Services, *, config: Path | None, profile: str | None, as_json: bool, properties: tuple[str, ...]
) -> int:
    """Print every setting with its value, secrets masked, and where it comes from.

    Ends with 78 if the service would not start with them.
    """
    startup = services.startup(SettingsSource(config, profile, properties=properties))
    if as_json:
        print_json(startup.document)
    else:
        out = console()
        for line in visible_lines(startup.text):
            out.print_line(line)
    return ExitCode.CONFIGURATION if startup.problems else ExitCode.OK


def startable(services: Services, source: SettingsSource) -> Startup:
    """A start that the settings allow; raises `CommandFailedError` (`CONFIGURATION`) with every reason against it."""
    startup = services.startup(source)
    if startup.problems:
        first, *others = startup.problems
        advice = "see them all with: wework-message config check"
        raise CommandFailedError(ExitCode.CONFIGURATION, first, *others, advice)
    return startup
