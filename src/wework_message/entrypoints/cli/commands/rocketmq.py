"""``wework-message rocketmq``: the topics and groups that the service needs."""

from pathlib import Path

import rich_click as click

from wework_message.entrypoints.cli.commands.serve import settings_options
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.options import json_option
from wework_message.entrypoints.cli.output import console, print_json
from wework_message.entrypoints.cli.services import Services, SettingsSource


@click.group("rocketmq")
def rocketmq() -> None:
    """Prepare the RocketMQ cluster."""


@rocketmq.command("init")
@settings_options
@json_option
@click.pass_obj
def init(services: Services, *, config: Path | None, profile: str | None, as_json: bool) -> int:
    """Create the topics and consumer groups that are missing; what exists stays as it is.

    Only needed with `rocketmq.create-topics: false`. Ends with 75 where the cluster does not answer or refuses.
    """
    startup = services.startup(SettingsSource(config, profile))
    problems = [problem for problem in startup.problems if "rocketmq" in problem]
    if problems:
        raise CommandFailedError(ExitCode.CONFIGURATION, *problems, document={"errors": problems})
    created = startup.create_topics()
    if as_json:
        print_json({"topics": created.topics, "groups": created.groups})
    elif created.topics or created.groups:
        for kind, names in (("topic", created.topics), ("group", created.groups)):
            for name in names:
                console().print_line(f"created {kind} {name}")
    else:
        console().print_line("every topic and group was there already")
    return ExitCode.OK
