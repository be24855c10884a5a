"""Listings for people and scripts: the chat commands, and whether the configuration can be used."""

import json
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.config.settings import Mode
from cli.homes import load, resolve_home
from cli.markets import configured_market
from handlers.manual import commands_json, commands_markdown
from handlers.registry import load_registry
from strategies.registry import Registry as Strategies


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


def check_config(home: Path | None, config: Path | None) -> int:
    """Read everything there is to read; what is wrong raises with one line each."""
    loaded = load(resolve_home(home, os.environ), config, os.environ)
    strategies = Strategies([Path(path) for path in loaded.settings.strategy_paths])
    strategies.check()
    for symbol in loaded.settings.symbols:
        strategies.build(symbol.strategy, symbol.symbol)
    if loaded.settings.mode is Mode.DEMO:  # what an exchange lists is known only when it is asked
        configured_market(loaded.settings)
    where = loaded.path.name if loaded.path else "built-in defaults"
    sys.stdout.write(
        f"{where}: mode {loaded.settings.mode}, {len(loaded.settings.symbols)} symbols: usable\n"
    )
    return 0
