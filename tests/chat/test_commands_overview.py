"""Status, positions, orders, balance, digest, help: what an operator reads first."""

from dataclasses import replace

from command_kit import Talk, alarmed_desk, busy_desk, empty_desk, fields, page, rows
from fakes_desk import position

from bot.domain.notice import Severity
from bot.domain.signal import Side
from handlers.reply import EquityPlot


async def test_status_heads_with_mode_trading_link_candle_and_day() -> None:
    reply = await Talk(busy_desk()).say("/status")
    shown = fields(reply)
    assert [name for name, _ in reply.fields][:5] == [
        "Trading",
        "pause",
        "stop_trading",
        "flatten",
        "shutdown",
    ]
    assert shown["Mode"] == "demo · paper"
    assert shown["Trading"] == "trading"
    assert shown["Venue link"] == "connected"
    assert shown["Last candle"] == "2m ago (15m bars)"
    assert shown["Day PnL"] == "-12.50 USDT, 2% of the daily loss limit of 500.00 USDT"
    assert shown["Halts"] == "ETHUSDT volatility until 09 Oct 11:10 +02:00, all drawdown until lifted"
    assert shown["Kills"] == "XRPUSDT fast since 09 Oct 10:00 +02:00"
    assert shown["pause"] == "ON for ETHUSDT; /resume SYMBOL lifts it"


async def test_status_lists_each_position_with_its_figures() -> None:
    reply = await Talk(busy_desk()).say("/status")
    assert rows(reply)[0] == {
        "Symbol": "BTCUSDT",
        "Side": "LONG",
        "Size": "0.250",
        "Entry": "63608.0",
        "Mark": "64250.5",
        "PnL USDT": "+160.62",
        "PnL %": "+1.01",
        "R": "+0.51",
        "Stop": "62335.8",
        "Target": "66152.3",
        "Age": "2h 15m",
        "Strategy": "composite",
        "ML": "–",
    }
    assert [button.command_line for button in reply.buttons[:3]] == [
        "/status",
        "/close BTCUSDT",
        "/stoploss BTCUSDT",
    ]


async def test_status_of_one_symbol_tells_what_its_stop_would_cost() -> None:
    reply = await Talk(busy_desk()).say("/status btc")
    shown = fields(reply)
    assert shown["Stop"] == "62335.8 (-318.05 USDT there), confirmed by the venue"
    assert shown["PnL"] == "+160.62 USDT (+1.01%, +0.51 R)"
    assert shown["Liquidation"] == "52158.6, 18.82% away"
    assert shown["Open for"] == "2h 15m, since 2025-10-09 08:45 UTC+02:00"


async def test_every_state_that_keeps_entries_away_is_in_the_header() -> None:
    reply = await Talk(alarmed_desk()).say("/status")
    trading = fields(reply)["Trading"]
    assert "paused (until /resume)" in trading
    assert "stopped (until /start_trading)" in trading
    assert "PROTECT" in trading
    assert fields(reply)["WITHOUT A CONFIRMED STOP"] == "BTCUSDT"
    assert fields(reply)["Venue link"].startswith("LOST")
    assert "REACHED" in fields(reply)["Day PnL"]
    assert reply.severity is Severity.CRITICAL


async def test_a_foreign_position_without_a_stop_is_named_so() -> None:
    reply = await Talk(alarmed_desk()).say("/status btc")
    assert fields(reply)["Stop"] == "NONE"
    assert "Opened outside of this bot" in reply.text


async def test_nothing_open_says_when_there_may_be_something() -> None:
    for line in ("/status", "/positions"):
        reply = await Talk(empty_desk()).say(line)
        assert reply.text == (
            "No open positions. Signals come at the close of each 15m bar; /signals shows why the last ones were"
            " refused."
        )


async def test_with_many_positions_buttons_go_to_the_single_symbols() -> None:
    desk = busy_desk()
    desk.positions = tuple(
        replace(position(), symbol=symbol) for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT", "A")
    )
    reply = await Talk(desk).say("/status")
    assert [button.label for button in reply.buttons] == ["Refresh"]
    assert reply.text == "Buttons for one position: /status SYMBOL."


async def test_many_halts_are_counted_not_cut_silently() -> None:
    desk = busy_desk()
    desk.halts = tuple(replace(desk.halts[0], symbol=f"S{number}USDT") for number in range(9))
    reply = await Talk(desk).say("/status")
    assert fields(reply)["Halts"].endswith("and 4 more: /halts")


async def test_orders_tell_what_each_protects() -> None:
    shown = rows(await Talk(busy_desk()).say("/orders"))
    assert (shown[0]["For"], shown[0]["Price"], shown[0]["Protects"]) == ("stop", "62335.9", "LONG 0.250 BTC")
    assert (shown[1]["For"], shown[1]["Price"], shown[1]["Protects"]) == ("entry", "market", "–")


async def test_balance_shows_allocation_and_leverage_in_use() -> None:
    reply = await Talk(busy_desk()).say("/balance")
    shown = fields(reply)
    assert shown["Equity"] == "10207.42 USDT"
    assert shown["Margin used"] == "4125.84 USDT (40.4%)"
    assert shown["Exposure"] == "20743.00 USDT, 2.03 x equity"
    assert rows(reply)[1]["Leverage"] == "5x"


async def test_the_digest_reads_like_a_person_wrote_it() -> None:
    reply = await Talk(busy_desk()).say("/digest")
    assert reply.text == (
        "Equity rose by 246.00 USDT (+2.45%) to 10288.00 USDT, 1.42% below its high at worst. 1 of 2 trades won (50%),"
        " +21.20 USDT net after 1.80 USDT of fees. 2 positions are open with +207.42 USDT unrealised."
    )
    assert isinstance(reply.plot, EquityPlot)
    assert fields(reply)["Best"] == "+31.00 USDT with ETHUSDT SHORT (TP)"
    assert fields(reply)["Exposure"] == "20743.00 USDT in 2 positions, 2.03 x equity"


async def test_the_digest_of_a_quiet_day_is_helpful_too() -> None:
    reply = await Talk(empty_desk()).say("/digest")
    assert reply.text.startswith("There is no equity curve yet. No trade was closed. Signals come")
    assert reply.plot is None


async def test_start_offers_five_commands_to_try() -> None:
    reply = await Talk(busy_desk(), "3").say("/start")
    assert [name for name, _ in reply.fields][5:] == [
        "/status",
        "/why BTCUSDT",
        "/chart BTCUSDT",
        "/equity",
        "/risk",
    ]
    assert "You are viewer here" in reply.text


async def test_help_explains_one_command_with_an_example() -> None:
    reply = await Talk(busy_desk()).say("/help sl")
    assert fields(reply)["Usage"] == "/stoploss SYMBOL PRICE/be/trail [DISTANCE]"
    assert fields(reply)["Example"].startswith("/stoploss BTCUSDT be")
    assert fields(reply)["Also"] == "/sl"
    assert rows(reply)[2]["Allowed"] == "a number from 0.1 to 20 ATR"


async def test_help_for_what_one_may_not_do_is_no_help() -> None:
    reply = await Talk(busy_desk(), "3").say("/help set_limit")
    assert not reply.ok


async def test_help_suggests_the_nearest() -> None:
    reply = await Talk(busy_desk()).say("/help statsu")
    assert "/status" in reply.text


async def test_a_short_shows_its_stop_above() -> None:
    desk = empty_desk()
    desk.positions = (position("XRPUSDT", Side.SHORT, "1000"),)
    assert "XRPUSDT SHORT" in page(await Talk(desk).say("/status xrp"))
