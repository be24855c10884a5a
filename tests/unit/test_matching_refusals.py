"""Why the fill model refuses: every check with its code, at the border where there is one. Tick 0.1, step 0.01."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from floor import BUY, SELL, SMOOTH, XYZ, D, Floor

from bot.domain.instrument import ZERO
from bot.domain.order import OrderType
from bot.venues.matching import Code, Matching, MatchingRules, OrderRequest, Refusal, TimeInForce, checks
from bot.venues.matching.checks import CHECKS

type Asked = Callable[[Floor], Any]


def held(floor: Floor, quantity: str = "1") -> Floor:
    floor.ask("in", BUY, quantity=quantity)
    return floor


REFUSED: list[tuple[str, Code, Asked]] = [
    ("unknown symbol", Code.UNKNOWN_SYMBOL, lambda f: f.ask("a", BUY, symbol="NOUSDT")),
    ("empty client id", Code.BAD_CLIENT_ID, lambda f: f.ask("", BUY)),
    ("long client id", Code.BAD_CLIENT_ID, lambda f: f.ask("a" * 37, BUY)),
    ("odd client id", Code.BAD_CLIENT_ID, lambda f: f.ask("a b", BUY)),
    ("limit without price", Code.MISSING, lambda f: f.ask("a", BUY, "LIMIT")),
    ("limit at zero", Code.MISSING, lambda f: f.limit("a", BUY, "0")),
    ("limit at NaN", Code.MISSING, lambda f: f.limit("a", BUY, "NaN")),
    ("stop without trigger", Code.MISSING, lambda f: f.ask("a", BUY, "STOP_MARKET")),
    ("market with a limit", Code.NOT_WANTED, lambda f: f.ask("a", BUY, limit_price="100")),
    ("market with a trigger", Code.NOT_WANTED, lambda f: f.ask("a", BUY, trigger_price="100")),
    ("market close_position", Code.BAD_CLOSE_POSITION, lambda f: held(f).ask("a", SELL, close_position=True)),
    ("price too fine", Code.PRECISION, lambda f: f.limit("a", BUY, "99.95")),
    ("trigger too fine", Code.PRECISION, lambda f: held(f).stop("a", SELL, "95.01")),
    ("zero quantity", Code.NOT_POSITIVE, lambda f: f.ask("a", BUY, quantity="0")),
    ("negative quantity", Code.NOT_POSITIVE, lambda f: f.ask("a", BUY, quantity="-1")),
    ("NaN quantity", Code.NOT_POSITIVE, lambda f: f.ask("a", BUY, quantity="NaN")),
    ("infinite quantity", Code.NOT_POSITIVE, lambda f: f.ask("a", BUY, quantity="Infinity")),
    ("below the minimum", Code.BELOW_MINIMUM, lambda f: f.ask("a", BUY, quantity="0.009")),
    ("quantity too fine", Code.PRECISION, lambda f: f.ask("a", BUY, quantity="1.001")),
    ("above the market maximum", Code.ABOVE_MAXIMUM, lambda f: f.ask("a", BUY, quantity="100.01")),
    ("above the maximum", Code.ABOVE_MAXIMUM, lambda f: f.limit("a", BUY, "99", "1000.01")),
    ("notional", Code.MIN_NOTIONAL, lambda f: f.ask("a", BUY, quantity="0.04")),
    ("notional at the limit", Code.MIN_NOTIONAL, lambda f: f.limit("a", BUY, "99.9", "0.05")),
    ("buy limit too high", Code.LIMIT_TOO_HIGH, lambda f: f.limit("a", BUY, "105.1")),
    ("sell limit too low", Code.LIMIT_TOO_LOW, lambda f: f.limit("a", SELL, "94.9")),
    ("reduce-only, flat", Code.REDUCE_ONLY, lambda f: f.ask("a", SELL, reduce_only=True)),
    ("close_position, flat", Code.REDUCE_ONLY, lambda f: f.stop("a", SELL, "95")),
    ("reduce-only would grow", Code.REDUCE_ONLY, lambda f: held(f).ask("a", BUY, reduce_only=True)),
    ("sell stop above", Code.WOULD_TRIGGER, lambda f: held(f).stop("a", SELL, "100.1")),
    ("sell stop at the price", Code.WOULD_TRIGGER, lambda f: held(f).stop("a", SELL, "100")),
    ("buy stop below", Code.WOULD_TRIGGER, lambda f: f.stop("a", BUY, "99.9", close_position=False)),
    ("sell target below", Code.WOULD_TRIGGER, lambda f: held(f).target("a", SELL, "99.9")),
    ("buy target above", Code.WOULD_TRIGGER, lambda f: f.target("a", BUY, "100.1", close_position=False)),
    ("maker only crosses", Code.NOT_MAKER, lambda f: f.limit("a", BUY, "100", time_in_force=TimeInForce.GTX)),
    ("leverage bracket", Code.BRACKET, lambda f: f.limit("a", BUY, "101", "991")),
    # 989 x 101 = 99,889: margin 9988.9 and fee 39.9556 are more than 10,000
    ("margin", Code.MARGIN, lambda f: f.limit("a", BUY, "101", "989")),
]


@pytest.mark.parametrize("name, code, asked", REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(name: str, code: Code, asked: Asked) -> None:
    floor = Floor(XYZ)
    answer = asked(floor)
    assert isinstance(answer, Refusal)
    assert answer.code is code, answer.figures
    assert answer.figures
    assert "\n" not in answer.figures


TAKEN: list[tuple[str, Asked]] = [
    ("smallest notional", lambda f: f.ask("a", BUY, quantity="0.05")),
    ("reduce-only below the notional", lambda f: held(f).ask("a", SELL, quantity="0.01", reduce_only=True)),
    ("largest market quantity", lambda f: f.ask("a", BUY, quantity="100")),
    ("highest buy limit", lambda f: f.limit("a", BUY, "105")),
    ("a sell limit may be high", lambda f: f.limit("a", SELL, "200")),
    ("lowest sell limit", lambda f: f.limit("a", SELL, "95")),
    ("a buy limit may be low", lambda f: f.limit("a", BUY, "10")),
    ("maker only rests", lambda f: f.limit("a", BUY, "99.9", time_in_force=TimeInForce.GTX)),
    ("stop next to the price", lambda f: held(f).stop("a", SELL, "99.9")),
    ("target next to the price", lambda f: held(f).target("a", SELL, "100.1")),
    ("36 characters", lambda f: f.ask("qd12ab-" + "x" * 29, BUY)),
]


@pytest.mark.parametrize("name, asked", TAKEN, ids=[row[0] for row in TAKEN])
def test_taken_at_the_border(name: str, asked: Asked) -> None:
    assert isinstance(asked(Floor(XYZ)), list)


def test_off_the_grid_without_being_too_fine() -> None:
    floor = held(Floor(replace(XYZ, price_tick=D("0.5"), quantity_step=D("0.05"))))
    assert floor.limit("a", BUY, "99.3").code is Code.OFF_TICK
    assert floor.ask("a", BUY, quantity="1.03").code is Code.OFF_STEP


def test_no_price_yet() -> None:
    matching = Matching({"XYZUSDT": XYZ}, D(1000))
    answer = matching.submit(OrderRequest("a", "XYZUSDT", BUY, OrderType.MARKET), 0)
    assert isinstance(answer, Refusal)
    assert answer.code is Code.NO_PRICE


def test_what_does_not_trade_can_only_be_left() -> None:
    open_floor = held(Floor(XYZ))
    state = open_floor.matching.state()
    matching = Matching({"XYZUSDT": replace(XYZ, tradable=False)})
    matching.restore(state)
    matching.set_price("XYZUSDT", 100.0)
    floor = Floor(XYZ)
    floor.matching = matching
    assert floor.ask("more", BUY).code is Code.NOT_TRADING
    assert floor.ask("out", SELL, reduce_only=True) == ["SELL 1 @ 99.9", "out FILLED"]


def test_client_ids_are_unique_among_open_orders_only() -> None:
    floor = held(Floor(XYZ))
    assert floor.ask("in", BUY) == ["BUY 1 @ 100.1", "in FILLED"]  # a filled market order is accepted again
    floor.stop("stop", SELL, "95")
    assert floor.target("stop", SELL, "105").code is Code.DUPLICATE
    floor.matching.cancel("stop", 0)
    assert floor.stop("stop", SELL, "95") == ["stop WORKING"]


def test_one_close_position_order_of_a_type_and_side() -> None:
    floor = held(Floor(XYZ))
    floor.stop("stop", SELL, "95")
    assert floor.stop("second", SELL, "96").code is Code.CLOSE_POSITION_EXISTS
    assert floor.target("target", SELL, "105") == ["target WORKING"]
    assert floor.stop("sized", SELL, "96", close_position=False, reduce_only=True) == ["sized WORKING"]


def test_resting_reduce_only_limits_count_against_the_position() -> None:
    floor = held(Floor(XYZ))
    floor.limit("take", SELL, "104", "0.7", reduce_only=True)
    assert floor.ask("close", SELL, reduce_only=True).code is Code.REDUCE_ONLY_RESTS
    assert floor.ask("part", SELL, quantity="0.3", reduce_only=True) == ["SELL 0.3 @ 99.9", "part FILLED"]
    assert floor.ask("rest", SELL, quantity="0.01", reduce_only=True).code is Code.REDUCE_ONLY_RESTS


def test_resting_reduce_only_stops_count_when_so_chosen() -> None:
    for counts, answer in ((False, list), (True, Refusal)):
        floor = held(Floor(XYZ, MatchingRules(count_conditional=counts)))
        floor.stop("old", SELL, "95", close_position=False, reduce_only=True)
        new = floor.stop("new", SELL, "96", close_position=False, reduce_only=True)
        assert isinstance(new, answer)


def test_conditional_orders_are_counted() -> None:
    floor = Floor(XYZ, MatchingRules(max_conditional_orders=2))
    for number in range(2):
        floor.stop(f"s{number}", BUY, "110", close_position=False)
    assert floor.stop("s2", BUY, "110", close_position=False).code is Code.TOO_MANY_STOPS
    assert floor.limit("limit", BUY, "99") == ["limit WORKING"]


def test_margin_to_the_last_digit() -> None:
    """At 100.01 with slippage: 100.01 q / 10 + 100.01 q x 0.0004 = 10.041004 q <= 1000, so q <= 99.591634..."""
    floor = Floor(SMOOTH, wallet=1000)
    assert floor.ask("a", BUY, quantity="99.592").code is Code.MARGIN
    assert isinstance(floor.ask("b", BUY, quantity="99.5916"), list)
    assert ZERO <= floor.matching.wallet - floor.matching.balance().margin_used < D("0.001")


def test_margin_of_what_is_closed_first_counts() -> None:
    floor = Floor(SMOOTH, wallet=1000)
    held(floor, "90")
    assert floor.ask("more", BUY, quantity="20").code is Code.MARGIN
    assert isinstance(floor.ask("flip", SELL, quantity="170"), Refusal)  # above the market maximum
    assert isinstance(floor.limit("flip2", SELL, "99.5", "170"), list)
    assert floor.size == -80


def test_leverage() -> None:
    floor = Floor(XYZ)
    matching = floor.matching
    for bad in (0, -1, 51):
        refused = matching.set_leverage("XYZUSDT", bad)
        assert refused is not None
        assert refused.code is Code.BAD_LEVERAGE
    assert matching.set_leverage("XYZUSDT", 50) is None
    assert matching.set_leverage("XYZUSDT", 50) is None  # already so
    held(floor, "50")
    lowered = matching.set_leverage("XYZUSDT", 20)
    assert lowered is not None
    assert lowered.code is Code.LEVERAGE_REDUCTION
    unknown = matching.set_leverage("NOUSDT", 20)
    assert unknown is not None
    assert unknown.code is Code.UNKNOWN_SYMBOL
    with pytest.raises(KeyError):
        matching.position("NOUSDT")


def test_leverage_that_the_position_is_too_large_for() -> None:
    floor = Floor(XYZ, leverage=20)
    held(floor, "100")
    held_more = floor.ask("more", BUY, quantity="50")
    assert isinstance(held_more, list)
    raised = floor.matching.set_leverage("XYZUSDT", 50)  # 15,000 > 10,000
    assert raised is not None
    assert raised.code is Code.BRACKET


def test_every_check_refuses_something_here() -> None:
    """Take a check away and one of the cases above is taken, or refused for another reason."""
    cases = REFUSED + EXTRA
    for check in CHECKS:
        checks.CHECKS = tuple(other for other in CHECKS if other is not check)
        try:
            noticed = any(_differs(asked, code) for _, code, asked in cases)
        finally:
            checks.CHECKS = CHECKS
        assert noticed, check.__name__


def _differs(asked: Asked, code: Code) -> bool:
    try:
        answer = asked(Floor(XYZ, MatchingRules(max_conditional_orders=1)))
    except (ArithmeticError, AttributeError, TypeError):
        return True
    return not (isinstance(answer, Refusal) and answer.code is code)


def _not_trading(floor: Floor) -> Any:
    closed = Floor(replace(XYZ, tradable=False))
    return closed.ask("a", BUY)


def _second_stop(floor: Floor) -> Any:
    held(floor).stop("one", SELL, "95")
    return floor.stop("two", SELL, "95")


def _promised(floor: Floor) -> Any:
    held(floor).limit("take", SELL, "104", reduce_only=True)
    return floor.ask("close", SELL, reduce_only=True)


def _one_too_many(floor: Floor) -> Any:
    floor.stop("one", BUY, "110", close_position=False)
    return floor.stop("two", BUY, "110", close_position=False)


def _far_from_the_mark(floor: Floor) -> Any:
    floor.matching.set_price("XYZUSDT", 100.0, 95.0)  # 100.01 > 95 x 1.05
    return floor.ask("a", BUY)


EXTRA: list[tuple[str, Code, Asked]] = [
    ("market far from the mark", Code.MARKET_PRICE, _far_from_the_mark),
    ("not trading", Code.NOT_TRADING, _not_trading),
    ("second close_position", Code.CLOSE_POSITION_EXISTS, _second_stop),
    ("promised twice", Code.REDUCE_ONLY_RESTS, _promised),
    ("too many", Code.TOO_MANY_STOPS, _one_too_many),
]


def test_a_refusal_reads_well() -> None:
    answer = Floor(XYZ).ask("a", BUY, quantity="0.04")
    assert answer == Refusal(Code.MIN_NOTIONAL, "notional 4.000 < minimum 5")
