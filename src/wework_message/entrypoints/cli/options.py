"""Options of all kinds of commands."""

from typing import Final

import rich_click as click

JSON_REQUESTED: Final = "wework_message.cli.json"
"""Key in the context's shared `meta`: a failure is printed as JSON too."""


def _note_json(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    ctx.meta[JSON_REQUESTED] = value
    return value


json_option = click.option(
    "--json", "as_json", is_flag=True, callback=_note_json, help="Print the answer's data as JSON, and nothing else."
)
