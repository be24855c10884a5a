"""The fill model, scenario by scenario, with the figures worked out by hand.

Unless said otherwise: price 100, wallet 10,000, no tick, slippage 0.01 % against us, taker fee 0.04 %, leverage 10.
A market buy of 1 at 100 then costs 100 x 1.0001 = 100.01 and a fee of 100.01 x 0.0004 = 0.040004, which leaves
9999.959996; a market sell gets 99.99, fee 0.039996, which leaves 9999.960004.
"""

from dataclasses import replace
from decimal import Decimal

import pytest
from floor import BAR_MS, BUY, SELL, SMOOTH, XYZ, D, Floor, number

from bot.domain.instrument import ZERO, Bracket
from bot.domain.liquidation import liquidation_price
from bot.domain.order import OrderStatus
from bot.venues.instruments import free_instrument
from bot.venues.matching import BothHit, Executed, MatchingRules, OrderChanged, TimeInForce


def long(floor: Floor, quantity: str = "1") -> Floor:
    floor.ask("in", BUY, quantity=quantity)
    return floor


def short(floor: Floor, quantity: str = "1") -> Floor:
    floor.ask("in", SELL, quantity=quantity)
    return floor


def test_a_market_order_fills_at_once_with_slippage_and_fee() -> None:
    floor = Floor()
    assert floor.ask("in", BUY) == ["BUY 1 @ 100.01", "in FILLED"]
    assert floor.wallet == "9999.959996"
    balance = floor.matching.balance()
    assert balance.margin_used == D("10.001")  # 100.01 / 10
    assert balance.unrealised == D("-0.01")  # 100 - 100.01
    assert balance.equity == D("9999.949996")


# name, side, stop, target, candle (open, high, low, close), story, wallet
BRACKETED = [
    # stop inside the bar: 95 x 0.9999 = 94.9905; -5.0195 - fee 0.0379962
    ("long stop", BUY, "95", "105", (100, 101, 94, 96), ["SELL 1 @ 94.9905", "stop FILLED"], "9994.9024998"),
    # the bar only touches the stop: enough
    (
        "long stop touched",
        BUY,
        "95",
        "105",
        (100, 101, 95, 96),
        ["SELL 1 @ 94.9905", "stop FILLED"],
        "9994.9024998",
    ),
    # opens through the stop: 93 x 0.9999 = 92.9907; -7.0193 - 0.03719628
    (
        "long gap stop",
        BUY,
        "95",
        "105",
        (93, 97, 92, 96),
        ["SELL 1 @ 92.9907", "stop FILLED"],
        "9992.90349972",
    ),
    # opens exactly at the stop: fills at the open, which is the same
    (
        "long opens at stop",
        BUY,
        "95",
        "105",
        (95, 97, 92, 96),
        ["SELL 1 @ 94.9905", "stop FILLED"],
        "9994.9024998",
    ),
    # target: 105 x 0.9999 = 104.9895; 4.9795 - 0.0419958
    (
        "long target",
        BUY,
        "95",
        "105",
        (100, 106, 99, 104),
        ["SELL 1 @ 104.9895", "target FILLED"],
        "10004.8975002",
    ),
    # opens through the target: 107 x 0.9999 = 106.9893; 6.9793 - 0.04279572
    (
        "long gap target",
        BUY,
        "95",
        "105",
        (107, 108, 101, 102),
        ["SELL 1 @ 106.9893", "target FILLED"],
        "10006.89650028",
    ),
    # both inside: the stop was first, the target finds nothing left when its turn comes
    (
        "long both",
        BUY,
        "95",
        "105",
        (100, 106, 94, 105),
        ["SELL 1 @ 94.9905", "stop FILLED", "target EXPIRED -2022"],
        "9994.9024998",
    ),
    # opens through the stop, reaches the target later in the bar: out at the open
    (
        "long gap stop, then target",
        BUY,
        "95",
        "105",
        (93, 106, 92, 105),
        ["SELL 1 @ 92.9907", "stop FILLED", "target EXPIRED -2022"],
        "9992.90349972",
    ),
    # opens through the target, reaches the stop later: out at the open
    (
        "long gap target, then stop",
        BUY,
        "95",
        "105",
        (107, 108, 94, 95),
        ["SELL 1 @ 106.9893", "target FILLED", "stop EXPIRED -2022"],
        "10006.89650028",
    ),
    ("long neither", BUY, "95", "105", (100, 104.9, 95.1, 100), [], "9999.959996"),
    # short from 99.99; stop 105 x 1.0001 = 105.0105; -5.0205 - 0.0420042
    (
        "short stop",
        SELL,
        "105",
        "95",
        (100, 105, 99, 101),
        ["BUY 1 @ 105.0105", "stop FILLED"],
        "9994.8974998",
    ),
    # opens at 108: 108 x 1.0001 = 108.0108; -8.0208 - 0.04320432
    (
        "short gap stop",
        SELL,
        "105",
        "95",
        (108, 109, 99, 101),
        ["BUY 1 @ 108.0108", "stop FILLED"],
        "9991.89599968",
    ),
    # target 95 x 1.0001 = 95.0095; 4.9805 - 0.0380038
    (
        "short target",
        SELL,
        "105",
        "95",
        (100, 104, 95, 101),
        ["BUY 1 @ 95.0095", "target FILLED"],
        "10004.9025002",
    ),
    # opens at 90: 90 x 1.0001 = 90.009; 9.981 - 0.0360036
    (
        "short gap target",
        SELL,
        "105",
        "95",
        (90, 92, 89, 91),
        ["BUY 1 @ 90.009", "target FILLED"],
        "10009.9050004",
    ),
    (
        "short both",
        SELL,
        "105",
        "95",
        (100, 106, 94, 95),
        ["BUY 1 @ 105.0105", "stop FILLED", "target EXPIRED -2022"],
        "9994.8974998",
    ),
]


