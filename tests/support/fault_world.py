"""Faults of the market, the account and its money: F56 to F63."""

from dataclasses import replace
from decimal import Decimal

from fault_orders import WHOLE, entered
from fault_play import LONG, NOTHING, FaultFloor, not_injected, row
from fault_protection import flat, opened
from fault_tamper import say

from bot.domain.command import ClosePosition, Reconcile
from bot.domain.modes import MarginMode, PositionMode
from bot.domain.order import CloseReason, Purpose
from sandbox.exchange.serving.faults import RequestEffect

D = Decimal


@row("F56")
async def prices_that_cannot_be(floor: FaultFloor) -> None:
    await opened(floor)
    sent = len(floor.tape.orders())
    name = floor.symbol
    for bad in ("0", "NaN", "Infinity", "-1", "1e400", "", None):
        mark = {
            "e": "markPriceUpdate",
            "s": name,
            "p": bad,
            "i": bad,
            "r": bad,
            "T": 0,
            "E": floor.exchange.now_ms,
        }
        book = {"e": "bookTicker", "s": name, "b": bad, "a": bad, "B": "1", "A": "1", "u": 1, "T": 0, "E": 0}
        low = name.lower()
        say(floor.stage, "market", {"stream": f"{low}@markPrice@1s", "data": mark}, mark)
        say(floor.stage, "public", {"stream": f"{low}@bookTicker", "data": book}, book)
        ticker = {"symbol": name, "lastPrice": bad, "markPrice": bad, "bid1Price": bad, "ask1Price": bad}
        told = {"topic": f"tickers.{name}", "type": "delta", "data": ticker, "ts": floor.exchange.now_ms}
        say(floor.stage, "public", told)
        await floor.rest(0.5)
    await floor.rest(5)
    assert len(floor.tape.orders()) == sent
    assert floor.held() == WHOLE


@row("F57")
async def hedge_mode_is_set_at_the_start(floor: FaultFloor) -> None:
    """The gate has set it right before the first order: here it is set wrong and the desk starts anew."""
    await floor.stop()
    floor.account.set_position_mode(PositionMode.HEDGE)
    await floor.open()
    assert floor.account.position_mode is PositionMode.ONE_WAY
    await floor.bar(LONG)
    await entered(floor)


@row("F57")
async def hedge_mode_is_set_while_it_runs(floor: FaultFloor) -> None:
    await floor.bar(NOTHING)
    floor.hand("mode", mode="hedge")
    await floor.bar(LONG)
    await floor.rest(20)
    assert floor.size() == floor.held()
    await floor.rest(40)
    floor.hand("close") if floor.held() else None
    await floor.rest(5)
    if floor.account.position_mode is PositionMode.HEDGE:
        floor.hand("mode", mode="one_way")


@row("F58")
async def leverage_cannot_be_set(floor: FaultFloor) -> None:
    """Another leverage than intended, and every call to set it is lost: no entry."""
    await floor.stop()
    floor.account.set_leverage(floor.symbol, 20)
    glob = "POST leverage" if floor.binance else "POST position/set-leverage"
    floor.fail(RequestEffect.UNKNOWN_BEFORE, glob)
    await floor.open()
    await floor.bar(LONG)
    await floor.rest(5)
    assert floor.held() == 0
    floor.stage.disarm()


@row("F58")
async def leverage_is_so_already(floor: FaultFloor) -> None:
    """What was asked for is done, and the answer says that nothing had to be."""
    await floor.stop()
    floor.account.set_leverage(floor.symbol, 20)
    floor.account.set_margin_mode(floor.symbol, MarginMode.CROSSED)
    if floor.binance:
        floor.fail(RequestEffect.TROUBLE_AFTER, "POST marginType", what="-4046")
    else:
        floor.fail(RequestEffect.TROUBLE_AFTER, "POST position/set-leverage", what="110043")
    await floor.open()
    await floor.bar(LONG)
    await entered(floor)


@row("F59")
async def the_contract_is_halted(floor: FaultFloor) -> None:
    await opened(floor)
    floor.hand("tradable", symbol=floor.symbol, tradable=False)
    await floor.told(ClosePosition(floor.symbol))
    await flat(floor, CloseReason.MANUAL)
    await floor.bar(LONG)
    await floor.rest(5)
    assert floor.held() == 0
    floor.hand("tradable", symbol=floor.symbol, tradable=True)
    await floor.bar(LONG)
    await entered(floor)


@row("F59")
async def the_tick_changes(floor: FaultFloor) -> None:
    await floor.bar(NOTHING)
    floor.hand("filters", symbol=floor.symbol, changes={"price_tick": "0.1"})
    await floor.bar(LONG)
    await floor.rest(10)
    assert not floor.held() or floor.exits(Purpose.STOP)
    floor.hand("filters", symbol=floor.symbol, changes={"price_tick": "0.01"})


@row("F60", waived={"I16": "the exchange takes its clearing fee without a fill: shown as a difference"})
async def liquidated(floor: FaultFloor) -> None:
    await opened(floor)
    floor.hand("liquidate", symbol=floor.symbol)
    await flat(floor, CloseReason.LIQUIDATION)


@row("F60")
async def deleveraged(floor: FaultFloor) -> None:
    await opened(floor)
    floor.hand("deleverage", symbol=floor.symbol, quantity="4")
    await floor.rest(5)
    assert floor.size() == floor.held() == D("5.989")
    floor.price("99.00")
    await flat(floor, CloseReason.SL)


@row("F61")
async def funding_with_both_signs(floor: FaultFloor) -> None:
    await opened(floor)
    for rate in ("0.0005", "-0.0009", "0.0001"):
        await floor.settle_funding(rate)
    await floor.told(ClosePosition(floor.symbol))
    (trade,) = await floor.trades()
    assert trade.funding != 0


@row("F62")
async def the_exchange_pays_for_trading(floor: FaultFloor) -> None:
    """A rebate: fees with the other sign."""
    matching = floor.account.matching  # type: ignore[attr-defined]
    matching._account.rules = replace(matching._account.rules, taker_fee=D("-0.0001"))
    await opened(floor)
    await floor.bar("102.20")
    (trade,) = await floor.trades()
    assert trade.fees < 0


not_injected(
    "F62 in BNB", "the sandbox takes fees in USDT only; rows of another fee asset are left to unit tests"
)


@row("F63")
async def money_comes_and_goes(floor: FaultFloor) -> None:
    await opened(floor)
    before = floor.state.day_pnl()
    for amount in ("2500", "-4000"):
        floor.account.transfer(D(amount))
        await floor.told(Reconcile())
        assert abs(floor.state.day_pnl() - before) < D("0.01")
    await floor.told(ClosePosition(floor.symbol))
