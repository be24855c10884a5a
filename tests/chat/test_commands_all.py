"""What holds for every command: role and confirmation, clean figures, working buttons, one line refusals."""

import re
from dataclasses import fields as fields_of

import pytest
from command_kit import REGISTRY, Talk, alarmed_desk, busy_desk, empty_desk, page
from fakes_desk import FakeDesk

from bot.domain.guard import Limits
from bot.domain.refusal import Refused
from bot.runtime.desk import Desk
from handlers.command import Command, Confirm, Risk, Role
from handlers.guardrails import BASE_BALANCE, GUARDRAILS
from handlers.parse import Bad, bind_line
from handlers.reply import Reply

V, T, A = Role.VIEWER, Role.TRADER, Role.ADMIN
NO, BUTTON, CODE = Confirm.NONE, Confirm.BUTTON, Confirm.CODE

# The table of the chat layer: role and confirmation of every command due now.
READS = [
    "start", "help", "status", "positions", "orders", "trades", "balance", "equity", "pnl", "daily", "weekly",
    "monthly", "stats", "performance", "fees", "digest", "chart", "price", "signal", "signals", "symbols", "risk",
    "kill", "stop", "health", "schedule", "notify", "mode", "version", "alert", "alerts", "note", "ml", "ml_stats",
    "ml_rankings", "report", "phantoms", "phantom_stats", "clusters", "proposals", "settings",
]  # fmt: skip
DEEDS = [
    "set_risk", "set_risk_percent", "set_margin", "set", "resume", "stop_trading", "start_trading", "close",
    "close_all", "panic_close", "stoploss", "takeprofit", "kill_now", "unhalt", "long", "short", "leverage", "drill",
    "ml_on", "ml_shadow", "ml_off", "ml_threshold", "adopt", "attach_stop", "ignore",
]  # fmt: skip
TABLE = {
    **dict.fromkeys(READS, (V, NO)),
    **dict.fromkeys(DEEDS, (T, BUTTON)),
    **dict.fromkeys(["params", "pause", "reentry", "halts", "reconcile", "dry", "export"], (T, NO)),
    **dict.fromkeys(["backtest", "sweep"], (T, NO)),
    **dict.fromkeys(
        ["set_limit", "reset_kill", "shutdown", "restart", "approve", "reject", "undo"], (A, CODE)
    ),
    **dict.fromkeys(["audit", "config", "run_job", "logs", "reload"], (A, NO)),
    "retrain": (A, BUTTON),
}
ALIASES = {"why": "signal", "get_risk": "risk", "sl": "stoploss", "tp": "takeprofit", "flatten": "close_all"}
ELSEWHERE = {
    "shutdown", "restart", "drill", "approve", "reject", "ml_on", "ml_shadow", "ml_off", "ml_threshold", "retrain",
    "adopt", "ignore", "attach_stop",
}  # fmt: skip
"""Carried out by a port, or refused on the busy desk before the engine is asked: their own tests have both."""

LOWERS = {
    "pause",
    "stop_trading",
    "close",
    "close_all",
    "panic_close",
    "kill_now",
    "reconcile",
    "attach_stop",
}