@pytest.mark.parametrize(
    "name, side, stop, target, candle, story, wallet", BRACKETED, ids=[row[0] for row in BRACKETED]
)
def test_stop_and_target(
    name: str, side: str, stop: str, target: str, candle: tuple[float, ...], story: list[str], wallet: str
) -> None:
    floor = (
        long(Floor(free_instrument("XYZUSDT"))) if side is BUY else short(Floor(free_instrument("XYZUSDT")))
    )
    out = SELL if side is BUY else BUY
    floor.stop("stop", out, stop)
    floor.target("target", out, target)
    assert floor.bar(*candle) == story
    assert floor.wallet == wallet
    assert floor.size == (ZERO if story else D(1 if side is BUY else -1))


@pytest.mark.parametrize("side", [BUY, SELL])
def test_target_first_when_so_chosen(side: str) -> None:
    floor = Floor(rules=MatchingRules(both_hit=BothHit.TARGET))
    out = SELL if side is BUY else BUY
    long(floor) if side is BUY else short(floor)
    floor.stop("stop", out, "95" if side is BUY else "105")
    floor.target("target", out, "105" if side is BUY else "95")
    assert floor.bar(100, 106, 94, 100)[1:] == ["target FILLED", "stop EXPIRED -2022"]


def test_times_inside_a_bar() -> None:
    floor = long(Floor())
    floor.bar(100, 100, 100, 100)
    floor.stop("stop", SELL, "95")
    floor.bar(93, 94, 92, 93)  # a gap is known at the open ...
    assert floor.reports[-1].at_ms == BAR_MS
    long(floor)
    floor.stop("stop", SELL, "90")
    floor.bar(93, 94, 89, 93)  # ... what happens inside only at the close
    assert floor.reports[-1].at_ms == 3 * BAR_MS - 1


def test_an_opposite_order_closes_and_enters_at_the_same_open() -> None:
    """Close 1 at 110 x 0.9999 = 109.989 and sell 1 more at the same price: +9.979, fees 0.0439956 each."""
    floor = long(Floor())
    floor.bar(100, 111, 99, 109)
    floor.matching.set_price("XYZUSDT", 110.0)
    assert floor.ask("close", SELL, reduce_only=True) == ["SELL 1 @ 109.989", "close FILLED"]
    assert floor.ask("enter", SELL) == ["SELL 1 @ 109.989", "enter FILLED"]
    assert floor.wallet == "10009.8510048"
    assert floor.matching.position("XYZUSDT").entry_price == D("109.989")


