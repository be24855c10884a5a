"""A part of a history, traded as if it were all there is: it begins flat, ends flat, and only its own bars count."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bot.domain.market import timeframe_ms
from bot.strategy import Frame
from research.backtest.ground import Ground
from research.progress import Tell
from research.results.outcome import EquitySeries, Outcome, Stretch
from research.results.plan import Plan

type Run = Callable[[Plan, Ground, Tell], Outcome]
"""The fast or the exact way."""


def cut(frame: Frame, begin: int, end: int) -> Frame:
    """Rows begin <= row < end."""
    columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
    return Frame(
        frame.symbol,
        frame.timeframe_ms,
        frame.open_at_ms[begin:end],
        *(column[begin:end] for column in columns),
    )


def window(ground: Ground, from_ms: int, to_ms: int, warmup: int) -> Ground:
    """The ground of bars that open in from_ms <= t < to_ms, with up to `warmup` bars before them to warm up on.

    Indicators begin with those bars, as they do in a desk that starts there. Symbols without a bar are left out.
    """
    frames: dict[str, Frame] = {}
    for symbol, frame in ground.frames.items():
        begin, end = np.searchsorted(frame.open_at_ms, (from_ms, to_ms)).tolist()
        if end > begin:
            frames[symbol] = cut(frame, max(0, begin - warmup), end)
    instruments = {symbol: one for symbol, one in ground.instruments.items() if symbol in frames}
    return replace(ground, frames=frames, instruments=instruments)


def run_window(
    run: Run, plan: Plan, ground: Ground, span: tuple[int, int, int], tell: Tell
) -> Outcome | None:
    """What the plan came to in a window (from_ms, to_ms, warm-up bars); None when no symbol has a bar in it."""
    from_ms, to_ms, warmup = span
    part = window(ground, from_ms, to_ms, warmup)
    return trimmed(run(plan, part, tell), from_ms) if part.frames else None


def trimmed(outcome: Outcome, from_ms: int) -> Outcome:
    """The outcome without the bars before `from_ms`, in which nothing was traded."""
    series = outcome.equity
    kept = series.at_ms > from_ms
    bar_ms = timeframe_ms(outcome.timeframe)
    return replace(
        outcome,
        equity=EquitySeries(series.at_ms[kept], series.equity[kept]),
        stretches=tuple(_shortened(one, from_ms, bar_ms) for one in outcome.stretches),
    )


def _shortened(stretch: Stretch, from_ms: int, bar_ms: int) -> Stretch:
    ahead = min(stretch.bars, max(0, -(-(from_ms - stretch.from_ms) // bar_ms)))
    return replace(
        stretch,
        from_ms=stretch.from_ms + ahead * bar_ms,
        bars=stretch.bars - ahead,
        warmup_bars=max(0, stretch.warmup_bars - ahead),
    )
