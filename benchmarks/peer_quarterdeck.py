"""Quarterdeck by the same watch: the fast way, the exact way (the trading engine), and the sweep's tallies."""

from collections.abc import Callable

from peer_rules import ONE_SET, Found, Market, Set, measure, some_sets, spans

from bot.strategy import Frame, Value
from research.arrays.tallies import tallies
from research.backtest.exact import run_exact
from research.backtest.fast import run_fast
from research.backtest.ground import Ground
from research.results.outcome import Outcome
from research.results.plan import Plan, Rules
from strategies.registry import Registry

PACKAGES = ("quarterdeck", "TA-Lib", "numpy", "numba")
STRATEGY = "composite"
NAMES = ("atr_sl_mult", "atr_tp_mult", "signal_threshold", "adx_threshold", "volume_multiplier")


def frame_of(market: Market) -> Frame:
    """Candles as we want them."""
    columns = (market.open, market.high, market.low, market.close, market.volume)
    return Frame(market.symbol, market.bar_ms, market.at_ms, *columns)


def parameters_of(one: Set) -> dict[str, Value]:
    """A set by the strategy's names."""
    return dict(zip(NAMES, one, strict=True))


def ground_of(market: Market) -> tuple[Plan, Ground]:
    """One backtest with the rules as they are by default."""
    minutes = market.bar_ms // 60_000
    return Plan(STRATEGY, parameters_of(ONE_SET)), Ground(f"{minutes}m", {market.symbol: frame_of(market)})


def counted(outcome: Outcome) -> Found:
    """Its trades and net returns."""
    return Found([len(outcome.trades)], [sum(one.net_return for one in outcome.trades)])


def fast(market: Market, _: int) -> Callable[[], Found]:
    """One set by compiled code: trades, equity, excursions."""
    (plan, ground), registry = ground_of(market), Registry()
    return lambda: counted(run_fast(plan, ground, registry=registry))


def exact(market: Market, _: int) -> Callable[[], Found]:
    """One set by the trading engine: every gate, order, fill and ledger entry."""
    plan, ground = ground_of(market)
    return lambda: counted(run_exact(plan, ground))


def sweep(market: Market, count: int) -> Callable[[], Found]:
    """All sets of the grid over the whole history, the strategies' building included."""
    return tallied(market, count, [(0, len(market.close))])


def folds(market: Market, _: int) -> Callable[[], Found]:
    """All sets in every span of the walk-forward."""
    return tallied(market, 0, spans(len(market.close)))


def tallied(market: Market, count: int, rows: list[tuple[int, int]]) -> Callable[[], Found]:
    """So many sets of the grid in these spans."""
    frame, registry, rules = frame_of(market), Registry(), Rules()

    def run() -> Found:
        built = [registry.build(STRATEGY, market.symbol, parameters_of(one)) for one in some_sets(count)]
        found = tallies(frame, built, rules, rows)
        return Found(found.trades.ravel().tolist(), found.net.ravel().tolist())

    return run


if __name__ == "__main__":
    measure(PACKAGES, {"backtest": fast, "exact": exact, "sweep": sweep, "folds": folds})