def test_one_order_may_close_and_open_the_other_way() -> None:
    """Sell 3 at 99.99 against a long of 1 from 100.01: -0.02 realised, short 2 from 99.99, margin 199.98 / 10."""
    floor = long(Floor())
    assert floor.ask("flip", SELL, quantity="3") == ["SELL 3 @ 99.99", "flip FILLED"]
    position = floor.matching.position("XYZUSDT")
    assert (position.quantity, position.entry_price, position.isolated_margin) == (
        -2,
        D("99.99"),
        D("19.998"),
    )
    assert floor.wallet == "9999.820008"  # 9999.959996 - 0.02 - 299.97 x 0.0004


def test_growing_averages_and_partial_closing_keeps_the_average() -> None:
    """1 at 100.01 and 3 at 110.011: average (100.01 + 330.033) / 4 = 107.51075, margin 430.043 / 10 = 43.0043."""
    floor = long(Floor())
    floor.matching.set_price("XYZUSDT", 110.0)
    floor.ask("more", BUY, quantity="3")
    position = floor.matching.position("XYZUSDT")
    assert (position.entry_price, position.isolated_margin) == (D("107.51075"), D("43.0043"))
    floor.ask("part", SELL, quantity="1", reduce_only=True)  # at 109.989
    position = floor.matching.position("XYZUSDT")
    assert (position.quantity, position.entry_price) == (3, D("107.51075"))
    assert position.isolated_margin == D("32.253225")  # 43.0043 x 3/4
    executed = [report for report in floor.reports if isinstance(report, Executed)]
    assert executed[-1].realised == D("2.47825")
    assert floor.wallet == number(
        D("10000") - (D("100.01") + D("330.033") + D("109.989")) * D("0.0004") + D("2.47825")
    )


class TestLimits:
    """Limit orders."""

    def test_touching_is_not_enough(self) -> None:
        floor = Floor()
        assert floor.limit("in", BUY, "98") == ["in WORKING"]
        assert floor.bar(100, 101, 98, 99) == []
        assert floor.size == ZERO

    def test_traded_through_fills_at_the_limit_as_maker(self) -> None:
        floor = Floor()
        floor.limit("in", BUY, "98")
        assert floor.bar(100, 101, 97.9, 99) == ["BUY 1 @ 98 maker", "in FILLED"]
        assert floor.wallet == "9999.9804"  # 98 x 0.0002

    def test_opening_beyond_gives_the_better_open(self) -> None:
        floor = Floor()
        floor.limit("in", SELL, "102")
        assert floor.bar(103, 103, 101, 102) == ["SELL 1 @ 103 maker", "in FILLED"]

    def test_crossing_fills_at_once_as_taker_never_beyond_its_limit(self) -> None:
        assert Floor().limit("in", BUY, "101") == ["BUY 1 @ 100.01", "in FILLED"]
        assert Floor().limit("in", BUY, "100") == ["BUY 1 @ 100", "in FILLED"]
        floor = Floor()
        assert floor.limit("in", SELL, "100") == ["SELL 1 @ 100", "in FILLED"]
        assert floor.wallet == "9999.96"

    def test_ioc_and_fok_never_rest(self) -> None:
        for force in (TimeInForce.IOC, TimeInForce.FOK):
            floor = Floor()
            assert floor.limit("in", BUY, "99", time_in_force=force) == ["in EXPIRED"]
            assert floor.limit("in", BUY, "101", time_in_force=force) == ["BUY 1 @ 100.01", "in FILLED"]
            assert floor.matching.orders() == ()

    def test_ioc_fills_in_part_and_fok_not_at_all(self) -> None:
        rules = MatchingRules(max_fill_quantity=D("0.4"))
        story = Floor(rules=rules).limit("in", BUY, "101", time_in_force=TimeInForce.IOC)
        assert story == ["BUY 0.4 @ 100.01", "in PARTIALLY_FILLED", "in EXPIRED"]
        assert Floor(rules=rules).limit("in", BUY, "101", time_in_force=TimeInForce.FOK) == ["in EXPIRED"]

    def test_resting_entries_keep_their_margin(self) -> None:
        floor = Floor()
        floor.limit("in", BUY, "96", "10")
        assert floor.matching.balance().margin_used == 96  # 960 / 10
        floor.limit("out", SELL, "104", "10")  # flat: this one would open a short, and keeps margin too
        assert floor.matching.balance().margin_used == 200  # and 1040 / 10
        floor.matching.cancel("in", 0)
        floor.matching.cancel("out", 0)
        assert floor.matching.balance().margin_used == 0

    def test_a_reduce_only_limit_without_a_position_left_expires(self) -> None:
        floor = long(Floor())
        floor.limit("out", SELL, "104", reduce_only=True)
        floor.stop("stop", SELL, "95")
        assert floor.bar(100, 100, 94, 95) == ["SELL 1 @ 94.9905", "stop FILLED"]
        assert floor.bar(95, 105, 95, 104) == ["out EXPIRED -2022"]


