"""Liquidation, funding, deleveraging, crossed margin: figures worked out by hand."""

import pytest
from core_kit import FLAT, OTHER, SYMBOL, D, Desk, placed, rests
from paper_kit import T0

from bot.domain.market import HOUR_MS
from bot.domain.order import OrderStatus
from sandbox.exchange.nouns import (
    ConditionalStatus,
    ExchangeRules,
    IncomeKind,
    MarginMode,
    Origin,
    PositionMode,
    Refused,
)


def test_where_a_position_is_liquidated() -> None:
    """10 at 100, leverage 10: margin 100; 100 + 10 (LP - 100) = 10 LP x 1 %, so LP = 900 / 9.9 = 90.909..."""
    desk = Desk()
    desk.order("BUY", "10")
    price = desk.account.legs(SYMBOL)[0].liquidation_price
    assert price is not None
    assert round(price, 6) == D("90.909091")
    desk.price("91")
    assert desk.held() == 10
    desk.price("90.9")
    assert desk.held() == 0
    order = desk.account.orders[-1]
    assert (order.ask.origin, order.status, order.average) == (
        Origin.LIQUIDATION,
        OrderStatus.FILLED,
        D("90.9"),
    )
    # loss 91, fees at most what margin is left: 100 - 91 = 9, of which 909 x 0.0005 is the trading fee
    lines = [(one.kind, one.amount) for one in desk.account.income][-3:]
    assert lines == [
        (IncomeKind.REALIZED_PNL, -91),
        (IncomeKind.COMMISSION, D("-0.4545")),
        (IncomeKind.INSURANCE_CLEAR, D("-8.5455")),
    ]
    assert desk.wallet() == D(10_000) - D("0.5") - 100


def test_the_second_bracket_counts() -> None:
    """150 at 100 (15,000, 2 % - 100): 1500 + 150 (LP - 100) = 150 LP x 0.02 - 100, so LP = 13,400 / 147 = 91.156..."""
    desk = Desk()
    desk.order("BUY", "100")
    desk.order("BUY", "50")
    price = desk.account.legs(SYMBOL)[0].liquidation_price
    assert price is not None
    assert round(price, 4) == D("91.1565")


def test_liquidation_is_judged_by_the_mark() -> None:
    desk = Desk()
    desk.order("SELL", "10")
    desk.exchange.set_mark(SYMBOL, D(100))
    desk.price("112")
    assert desk.held() == -10
    desk.exchange.set_mark(SYMBOL, D("108.9"))  # 100 - 10 (LP - 100) = 10 LP x 1 %: LP = 1100 / 10.1 = 108.91
    assert desk.held() == -10
    desk.exchange.set_mark(SYMBOL, D("109"))
    assert desk.held() == 0


def test_news_of_a_liquidation_and_its_warning() -> None:
    desk = Desk()
    desk.order("BUY", "10")
    resting = placed(desk.order("BUY", "1", "88"))
    desk.lines()
    desk.price("92.8")  # 7.2 of 9.09: 79 %
    assert desk.lines() == []
    desk.price("92.5")
    desk.price("92.4")
    assert desk.lines() == ["margin call XYZUSDT"]
    desk.exchange.liquidate("me", SYMBOL)
    assert resting.status is OrderStatus.CANCELLED
    told = desk.lines()
    assert told == ["CANCELED CANCELLED", "NEW WORKING", "account ORDER", "CALCULATED FILLED 10 @ 92.4"]


def test_the_stop_comes_before_the_liquidation_on_the_way_and_in_a_gap() -> None:
    for bars in ([FLAT, (100, 100, 85, 86)], [FLAT]):
        desk = Desk(bars=bars)
        desk.order("BUY", "10")
        stop = rests(desk.stop("93", by="mark"))
        if len(bars) == 1:
            desk.price("85")
        else:
            desk.minutes(2)
        assert stop.status is ConditionalStatus.FINISHED
        assert [order.ask.origin for order in desk.account.orders] == [Origin.CLIENT, Origin.TRIGGER]
        assert desk.account.trades[-1].price == (85 if len(bars) == 1 else 93)


