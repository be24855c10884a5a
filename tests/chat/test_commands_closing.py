"""Getting out and protecting: previews with numbers, receipts, and the words that say it is flat."""

from dataclasses import replace
from decimal import Decimal

import pytest
from command_kit import Talk, busy_desk, empty_desk, fields, page, rows

from bot.domain.command import CloseAll, ClosePosition, Done, MoveStop, MoveTarget, PanicClose, Receipt
from bot.domain.notice import Severity
from handlers.cards import closed, receipt_table


async def test_close_shows_what_it_will_come_to() -> None:
    card = await Talk(busy_desk()).say("/close btc")
    assert fields(card) == {
        "Position": "LONG 0.250 BTC",
        "Closes": "0.250 BTC at market",
        "Estimated price": "64244.1",
        "Expected slippage": "-1.61 USDT",
        "Fee": "-6.42 USDT",
        "Realises": "+152.59 USDT after the fee",
        "Margin freed": "3180.40 USDT",
        "Stays protected": "nothing is left: its stop and target are cancelled once the venue confirms flat",
    }


async def test_close_answers_with_a_receipt_and_flat_verified() -> None:
    talk = Talk(busy_desk())
    reply = await talk.confirmed("/close btc")
    assert reply.title == "BTCUSDT closed"
    assert "flat, verified with the venue" in reply.text
    row = rows(reply)[0]
    assert (row["Asked"], row["Done"], row["Left"]) == ("0.250", "0.250", "0.000")
    assert (row["Average price"], row["Net USDT"], row["Time to flat"]) == ("64244.1", "+152.59", "1.4s")
    assert (row["Slippage USDT"], fields(reply)["Slippage"]) == ("-1.61", "-1.61 USDT"), (
        "as the card has said"
    )
    assert [(c.before, c.after) for c in reply.changes] == [("LONG 0.250 BTC", "flat")]
    assert talk.desk.asked == [(ClosePosition("BTCUSDT", Decimal(100)), "test:1")]


def test_a_better_price_than_expected_is_a_gain_in_the_receipt() -> None:
    one, none = Decimal(1), Decimal(0)
    receipts = [
        Receipt("BTCUSDT", one, one, none, Decimal(64000), slippage, none, 0)
        for slippage in (Decimal("-2.50"), Decimal("1.25"))
    ]
    table = receipt_table(busy_desk(), receipts, proven=True)
    assert table is not None
    assert [row["Slippage USDT"] for row in table.to_json()] == ["+2.50", "-1.25"]
    reply = closed(busy_desk(), "Closed", Done(receipts=tuple(receipts)), ())
    assert fields(reply)["Slippage"] == "+1.25 USDT"


async def test_a_part_leaves_the_rest_protected() -> None:
    talk = Talk(busy_desk())
    card = await talk.say("/close btc 50%")
    shown = "0.125 BTC by its stop at 62335.8 (confirmed by the venue), target 66152.3"
    assert fields(card)["Stays protected"] == shown
    assert (await talk.press(card, "Confirm")).title == "BTCUSDT reduced, LONG 0.125 BTC left"


async def test_a_part_below_the_step_is_refused() -> None:
    desk = busy_desk()
    desk.positions = (replace(desk.positions[0], quantity=Decimal("0.002")),)
    reply = await Talk(desk).say("/close btc 10")
    assert reply.text == "10% of 0.002 BTC is less than the smallest quantity step."


async def test_closing_what_is_not_open_names_what_is() -> None:
    assert (
        await Talk(busy_desk()).say("/close xrp")
    ).text == "XRPUSDT has no open position. Open: BTCUSDT, ETHUSDT."
    assert (await Talk(empty_desk()).say("/close xrp")).text == "XRPUSDT has no open position."


async def test_a_card_whose_position_changed_asks_again() -> None:
    talk = Talk(busy_desk())
    card = await talk.say("/close btc")
    first = talk.desk.positions[0]
    talk.desk.positions = (replace(first, quantity=Decimal("0.5")), *talk.desk.positions[1:])
    again = await talk.press(card, "Confirm")
    assert not talk.desk.asked
    assert fields(again)["Position"] == "LONG 0.500 BTC"


async def test_close_all_sums_up_and_goes_on_trading() -> None:
    talk = Talk(busy_desk())
    card = await talk.say("/close_all")
    assert card.title == "Close 2 positions?"
    assert fields(card)["Realises"] == "+197.05 USDT after fees"
    assert "trading goes on" in card.text
    done = await talk.press(card, "Confirm")
    assert fields(done)["Closed"] == "2 positions"
    assert "flat, verified with the venue" in done.text
    assert talk.desk.asked == [(CloseAll(), "test:1")]


async def test_nothing_to_close() -> None:
    assert (await Talk(empty_desk()).say("/close_all")).text == "Nothing to close: no open positions."