class TestConditionalEntries:
    """Stops that open."""

    def test_a_stop_entry_fills_with_slippage(self) -> None:
        floor = Floor()
        assert floor.stop("in", BUY, "102", close_position=False) == ["in WORKING"]
        assert floor.bar(100, 103, 99, 102) == ["BUY 1 @ 102.0102", "in FILLED"]

    def test_the_margin_is_looked_at_when_it_triggers(self) -> None:
        floor = Floor(wallet=10)
        assert floor.stop("in", BUY, "102", close_position=False, quantity="5") == ["in WORKING"]
        assert floor.bar(100, 103, 99, 102) == ["in REJECTED -2019"]  # needs 510 / 10 = 51

    def test_one_bar_may_open_and_liquidate(self) -> None:
        """Falling bar: high first, entry at 102.0102, then down through the liquidation price."""
        floor = Floor(leverage=20)
        floor.stop("in", BUY, "102", close_position=False)
        # margin 5.10051; LP = (5.10051 - 102.0102) / (0.01 - 1) = 97.88857575...
        story = floor.bar(100, 103, 95, 96)
        assert story[:2] == ["BUY 1 @ 102.0102", "in FILLED"]
        assert story[2].startswith("SELL 1 @ 97.888575")
        assert story[2].endswith("liquidation")


class TestReducing:
    """Orders that may only reduce."""

    def test_orders_stay_when_the_position_closes_and_expire_when_they_trigger(self) -> None:
        floor = long(Floor())
        floor.stop("stop", SELL, "95")
        floor.ask("close", SELL, reduce_only=True)
        assert [order.request.client_id for order in floor.matching.orders()] == ["stop"]
        assert floor.bar(100, 100, 94, 96) == ["stop EXPIRED -2022"]
        assert floor.size == ZERO

    def test_close_position_takes_what_is_there(self) -> None:
        floor = long(Floor())
        floor.stop("stop", SELL, "95", quantity="1")
        floor.ask("more", BUY, quantity="2")
        assert floor.bar(100, 100, 94, 96) == ["SELL 3 @ 94.9905", "stop FILLED"]

    def test_too_much_is_cut_to_the_position(self) -> None:
        floor = long(Floor())
        assert floor.ask("close", SELL, quantity="5", reduce_only=True) == [
            "SELL 1 @ 99.99",
            "close EXPIRED -2022",
        ]
        assert floor.size == ZERO

    def test_a_stop_on_the_wrong_side_expires_after_a_flip(self) -> None:
        floor = long(Floor())
        floor.stop("stop", SELL, "95", close_position=False, reduce_only=True)
        floor.ask("flip", SELL, quantity="2")
        assert floor.bar(100, 100, 94, 96) == ["stop EXPIRED -2022"]
        assert floor.size == -1

    def test_two_stops_share_the_position(self) -> None:
        """A floor stop on everything at 95 and a trailing one of 0.6 at 97: 0.6 x -3.0197, then 0.4 x -5.0195."""
        floor = long(Floor())
        floor.stop("floor", SELL, "95")
        floor.stop("trail", SELL, "97", close_position=False, reduce_only=True, quantity="0.6")
        assert floor.bar(100, 100, 94, 95) == [
            "SELL 0.6 @ 96.9903",
            "trail FILLED",
            "SELL 0.4 @ 94.9905",
            "floor FILLED",
        ]