def test_longs_pay_positive_funding_and_shorts_get_it() -> None:
    desk = Desk(mode=PositionMode.HEDGE)
    desk.order("BUY", "10", leg="LONG")
    desk.order("SELL", "4", leg="SHORT")
    before = desk.wallet()
    desk.exchange.set_funding(SYMBOL, D("0.001"))
    desk.exchange.settle_funding(SYMBOL)
    paid = [(one.amount, one.rate) for one in desk.account.income if one.kind is IncomeKind.FUNDING_FEE]
    assert paid == [(-1, D("0.001")), (D("0.4"), D("0.001"))]
    assert desk.wallet() == before - D("0.6")
    assert desk.exchange.funding_history(SYMBOL, desk.exchange.now_ms, desk.exchange.now_ms, 10) == [
        (desk.exchange.now_ms, D("0.001"))
    ]


def test_funding_comes_at_its_time() -> None:
    due = T0 + 8 * HOUR_MS
    desk = Desk(rates={(SYMBOL, due): -0.0005})
    desk.order("BUY", "10")
    assert desk.exchange.view(SYMBOL).next_funding_at_ms == due
    assert desk.exchange.view(SYMBOL).funding_rate == D("-0.0005")
    desk.minutes(479)
    desk.lines()
    desk.minutes(1)
    assert desk.lines() == ["account FUNDING_FEE"]
    assert desk.account.income[-1].amount == D("0.5")
    assert desk.account.income[-1].at_ms == due
    desk.minutes(1)
    assert desk.exchange.funding_history(SYMBOL, T0 + 1, due + 1, 5) == [(due, D("-0.0005"))]


def test_deleveraging_closes_a_part_at_the_mark_free_of_fees() -> None:
    desk = Desk()
    desk.order("SELL", "10")
    desk.price("90")
    desk.lines()
    desk.exchange.deleverage("me", SYMBOL, D(4))
    assert desk.lines() == ["NEW WORKING", "account ORDER", "CALCULATED FILLED 4 @ 90"]
    trade = desk.account.trades[-1]
    assert (trade.origin, trade.fee, trade.realised, trade.closed_quantity) == (Origin.DELEVERAGING, 0, 40, 4)
    assert desk.held() == -6
    with pytest.raises(ValueError, match="nothing"):
        desk.exchange.deleverage("me", OTHER, D(1))


def crossed(desk: Desk) -> Desk:
    for symbol in (SYMBOL, OTHER):
        desk.account.set_margin_mode(symbol, MarginMode.CROSSED)
    return desk


def test_crossed_positions_share_the_wallet() -> None:
    """Wallet 995 after the fee; 995 + 100 (LP - 100) = 100 LP x 1 %, so LP = 9005 / 99 = 90.9596."""
    desk = crossed(Desk())
    desk.account.transfer(D(-9_000))
    desk.order("BUY", "98")
    funds = desk.account.funds()
    assert funds.position_margin == 980
    assert funds.available == D(1000) - D("4.9") - 980
    price = desk.account.legs(SYMBOL)[0].liquidation_price
    assert price is not None
    assert round(price, 4) == round((9800 - D("995.1")) / (98 * D("0.99")), 4)
    desk.price("101")  # profit gives margin: 98 more, less 9.8 of initial margin
    assert desk.account.funds().available == D("15.1") + 98 - D("9.8")
    desk.price("91")
    assert desk.held() == 98
    desk.price("90.7")
    assert desk.held() == 0
    assert desk.wallet() == 0  # 995.1 - 911.4 = 83.7 left, the fee takes at most that