# Lines that exercise every command; a second line where another answer is worth a look.
LINES = [
    "/start", "/help", "/help set_limit", "/status", "/status btc", "/status xrp", "/positions", "/orders",
    "/orders eth", "/trades", "/trades 2 eth", "/balance", "/equity", "/equity 2", "/pnl", "/pnl month 3", "/daily",
    "/weekly", "/monthly 2", "/stats", "/stats eth 30", "/performance", "/performance reason", "/fees", "/fees 3",
    "/digest", "/chart btc", "/chart btc 1h 40", "/chart btc 1m", "/price", "/price eth", "/why btc", "/why xrp",
    "/why eth", "/signals", "/symbols", "/risk", "/set_risk 15", "/set_risk_percent 0.5", "/set_margin 0.6",
    "/set_margin 0.6 0.3 0.001", "/set_margin 0.1 0.5", "/set_limit max_positions 5", "/set_limit auto_reduce on",
    "/set_limit base_balance 12000", "/set_limit drawdown_percent 0", "/set_limit nonsense 1", "/params",
    "/params btc", "/set btc adx_threshold 30", "/set all adx_threshold 30", "/set btc nonsense 3", "/reentry btc off",
    "/pause", "/pause btc", "/resume", "/resume eth", "/stop_trading", "/start_trading", "/stop", "/close btc",
    "/close btc 50", "/close btc 1", "/close xrp", "/close_all", "/panic_close", "/panic_close btc",
    "/stoploss btc be", "/stoploss btc 63000", "/stoploss btc trail 2", "/stoploss btc trail", "/stoploss btc 99999",
    "/takeprofit btc off", "/takeprofit btc 70000", "/takeprofit btc 1", "/kill", "/reset_kill xrp gap in the data",
    "/reset_kill all new week", "/kill_now btc", "/kill_now all", "/halts", "/unhalt eth", "/unhalt all", "/health",
    "/schedule", "/notify", "/notify exit", "/notify exit quiet", "/notify all off", "/audit", "/config",
    "/config nonsense", "/mode", "/version", "/reconcile", "/long btc", "/long xrp 10", "/short eth 5",
    "/leverage btc 3",
    "/leverage xrp", "/leverage btc", "/leverage btc 50", "/drill", "/drill xrp", "/drill btc", "/dry close btc 50",
    "/dry /leverage xrp 3", "/dry status", "/dry nonsense", "/dry close xrp", "/dry close", "/adopt xrp",
    "/attach_stop xrp 0.5", "/ignore xrp", "/alert btc > 70000", "/alert btc < 70000", "/alerts", "/alerts delete 1",
    "/alerts delete", "/note btc late entry", "/export trades", "/export ledger 3", "/settings", "/undo 42", "/undo 7",
    "/shutdown", "/restart", "/run_job digest", "/logs", "/logs 5 error", "/reload", "/ml", "/ml_stats",
    "/ml_rankings uplift", "/ml_on", "/ml_shadow", "/ml_off xrp", "/ml_threshold 0.6", "/ml_threshold", "/phantoms",
    "/phantom_stats", "/retrain", "/clusters", "/clusters 1", "/retrain clusters", "/report", "/report 1",
    "/backtest btc",
    "/backtest stop", "/sweep btc", "/proposals", "/approve p1", "/reject p1 too few trades",
]  # fmt: skip
DESKS = {"busy": busy_desk, "empty": empty_desk, "alarmed": alarmed_desk}
DIRT = ("NaN", "nan", "None", "Decimal(", "Infinity", "inf ", "<", "datetime")
EXPONENT = re.compile(r"\d[eE][+-]?\d")
FIGURE = re.compile(r"[+-]?[\d,]*\.?\d+( ?%|x| [A-Z]{3,5})?|–")


async def answers(talk: Talk, line: str) -> list[Reply]:
    """The answer, and where it asks for a confirmation, the answer to that too."""
    replies = [await talk.say(line)]
    if any(button.label == "Confirm" for button in replies[0].buttons):
        replies.append(await talk.press(replies[0], "Confirm"))
    return replies


def words(reply: Reply) -> str:
    """Everything a person reads, whole."""
    return "\n".join(
        [page(reply), *(button.label for button in reply.buttons), reply.plot.title if reply.plot else ""]
    )


def test_the_table_names_every_command_due_now() -> None:
    assert {command.name for command in REGISTRY} >= set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_roles_and_confirmations_are_those_of_the_table(name: str) -> None:
    command = REGISTRY.find(name)
    assert command is not None
    assert (command.role, command.confirm) == TABLE[name]


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases(alias: str) -> None:
    command = REGISTRY.find(alias)
    assert command is not None
    assert command.name == ALIASES[alias]


def test_commands_that_lower_risk_say_so_and_reading_is_reading() -> None:
    mine = [command for command in REGISTRY if command.name in TABLE]
    assert {command.name for command in mine if command.risk is Risk.LOWERS} == LOWERS
    raising = {command.name for command in mine if command.risk is Risk.RAISES}
    assert raising.isdisjoint({"params", "halts", "audit", "config"})


def test_every_command_is_exercised_here() -> None:
    spoken = {REGISTRY.find(line[1:].split(" ")[0]) for line in LINES}
    assert {command.name for command in spoken if command} == set(TABLE)


def test_what_is_confirmed_shows_first_what_it_does() -> None:
    assert all(command.preview for command in REGISTRY if command.confirm is not Confirm.NONE)