class TestPartialFills:
    """Executions capped by the rules."""

    RULES = MatchingRules(max_fill_quantity=D("0.4"))

    def test_a_market_order_goes_on_at_the_next_opens(self) -> None:
        floor = Floor(rules=self.RULES)
        assert floor.ask("in", BUY) == ["BUY 0.4 @ 100.01", "in PARTIALLY_FILLED"]
        assert floor.bar(101, 102, 100, 101) == ["BUY 0.4 @ 101.0101", "in PARTIALLY_FILLED"]
        assert floor.bar(102, 102, 101, 102) == ["BUY 0.2 @ 102.0102", "in FILLED"]
        (last,) = [r.order for r in floor.reports if isinstance(r, OrderChanged)][-1:]
        # (0.4 x 100.01 + 0.4 x 101.0101 + 0.2 x 102.0102) / 1
        assert (last.filled, last.average_price) == (1, D("100.81008"))
        assert floor.wallet == number(D(10_000) - D("100.81008") * D("0.0004"))

    def test_a_stop_on_everything_goes_on_until_flat(self) -> None:
        floor = Floor(rules=self.RULES)
        floor.ask("in", BUY)
        floor.bar(100, 100, 100, 100)
        floor.stop("stop", SELL, "95")
        assert floor.bar(100, 100, 94, 95) == [
            "BUY 0.2 @ 100.01",
            "in FILLED",
            "SELL 0.4 @ 94.9905",
            "stop PARTIALLY_FILLED",
        ]
        assert floor.bar(95, 96, 95, 95) == ["SELL 0.4 @ 94.9905", "stop PARTIALLY_FILLED"]
        assert floor.bar(95, 96, 95, 95) == ["SELL 0.2 @ 94.9905", "stop FILLED"]
        assert floor.size == ZERO

    def test_a_limit_fills_once_a_bar(self) -> None:
        floor = Floor(rules=self.RULES)
        floor.limit("in", BUY, "98")
        assert floor.bar(97, 99, 96, 98) == ["BUY 0.4 @ 97 maker", "in PARTIALLY_FILLED"]
        assert floor.bar(99, 99, 97, 98) == ["BUY 0.4 @ 98 maker", "in PARTIALLY_FILLED"]
        assert floor.matching.balance().margin_used > 0
        floor.matching.cancel("in", floor.now_ms)
        assert floor.size == D("0.8")

    def test_what_reduces_ends_when_something_else_closed(self) -> None:
        floor = Floor(rules=replace(self.RULES, max_fill_quantity=D("0.6")))
        floor.ask("in", BUY)
        floor.bar(100, 100, 100, 100)
        assert floor.ask("out", SELL, reduce_only=True) == ["SELL 0.6 @ 99.99", "out PARTIALLY_FILLED"]
        assert floor.ask("other", SELL, quantity="0.4") == ["SELL 0.4 @ 99.99", "other FILLED"]
        assert floor.bar(100, 100, 100, 100) == ["out EXPIRED -2022"]


class TestRounding:
    """With tick 0.1 every execution price is rounded against us."""

    def test_market_and_stop(self) -> None:
        floor = Floor(XYZ)
        assert floor.ask("in", BUY)[0] == "BUY 1 @ 100.1"  # 100.01 up
        floor.stop("stop", SELL, "95.5")
        assert floor.bar(100, 100, 95, 95)[0] == "SELL 1 @ 95.4"  # 95.49045 down

    def test_a_limit_is_never_worse_than_its_price(self) -> None:
        floor = Floor(XYZ)
        floor.limit("in", BUY, "98.3")
        assert floor.bar(98.25, 99, 98, 98.5)[0] == "BUY 1 @ 98.3 maker"  # the open is off the tick


