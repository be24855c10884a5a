"""Charts, prices, symbols, and why the desk traded or did not."""

from command_kit import Talk, busy_desk, empty_desk, fields, page, rows, signal

from bot.engine.views import Why
from handlers.pictures import render
from handlers.reply import CandlePlot


async def test_a_chart_carries_candles_trades_and_position() -> None:
    reply = await Talk(busy_desk()).say("/chart btc")
    assert isinstance(reply.plot, CandlePlot)
    assert reply.title == "BTCUSDT · 15m · 120 bars to 2025-10-09 11:00 UTC+02:00"
    assert len(reply.plot.picture.frame) == 120
    assert fields(reply)["Position"] == "LONG from 63608.0"
    assert render(reply.plot).startswith(b"\x89PNG")


async def test_a_longer_timeframe_joins_candles() -> None:
    reply = await Talk(busy_desk()).say("/chart btc 1h 40")
    assert isinstance(reply.plot, CandlePlot)
    frame = reply.plot.picture.frame
    assert len(frame) == 40
    assert (frame.open_at_ms % 3_600_000 == 0).all()
    assert set(reply.plot.picture.columns) >= {"ema9", "bb_upper"}
    assert frame.volume[5] == 400.0
    assert render(reply.plot).startswith(b"\x89PNG")


async def test_a_shorter_timeframe_is_refused_with_what_there_is() -> None:
    reply = await Talk(busy_desk()).say("/chart btc 5m")
    assert reply.text == "The desk holds 15m candles; charts can be 15m, 30m, 1h, 2h, 4h, 1d."
    assert reply.buttons[0].command_line == "/chart BTCUSDT 15m 120"


async def test_no_candles_yet() -> None:
    assert (await Talk(empty_desk()).say("/chart btc")).text == "There are no 15m candles of BTCUSDT yet."


async def test_prices_carry_the_instruments_digits() -> None:
    shown = rows(await Talk(busy_desk()).say("/price"))
    assert [row["Last"] for row in shown] == ["64250.5", "3120.25", "0.5312"]
    assert (shown[0]["24h"], shown[0]["Funding"], shown[0]["Settles"]) == ("+1.25%", "+0.0100%", "in 1h")


async def test_symbols_say_what_keeps_each_from_entries() -> None:
    shown = {row["Symbol"]: row for row in rows(await Talk(busy_desk()).say("/symbols"))}
    assert shown["XRPUSDT"]["State"] == "killed"
    assert shown["XRPUSDT"]["Why"].startswith("fast since 09 Oct 10:00 +02:00")
    assert shown["ETHUSDT"]["Why"].startswith("volatility until 09 Oct 11:10 +02:00")


async def test_why_marks_every_gate_in_order_with_its_figures() -> None:
    reply = await Talk(busy_desk()).say("/why xrp")
    assert reply.table is not None
    assert [row[:3] for row in reply.table.rows] == [
        ("✓", "ADX", "31.2 >= 25"),
        ("✓", "score", "4 >= 3"),
        ("○", "volume", "–"),
        ("✓", "trading state", "desk is ACTIVE"),
        ("✗", "same direction", "2 of 2 LONG"),
        ("○", "free margin", "–"),
    ]


async def test_why_not_names_the_hold_and_the_refusing_gate() -> None:
    reply = await Talk(busy_desk()).say("/why xrp")
    assert reply.title == "Why XRPUSDT · no signal: ADX 18.3 < 25"
    shown = fields(reply)
    assert shown["Held because"] == "ADX 18.3 < 25"
    assert shown["Scored"] == "EMA9 > EMA21 > EMA50 +1, MACD crosses up +2"
    assert shown["Last decision"] == "LONG, score 4, 1m ago: refused by same direction (2 of 2 LONG)"
    assert shown["Last order"] == "none was sent"


async def test_why_of_a_trade_shows_sizing_and_order() -> None:
    reply = await Talk(busy_desk()).say("/signal btc")
    assert reply.title == "Why BTCUSDT · holds LONG 0.250 BTC"
    shown = fields(reply)
    assert shown["Sizing"] == "0.015 BTC (1000.00 USDT), bound by margin ratio"
    assert shown["Its prices"] == "entry 64250.5, stop 62965.5, target 66820.5"
    assert shown["Last order"] == "entry filled, filled 0.250 BTC of 0.250 BTC at 64255.1"


async def test_why_before_the_first_signal() -> None:
    desk = empty_desk()
    assert "No bar has been judged" in (await Talk(desk).say("/why btc")).text
    desk.whys["BTCUSDT"] = Why("BTCUSDT", signal("BTCUSDT", None), (), None, None)
    assert "none yet: no signal has reached the risk gates" in page(await Talk(desk).say("/why btc"))


async def test_signals_name_the_gate_that_refused() -> None:
    shown = rows(await Talk(busy_desk()).say("/signals"))
    assert (shown[0]["Outcome"], shown[0]["Figures"]) == ("taken, 0.015 BTC", "bound by margin ratio")
    assert (shown[1]["Outcome"], shown[1]["Figures"]) == ("✗ same direction", "2 of 2 LONG")
