"""The fast way: a symbol's whole history at one go, by compiled code, trade for trade what the exact way answers.

Limits of the account, instruments and liquidation are the exact way's. Indicators are
computed over the whole history handed in; no signal comes before the strategy's warm-up; the next open is that of the
next candle there is. Sizes are worked out afterwards: they change no price and no time.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat

import numpy as np

from bot.domain.signal import Side
from bot.strategy import Array, Frame, Strategy
from research.arrays.memory import keep_memory
from research.arrays.spread import side_by_side
from research.arrays.trades import equity_of, trades_of
from research.arrays.walk import Money
from research.backtest.asking import asked
from research.backtest.funding_notes import funding_notes
from research.backtest.ground import Ground, checked
from research.backtest.lots import Lot, due_of
from research.backtest.sizes import quantities
from research.progress import Tell, silent
from research.results.outcome import EquitySeries, Outcome, SimulatedTrade, Stretch
from research.results.plan import Plan
from strategies.registry import Registry

ALONE = "The fast way: no limits of the account, no instruments, no liquidation."


def run_fast(plan: Plan, ground: Ground, tell: Tell = silent, registry: Registry | None = None) -> Outcome:
    """Trade the plan over all its candles. Raises QuarterdeckError when plan and ground do not fit together.

    Several symbols are worked on side by side, by as many threads as there are processors. `registry` spares reading
    the strategies' files again.
    """
    keep_memory()
    registry = registry or Registry(ground.strategy_paths)
    checked(ground, registry.strategy_class(plan.strategy))
    built = [registry.build(plan.strategy, symbol, plan.parameters) for symbol in sorted(ground.frames)]
    frames = [ground.frames[symbol] for symbol in sorted(ground.frames)]
    work = side_by_side(lambda pair: lot_of(plan, ground, *pair), list(zip(built, frames, strict=True)))
    lots = list(_told(work, sum(map(len, frames)), tell))
    sizes = quantities(plan, lots)
    trades = [one for lot, own in zip(lots, sizes, strict=True) for one in _simulated(plan, lot, own)]
    trades.sort(key=lambda one: (one.exit_at_ms, one.entry_at_ms, one.symbol))
    return Outcome(
        "fast",
        plan,
        ground.timeframe,
        tuple(_stretch(lot) for lot in lots),
        tuple(trades),
        _joint(float(plan.wallet), lots, sizes),
        tuple(_notes(ground, lots, sizes)),
    )


def lot_of(plan: Plan, ground: Ground, strategy: Strategy, frame: Frame) -> Lot:
    """A symbol's trades before they have sizes."""
    heard = asked(strategy, frame)
    trades, far = trades_of(frame, heard.entries, plan.rules, ground.finer.get(frame.symbol))
    rows = trades.entry_row - 1
    return Lot(
        frame=frame,
        warmup_bars=strategy.warmup_bars,
        entries=heard.entries,
        trades=trades,
        far=far,
        shown={name: column[rows] for name, column in heard.columns.items()},
        due=due_of(frame, ground.funding.get(frame.symbol)),
        fee=float(plan.rules.fee),
        failure=heard.failure,
    )


def _told(work: Iterator[Lot], whole: int, tell: Tell) -> Iterator[Lot]:
    done = 0
    for lot in work:
        done += len(lot.frame)
        tell(done, whole)
        yield lot


def _simulated(plan: Plan, lot: Lot, quantity: Array) -> list[SimulatedTrade]:
    """A symbol's trades; those without a quantity were none."""
    trades, at_ms = lot.trades, lot.frame.open_at_ms
    funding = lot.funding * quantity + 0.0  # what is nothing has no sign
    net = (lot.exit_gain - lot.entry_fee) * quantity + funding
    rows = zip(
        repeat(lot.frame.symbol),
        repeat(plan.strategy),
        [Side.LONG if sign > 0 else Side.SHORT for sign in lot.sign.tolist()],
        quantity.tolist(),
        at_ms[trades.entry_row].tolist(),
        trades.entry.tolist(),
        at_ms[trades.exit_row].tolist(),
        trades.exit.tolist(),
        lot.reasons,
        ((lot.entry_fee + trades.exit * lot.fee) * quantity).tolist(),
        funding.tolist(),
        net.tolist(),
        (net / np.where(quantity > 0.0, trades.entry * quantity, 1.0)).tolist(),
        lot.entries.score[trades.place].tolist(),
        trades.stop.tolist(),
        np.maximum(trades.target, 0.0).tolist(),
        lot.far.adverse.tolist(),
        lot.far.favourable.tolist(),
        _indicators(lot),
        strict=False,
    )
    return [SimulatedTrade(*row) for row in rows if row[3] > 0.0]


def _indicators(lot: Lot) -> Iterator[dict[str, float]]:
    """The strategy's columns on each signal's bar."""
    columns = [column.tolist() for column in lot.shown.values()]
    rows = zip(*columns, strict=True) if columns else repeat(())
    return (dict(zip(lot.shown, row, strict=True)) for row in rows)


def _stretch(lot: Lot) -> Stretch:
    frame = lot.frame
    first, last = frame.open_at_ms.item(0), frame.open_at_ms.item(-1)
    return Stretch(
        frame.symbol, first, last + frame.timeframe_ms, len(frame), min(lot.warmup_bars, len(frame))
    )


def _equity(lot: Lot, quantity: Array) -> Array:
    money = Money(lot.sign * quantity, lot.entry_fee * quantity, lot.exit_gain * quantity, lot.due)
    return equity_of(lot.frame, lot.trades, money)


def _joint(wallet: float, lots: Sequence[Lot], sizes: Sequence[Array]) -> EquitySeries:
    """The account's equity at every close of any symbol; a symbol without a candle then stands as it stood."""
    times = [lot.frame.open_at_ms for lot in lots]
    same = all(np.array_equal(one, times[0]) for one in times)
    grid = times[0] if same else np.unique(np.concatenate(times))
    equity = np.full(len(grid), wallet)
    for lot, own in zip(lots, sizes, strict=True):
        gained = _equity(lot, own)
        if not same:
            gained = np.concatenate(([0.0], gained))[
                np.searchsorted(lot.frame.open_at_ms, grid, side="right")
            ]
        equity += gained
    return EquitySeries(grid + lots[0].frame.timeframe_ms, equity)


def _notes(ground: Ground, lots: Sequence[Lot], sizes: Sequence[Array]) -> Iterator[str]:
    """What the figures leave out."""
    yield ALONE
    yield from funding_notes(ground)
    unpaid = sum(int((own <= 0.0).sum()) for own in sizes)
    if unpaid:
        yield f"The wallet was empty: {unpaid} trades could not be entered."
    for lot in lots:
        if lot.failure:
            yield f"{lot.frame.symbol}: its strategy was switched off ({lot.failure})."