async def test_panic_lists_every_position_and_what_follows() -> None:
    card = await Talk(busy_desk()).say("/panic_close")
    assert [row["Symbol"] for row in rows(card)] == ["BTCUSDT", "ETHUSDT"]
    assert card.text.split("\n")[:4] == [
        "1. New entries stop, entry orders are cancelled.",
        "2. Positions are flattened by reduce-only market orders, all at once.",
        "3. Flat is verified with the venue, then stops and targets are cancelled.",
        "4. You get a receipt per position; trading stays stopped until /start_trading.",
    ]


async def test_panic_now_asks_nothing_and_gives_receipts() -> None:
    talk = Talk(busy_desk(), "2")
    reply = await talk.say("/panic_close now")
    assert talk.desk.asked == [(PanicClose(""), "test:2")]
    assert len(rows(reply)) == 2
    assert reply.text == "Now flat, verified with the venue.\nTrading stays stopped until /start_trading."
    assert reply.changes[0].after == "stopped"
    assert [change.after for change in reply.changes[1:]] == ["flat", "flat"]


async def test_panic_of_one_symbol_pauses_it() -> None:
    reply = await Talk(busy_desk()).confirmed("/panic_close eth")
    assert reply.title == "Panic close of ETHUSDT"
    assert reply.text.endswith("ETHUSDT stays paused until /resume.")
    assert reply.buttons[1].command_line == "/resume ETHUSDT"


async def test_panic_never_asks_twice_however_the_market_moves() -> None:
    talk = Talk(busy_desk())
    card = await talk.say("/panic_close")
    moved = [
        replace(view, mark_price=view.mark_price * 2, quantity=view.quantity / 2)
        for view in talk.desk.positions
    ]
    talk.desk.positions = tuple(moved)
    assert (await talk.press(card, "Confirm")).title == "Panic close of everything"


async def test_what_could_not_be_closed_is_named_loudly() -> None:
    desk = busy_desk()
    desk.unflat = Decimal("0.01")
    reply = await Talk(desk).say("/panic_close btc now")
    assert "NOT FLAT: BTCUSDT 0.01 left" in reply.text
    assert "LEFT OPEN: BTCUSDT 0.010 BTC. Close it at the venue or try /close BTCUSDT" in reply.text
    assert "Now flat" not in reply.text
    assert reply.severity is Severity.CRITICAL
    assert fields(reply)["Closed"] == "0 positions"


async def test_panic_with_nothing_open_still_stops() -> None:
    talk = Talk(empty_desk())
    assert (await talk.say("/panic_close")).text.startswith("Nothing is open; entry orders are cancelled")
    await talk.say("/panic_close now")
    assert talk.desk.stopped


@pytest.mark.parametrize(
    "line,change,command",
    [
        ("/stoploss eth 3130", "3214.48 → 3130.00", MoveStop("ETHUSDT", price=Decimal(3130))),
        ("/sl eth be", "3214.48 → 3148.92 (break-even with fees)", MoveStop("ETHUSDT", break_even=True)),
        ("/sl eth trail 2", "3214.48 → trailing by 2 ATR", MoveStop("ETHUSDT", trail_atr=Decimal(2))),
    ],
)
async def test_moving_a_stop(line: str, change: str, command: MoveStop) -> None:
    talk = Talk(busy_desk())
    card = await talk.say(line)
    assert fields(card)["stop of ETHUSDT"] == change
    assert "At the stop now: -94.54 USDT." in card.text
    await talk.press(card, "Confirm")
    assert talk.desk.asked == [(command, "test:1")]


@pytest.mark.parametrize(
    "line,words",
    [
        ("/sl eth 3000", "A SHORT stop must be above the mark price 3120.25; 3000.00 is not."),
        ("/sl btc 65000", "A LONG stop must be below the mark price 64250.5; 65000.0 is not."),
        ("/sl eth trail", "Trail by how many ATR? For example /stoploss ETHUSDT trail 2"),
        ("/sl eth 3130 2", "A distance goes with trail only: /stoploss ETHUSDT trail 2"),
        ("/tp eth 3500", "A SHORT target must be below the mark price 3120.25; 3500.00 is not."),
        ("/tp btc 1", "A LONG target must be above the mark price 64250.5; 1.0 is not."),
        ("/tp xrp off", "XRPUSDT has no open position. Open: BTCUSDT, ETHUSDT."),
    ],
)
async def test_a_slip_is_answered_before_anything_is_asked(line: str, words: str) -> None:
    talk = Talk(busy_desk())
    reply = await talk.say(line)
    assert (reply.ok, reply.text) == (False, words)
    assert not talk.desk.asked


async def test_moving_and_removing_a_target() -> None:
    talk = Talk(busy_desk())
    card = await talk.say("/tp eth 3000")
    assert fields(card)["target of ETHUSDT"] == "3025.39 → 3000.00"
    assert card.text.startswith("At the new target: +227.18 USDT (was +189.09 USDT).")
    await talk.press(card, "Confirm")
    assert "3025.39 → none" in page(await talk.say("/tp eth off"))
    assert talk.desk.asked == [(MoveTarget("ETHUSDT", Decimal(3000)), "test:1")]