@pytest.mark.parametrize("state", DESKS)
@pytest.mark.parametrize("line", LINES)
async def test_replies_are_clean_whatever_the_state_of_the_desk(line: str, state: str) -> None:
    for reply in await answers(Talk(DESKS[state]()), line):
        text = words(reply)
        assert not [dirt for dirt in DIRT if dirt in text.replace("ADX 18.3 < 25", "")], text
        assert not EXPONENT.search(text), text
        assert reply.title
        assert reply.ok or (reply.text and "\n" not in reply.text), "a refusal is one clear line"


@pytest.mark.parametrize("line", LINES)
async def test_tables_put_figures_to_the_right(line: str) -> None:
    for reply in await answers(Talk(busy_desk()), line):
        if reply.table is None:
            continue
        for number, column in enumerate(reply.table.columns):
            cells = [row[number] for row in reply.table.rows]
            figures = [cell for cell in cells if cell != "–"]
            if figures and all(FIGURE.fullmatch(cell) for cell in figures):
                assert column.align == "right", f"{column.name}: {cells}"


@pytest.mark.parametrize("state", DESKS)
@pytest.mark.parametrize("line", LINES)
async def test_every_button_runs_a_command_that_exists(line: str, state: str) -> None:
    desk = DESKS[state]()
    for reply in await answers(Talk(desk), line):
        for button in reply.buttons:
            if button.label == "Cancel":
                continue
            name, _, rest = button.command_line.removeprefix("/").partition(" ")
            command = REGISTRY.find(name)
            assert command is not None, button
            assert not isinstance(bind_line(command, rest, desk), Bad), button


async def test_refresh_keeps_its_arguments() -> None:
    talk = Talk(busy_desk())
    for line in (
        "/status btc",
        "/trades 2 eth",
        "/stats eth 30",
        "/chart btc 1h 40",
        "/pnl week 3",
        "/equity 90",
    ):
        first = await talk.say(line)
        again = await talk.press(first, "Refresh")
        assert page(again) == page(first)


@pytest.mark.parametrize(
    "command",
    [one for one in REGISTRY if one.confirm is not NO and one.name in TABLE and one.name not in ELSEWHERE],
    ids=lambda one: one.name,
)
async def test_a_refusal_of_the_desk_is_one_line_with_figures(command: Command) -> None:
    desk = busy_desk()
    desk.refuses = Refused("trading_state", "the desk is RECOVERING, 2 of 3 orders known")
    talk = Talk(desk)
    line = next(line for line in LINES if line[1:].split(" ")[0] == command.name)
    reply = (await answers(talk, line))[-1]
    assert not reply.ok
    assert reply.text == "trading state: the desk is RECOVERING, 2 of 3 orders known."
    assert not reply.changes


@pytest.mark.parametrize(
    "line", [line for line in LINES if line.startswith(("/set_", "/set ", "/kill_now", "/resume", "/pause"))]
)
async def test_a_setting_says_from_what_to_what_before_and_after(line: str) -> None:
    replies = await answers(Talk(busy_desk()), line)
    if not replies[0].ok:
        return
    for reply in replies:
        assert " → " in page(reply) or "as before" in page(reply), page(reply)
    assert replies[-1].changes


@pytest.mark.parametrize("user,least", [("3", V), ("2", T), ("1", A)])
async def test_help_lists_only_what_the_role_may_do(user: str, least: Role) -> None:
    talk = Talk(busy_desk(), user)
    reply = await talk.say("/help")
    assert reply.table is not None
    listed = {row[0].split(",")[0].removeprefix("/") for row in reply.table.rows}
    assert listed == {command.name for command in REGISTRY if command.role <= least}


async def test_viewers_get_no_buttons_that_they_may_not_press() -> None:
    reply = await Talk(busy_desk(), "3").say("/status")
    assert [button.label for button in reply.buttons] == ["Refresh"]


def test_the_guardrails_are_the_limits_and_the_base_balance() -> None:
    assert set(GUARDRAILS) == {field.name for field in fields_of(Limits)} | {BASE_BALANCE}


def test_the_defaults_lie_within_their_own_guardrails() -> None:
    for field in fields_of(Limits):
        value = getattr(Limits(), field.name)
        assert not GUARDRAILS[field.name].fault(value), field.name


def test_the_fake_desk_has_what_a_desk_has() -> None:
    wanted = {name for name in vars(Desk) if not name.startswith("_")}
    assert wanted <= set(dir(FakeDesk))