def test_the_worst_crossed_position_goes_first() -> None:
    desk = crossed(Desk())
    desk.account.transfer(D(-9_000))
    desk.order("BUY", "60")
    desk.order("BUY", "20", symbol=OTHER)
    desk.price("84")  # 996 - 960 = 36 < 50.4 + 20
    assert desk.held() == 0
    assert desk.held(symbol=OTHER) == 20 or desk.wallet() == 0


def test_insurance_covers_what_a_crossed_wallet_cannot() -> None:
    desk = crossed(Desk())
    desk.account.transfer(D(-9_000))
    desk.order("BUY", "98")
    desk.price("80")
    assert desk.wallet() == 0
    assert desk.account.income[-1].kind is IncomeKind.INSURANCE_CLEAR
    assert desk.account.income[-1].amount == D(1960) - D("995.1")


def test_an_isolated_position_never_costs_more_than_its_margin() -> None:
    desk = Desk()
    desk.order("BUY", "10")
    desk.price("50")
    assert desk.wallet() == D(10_000) - D("0.5") - 100


def test_margin_modes() -> None:
    desk = Desk()
    with pytest.raises(Refused, match="-4046"):
        desk.account.set_margin_mode(SYMBOL, MarginMode.ISOLATED)
    order = placed(desk.order("BUY", "1", "99"))
    with pytest.raises(Refused, match="-4047"):
        desk.account.set_margin_mode(SYMBOL, MarginMode.CROSSED)
    desk.account.cancel(order)
    desk.order("BUY", "1")
    with pytest.raises(Refused, match="-4048"):
        desk.account.set_margin_mode(SYMBOL, MarginMode.CROSSED)


def test_the_ledger_tells_where_all_money_is() -> None:
    desk = Desk(ExchangeRules(start_wallet=D(1000)))
    desk.order("BUY", "10")
    desk.price("110")
    desk.exchange.settle_funding(SYMBOL)
    desk.order("SELL", "10", reduce_only=True)
    ledger = desk.exchange.world.ledger
    assert sum(ledger.balances.values()) == 0
    assert dict(ledger.balances) == {
        "wallet:me": desk.wallet(),
        "outside": -1000,
        "fees": D("1.05"),
        "funding": D("0.11"),
        "market": -100,
    }
    assert all(sum(part for _, part in posting.entries) == 0 for posting in ledger.postings)


def test_liquidation_of_one_of_two_crossed_positions() -> None:
    """The other one's loss of 50 and its need of 9.5 count: 938 + 40 (LP - 100) = 40 LP x 1 %."""
    desk = crossed(Desk())
    desk.account.transfer(D(-9_000))
    desk.order("BUY", "40")
    desk.order("BUY", "10", symbol=OTHER)
    desk.exchange.set_price(OTHER, D(95))
    wallet = 1000 - D("2.5")
    spare = wallet - 50 - D("9.5")
    price = desk.account.legs(SYMBOL)[0].liquidation_price
    assert price is not None
    assert round(price, 6) == round((4000 - spare) / (40 * D("0.99")), 6)


def test_crossed_positions_have_no_margin_of_their_own() -> None:
    desk = crossed(Desk())
    desk.order("SELL", "10")
    desk.exchange.set_funding(SYMBOL, D("0.01"))
    desk.exchange.settle_funding(SYMBOL)
    assert desk.account.income[-1].amount == 10
    assert desk.account.legs(SYMBOL)[0].isolated_margin == 0


def test_a_crossed_position_in_loss_can_be_turned() -> None:
    """747.5 - 250 loss - 475 margin = 22.5 free; closing gives back 475; 50 short at 95 need 475 and 2.375 of fee."""
    desk = crossed(Desk())
    desk.account.transfer(D(-9_250))
    desk.order("BUY", "50")
    desk.price("95")
    assert desk.account.funds().available == D("22.5")
    assert placed(desk.order("SELL", "100")).status is OrderStatus.FILLED
    assert desk.held() == -50
    assert desk.account.trades[-1].closed_quantity == 50
