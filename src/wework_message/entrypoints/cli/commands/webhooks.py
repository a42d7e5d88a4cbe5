"""``wework-message webhooks``: events of clients' messages, from the side of who receives them."""

import rich_click as click

from wework_message.entrypoints.cli.commands.webhooks_listen import listen


@click.group("webhooks")
def webhooks() -> None:
    """Webhooks: receive events on this machine, and verify them."""


webhooks.add_command(listen)
