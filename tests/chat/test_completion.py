"""Completion of commands, symbols and choices."""

from typing import cast

from chat_fakes import COMMANDS, FakeDesk

from bot.runtime.desk import Desk
from handlers.command import Role
from handlers.completion import complete, complete_value
from handlers.registry import Registry

REGISTRY = Registry(COMMANDS)
DESK = cast(Desk, FakeDesk())


def words(line: str, role: Role = Role.ADMIN) -> list[str]:
    return [suggestion.text for suggestion in complete(line, REGISTRY, role, DESK)]


def test_commands_of_the_role() -> None:
    assert words("/st") == ["/status", "/state", "/stoploss"]
    assert words("st", Role.VIEWER) == ["status", "state"]
    assert words("/zzz") == []


def test_values_of_the_parameter_reached() -> None:
    assert words("/status ") == ["XRPUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert words("/status b") == ["BTCUSDT"]
    assert words("/close ") == ["XRPUSDT"]
    assert words("/close XRPUSDT ") == ["25", "50", "100"]
    assert words("/stoploss XRPUSDT b") == ["be"]
    assert words("/pnl w") == ["week"]
    assert words("/panic_close n") == ["now"]
    assert words("/close ", Role.VIEWER) == []
    assert words("/nosuch ") == []
    assert words("/reset_kill a") == ["all"]


def test_what_is_replaced() -> None:
    suggestion = complete("/status xr", REGISTRY, Role.ADMIN, DESK)[0]
    assert (suggestion.text, suggestion.replaces, suggestion.help) == ("XRPUSDT", 2, "one symbol only")


def test_autocomplete_finds_inside_too_and_keeps_its_limit() -> None:
    symbol = REGISTRY.find("status").parameters[0]  # type: ignore[union-attr]
    assert complete_value(symbol, "h", DESK, 25) == ("ETHUSDT",)
    assert complete_value(symbol, "s", DESK, 2) == ("SOLUSDT", "XRPUSDT")
