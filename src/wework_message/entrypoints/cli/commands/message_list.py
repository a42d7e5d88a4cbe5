"""``wework-message messages``: the list, with a filter for each of the API's."""

import rich_click as click

from wework_message.entrypoints.cli.client_options import ClientServices, client_of, client_options, page_options
from wework_message.entrypoints.cli.commands.explain import explain_message
from wework_message.entrypoints.cli.commands.message_filters import filter_options, named
from wework_message.entrypoints.cli.commands.messages import MESSAGES
from wework_message.entrypoints.cli.commands.resolve import resolve_messages
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.output import cell, clock, print_page, show_list, status_text, table


@click.group("messages", invoke_without_command=True)
@filter_options
@page_options
@client_options
@click.pass_context
def messages(
    ctx: click.Context, /, *, limit: int, cursor: str | None, url: str, as_json: bool, **filters: str | None
) -> int:
    """List messages, newest first."""
    services: ClientServices = ctx.obj
    if ctx.invoked_subcommand is not None:
        _refuse_options(ctx)
        return ExitCode.OK
    with client_of(services, url) as client:
        items, following = client.pages(MESSAGES, named(filters), limit=limit, cursor=cursor)
    if as_json:
        print_page(items, following)
        return ExitCode.OK
    rows = table("created (UTC)", "message", "type", "conversation", "status")
    for item in items:
        rows.add_row(
            clock(item.get("createdAt")), cell(item.get("messageId")), cell(item.get("messageType")),
            cell(item.get("conversationId")), status_text(item.get("status")),
        )  # fmt: skip
    show_list(rows, following, empty="no messages")
    return ExitCode.OK


def _refuse_options(ctx: click.Context) -> None:
    """A subcommand has options of its own: those of the list, before its name, would change nothing."""
    for name in ctx.params:
        source = ctx.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise click.UsageError(
                f"The options of the list go without {ctx.invoked_subcommand}; its own come after it."
            )


messages.add_command(explain_message)
messages.add_command(resolve_messages)
