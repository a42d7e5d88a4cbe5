"""``wework-message webhooks``: events of clients' messages, from the side of who receives them."""

import rich_click as click

from wework_message.entrypoints.cli.commands.webhook_endpoints import ENDPOINTS
from wework_message.entrypoints.cli.commands.webhooks_listen import listen


@click.group("webhooks")
def webhooks() -> None:
    """Webhooks: endpoints that are told of events, what became of each, and a receiver for this machine."""


for command in (*ENDPOINTS, listen):
    webhooks.add_command(command)