class TestFunding:
    """Funding."""

    def test_longs_pay_a_positive_rate_and_shorts_receive_it(self) -> None:
        floor = long(Floor())
        assert floor.funding("0.0001") == ["funding -0.01"]
        assert floor.wallet == "9999.949996"
        assert floor.matching.position("XYZUSDT").isolated_margin == D("9.991")
        assert short(Floor()).funding("0.0001") == ["funding 0.01"]
        assert short(Floor()).funding("-0.0003") == ["funding -0.03"]
        assert Floor().funding("0.0001") == []

    def test_the_mark_price_counts(self) -> None:
        floor = long(Floor())
        floor.matching.set_price("XYZUSDT", 100.0, mark=101.0)
        assert floor.funding("0.0001") == ["funding -0.0101"]
        assert floor.matching.balance().unrealised == D("0.99")

    def test_it_moves_the_liquidation_price(self) -> None:
        floor = long(Floor())
        before = floor.matching.liquidation_price("XYZUSDT")
        floor.funding("0.01")
        after = floor.matching.liquidation_price("XYZUSDT")
        assert before is not None
        assert after is not None
        assert after > before


class TestLiquidation:
    """Leverage 20: long 10 at 100.01, isolated margin 50.005, maintenance 1 %.

    LP = (50.005 - 1000.1) / (10 x 0.01 - 10) = 95.96919191...; the loss there is 40.4080808, which leaves 9.5969192 of
    the margin; taker fee and liquidation fee would be 959.69 x 1.29 % = 12.38, more than is left: all margin is lost.
    """

    def test_the_price(self) -> None:
        floor = long(Floor(leverage=20), "10")
        price = floor.matching.liquidation_price("XYZUSDT")
        assert price is not None
        assert round(price, 8) == D("95.96919192")

    def test_a_bar_through_it_liquidates_at_it(self) -> None:
        floor = long(Floor(leverage=20), "10")
        (line,) = floor.bar(100, 101, 95.5, 99)
        assert line.startswith("SELL 10 @ 95.969191")
        assert line.endswith("liquidation")
        assert floor.wallet == "9949.59496"  # 10000 - 0.40004 - 50.005
        assert floor.reports[-1].at_ms == BAR_MS - 1

    def test_the_fee_stops_at_its_rate_when_margin_is_left(self) -> None:
        """With 0.1 % on top: 959.6919 x 0.0014 = 1.34356869."""
        floor = long(Floor(rules=MatchingRules(liquidation_fee=D("0.001")), leverage=20), "10")
        floor.bar(100, 101, 95.5, 99)
        executed = floor.reports[-1]
        assert isinstance(executed, Executed)
        assert executed.order is None
        assert executed.fill.liquidation
        assert round(executed.fill.fee, 8) == D("1.34356869")
        assert floor.wallet.startswith("9957.8483")  # 9999.59996 - 40.4080808 - 1.3435687

    def test_a_short_is_liquidated_above(self) -> None:
        """Short 10 at 99.99, margin 49.995: LP = (49.995 + 999.9) / (0.1 + 10) = 103.95."""
        floor = short(Floor(leverage=20), "10")
        assert floor.matching.liquidation_price("XYZUSDT") == D("103.95")
        assert floor.bar(100, 103.95, 99, 100) == ["BUY 10 @ 103.95 liquidation"]

    def test_a_nearer_stop_comes_first(self) -> None:
        floor = long(Floor(leverage=20), "10")
        floor.stop("stop", SELL, "96.5")
        assert floor.bar(100, 101, 90, 99) == ["SELL 10 @ 96.49035", "stop FILLED"]

    def test_a_farther_stop_comes_too_late(self) -> None:
        floor = long(Floor(leverage=20), "10")
        floor.stop("stop", SELL, "95.5")
        story = floor.bar(100, 101, 90, 99)
        assert story[0].endswith("liquidation")
        assert story[1] == "stop EXPIRED -2022"

    def test_a_gap_never_takes_more_than_the_margin(self) -> None:
        """Opens at 80: the venue takes over at the bankruptcy price 100.01 - 5.0005 = 95.0095, and no fee is left."""
        floor = long(Floor(leverage=20), "10")
        assert floor.bar(80, 81, 79, 80) == ["SELL 10 @ 95.0095 liquidation"]
        assert floor.wallet == "9949.59496"
        assert floor.reports[-1].at_ms == 0

    def test_a_gap_through_a_nearer_stop_fills_at_the_open(self) -> None:
        floor = long(Floor(leverage=20), "10")
        floor.stop("stop", SELL, "96.5")
        assert floor.bar(90, 91, 89, 90) == ["SELL 10 @ 89.991", "stop FILLED"]

    def test_it_can_be_switched_off(self) -> None:
        floor = long(Floor(rules=MatchingRules(liquidate=False), leverage=20), "10")
        assert floor.bar(100, 101, 50, 99) == []

    def test_without_leverage_a_long_cannot_be_liquidated(self) -> None:
        floor = Floor(free_instrument("XYZUSDT"), leverage=1)
        long(floor)
        assert floor.matching.liquidation_price("XYZUSDT") is None

    def test_the_bracket_at_the_liquidation_price_counts(self) -> None:
        """Long 100 at 100.01 (10,001: second bracket at entry, first at LP): margin 500.05.

        In the first bracket LP = (500.05 - 10001) / (1 - 100) = 95.96919; its notional 9,597 is inside.
        """
        floor = long(Floor(leverage=20), "100")
        assert round(floor.matching.liquidation_price("XYZUSDT") or ZERO, 5) == D("95.96919")

    @pytest.mark.parametrize("quantity", ["1", "-1", "99", "101", "104", "-97", "-100", "500", "-900"])
    def test_at_that_price_margin_and_profit_are_the_maintenance_margin(self, quantity: str) -> None:
        position = replace(
            Floor().matching.position("XYZUSDT"),
            quantity=D(quantity),
            entry_price=D(100),
            isolated_margin=abs(D(quantity)) * 5,
        )
        price = liquidation_price(SMOOTH, position)
        assert price is not None
        left = position.isolated_margin + position.unrealised(price)
        assert abs(left - SMOOTH.maintenance_margin(position.notional(price))) < D("1e-18")

    def test_a_flat_rate_of_one_divides_by_nothing(self) -> None:
        odd = replace(SMOOTH, brackets=(Bracket(D(1000), 1, D(1), ZERO),))
        position = replace(Floor().matching.position("XYZUSDT"), quantity=D(1), entry_price=D(100))
        assert liquidation_price(odd, position) is None


