"""The real commands: complete definitions, within the limits of every platform, buttons that lead somewhere."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

import discord
import pytest

import handlers
from handlers.command import Command, Confirm, Role
from handlers.platforms.console.chat import _LEAVE
from handlers.platforms.discord.options import slash_command
from handlers.registry import definition_faults, load_registry

REGISTRY = load_registry()
ROOM = Path(handlers.__file__).parent
EVERY = pytest.mark.parametrize("command", list(REGISTRY), ids=lambda command: command.name)

# The commands of issue 2, part 6.
NAMED = [
    "help",
    "start",
    "status",
    "positions",
    "orders",
    "trades",
    "balance",
    "equity",
    "pnl",
    "stats",
    "performance",
    "chart",
    "price",
    "signal",
    "why",
    "signals",
    "symbols",
    "risk",
    "set_risk",
    "set_risk_percent",
    "set_limit",
    "params",
    "set",
    "pause",
    "resume",
    "stop_trading",
    "start_trading",
    "close",
    "close_all",
    "panic_close",
    "stoploss",
    "takeprofit",
    "stop",
    "kill",
    "reset_kill",
    "kill_now",
    "halts",
    "health",
    "schedule",
    "notify",
    "audit",
    "config",
    "mode",
    "version",
    "digest",
]


@pytest.mark.parametrize("name", NAMED)
def test_the_first_voyage_has_its_commands(name: str) -> None:
    assert REGISTRY.find(name) is not None


@EVERY
def test_definitions_are_complete(command: Command) -> None:
    assert definition_faults(command) == []
    assert isinstance(command.role, Role)
    assert command.confirm is Confirm.NONE or command.preview


@EVERY
def test_discord_can_offer_it(command: Command) -> None:
    async def answer(*given: object) -> None:
        """Never called."""

    client = discord.Client(intents=discord.Intents.none())
    made = slash_command(command, answer, lambda interaction, parameter, typed: ())
    payload: dict[str, Any] = made.to_dict(discord.app_commands.CommandTree(client))
    assert len(payload["options"]) <= 25
    for option in payload["options"]:
        assert 1 <= len(option["description"]) <= 100
        assert len(option.get("choices", ())) <= 25


def test_telegram_menus_and_discord_hold_them_all() -> None:
    assert len(REGISTRY) <= 100
    assert not {f"/{command.name}" for command in REGISTRY} & _LEAVE


def button_lines() -> Iterator[tuple[str, str]]:
    """The beginning of every command line written in a Button(...) of ours, and where."""
    for path in sorted(ROOM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if _makes_a_button(node) and (line := _beginning(node.args[1])):
                yield line, f"{path.relative_to(ROOM)}:{node.lineno}"


def _makes_a_button(node: ast.AST) -> TypeGuard[ast.Call]:
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Button"
    return named and len(node.args) > 1  # type: ignore[attr-defined]


def _beginning(node: ast.expr) -> str:
    """A line's literal text up to the first figure, when it holds the whole command name."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        text = str(node.values[0].value)
        return text if " " in text else ""
    return ""


def test_every_written_button_runs_a_command_that_declares_its_role() -> None:
    lines = list(button_lines())
    assert len(lines) > 5
    for line, where in lines:
        command = REGISTRY.find(line.removeprefix("/").partition(" ")[0])
        assert line.startswith("/"), where
        assert command is not None, f"{where}: {line}"
        assert isinstance(command.role, Role)


def test_examples_are_lines_that_work() -> None:
    """What stands before a shown value is shown too: /grant USER 7d would give nobody a role."""
    examples = {command.name: command.example for command in REGISTRY}
    assert examples["grant"] == "/grant telegram:123456789 viewer 7d"
    assert examples["backtest"] == "/backtest BTCUSDT 30 composite"
    assert examples["close"] == "/close BTCUSDT 50"
