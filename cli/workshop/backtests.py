"""A backtest as a worker does it: stored candles joined with the desk's, either way, figures, a page in one file."""

import numpy as np

from bot.domain.account import EquityPoint
from bot.domain.market import DAY_MS
from bot.runtime.codec import decode
from bot.strategy import Frame
from cli.workshop.asking import Answer, Asked
from cli.workshop.ground import Known, bar_ms, cents, ground_of, known, too_short
from cli.workshop.pages import backtest_page
from cli.workshop.parcel import Parcel
from cli.workshop.worker import Say
from handlers.lab import BacktestResult, Tried, TriedTrade
from research.backtest.exact import run_exact
from research.backtest.fast import run_fast
from research.results.outcome import Outcome, SimulatedTrade
from research.results.statistics import Summary, summary_of
from strategies.registry import Registry

LEAST_BARS = 50
LAST_TRADES = 20
POINTS = 2_000


def work(parcel: Parcel, say: Say) -> Answer:
    """Do it. Raises QuarterdeckError with the reason when there is nothing to run."""
    asked = decode(parcel.order, Asked)
    (live,) = parcel.frames
    registry = Registry(asked.place.paths)
    warmup = registry.build(asked.plan.strategy, asked.symbol, asked.plan.parameters).warmup_bars
    span_ms = asked.days * DAY_MS + warmup * bar_ms(asked.place)
    found = known(asked.place, live, asked.to_ms - span_ms, asked.to_ms)
    if len(found.frame) - warmup < LEAST_BARS:
        need = warmup + LEAST_BARS
        have = f"{len(found.frame)} candles of {asked.symbol} are known without a gap"
        raise too_short(found, have, f"at least {need} are needed")
    outcome = _run(asked, found, say)
    traded = len(found.frame) - warmup
    result = _result(asked, outcome, (found.frame, traded), _words(asked, found, outcome, traded))
    return Answer(result, backtest_page(asked.place.results / "backtests", asked.symbol, outcome))


def _run(asked: Asked, found: Known, say: Say) -> Outcome:
    def tell(done: int, whole: int) -> None:
        say(done, whole, "")

    ground = ground_of(asked.place, found, asked.instrument if asked.way == "exact" else None)
    return run_exact(asked.plan, ground, tell) if asked.way == "exact" else run_fast(asked.plan, ground, tell)


def _words(asked: Asked, found: Known, outcome: Outcome, traded: int) -> tuple[str, ...]:
    """What must be read with the figures."""
    days = traded * bar_ms(asked.place) / DAY_MS
    short = [f"Only {days:.1f} of {asked.days} days are known."] if days < asked.days * 0.99 else []
    if asked.way == "exact":
        lent = "Sizing, limits and kill switches are those of the desk now; fills with its fees and slippage."
    else:
        lent = "Sizing, fees and slippage are those of the desk now."
    return (*short, lent, *found.words, *outcome.notes)


def _result(
    asked: Asked, outcome: Outcome, traded: tuple[Frame, int], words: tuple[str, ...]
) -> BacktestResult:
    summary, (frame, bars) = summary_of(outcome), traded
    return BacktestResult(
        way=asked.way,
        strategy=asked.plan.strategy,
        bars=bars,
        from_ms=int(frame.open_at_ms[-bars]),
        to_ms=int(frame.open_at_ms[-1]) + frame.timeframe_ms,
        wallet=asked.plan.wallet,
        end=cents(summary.end_equity),
        figures=tried(summary),
        last=tuple(_shown(one) for one in outcome.trades[-LAST_TRADES:]),
        points=thinned(outcome),
        took_ms=0,
        remarks=words,
    )


def tried(summary: Summary) -> Tried:
    """The figures that a chat shows."""
    total, fall, ratios = summary.total, summary.fall, summary.ratios
    return Tried(
        trades=total.trades,
        wins=total.wins,
        net=total.net,
        fees=total.fees,
        funding=total.funding,
        profit_factor=total.profit_factor,
        expectancy=total.expectancy,
        fall=fall.amount if fall else None,
        fall_share=fall.share if fall else None,
        sharpe=ratios.sharpe,
        sortino=ratios.sortino,
        calmar=ratios.calmar,
        exposure=summary.exposure,
        longest_losing_run=total.longest_losing_run,
    )


def _shown(one: SimulatedTrade) -> TriedTrade:
    distance = abs(one.entry_price - one.stop_price) if one.stop_price else 0.0
    return TriedTrade(
        symbol=one.symbol,
        side=one.side,
        entry_price=one.entry_price,
        exit_price=one.exit_price,
        opened_at_ms=one.entry_at_ms,
        closed_at_ms=one.exit_at_ms,
        reason=one.reason,
        net=one.net,
        risk=distance * one.quantity,
    )


def thinned(outcome: Outcome) -> tuple[EquityPoint, ...]:
    """The equity series for a picture: at most so many points, evenly, with the highest and the lowest."""
    levels, times = outcome.equity.equity, outcome.equity.at_ms
    if not len(levels):
        return ()
    even = np.linspace(0, len(levels) - 1, min(POINTS, len(levels))).round().astype(int)
    rows = np.unique(np.concatenate([even, [int(np.argmax(levels)), int(np.argmin(levels))]]))
    return tuple(_point(int(times[row]), float(levels[row])) for row in rows)


def _point(at_ms: int, level: float) -> EquityPoint:
    return EquityPoint(at_ms, cents(level), cents(level), 0)