def test_only_the_touched_symbol_changes() -> None:
    floor = long(Floor())
    floor.stop("stop", SELL, "95")
    before = floor.matching.state()
    assert floor.bar(100, 104, 95.1, 101) == []
    assert floor.matching.state() == before
    assert floor.matching.price("XYZUSDT") == D("101.0")


def test_cancelling() -> None:
    floor = long(Floor())
    floor.stop("stop", SELL, "95")
    answer = floor.matching.cancel("stop", 5)
    assert isinstance(answer, list)
    (report,) = answer
    assert isinstance(report, OrderChanged)
    assert (report.at_ms, report.order.status) == (5, OrderStatus.CANCELLED)
    assert floor.bar(100, 100, 90, 91)[0].endswith("liquidation")


def test_averages_do_not_leave_the_grid_of_money() -> None:
    """Three lots with an average that has no end: what is realised is rounded down, and the sums stay exact."""
    floor = long(Floor())
    for number_, price in enumerate((101.0, 103.0)):
        floor.matching.set_price("XYZUSDT", price)
        floor.ask(f"more{number_}", BUY)
    floor.ask("part", SELL, quantity="0.7", reduce_only=True)
    floor.ask("rest", SELL, quantity="2.3", reduce_only=True)
    assert floor.size == ZERO
    exponent = Decimal(floor.wallet).as_tuple().exponent
    assert isinstance(exponent, int)
    assert exponent >= -12
