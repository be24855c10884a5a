"""Listings for people and scripts: the chat commands, the manifest of a Slack app."""

import json
import sys

from rich.console import Console
from rich.table import Table

from handlers.manual import commands_json, commands_markdown
from handlers.registry import load_registry


def list_commands(as_json: bool, as_markdown: bool) -> int:
    """Every chat command: a JSON array, the manual's page, or a table."""
    if as_markdown:
        sys.stdout.write(commands_markdown(load_registry()))
        return 0
    rows = commands_json(load_registry())
    if as_json:
        sys.stdout.write(json.dumps(rows, ensure_ascii=False) + "\n")
        return 0
    table = Table("Command", "Role", "Confirm", "What it does", box=None, pad_edge=False)
    for row in rows:
        table.add_row(f"/{row['name']}", str(row["role"]), str(row["confirmation"]), str(row["help"]))
    Console().print(table)
    return 0


def slack_app() -> int:
    """The manifest of a Slack app that offers the commands: paste it where Slack makes an app."""
    from handlers.platforms.slack import manifest

    sys.stdout.write(json.dumps(manifest(load_registry()), indent=2) + "\n")
    return 0
