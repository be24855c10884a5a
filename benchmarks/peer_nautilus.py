"""nautilus_trader: its BacktestEngine, fed with bars, and with one trade at the open that follows a signal.

Orders take a nanosecond to arrive, so they fill at that trade: the next open. The bracket's stop and target are market
orders when touched, measured from the next open, where the entry will be. Inside a bar it goes open, high, low, close:
a long whose target and stop are both hit takes its target. It slips by ticks, not by shares of the price: fee and
slippage are both charged as fee, and net returns are computed from its fills by the rules.
"""

import warnings
from collections.abc import Callable
from decimal import Decimal

import numpy as np
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.models import LatencyModel
from nautilus_trader.common.config import LoggingConfig
from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import Bar, BarType, TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, OmsType, OrderSide, OrderType
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy
from peer_rules import (
    FEE,
    NOTIONAL,
    ONE_SET,
    SLIPPAGE,
    Found,
    Market,
    Set,
    measure,
    returns,
    sides,
    some_sets,
    together,
    votes,
)

PACKAGES = ("nautilus_trader", "TA-Lib", "numpy", "pandas")
VENUE = Venue("SIM")
NS = 1_000_000
DIGITS = 8
PLENTY = Quantity(1_000_000_000.0, 0)


class Traded(Strategy):
    """Trades the signals that it is given."""

    def __init__(self, market: Market, one: Set, kind: BarType) -> None:
        """Take the figures by bar."""
        super().__init__(StrategyConfig(order_id_tag="1"))
        said = votes(market)
        taken = sides(market, said, one)
        self.kind, self.one, self.bar = kind, one, -1
        self.taken = taken.tolist()
        self.entry = (market.following * (1.0 + taken * SLIPPAGE)).tolist()
        self.atr = said.atr.tolist()

    def on_start(self) -> None:
        """Ask for bars."""
        self.subscribe_bars(self.kind)

    def on_bar(self, _: Bar) -> None:
        """A side opposite to the position turns it, the same does nothing."""
        self.bar += 1
        side = self.taken[self.bar]
        if not side:
            return
        name = self.kind.instrument_id
        held = self.portfolio.net_position(name)
        if held and (held > 0) == (side > 0):
            return
        if held:
            self.cancel_all_orders(name)
            self.close_all_positions(name)
        self.enter(side, self.entry[self.bar], self.atr[self.bar])

    def enter(self, side: int, entry: float, atr: float) -> None:
        """A market order with its bracket."""
        bracket = self.order_factory.bracket(
            instrument_id=self.kind.instrument_id,
            order_side=OrderSide.BUY if side > 0 else OrderSide.SELL,
            quantity=Quantity(max(1, round(NOTIONAL / entry)), 0),
            sl_trigger_price=Price(entry - side * self.one[0] * atr, DIGITS),
            tp_order_type=OrderType.MARKET_IF_TOUCHED,
            tp_trigger_price=Price(entry + side * self.one[1] * atr, DIGITS),
        )
        self.submit_order_list(bracket)


def contract(symbol: str) -> CryptoPerpetual:
    """A perpetual with fine prices and whole units; fee and slippage in one."""
    return CryptoPerpetual(
        instrument_id=InstrumentId(Symbol(symbol), VENUE),
        raw_symbol=Symbol(symbol),
        base_currency=BTC,
        quote_currency=USDT,
        settlement_currency=USDT,
        is_inverse=False,
        price_precision=DIGITS,
        price_increment=Price(10**-DIGITS, DIGITS),
        size_precision=0,
        size_increment=Quantity(1, 0),
        margin_init=Decimal("0.01"),
        margin_maint=Decimal("0.005"),
        maker_fee=Decimal(str(FEE)),
        taker_fee=Decimal(str(FEE + SLIPPAGE)),
        ts_event=0,
        ts_init=0,
    )


def bars(market: Market, kind: BarType) -> list[Bar]:
    """Candles as it wants them, stamped at their close; volume that any order fits into."""
    columns = (market.open, market.high, market.low, market.close)
    rows = zip(market.at_ms.tolist(), *(column.tolist() for column in columns), strict=True)
    return [
        Bar(kind, *(Price(one, DIGITS) for one in prices), PLENTY, at := (at_ms + market.bar_ms) * NS, at)
        for at_ms, *prices in rows
    ]


def opens(market: Market, taken: np.ndarray, name: InstrumentId) -> list[TradeTick]:
    """A trade at every open that follows a signal, a microsecond after the bar before it closed."""
    return [
        TradeTick(
            name,
            Price(float(market.following[i]), DIGITS),
            PLENTY,
            AggressorSide.BUYER,
            TradeId(str(i)),
            at := (int(market.at_ms[i]) + market.bar_ms) * NS + 1000,
            at,
        )
        for i in np.nonzero(taken)[0].tolist()
    ]


def run_set(market: Market, one: Set, candles: list[Bar], ticks: list[TradeTick]) -> Found:
    """One whole run in a new engine."""
    logging = LoggingConfig(bypass_logging=True)
    engine = BacktestEngine(BacktestEngineConfig(logging=logging, run_analysis=False))
    engine.add_venue(
        VENUE,
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(1_000_000_000, USDT)],
        base_currency=USDT,
        latency_model=LatencyModel(base_latency_nanos=1),
    )
    engine.add_instrument(contract(market.symbol))
    engine.add_data(candles, sort=not ticks)
    if ticks:
        engine.add_data(ticks)
    engine.add_strategy(Traded(market, one, candles[0].bar_type))
    engine.run()
    found = settled(engine, market)
    engine.dispose()
    return found


def settled(engine: BacktestEngine, market: Market) -> Found:
    """Its positions, closed ones as they are, an open one at the last close."""
    held = [*engine.cache.position_snapshots(), *engine.cache.positions()]
    side = np.array([1.0 if one.entry == OrderSide.BUY else -1.0 for one in held])
    entry = np.array([one.avg_px_open for one in held])
    exit_ = np.array([one.avg_px_close if one.is_closed else market.close[-1] for one in held])
    return Found([len(held)], [float(returns(side, entry, exit_).sum())])


def ground(market: Market, sets: list[Set]) -> list[tuple[Set, list[Bar], list[TradeTick]]]:
    """What every set's run is given."""
    kind = BarType.from_str(f"{market.symbol}.{VENUE}-15-MINUTE-LAST-EXTERNAL")
    candles, said = bars(market, kind), votes(market)
    return [(one, candles, opens(market, sides(market, said, one), kind.instrument_id)) for one in sets]


def backtest(market: Market, _: int) -> Callable[[], Found]:
    """One set."""
    given = ground(market, [ONE_SET])[0]
    return lambda: run_set(market, *given)


def sweep(market: Market, count: int) -> Callable[[], Found]:
    """So many sets, one after the other, in one process."""
    given = ground(market, some_sets(count))

    return lambda: together([run_set(market, *one) for one in given])


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    measure(PACKAGES, {"backtest": backtest, "sweep": sweep})
