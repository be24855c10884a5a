"""Walk-forward with given parameters: fold by fold, what they came to where one would have chosen and right after."""

from collections.abc import Sequence
from dataclasses import dataclass

from research.backtest.context import Context, Market, contexts
from research.backtest.folds import Fold, folds
from research.backtest.ground import Ground
from research.backtest.windows import Run, run_window
from research.progress import Tell
from research.results.outcome import Outcome, SimulatedTrade
from research.results.plan import Plan
from research.results.rows import Row, figures_row
from research.results.statistics import Figures, Summary, figures_of, summary_of
from strategies.registry import Registry

FEW_TRADES = 30


@dataclass(frozen=True, slots=True)
class Judged:
    """One fold: figures of the train and of the test window (None: no candles there), the market in the test window."""

    fold: Fold
    train: Summary | None
    test: Summary | None
    context: Context


@dataclass(frozen=True, slots=True)
class Walk:
    """All folds, and all their test windows together: figures of the merged trades, never means of folds.

    Train windows overlap, so they are not added up.
    """

    train: str
    test: str
    judged: tuple[Judged, ...]
    tested: Figures
    notes: tuple[str, ...]


def walk_forward(
    plan: Plan, ground: Ground, run: Run, windows: tuple[str, str], market: Market, tell: Tell
) -> Walk:
    """Judge the plan on every fold over the ground's whole time. Raises ConfigError when there is no fold."""
    found = folds(*_span(ground), *windows)
    warmup = Registry(ground.strategy_paths).strategy_class(plan.strategy).warmup_bars
    around = contexts([(fold.test_from_ms, fold.test_to_ms) for fold in found], market)
    judged: list[Judged] = []
    trades: list[SimulatedTrade] = []
    for number, (fold, context) in enumerate(zip(found, around, strict=True)):
        spans = ((fold.train_from_ms, fold.train_to_ms, warmup), (fold.test_from_ms, fold.test_to_ms, warmup))
        heard = _within(tell, number, len(found))
        train, test = (run_window(run, plan, ground, span, heard) for span in spans)
        judged.append(Judged(fold, _summed(train), _summed(test), context))
        trades += test.trades if test else ()
        tell(number + 1, len(found))
    tested = figures_of(trades)
    return Walk(*windows, tuple(judged), tested, tuple(_notes(tested, judged)))


def _within(tell: Tell, number: int, folds: int) -> Tell:
    """Work within a fold: the folds are counted, but it can be stopped."""

    def heard(_done: int, _whole: int) -> None:
        tell(number, folds)

    return heard


def _summed(outcome: Outcome | None) -> Summary | None:
    return summary_of(outcome) if outcome else None


def _span(ground: Ground) -> tuple[int, int]:
    first = min(int(frame.open_at_ms[0]) for frame in ground.frames.values())
    end = max(int(frame.open_at_ms[-1]) + frame.timeframe_ms for frame in ground.frames.values())
    return first, end


def _notes(tested: Figures, judged: Sequence[Judged]) -> list[str]:
    """What the figures of the folds are worth."""
    notes = []
    if tested.trades < FEW_TRADES:
        notes.append(
            f"{tested.trades} trades in all test windows, fewer than {FEW_TRADES}: the figures mean nothing"
        )
    thin = sum(1 for one in judged if not one.test or one.test.total.trades < FEW_TRADES)
    if thin and tested.trades >= FEW_TRADES:
        notes.append(
            f"{thin} of {len(judged)} folds have fewer than {FEW_TRADES} test trades: read them together"
        )
    return notes


def walk_row(walk: Walk) -> Row:
    """The walk-forward as a section of a result file."""
    return {
        "train": walk.train,
        "test": walk.test,
        "tested": figures_row(walk.tested),
        "folds": [_fold_row(one) for one in walk.judged],
        "notes": list(walk.notes),
    }


def _fold_row(one: Judged) -> Row:
    fold, context = one.fold, one.context
    return {
        "train_from_ms": fold.train_from_ms,
        "train_to_ms": fold.train_to_ms,
        "test_from_ms": fold.test_from_ms,
        "test_to_ms": fold.test_to_ms,
        "train": _window_row(one.train),
        "test": _window_row(one.test),
        "context": context_row(context),
    }


def context_row(context: Context) -> Row:
    """The market of a window as JSON has it."""
    return {
        "btc_return": context.btc_return,
        "eth_return": context.eth_return,
        "btc_adx": context.btc_adx,
        "regime": context.regime.value if context.regime else None,
        "long_short": dict(context.long_short),
        "notes": list(context.notes),
    }


def _window_row(summary: Summary | None) -> Row | None:
    if summary is None:
        return None
    fall = summary.fall.share if summary.fall else 0.0
    return {
        **figures_row(summary.total),
        "return": summary.growth,
        "max_drawdown": fall,
        "sharpe": summary.ratios.sharpe,
    }
