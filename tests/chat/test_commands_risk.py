"""Sizing, limits and parameters: from what to what, what it means, and slips answered with a suggestion."""

from decimal import Decimal

import pytest
from command_kit import Talk, busy_desk, fields, page, rows

from bot.domain.command import SetLimit, SetParameter, SetReentry, SetSizing
from bot.domain.guard import Sizing, SizingMode


async def test_set_risk_shows_what_the_next_trade_becomes() -> None:
    talk = Talk(busy_desk())
    card = await talk.say("/set_risk 15")
    assert fields(card)["sizing"] == "margin ratio 0.5 down to 0.2, decay 0.0006 → risk 15.00 USDT a trade"
    assert rows(card)[0]["Size now"] == "0.015"
    assert rows(card)[0]["Size then"] == "0.011"
    assert "That is 0.15% of equity. Open trades keep their size, stop and target." in card.text
    assert not talk.desk.asked
    done = await talk.press(card, "Confirm")
    assert done.changes[0].after == "risk 15.00 USDT a trade"
    assert talk.desk.asked == [(SetSizing(Sizing(SizingMode.RISK_USD, Decimal(15))), "test:1")]


async def test_a_size_below_the_step_is_called_too_small() -> None:
    card = await Talk(busy_desk()).say("/set_risk 0.5")
    assert rows(card)[0]["Bound by"] == "too small (risk usd)"


async def test_set_margin_keeps_what_is_not_named() -> None:
    talk = Talk(busy_desk())
    await talk.confirmed("/set_margin 0.6 0.3")
    expected = Sizing(SizingMode.MARGIN_RATIO, Decimal(0), Decimal("0.6"), Decimal("0.3"), Decimal("0.0006"))
    assert talk.desk.asked == [(SetSizing(expected), "test:1")]


async def test_set_margin_refuses_a_lowest_above_the_highest() -> None:
    reply = await Talk(busy_desk()).say("/set_margin 0.1 0.3")
    assert reply.text == "The lowest ratio (0.3) is above the highest (0.1)."


async def test_risk_shows_each_limit_with_use_range_and_meaning() -> None:
    shown = {row["Limit"]: row for row in rows(await Talk(busy_desk()).say("/risk"))}
    assert shown["max_positions"]["Set to"] == "3"
    assert shown["max_positions"]["In use"] == "2"
    assert shown["daily_loss_percent"]["Set to"] == "5%"
    assert shown["daily_loss_percent"]["Allowed"] == "0 to 50%; 0 is off"
    assert shown["base_balance"]["Set to"] == "10000 USDT"


@pytest.mark.parametrize(
    "line,before_after,value",
    [
        ("/set_limit max_positions 5", "3 → 5", Decimal(5)),
        ("/set_limit daily_loss_percent 3", "5% → 3%", Decimal(3)),
        ("/set_limit drawdown_percent 0", "20% → 0 (off)", Decimal(0)),
        ("/set_limit auto_reduce on", "off → on", Decimal(1)),
        ("/set_limit count_open_loss off", "on → off", Decimal(0)),
        ("/set_limit exposure_total 2.5", "10 x equity → 2.5 x equity", Decimal("2.5")),
        ("/set_limit base_balance 12000", "10000 USDT → 12000 USDT", Decimal(12000)),
    ],
)
async def test_set_limit_writes_values_with_their_unit(line: str, before_after: str, value: Decimal) -> None:
    talk = Talk(busy_desk())
    name = line.split(" ")[1]
    card = await talk.say(line)
    assert fields(card)[name] == before_after
    done = await talk.press(card, "Confirm")
    assert fields(done)[name] == before_after
    assert talk.desk.asked == [(SetLimit(name, value), "test:1")]


async def test_a_mistyped_limit_is_met_with_the_nearest() -> None:
    reply = await Talk(busy_desk()).say("/set_limit max_postions 5")
    assert "Did you mean max_positions" in reply.text
    assert reply.buttons[0].command_line == "/set_limit max_positions 5"


@pytest.mark.parametrize(
    "line,words",
    [
        ("/set_limit max_positions 2.5", "max_positions must be 0 to 500, whole"),
        ("/set_limit daily_loss_percent 99", "must be 0 to 50%; 0 is off; it is 5% now"),
        ("/set_limit auto_reduce 3", "must be on or off"),
        ("/set_limit max_positions on", "must be a number: 0 to 500"),
        ("/set_limit base_balance 0", "must be 0.01 to 1000000000 USDT"),
    ],
)
async def test_a_limit_out_of_its_range_is_told_the_range(line: str, words: str) -> None:
    talk = Talk(busy_desk())
    reply = await talk.say(line)
    assert not reply.ok
    assert words in reply.text
    assert not talk.desk.asked


async def test_params_list_value_default_range_and_source() -> None:
    talk = Talk(busy_desk())
    await talk.confirmed("/set btc adx_threshold 30")
    row = rows(await talk.say("/params btc"))[0]
    assert (row["Value"], row["Default"], row["Allowed"], row["From"]) == ("30", "25", "0 to 60", "run time")
    assert [(row["Symbol"], row["Parameter"]) for row in rows(await talk.say("/params"))] == [
        ("BTCUSDT", "adx_threshold")
    ]
    assert talk.desk.asked == [(SetParameter("BTCUSDT", "adx_threshold", 30.0), "test:1")]


async def test_setting_all_symbols_counts_the_values_they_had() -> None:
    talk = Talk(busy_desk())
    await talk.confirmed("/set btc adx_threshold 30")
    card = await talk.say("/set all adx_threshold 20")
    assert fields(card)["adx_threshold of all symbols"] == "30 (1 symbol), 25 (2 symbols) → 20"


async def test_a_parameter_out_of_range_or_unknown_is_one_line() -> None:
    talk = Talk(busy_desk())
    assert (
        await talk.say("/set btc adx_threshold 99")
    ).text == "parameter: adx_threshold 99: allowed 0 to 60."
    assert (await talk.say("/set btc adx 20")).text.endswith("did you mean adx_threshold?")


async def test_reentry_says_what_an_opposite_signal_does() -> None:
    talk = Talk(busy_desk())
    reply = await talk.say("/reentry eth off")
    assert reply.text == "An opposite signal closes the position and does not enter again."
    assert talk.desk.asked == [(SetReentry("ETHUSDT", False), "test:1")]


async def test_the_card_is_bound_to_the_change_not_to_the_market() -> None:
    """Estimates may move while somebody reads; only another starting point asks again."""
    talk = Talk(busy_desk())
    card = await talk.say("/set_risk 15")
    talk.desk.wallet += 1
    assert (await talk.press(card, "Confirm")).title == "Sizing changed"
    card = await talk.say("/set_risk 20")
    talk.desk.sizing = Sizing(SizingMode.RISK_USD, Decimal(99))
    again = await talk.press(card, "Confirm")
    assert "risk 99.00 USDT a trade → risk 20.00 USDT a trade" in page(again)
    assert "figures changed" in again.text
